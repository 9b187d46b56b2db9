/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/swap.h"
#include "slot/live.h"
#include "sys/clock.h"

/* The file's diff, then the commands. */
static int would_swap(struct slot_walk *w, const struct h0_swap *s, const struct h0_how *how,
                      struct h0_err *e)
{
	struct h0_foresight f;
	if (h0_life_foresee(w->box, &s->next, &s->spec, s->cs.n > 0, how, &f, e) < 0)
		return -1;
	bool changed = s->cs.n || f.outdated || !f.runs;
	h0_changeset_diff(&s->cs, &w->report.diff);
	slot_report_planned(&w->report, w->box, s->old, &s->spec, &f, changed,
	                    !changed ? "serves this model already" : f.runs ? "would change the model"
	                    : "would start with this model");
	return 0;
}

static int report(struct slot_walk *w, const struct h0_swap *s, const struct h0_outcome *o,
                  bool waited, int64_t began)
{
	h0_progress(w->ctx, "", "%s", "");
	if (o->interrupted)
		slot_waiting_interrupted(&w->waiting, s->old->name, o);
	slot_warn_unrecorded(w->ctx, s->old->name, o);
	w->report.evicted = &o->evicted;
	if (!o->changed)
		slot_report_add(&w->report, s->old->name, false, o->state, "serves %s already", s->model);
	else if (waited)
		slot_report_add(&w->report, s->old->name, true, o->state, "serves %s after %.1f s, on port %d",
		                s->model, (double)(h0_now_ms() - began) / 1000, s->next.port);
	else
		slot_report_add(&w->report, s->old->name, true, o->state, "loads %s", s->model);
	w->report.evicted = NULL;
	return 0;
}

static int swap(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e)
{
	const struct slot_swap_opts *o = w->opts;
	h0_autoswap struct h0_swap s = {0};
	const struct h0_swap_how how = {.how = slot_how(w, &o->start), .no_rollback = o->no_rollback,
		.command_line = w->ctx->command_line};
	struct h0_outcome outcome;
	if (h0_swap_prepare(w->box, slot->name, o->model, &s, e) < 0)
		return -1;
	if (w->ctx->dry_run)
		return would_swap(w, &s, &how.how, e);
	int64_t began = h0_now_ms();
	if (h0_swap_run(&s, &how, &outcome, e) < 0)
		return -1;
	return report(w, &s, &outcome, !o->start.no_wait, began);
}

int slot_swap(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct slot_swap_opts o = *(const struct slot_swap_opts *)opts;
	o.model = ctx->argv[1];
	ctx->argc = 1; /* the walk is over slots */
	return slot_walk(ctx, &o, o.start.timeout_s, swap, e);
}
