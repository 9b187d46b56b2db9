/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A change set as a value: which files change from what to what. Pure.
 */
#ifndef H0_CONF_CHANGESET_H
#define H0_CONF_CHANGESET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct h0_change {
	char *path;             /* below etc */
	char *before, *after;   /* owned; NULL: the file is not there */
	size_t before_len, after_len;
	unsigned mode;          /* for a created file; 0 = 0644 */
};

struct h0_changeset {
	struct h0_change *v;
	size_t n, cap;
};

/* The files directly below etc that snapshots read and change sets may touch; sorted, ends with
 * NULL. Besides them slots/NAME.toml. */
extern const char *const h0_conf_files[];
/* Paths that may be in a change set: h0_conf_files and slots/NAME.toml. */
bool h0_changeset_path_ok(const char *path);
/* NULL (no file) equals only NULL. */
bool h0_same_bytes(const char *a, size_t a_len, const char *b, size_t b_len);
/* Copies its arguments. A second entry for a path replaces the first one's `after`. Entries whose
 * before equals after stay until h0_changeset_trim. */
void h0_changeset_add(struct h0_changeset *cs, const char *path, const char *before,
                      size_t before_len, const char *after, size_t after_len);
void h0_changeset_trim(struct h0_changeset *cs);
/* Unified diff of every entry ("--- a/slots/chat.toml"), three lines of context. */
void h0_changeset_diff(const struct h0_changeset *cs, struct h0_buf *out);
void h0_changeset_done(struct h0_changeset *cs);
#define h0_autochangeset h0_auto(h0_changeset_done)

#endif
