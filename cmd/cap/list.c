/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * list and show: what capabilities.toml selects, beside the slot that is there.
 */
#include "base/mem.h"
#include "cap/opts.h"
#include "conf/paths.h"
#include "model/cap.h"
#include "model/slot.h"

struct box {
	struct h0_paths paths;
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_selections selections;
};

static int box_open(struct box *b, struct h0_err *e)
{
	if (h0_paths_init(&b->paths, e) < 0 || h0_snap_open(b->paths.etc, &b->snap, e) < 0 ||
	    h0_selections_load(&b->snap, &b->selections, e) < 0)
		return -1;
	return h0_slots_load(&b->snap, &b->slots, e);
}

static void box_done(struct box *b)
{
	h0_selections_done(&b->selections);
	h0_slots_done(&b->slots);
	h0_snap_done(&b->snap);
}

/* The one of the capability's names that exists; NULL = none. */
static const struct h0_slot *slot_of(const struct box *b, const struct h0_cap *cap)
{
	const struct h0_slot *slot = NULL;
	for (size_t i = 0; !slot && cap->slots[i]; i++)
		slot = h0_slots_get(&b->slots, cap->slots[i]);
	return slot;
}

/* An enabled selection and its slot must say the same; without either there is no dispute. */
static bool agrees(const struct h0_selection *s, const struct h0_slot *slot)
{
	if (!s->present || !s->enabled)
		return !slot || slot->broken || !slot->enabled || !*slot->model;
	return slot && !slot->broken && slot->enabled && h0_streq(slot->model, s->model) &&
	       (!*s->device || h0_streq(h0_device_names[slot->device], s->device));
}

static const char *set(const char *s)
{
	return *s ? s : NULL;
}

static void add_row(struct h0_rec *r, const struct box *b, const struct h0_selection *s)
{
	const struct h0_slot *slot = slot_of(b, s->cap);
	h0_autofree char *name = h0_asprintf("%s.%s", s->cap->group, s->cap->child);
	h0_rec_row(r);
	h0_rec_str(r, CAP_NAME, name);
	h0_rec_bool(r, CAP_ENABLED, s->enabled);
	h0_rec_str(r, CAP_SLOT, slot ? slot->name : s->cap->slots[0]);
	h0_rec_str(r, CAP_DEVICE, set(s->device));
	h0_rec_str(r, CAP_PROVIDER, set(s->provider));
	h0_rec_str(r, CAP_MODEL, set(s->model));
	h0_rec_str(r, CAP_TYPE, h0_type_names[s->cap->type]);
	h0_rec_bool(r, CAP_SLOT_EXISTS, slot);
	h0_rec_bool(r, CAP_AGREES, agrees(s, slot));
	h0_rec_str(r, CAP_ABOUT, s->cap->help);
}

int cap_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(box_done) struct box b = {0};
	if (box_open(&b, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(cap_cols);
	for (size_t i = 0; i < h0_ncaps; i++)
		add_row(r, &b, &b.selections.v[i]);
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

int cap_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(box_done) struct box b = {0};
	const struct h0_cap *cap = NULL;
	if (h0_cap_find(ctx->argv[0], &cap, e) < 0 || box_open(&b, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(cap_show_cols);
	add_row(r, &b, &b.selections.v[cap - h0_caps]);
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}
