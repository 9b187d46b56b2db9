/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

static int wait_one(struct h0_box *b, const char *name, struct slot_waiting *w,
                    struct slot_report *r, struct h0_err *e)
{
	const struct h0_slot *slot = NULL;
	struct h0_outcome o;
	if (h0_slots_find(&b->slots, name, &slot, e) < 0 ||
	    h0_life_wait(b, slot, &w->wait, &o, e) < 0)
		return -1;
	h0_progress(w->ctx, "", "%s", "");
	if (o.interrupted)
		slot_waiting_interrupted(w, name, &o);
	slot_report_add(r, name, false, o.state, "ready");
	return 0;
}

int slot_wait(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_wait_opts *o = opts;
	h0_autobox struct h0_box b = {0};
	struct slot_waiting w;
	struct slot_report r;
	if (h0_box_open(&b, e) < 0 || slot_waiting_begin(&w, ctx, o->timeout_s, e) < 0)
		return -1;
	slot_report_begin(&r, ctx);
	for (int i = 0; i < ctx->argc; i++) {
		struct h0_err why = {0};
		if (wait_one(&b, ctx->argv[i], &w, &r, &why) < 0)
			slot_report_fail(&r, ctx->argv[i], &why);
	}
	return slot_report_end(&r, e);
}
