/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

static int await(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	struct h0_outcome o;
	if (h0_life_wait(w->box, slot, &w->waiting.wait, &o, e) < 0)
		return -1;
	h0_progress(w->ctx, "", "%s", "");
	if (o.interrupted)
		slot_waiting_interrupted(&w->waiting, slot->name, &o);
	slot_report_add(&w->report, slot->name, false, o.state, "ready");
	return 0;
}

int slot_wait(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_wait_opts *o = opts;
	return slot_walk(ctx, opts, o->timeout_s, await, e);
}
