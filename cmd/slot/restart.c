/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What can be found wrong beforehand is found before the slot that works is stopped.
 */
#include "base/mem.h"
#include "slot/live.h"
#include "sys/clock.h"

/* Which slots, and with --all or --if-changed how they were when it began. */
struct restart {
	const struct slot_start_opts *o;
	struct h0_box box;
	const struct h0_slot **slots;
	struct h0_drift *drifts;        /* NULL: nobody asked */
	size_t n;
	struct h0_strv names;
};

static void restart_done(struct restart *r)
{
	if (r->drifts)
		h0_drifts_done(r->drifts, r->n);
	free(r->drifts);
	free(r->slots);
	h0_strv_done(&r->names);
	h0_box_done(&r->box);
}

static int would_restart(struct slot_walk *w, const struct h0_slot *slot, const struct h0_how *how,
                         struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	struct h0_foresight f;
	if (h0_life_check(w->box, slot, h0_life_mode(w->box), &s, e) < 0 ||
	    h0_life_foresee(w->box, slot, &s, true, how, &f, e) < 0)
		return -1;
	slot_report_planned(&w->report, w->box, slot, &s, &f, true,
	                    f.runs ? "would stop and start" : "would start");
	return 0;
}

/* Is there nothing to do for this one? Then that is reported, or why it cannot be told. */
static bool spared(struct slot_walk *w, const struct restart *r, const struct h0_slot *slot, int *ret_rc,
                   struct h0_err *e)
{
	const struct h0_drift *d = NULL;
	for (size_t i = 0; r->o->if_changed && i < r->n; i++)
		if (h0_streq(r->drifts[i].slot->name, slot->name))
			d = &r->drifts[i];
	*ret_rc = 0;
	if (!d)
		return false;
	if (!d->known) {
		*e = d->err;
		*ret_rc = -1;
		return true;
	}
	if (d->runs && d->diffs.n) {
		slot_say_drift(w->ctx, d);
		return false;
	}
	slot_report_add(&w->report, slot->name, false, d->runs ? H0_STATE_READY : H0_STATE_OFFLINE,
	                d->runs ? "runs as its files say: left alone" : "does not run: left alone");
	return true;
}

static int restart(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	const struct restart *r = w->opts;
	const struct h0_how how = slot_how(w, r->o);
	struct h0_outcome outcome;
	int rc;
	if (spared(w, r, slot, &rc, e))
		return rc;
	if (w->ctx->dry_run)
		return would_restart(w, slot, &how, e);
	int64_t began = h0_now_ms();
	if (h0_life_restart(w->box, slot, &how, &outcome, e) < 0)
		return -1;
	slot_report_started(w, slot, &outcome, !r->o->no_wait, began);
	return 0;
}

/* How the slots are, those named or all; with --all those that run become the operands. */
static int look(struct h0_ctx *ctx, struct restart *r, struct h0_err *e)
{
	if (h0_box_open(&r->box, e) < 0)
		return -1;
	const struct h0_slots *all = &r->box.slots;
	r->slots = h0_calloc(all->n + 1, sizeof *r->slots);
	for (size_t i = 0; i < all->n; i++) {
		bool named = r->o->all;
		for (int k = 0; k < ctx->argc; k++)
			named |= h0_streq(ctx->argv[k], all->v[i].name);
		if (named)
			r->slots[r->n++] = &all->v[i];
	}
	r->drifts = h0_calloc(r->n + 1, sizeof *r->drifts);
	if (h0_drifts(&r->box, r->slots, r->n, r->drifts, e) < 0)
		return -1;
	for (size_t i = 0; r->o->all && i < r->n; i++)
		if (r->drifts[i].runs)
			h0_strv_add(&r->names, r->slots[i]->name);
	if (r->o->all) {
		ctx->argv = r->names.v;
		ctx->argc = (int)r->names.n;
	}
	return 0;
}

int slot_restart(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(restart_done) struct restart r = {.o = opts};
	if (!r.o->all == !ctx->argc)
		return h0_fail(e, H0_USAGE, "%s", r.o->all ? "either slots or --all, not both"
		                                           : "name a slot, or say --all");
	if ((r.o->all || r.o->if_changed) && look(ctx, &r, e) < 0)
		return -1;
	return slot_walk(ctx, &r, r.o->timeout_s, restart, e);
}
