/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The journal of a change set as text: one header line "hal0-journal 1 ID BYTES", then BYTES
 * bytes of JSON: {"argv": [...], "time": seconds since 1970, "stage": TAG, "entries": [{"path",
 * "mode", "before", "after"}]}. An image is a string, null (no such file), or {"hex": "..."} when
 * it is not UTF-8. TAG is in the names of the staged files, eight hexadecimal digits. Decoding is
 * total: any bytes give an error or entries whose paths are all allowed ones.
 */
#ifndef H0_CONF_JOURNAL_H
#define H0_CONF_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/changeset.h"
#include "sys/ops.h"

#define H0_JOURNAL_MAX_BYTES (64u << 20)
#define H0_JOURNAL_MAX_ENTRIES 256u

struct h0_journal {
	uint64_t id;         /* generation; 0 = there is none */
	int64_t time;        /* seconds since 1970 */
	char stage[9];
	struct h0_strv argv; /* the command that made it */
	struct h0_changeset cs;
};

/* Appends the text. Fails with H0_CONFIG when the change set is beyond the bounds above. */
int h0_journal_encode(const struct h0_journal *j, struct h0_buf *out, struct h0_err *e);
/* `file` is used in messages. H0_CONFIG. *ret is written on success only. */
int h0_journal_decode(const char *text, size_t len, const char *file, struct h0_journal *ret,
                      struct h0_err *e);
/* Reads and decodes a file. *ret_found false: there is none. H0_CONFIG, H0_SYS. */
int h0_journal_read(const struct h0_ops *o, int dirfd, const char *path, const char *shown,
                    struct h0_journal *ret, bool *ret_found, struct h0_err *e);
/* The id alone, from the header: 0 when there is no file, or none that says it. -1 and errno. */
int h0_journal_read_id(const struct h0_ops *o, int dirfd, const char *path, uint64_t *ret);
void h0_journal_done(struct h0_journal *j);
#define h0_autojournal h0_auto(h0_journal_done)

#endif
