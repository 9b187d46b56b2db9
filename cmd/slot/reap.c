/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>

#include "run/slotlock.h"
#include "run/use.h"
#include "slot/live.h"

struct reap {
	struct h0_ctx *ctx;
	struct h0_box box;
	struct h0_rec *rec;
	int64_t now;
	bool changed, failed;
	struct h0_err first;
};

static void row(struct reap *r, const struct h0_slot *slot, const struct h0_use *use, int64_t timeout,
                bool changed, const char *message)
{
	h0_rec_row(r->rec);
	h0_rec_str(r->rec, REAP_NAME, slot->name);
	h0_rec_bool(r->rec, REAP_CHANGED, changed);
	if (use)
		h0_rec_int(r->rec, REAP_IDLE, use->serving || use->last > r->now ? 0 : r->now - use->last);
	h0_rec_int(r->rec, REAP_TIMEOUT, timeout);
	h0_rec_str(r->rec, REAP_MESSAGE, message);
	r->changed |= changed;
	/* a timer's log shall be empty when nothing is done */
	if (changed && !r->ctx->json && !r->ctx->columns && !r->ctx->format)
		h0_say(r->ctx, "%s: %s", slot->name, message);
}

static void fail(struct reap *r, const struct h0_slot *slot, const struct h0_err *e)
{
	char text[1536];
	h0_err_text(e, text, sizeof text);
	if (r->failed)
		h0_warn(r->ctx, "%s: %s", slot->name, text); /* the first one is printed by whoever called us */
	else
		r->first = *e;
	r->failed = true;
}

static void unload(struct reap *r, const struct h0_slot *slot, const struct h0_ctr *c,
                   const struct h0_use *use, int64_t timeout)
{
	char text[96];
	struct h0_outcome o;
	struct h0_err e = {0};
	const char *verb = r->ctx->dry_run ? "would be unloaded" : "unloaded";
	snprintf(text, sizeof text, "%s, idle for %lld s", verb, (long long)(r->now - use->last));
	if (r->ctx->dry_run || h0_life_unload(&r->box, c, r->now - timeout, &o, &e) == 0)
		row(r, slot, use, timeout, true, text);
	else if (e.kind == H0_BUSY)
		row(r, slot, use, timeout, false, "kept: it came into use just now");
	else
		fail(r, slot, &e);
}

/* Whoever was ending it was killed, and podman with them: nobody else would go on. */
static void finish(struct reap *r, const struct h0_slot *slot, const struct h0_ctr *c)
{
	struct h0_outcome o = {0};
	struct h0_err e = {0};
	int64_t timeout = h0_slot_idle_timeout(slot, &r->box.slots.conf);
	if (r->ctx->dry_run)
		row(r, slot, NULL, timeout, true, "would be unloaded: whoever was ending it was killed");
	else if (h0_life_stop(&r->box, slot->name, c->port, 0, &o, &e) < 0)
		fail(r, slot, &e);
	else
		row(r, slot, NULL, timeout, o.changed, "unloaded: whoever was ending it was killed");
}

static void consider(struct reap *r, const struct h0_slot *slot, const struct h0_ctr *c)
{
	struct h0_use use;
	char text[128];
	int64_t timeout = h0_slot_idle_timeout(slot, &r->box.slots.conf);
	if (timeout == 0) {
		row(r, slot, NULL, 0, false, "kept: it is never unloaded");
		return;
	}
	h0_use_look(&r->box, c, &use);
	if (!use.serving && r->now - use.last >= timeout) {
		unload(r, slot, c, &use, timeout);
		return;
	}
	snprintf(text, sizeof text, "kept: %s", use.serving ? use.why : "it was used not long ago");
	row(r, slot, &use, timeout, false, text);
}

int slot_reap(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct reap r = {.ctx = ctx, .now = (int64_t)time(NULL)};
	h0_autoctrs struct h0_ctrs ctrs = {0};
	if (h0_box_open(&r.box, e) < 0)
		return -1;
	if (h0_podman_ps(&r.box.podman, &ctrs, e) < 0) {
		h0_box_done(&r.box);
		return -1;
	}
	struct h0_err clock = {0};
	if (!ctx->dry_run && h0_use_note_clock(&r.box, &clock) < 0)
		h0_warn(ctx, "a clock that jumps will not be noticed: %s", clock.msg);
	r.rec = h0_rec_new(slot_reap_cols);
	/* whether a slot starts at boot may have been changed by hand since */
	struct h0_err why = {0};
	if (!ctx->dry_run && h0_units_follow_slots(&r.box.units, &r.box.slots, &why) < 0) {
		r.first = why;
		r.failed = true;
	}
	for (size_t i = 0; i < r.box.slots.n; i++) {
		const struct h0_slot *slot = &r.box.slots.v[i];
		const struct h0_ctr *c = h0_ctrs_get(&ctrs, slot->name);
		if (!c || !h0_ctr_alive(c) || h0_live_foreign(&r.box, c))
			continue;
		if (c->state == H0_CTR_STOPPING && h0_slotlock_orphaned(&r.box, c))
			finish(&r, slot, c);
		else if (c->state == H0_CTR_RUNNING && !slot->broken)
			consider(&r, slot, c);
	}
	int rc = 0;
	if (ctx->json || ctx->columns || ctx->format) {
		struct h0_json *more = h0_json_object();
		h0_json_set_bool(more, "changed", r.changed);
		if (ctx->dry_run)
			h0_json_set_bool(more, "dry_run", true);
		rc = h0_out_rec(ctx, r.rec, more, e);
	}
	h0_rec_free(r.rec);
	h0_box_done(&r.box);
	if (rc == 0 && r.failed) {
		*e = r.first;
		return -1;
	}
	return rc;
}
