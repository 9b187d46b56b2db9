/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What can be found wrong beforehand is found before the slot that works is stopped.
 */
#include "slot/live.h"
#include "sys/clock.h"

static int would_restart(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	bool runs = false, outdated;
	if (h0_life_check(w->box, slot, h0_life_mode(w->box), &s, e) < 0 ||
	    h0_life_foresee(w->box, slot, &s, &runs, &outdated, e) < 0)
		return -1;
	slot_report_add(&w->report, slot->name, true, runs ? H0_STATE_READY : H0_STATE_OFFLINE,
	                runs ? "would stop and start" : "would start");
	slot_report_command(&w->report, slot->name, (const char *const *)s.argv.words.v);
	return 0;
}

static int restart(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	const struct slot_start_opts *o = w->opts;
	const struct h0_how how = {.wait = o->no_wait ? NULL : &w->waiting.wait};
	struct h0_outcome outcome;
	if (w->ctx->dry_run)
		return would_restart(w, slot, e);
	int64_t began = h0_now_ms();
	if (h0_life_restart(w->box, slot, &how, &outcome, e) < 0)
		return -1;
	slot_report_started(w, slot, &outcome, !o->no_wait, began);
	return 0;
}

int slot_restart(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_start_opts *o = opts;
	return slot_walk(ctx, opts, o->timeout_s, restart, e);
}
