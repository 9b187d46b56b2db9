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
	char *path;             /* seen from etc */
	char *before, *after;   /* owned; NULL: the file is not there */
	size_t before_len, after_len;
	unsigned mode;          /* for a created file; 0 = 0644 */
};

struct h0_changeset {
	struct h0_change *v;
	size_t n, cap;
};

/* The one file outside etc that hal0 owns: module options must stand where modprobe reads them. */
#define H0_CONF_MODPROBE "../modprobe.d/hal0-ttm.conf"

/* The files that snapshots read and change sets may touch, besides slots/NAME.toml: directly below
 * etc, and H0_CONF_MODPROBE. Ends with NULL. */
extern const char *const h0_conf_files[];

/* Where such a file lies. */
enum h0_conf_dir {
	H0_DIR_ETC,       /* etc itself */
	H0_DIR_SLOTS,     /* slots/ below it */
	H0_DIR_MODPROBE,  /* modprobe.d beside it */
	H0_CONF_DIRS
};
enum h0_conf_dir h0_conf_dir_of(const char *path);
/* What paths in it begin with: "", "slots/", "../modprobe.d/". */
extern const char *const h0_conf_dir_prefix[];
/* The directory's own path, by etc's: by its name, not by "..", as etc may be a link. The caller
 * owns it. */
char *h0_conf_dir_path(const char *etc, enum h0_conf_dir dir);
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
