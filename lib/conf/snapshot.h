/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A consistent read of /etc/hal0's text files, without a lock and without privilege: the files
 * are read, a committed but unpublished change set is laid over them, and the read is repeated
 * when the pair (journal, applied) moved meanwhile. See hal0-txn(7). All parsing of
 * configuration starts from here.
 */
#ifndef H0_CONF_SNAPSHOT_H
#define H0_CONF_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sys/ops.h"

/* One file, and all files together: beyond is H0_CONFIG. */
#define H0_SNAP_FILE_MAX (16u << 20)
#define H0_SNAP_TOTAL_MAX (64u << 20)

struct h0_snap_file {
	const char *path;   /* seen from etc: "capabilities.toml", "slots/chat.toml" */
	const char *text;   /* NUL-terminated */
	size_t len;
};

struct h0_snap {
	struct h0_snap_file *files; /* sorted by path; only files that exist */
	size_t n;
	uint64_t generation;        /* id of the newest change set, 0 = none yet */
	bool pending;               /* that one is committed but not yet published */
	void *priv;
};

/* Reads h0_conf_files (conf/changeset.h) and slots/NAME.toml. A missing directory is an empty
 * snapshot; what lies beside etc and may not be read is as if it were not there. H0_BUSY when
 * writers never let go, H0_CONFIG when the journal is corrupt or a file too large, H0_SYS. Free with
 * h0_snap_done. */
int h0_snap_open(const char *etc, struct h0_snap *ret, struct h0_err *e);
int h0_snap_open_ops(const struct h0_ops *o, const char *etc, struct h0_snap *ret,
                     struct h0_err *e);
/* NULL when there is no such file. */
const struct h0_snap_file *h0_snap_get(const struct h0_snap *s, const char *path);
/* The same files with the same bytes. */
bool h0_snap_same(const struct h0_snap *a, const struct h0_snap *b);
/* What *base would be with a change set applied: a value to plan on, nothing is read. Borrows the
 * texts of both, which must stay as they are meanwhile. Free with h0_snap_done. */
struct h0_changeset;
void h0_snap_over(const struct h0_snap *base, const struct h0_changeset *cs, struct h0_snap *ret);
void h0_snap_done(struct h0_snap *s);
#define h0_autosnap h0_auto(h0_snap_done)

#endif
