/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What can be found wrong beforehand is found before the slot that works is stopped.
 */
#include "slot/live.h"

static int restart_one(struct h0_box *b, const struct h0_slot *slot, struct slot_waiting *w,
                       bool wait, struct slot_report *r, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	struct h0_outcome o;
	bool runs = false, outdated;
	if (h0_life_check(b, slot, H0_ARGV_DETACHED, &s, e) < 0 ||
	    h0_life_foresee(b, slot, &s, &runs, &outdated, e) < 0)
		return -1;
	if (r->ctx->dry_run) {
		slot_report_add(r, slot->name, true, runs ? H0_STATE_READY : H0_STATE_OFFLINE,
		                runs ? "would stop and start" : "would start");
		slot_report_command(r, slot->name, (const char *const *)s.argv.words.v);
		return 0;
	}
	if (h0_life_stop(b, slot->name, slot->port, H0_GRACE_S, &o, e) < 0)
		return -1;
	slot_start_one(b, slot, w, wait, r);
	return 0;
}

int slot_restart(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
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
		    restart_one(&b, slot, &w, !o->no_wait, &r, &why) < 0)
			slot_report_fail(&r, ctx->argv[i], &why);
	}
	return slot_report_end(&r, e);
}
