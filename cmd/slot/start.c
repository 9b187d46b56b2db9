/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/common.h"
#include "slot/live.h"
#include "sys/clock.h"

static int would_start(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	bool runs = false, outdated = false;
	if (h0_life_check(w->box, slot, h0_life_mode(w->box), &s, e) < 0 ||
	    h0_life_foresee(w->box, slot, &s, &runs, &outdated, e) < 0)
		return -1;
	if (outdated)
		slot_warn_outdated(w->ctx, slot->name);
	if (runs) {
		slot_report_add(&w->report, slot->name, false, H0_STATE_READY, "it runs already");
		return 0;
	}
	slot_warn_fit(w->ctx, slot, true);
	slot_report_add(&w->report, slot->name, true, H0_STATE_OFFLINE, "would start on port %d", slot->port);
	slot_report_command(&w->report, slot->name, (const char *const *)s.argv.words.v);
	return 0;
}

static int start(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	const struct slot_start_opts *o = w->opts;
	const struct h0_how how = {.wait = o->no_wait ? NULL : &w->waiting.wait};
	struct h0_outcome outcome;
	if (w->ctx->dry_run)
		return would_start(w, slot, e);
	slot_warn_fit(w->ctx, slot, true);
	int64_t began = h0_now_ms();
	if (h0_life_start(w->box, slot, &how, &outcome, e) < 0)
		return -1;
	slot_report_started(w, slot, &outcome, !o->no_wait, began);
	return 0;
}

int slot_start(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_start_opts *o = opts;
	return slot_walk(ctx, opts, o->timeout_s, start, e);
}
