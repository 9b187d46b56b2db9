/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/common.h"
#include "slot/live.h"

static int would_start(struct h0_box *b, const struct h0_slot *slot, struct slot_report *r,
                       struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	bool runs = false, outdated = false;
	if (h0_life_check(b, slot, H0_ARGV_DETACHED, &s, e) < 0 ||
	    h0_life_foresee(b, slot, &s, &runs, &outdated, e) < 0)
		return -1;
	if (outdated)
		slot_warn_outdated(r->ctx, slot->name);
	if (runs) {
		slot_report_add(r, slot->name, false, H0_STATE_READY, "it runs already");
		return 0;
	}
	slot_warn_fit(r->ctx, slot, true);
	slot_report_add(r, slot->name, true, H0_STATE_OFFLINE, "would start on port %d", slot->port);
	slot_report_command(r, slot->name, (const char *const *)s.argv.words.v);
	return 0;
}

int slot_start(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_start_opts *o = opts;
	h0_autobox struct h0_box b = {0};
	struct slot_waiting w;
	struct slot_report r;
	if (h0_box_open(&b, e) < 0 || slot_waiting_begin(&w, ctx, o->timeout_s, e) < 0)
		return -1;
	slot_report_begin(&r, ctx);
	for (int i = 0; i < ctx->argc; i++) {
		const struct h0_slot *slot = NULL;
		struct h0_err why = {0};
		if (h0_slots_find(&b.slots, ctx->argv[i], &slot, &why) < 0 ||
		    (ctx->dry_run && would_start(&b, slot, &r, &why) < 0))
			slot_report_fail(&r, ctx->argv[i], &why);
		else if (!ctx->dry_run) {
			slot_warn_fit(ctx, slot, true);
			slot_start_one(&b, slot, &w, !o->no_wait, &r);
		}
	}
	return slot_report_end(&r, e);
}
