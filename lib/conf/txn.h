/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Several files below /etc/hal0 change as one: a redo journal whose single rename commits,
 * rolled forward by whoever holds the lock next. The protocol and its proof: hal0-txn(7).
 */
#ifndef H0_CONF_TXN_H
#define H0_CONF_TXN_H

#include <stdbool.h>

#include "base/err.h"
#include "conf/changeset.h"
#include "conf/snapshot.h"

/* Decides what shall change, from a snapshot that is current under the lock. Pure: no I/O. May be
 * called again for a fresh snapshot. Adds to cs; returns 0 or -1. */
typedef int (*h0_plan_fn)(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                          struct h0_err *e);

struct h0_txn_opts {
	const char *etc;                 /* directory; created (0755) when missing */
	const char *const *command_line; /* kept in the journal; no secrets; may be NULL */
	int lock_timeout_ms;             /* 0 = 10 s */
	bool dry_run;                    /* plan on a lock-free snapshot, write nothing */
};

/* Lock, recover, snapshot, plan, stage, commit, publish, retire. *ret_cs (may be NULL) gets what
 * changed, or would change with dry_run; *ret_changed (may be NULL) whether anything did.
 * H0_CONFLICT: a person's edit came between (theirs stays, ours is NAME.hal0-new if it was
 * committed already). H0_BUSY: lock timeout. H0_CONFIG: corrupt journal. H0_SYS. */
int h0_txn_run(const struct h0_txn_opts *o, h0_plan_fn plan, void *arg,
               struct h0_changeset *ret_cs, bool *ret_changed, struct h0_err *e);

#endif
