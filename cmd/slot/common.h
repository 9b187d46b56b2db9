/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the verbs that write slot files share.
 */
#ifndef H0_CMD_SLOT_COMMON_H
#define H0_CMD_SLOT_COMMON_H

#include "conf/paths.h"
#include "conf/txn.h"
#include "model/slot.h"
#include "model/slotedit.h"
#include "slot/opts.h"

/* Runs the plan as one change set, and makes the units of the slots it writes start at boot or not.
 * With --dry-run nothing is written. */
int slot_commit(struct h0_ctx *ctx, h0_plan_fn plan, void *arg, struct h0_changeset *ret_cs,
                bool *ret_changed, struct h0_err *e);

/* Makes the slot's unit start at boot or not, as its file says. */
int slot_follow(const struct h0_ctx *ctx, const char *name, bool *ret_changed, struct h0_err *e);

/* One row of slot_change_cols: `done` when something changed, else `same`. As a record with --json,
 * --columns or --format, else as a message. With --dry-run the diff. */
int slot_changed(struct h0_ctx *ctx, const char *name, const struct h0_changeset *cs, bool changed,
                 const char *done, const char *same, struct h0_err *e);

/* Warns when a slot could not be started as it is written, which is no mistake yet: its model may be
 * pulled later; and when it does not fit into the machine (fit.c). Says nothing when nobody can know. */
void slot_warn_fit(struct h0_ctx *ctx, const struct h0_slot *slot);
/* The same for the slot file a change set writes. */
void slot_warn_fit_written(struct h0_ctx *ctx, const struct h0_changeset *cs);

/* Warns when FLM does not know the model of a slot that was just written, or has not pulled it. */
void slot_warn_flm(struct h0_ctx *ctx, const char *name);

/* h0_bound over the ports that are bound now: looked at once, before a plan runs, which must not
 * look. Of slots: ask for the range of new slots, or for one port. */
struct slot_ports {
	int first, n;
	bool bound[1024];
};
void slot_ports_look(struct slot_ports *p, int first, int last);
bool slot_port_bound(int port, const void *slot_ports);

#endif
