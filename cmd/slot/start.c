/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"
#include "sys/clock.h"

static int would_start(struct slot_walk *w, const struct h0_slot *slot, const struct h0_how *how,
                       struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	struct h0_foresight f;
	if (h0_life_check(w->box, slot, h0_life_mode(w->box), &s, e) < 0 ||
	    h0_life_foresee(w->box, slot, &s, false, how, &f, e) < 0)
		return -1;
	if (f.outdated)
		slot_warn_outdated(w->ctx, slot->name);
	char message[64];
	snprintf(message, sizeof message, "would start on port %d", slot->port);
	slot_report_planned(&w->report, w->box, slot, &s, &f, !f.runs, f.runs ? "it runs already" : message);
	return 0;
}

static int start(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	const struct slot_start_opts *o = w->opts;
	const struct h0_how how = slot_how(w, o);
	struct h0_outcome outcome;
	if (w->ctx->dry_run)
		return would_start(w, slot, &how, e);
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
