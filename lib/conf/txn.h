/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Several files below /etc/hal0 change as one: a redo journal whose single rename commits,
 * rolled forward by whoever holds the lock next. The protocol and its proof: hal0-txn(7).
 */
#ifndef H0_CONF_TXN_H
#define H0_CONF_TXN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/changeset.h"
#include "conf/snapshot.h"
#include "sys/ops.h"

/* Decides what shall change, from a snapshot. Pure: no I/O. It is called twice: on a snapshot read
 * without the lock (when that changes nothing, nothing is locked or touched), then on one that is
 * current under the lock. Adds to cs, `before` being the snapshot's text; returns 0 or -1. */
typedef int (*h0_plan_fn)(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                          struct h0_err *e);

struct h0_txn_opts {
	const char *etc;                 /* directory; created (0755) when missing */
	const char *const *command_line; /* kept in the journal; no secrets; may be NULL */
	int lock_timeout_ms;             /* 0 = 10 s */
	bool dry_run;                    /* plan on a lock-free snapshot, write nothing */
	const struct h0_ops *ops;        /* NULL = the real file system */
};

/* Lock, recover, snapshot, plan, stage, commit, publish, retire. *ret_cs (may be NULL) gets what
 * changed, or would change with dry_run; *ret_changed (may be NULL) whether anything did.
 * H0_CONFLICT: a person's edit came between (theirs stays, ours is NAME.hal0-new if it was
 * committed already), or a target is no regular file. H0_BUSY: lock timeout. H0_CONFIG: corrupt
 * journal. H0_SYS. */
int h0_txn_run(const struct h0_txn_opts *o, h0_plan_fn plan, void *arg,
               struct h0_changeset *ret_cs, bool *ret_changed, struct h0_err *e);

struct h0_recovery {
	uint64_t generation;       /* the change set that was rolled forward, 0 = none was pending */
	struct h0_strv published;  /* files that got their new content (or were removed) now */
	struct h0_strv conflicts;  /* files a person had edited: ours is NAME.hal0-new */
	struct h0_strv swept;      /* leftovers of interrupted commands, removed */
	struct h0_changeset cs;    /* with dry_run: what would be published, from what is live now */
};

/* Finishes what an interrupted command left. H0_CONFLICT when there were conflicts: then *ret is
 * filled as well and the recovery is complete. With dry_run nothing is locked or written, *ret
 * says what would happen, and conflicts are no error. Free with h0_recovery_done. A missing etc
 * has nothing to recover. */
int h0_txn_recover(const struct h0_txn_opts *o, struct h0_recovery *ret, struct h0_err *e);
void h0_recovery_done(struct h0_recovery *r);
#define h0_autorecovery h0_auto(h0_recovery_done)

/* Swaps the images of the newest change set back, as a change set of its own: undoing twice is
 * redoing. H0_NO: there is none. H0_CONFLICT: a file is not as that change left it; nothing is
 * changed. *ret_cs, *ret_changed and dry_run as for h0_txn_run. */
int h0_txn_undo(const struct h0_txn_opts *o, struct h0_changeset *ret_cs, bool *ret_changed,
                struct h0_err *e);

#endif
