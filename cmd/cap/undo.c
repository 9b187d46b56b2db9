/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The newest change taken back, and the slots with it.
 */
#include "cap/change.h"

static int plan(struct h0_box *now, void *arg, struct h0_capplan *ret, struct h0_err *e)
{
	const struct h0_txn_opts o = {.etc = now->paths.etc, .dry_run = true};
	h0_autocapplan struct h0_capplan p = {0};
	h0_autosnap struct h0_snap then = {0};
	if (h0_txn_undo(&o, &p.cs, NULL, e) < 0)
		return -1;
	h0_snap_over(&now->snap, &p.cs, &then);
	if (h0_capplan_follow(&then, &p, e) < 0)
		return -1;
	*ret = p;
	p = (struct h0_capplan){0};
	return 0;
}

int cap_undo(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	return cap_change(ctx, opts, plan, NULL, NULL, e);
}
