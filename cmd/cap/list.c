/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * list, show and check: what capabilities.toml selects, beside the slot that is there.
 */
#include "base/mem.h"
#include "cap/opts.h"
#include "model/cap.h"
#include "model/npu.h"
#include "run/live.h"

struct view {
	struct h0_box box;
	struct h0_selections selections;
	const struct h0_slot *slots[16];    /* of each capability, NULL: none */
	struct h0_ctrs ctrs;
	struct h0_slot_live live[16];
	bool seen;                          /* podman was asked */
};

static int view_open(struct view *v, struct h0_err *e)
{
	H0_ASSERT(h0_ncaps <= H0_ARRAY_LEN(v->slots));
	if (h0_box_open(&v->box, e) < 0 ||
	    h0_selections_load(&v->box.snap, &v->box.slots, &v->selections, e) < 0)
		return -1;
	for (size_t i = 0; i < h0_ncaps; i++)
		v->slots[i] = h0_cap_slot(&h0_caps[i], &v->box.slots);
	return 0;
}

/* Without podman there is no state to tell; everything else is told all the same. */
static void view_look(struct h0_ctx *ctx, struct view *v)
{
	struct h0_err why = {0};
	const struct h0_slot *there[16];
	struct h0_live_ahead ahead[16];
	struct h0_slot_live live[16];
	size_t n = 0, k = 0;
	for (size_t i = 0; i < h0_ncaps; i++)
		if (v->slots[i])
			there[n++] = v->slots[i];
	if (!n)
		return;
	if (h0_podman_ps(&v->box.podman, &v->ctrs, &why) < 0) {
		if (why.kind != H0_NOHW)
			h0_warn(ctx, "how the slots are is not known: %s", why.msg);
		return;
	}
	h0_box_profiles(&v->box, NULL);
	h0_live_look_ahead(&v->box, there, n, -1, ahead);
	h0_live_look(&v->box, there, n, &v->ctrs, ahead, live);
	for (size_t i = 0; i < h0_ncaps; i++)
		if (v->slots[i])
			v->live[i] = live[k++];
	v->seen = true;
}

static void view_done(struct view *v)
{
	h0_ctrs_done(&v->ctrs);
	h0_selections_done(&v->selections);
	h0_box_done(&v->box);
}

static const char *set(const char *s)
{
	return *s ? s : NULL;
}

static void add_row(struct h0_rec *r, const struct view *v, size_t i)
{
	const struct h0_selection *s = &v->selections.v[i];
	const struct h0_slot *slot = v->slots[i];
	h0_autofree char *name = h0_asprintf("%s.%s", s->cap->group, s->cap->child);
	h0_rec_row(r);
	h0_rec_str(r, CAP_NAME, name);
	h0_rec_bool(r, CAP_ENABLED, s->enabled);
	h0_rec_str(r, CAP_SLOT, slot ? slot->name : s->cap->slots[0]);
	if (slot && v->seen)
		h0_rec_str(r, CAP_STATE, h0_state_names[v->live[i].state]);
	if (slot && slot->port)
		h0_rec_int(r, CAP_PORT, slot->port);
	h0_rec_str(r, CAP_DEVICE, set(s->device));
	h0_rec_str(r, CAP_PROVIDER, set(s->provider));
	h0_rec_str(r, CAP_MODEL, set(s->model));
	h0_rec_str(r, CAP_TYPE, h0_type_names[s->cap->type]);
	h0_rec_bool(r, CAP_SLOT_EXISTS, slot);
	h0_rec_bool(r, CAP_AGREES, h0_selection_agrees(s, slot));
	h0_rec_str(r, CAP_ABOUT, s->cap->help);
}

int cap_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(view_done) struct view v = {0};
	if (view_open(&v, e) < 0)
		return -1;
	view_look(ctx, &v);
	struct h0_rec *r = h0_rec_new(cap_cols);
	for (size_t i = 0; i < h0_ncaps; i++)
		add_row(r, &v, i);
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

int cap_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(view_done) struct view v = {0};
	const struct h0_cap *cap = NULL;
	if (h0_cap_find(ctx->argv[0], &cap, e) < 0 || view_open(&v, e) < 0)
		return -1;
	view_look(ctx, &v);
	struct h0_rec *r = h0_rec_new(cap_show_cols);
	add_row(r, &v, (size_t)(cap - h0_caps));
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

/* What does not agree, in words; "" = nothing. */
static void quarrel(const struct h0_selection *s, const struct h0_slot *slot, struct h0_buf *out)
{
	char text[1536];
	if (slot && slot->broken) {
		h0_err_text(&slot->err, text, sizeof text);
		h0_buf_adds(out, text);
	} else if (h0_selection_agrees(s, slot)) {
		return;
	} else if (!s->enabled) {
		h0_buf_addf(out, "it is off and slot %s is enabled: hal0 cap off %s, or hal0 cap on %s",
		            slot->name, s->cap->child, s->cap->child);
	} else if (!slot) {
		h0_buf_addf(out, "it is on and has no slot: hal0 cap on %s", s->cap->child);
	} else {
		h0_buf_addf(out, "it is on, with model '%s' on '%s'; slot %s is %s, with model '%s' on %s: "
		            "hal0 cap on %s", s->model, s->device, slot->name,
		            slot->enabled ? "enabled" : "disabled", slot->model,
		            h0_device_names[slot->device], s->cap->child);
	}
}

/* What it says of one that is on and answered for by the NPU's chat slot: can that? */
static void unanswered(const struct h0_selection *s, const struct h0_slots *slots, const struct h0_slot *slot,
                       struct h0_buf *out)
{
	const struct h0_slot *anchor = NULL;
	struct h0_err why = {0};
	if (s->enabled && slot && h0_slot_is_shadow(slot) && h0_npu_trio(slots, slot, &anchor, &why) < 0)
		h0_buf_adds(out, why.msg);
}

int cap_check(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(view_done) struct view v = {0};
	bool good = true;
	if (view_open(&v, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(cap_check_cols);
	for (size_t i = 0; i < h0_ncaps; i++) {
		const struct h0_selection *s = &v.selections.v[i];
		h0_autofree char *name = h0_asprintf("%s.%s", s->cap->group, s->cap->child);
		h0_autobuf struct h0_buf why = {0};
		if (v.selections.from_file || (v.slots[i] && v.slots[i]->broken))
			quarrel(s, v.slots[i], &why);
		if (!why.len)
			unanswered(s, &v.box.slots, v.slots[i], &why);
		h0_rec_row(r);
		h0_rec_str(r, CHECK_NAME, name);
		h0_rec_bool(r, CHECK_OK, !why.len);
		h0_rec_str(r, CHECK_SLOT, v.slots[i] ? v.slots[i]->name : NULL);
		h0_rec_str(r, CHECK_MESSAGE, why.len ? h0_buf_str(&why) : NULL);
		good = good && !why.len;
	}
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc < 0 ? -1 : good ? 0 : H0_NO;
}
