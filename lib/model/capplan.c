/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/capplan.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/schema.h"
#include "model/capchoice.h"
#include "model/capfile.h"
#include "model/device.h"
#include "model/npu.h"
#include "model/plan.h"
#include "model/port.h"

struct work {
	const struct h0_snap *snap;     /* as it is */
	const struct h0_cap_world *world;
	struct h0_capplan *plan;
	struct h0_slots were;           /* of snap */
	struct h0_snap now;             /* with the steps so far */
	struct h0_slots slots;          /* of that */
	struct h0_profiles profiles;
	struct h0_selections sel;       /* what the file says, then what it shall say */
	bool touched;                   /* a record was asked for: the file shall be there */
};

static void work_done(struct work *w)
{
	h0_selections_done(&w->sel);
	h0_profiles_done(&w->profiles);
	h0_slots_done(&w->slots);
	h0_slots_done(&w->were);
	h0_snap_done(&w->now);
}

static int look(struct work *w, struct h0_err *e)
{
	h0_slots_done(&w->slots);
	h0_snap_done(&w->now);
	h0_snap_over(w->snap, &w->plan->cs, &w->now);
	return h0_slots_load(&w->now, &w->slots, e);
}

static int begin(const struct h0_snap *snap, const struct h0_cap_world *world,
                 struct h0_capplan *plan, struct work *w, struct h0_err *e)
{
	*w = (struct work){.snap = snap, .world = world, .plan = plan};
	if (h0_slots_load(snap, &w->were, e) < 0 || look(w, e) < 0 ||
	    h0_profiles_load(snap, &w->profiles, e) < 0)
		return -1;
	return h0_selections_load(snap, &w->were, &w->sel, e);
}

/* ---- steps ---- */

/* A port that a slot of ours has is that slot's business, whoever listens there. */
static bool bound_by_others(int port, const void *arg)
{
	const struct work *w = arg;
	const struct h0_bound *b = &w->world->bound;
	return b->fn && !h0_port_owner(&w->were, port, NULL) && b->fn(port, b->arg);
}

static int take(struct work *w, const struct h0_changeset *step, struct h0_err *e)
{
	for (size_t i = 0; i < step->n; i++) {
		const struct h0_change *c = &step->v[i];
		h0_changeset_add(&w->plan->cs, c->path, c->before, c->before_len, c->after, c->after_len);
	}
	return step->n ? look(w, e) : 0;
}

static int edit(struct work *w, const char *slot, const struct h0_edits *edits, struct h0_err *e)
{
	const struct h0_bound bound = {bound_by_others, w};
	h0_autochangeset struct h0_changeset step = {0};
	if (!edits->n)
		return 0;
	if (h0_slot_edit_part(&w->now, slot, edits, &bound, &step, e) < 0)
		return -1;
	return take(w, &step, e);
}

static int create(struct work *w, const char *slot, const struct h0_edits *edits, struct h0_err *e)
{
	const struct h0_bound bound = {bound_by_others, w};
	h0_autochangeset struct h0_changeset step = {0};
	if (h0_slot_create_part(&w->now, slot, edits, w->world->device, &bound, &step, e) < 0)
		return -1;
	return take(w, &step, e);
}

static int set_one(struct work *w, const char *slot, const char *key, const char *value,
                   struct h0_err *e)
{
	h0_autoedits struct h0_edits edits = H0_SLOT_EDITS;
	if (h0_edits_set(&edits, key, value, e) < 0)
		return -1;
	return edit(w, slot, &edits, e);
}

static struct h0_cap_target *aim(struct h0_capplan *p, const char *slot, const struct h0_cap *cap,
                                 enum h0_want want)
{
	struct h0_cap_target *t = NULL;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].slot, slot) == 0)
			t = &p->v[i];
	if (!t) {
		p->v = h0_grow(p->v, p->n, &p->cap, sizeof *p->v);
		t = &p->v[p->n++];
		*t = (struct h0_cap_target){.want = want};
		snprintf(t->slot, sizeof t->slot, "%s", slot);
	}
	t->cap = cap ? cap : t->cap;
	t->want = want == H0_WANT_KEEP ? t->want : want;
	return t;
}

/* ---- records ---- */

static void merge(const struct h0_selection *was, const struct h0_cap_wish *wish,
                  struct h0_selection *ret)
{
	*ret = *was;
	ret->device = wish->device ? wish->device : was->device;
	ret->provider = wish->provider ? wish->provider : was->provider;
	ret->model = wish->model ? wish->model : was->model;
	ret->enabled = wish->enabled == H0_TRI_ABSENT ? was->enabled : wish->enabled == H0_TRI_TRUE;
}

static const char *keep(struct work *w, const char *s)
{
	return h0_arena_strndup(&w->sel.arena, s, strlen(s));
}

/* The record; what it leaves open is as the slot has it: one made by hand is not forgotten when it
 * is first asked for. */
static void base_record(struct work *w, const struct h0_cap *cap, struct h0_selection *ret)
{
	const struct h0_selection *s = &w->sel.v[cap - h0_caps];
	struct h0_selection of_slot;
	h0_selection_of_slot(cap, h0_cap_slot(cap, &w->slots), &of_slot);
	*ret = *s;
	/* slots are read anew after every step */
	ret->device = keep(w, *s->device ? s->device : of_slot.device);
	ret->provider = keep(w, *s->provider ? s->provider : of_slot.provider);
	ret->model = keep(w, *s->model ? s->model : of_slot.model);
	ret->enabled = s->present ? s->enabled : of_slot.enabled;
}

static int choose(struct work *w, const struct h0_cap_wish *wish, struct h0_cap_choice *c,
                  struct h0_err *e)
{
	const struct h0_cap_ground ground = {w->snap, &w->profiles, w->world};
	struct h0_selection was, want;
	base_record(w, wish->cap, &was);
	merge(&was, wish, &want);
	return h0_cap_choose(&ground, h0_cap_slot(wish->cap, &w->slots), &want,
	                     wish->provider && *wish->provider, c, e);
}

/* ---- on ---- */

static int set_port(struct h0_edits *edits, int port, struct h0_err *e)
{
	char text[16];
	snprintf(text, sizeof text, "%d", port);
	return h0_edits_set(edits, "port", text, e);
}

/* A record of the NPU has the port of the slot that answers for it, any other one of its own. */
static int port_of(struct work *w, const struct h0_cap_choice *c, const struct h0_slot *anchor,
                   struct h0_edits *edits, struct h0_err *e)
{
	int port;
	if (h0_cap_choice_shadow(c))
		return c->slot ? 0 : set_port(edits, anchor->port, e);
	if (!c->slot || !h0_slot_is_shadow(c->slot) ||
	    !h0_port_owner(&w->slots, c->slot->port, c->slot->name))
		return 0;
	if (h0_port_pick(&w->slots, bound_by_others, w, &port, e) < 0)
		return -1;
	return set_port(edits, port, e);
}

static int no_anchor(const struct h0_cap_choice *c, struct h0_err *e)
{
	h0_fail(e, H0_NOHW, "on the NPU %s.%s is answered by the NPU's chat slot, and there is none: hal0 "
	        "slot create npu --device npu --model MODEL", c->cap->group, c->cap->child);
	return h0_cap_refuse(c, "npu.trio_unavailable", e);
}

static int toggle(struct work *w, const struct h0_cap *cap, bool on, struct h0_cap_target *t,
                  struct h0_err *e)
{
	const struct h0_slot *anchor = h0_npu_anchor(&w->slots);
	bool asr = cap->type == H0_TYPE_TRANSCRIPTION;
	if (!anchor || anchor->broken)
		return 0;
	snprintf(t->anchor, sizeof t->anchor, "%s", anchor->name);
	if (on && !anchor->enabled)
		h0_strv_addf(&w->plan->warnings, "slot %s, whose server is to answer for %s.%s, is not enabled: "
		             "hal0 slot enable %s", anchor->name, cap->group, cap->child, anchor->name);
	if ((asr ? anchor->npu_asr : anchor->npu_embed) == on)
		return 0;
	return set_one(w, anchor->name, asr ? "npu.asr" : "npu.embed", on ? "true" : "false", e);
}

static int taken_name(const struct work *w, const struct h0_cap_choice *c, struct h0_err *e)
{
	const struct h0_slot *s = h0_slots_get(&w->slots, c->cap->slots[0]);
	if (!s)
		return 0;
	h0_fail(e, H0_CONFLICT, "slot %s is of type %s and serves another capability: %s.%s needs a slot "
	        "of that name (rename or delete it first)", s->name, h0_type_names[s->type],
	        c->cap->group, c->cap->child);
	return h0_cap_refuse(c, "slot.config_error", e);
}

static int misfit(const struct h0_cap_choice *c, struct h0_err *e)
{
	return e->kind == H0_CONFIG ? h0_cap_refuse(c, "capability.illegal_model_fit", e) : -1;
}

static int turn_on(struct work *w, struct h0_cap_choice *c, struct h0_err *e)
{
	h0_autoedits struct h0_edits edits = H0_SLOT_EDITS;
	const struct h0_slot *anchor = h0_npu_anchor(&w->slots);
	char name[H0_NAME_MAX + 1];
	bool was_shadow = c->slot && h0_slot_is_shadow(c->slot);
	struct h0_plan p;
	if (h0_cap_choice_shadow(c) && (!anchor || anchor->broken))
		return no_anchor(c, e);
	if ((!c->slot && taken_name(w, c, e) < 0) || h0_cap_choice_edits(&w->profiles, c, &edits, e) < 0 ||
	    port_of(w, c, anchor, &edits, e) < 0)
		return -1;
	snprintf(name, sizeof name, "%s", c->slot ? c->slot->name : c->cap->slots[0]);
	if ((c->slot ? edit(w, name, &edits, e) : create(w, name, &edits, e)) < 0)
		return misfit(c, e);
	struct h0_cap_target *t = aim(w->plan, name, c->cap, h0_cap_choice_shadow(c) ? H0_WANT_STOP : H0_WANT_RUN);
	if ((h0_cap_choice_shadow(c) || was_shadow) && toggle(w, c->cap, h0_cap_choice_shadow(c), t, e) < 0)
		return -1;
	const struct h0_slot *s = h0_slots_get(&w->slots, name);
	if (h0_plan_slot(s, &w->profiles, &p, e) < 0)
		return misfit(c, e);
	c->want.device = h0_device_names[s->device];
	c->want.provider = h0_provider_names[p.family];
	return 0;
}

/* ---- off ---- */

static int turn_off(struct work *w, const struct h0_cap *cap, struct h0_err *e)
{
	const struct h0_slot *s = h0_cap_slot(cap, &w->slots);
	if (!s)
		return 0;
	if (s->broken) {
		*e = s->err;
		return -1;
	}
	char name[H0_NAME_MAX + 1];
	bool is_shadow = h0_slot_is_shadow(s);
	snprintf(name, sizeof name, "%s", s->name);
	if (s->enabled && set_one(w, name, "enabled", "false", e) < 0)
		return -1;
	struct h0_cap_target *t = aim(w->plan, name, cap, H0_WANT_STOP);
	return is_shadow ? toggle(w, cap, false, t, e) : 0;
}

/* ---- records ---- */

static void record(struct work *w, const struct h0_selection *want)
{
	struct h0_selection *s = &w->sel.v[want->cap - h0_caps];
	bool same = h0_streq(s->device, want->device) && h0_streq(s->provider, want->provider) &&
	            h0_streq(s->model, want->model) && s->enabled == want->enabled;
	bool there = s->present || !same;
	*s = *want;
	s->present = there;
	s->device = keep(w, want->device);
	s->provider = keep(w, want->provider);
	s->model = keep(w, want->model);
}

static int plan_cap(struct work *w, const struct h0_cap_wish *wish, struct h0_err *e)
{
	struct h0_cap_choice c;
	struct h0_selection was, want;
	if (wish->enabled == H0_TRI_FALSE && !wish->model && !wish->device && !wish->provider) {
		base_record(w, wish->cap, &was);
		merge(&was, wish, &want);
		if (turn_off(w, wish->cap, e) < 0)
			return -1;
		w->touched |= was.enabled;
		record(w, &want);
		return 0;
	}
	if (choose(w, wish, &c, e) < 0)
		return -1;
	if (c.want.enabled ? turn_on(w, &c, e) < 0
	                   : wish->enabled == H0_TRI_FALSE && turn_off(w, wish->cap, e) < 0)
		return -1;
	w->touched = true;
	record(w, &c.want);
	return 0;
}

/* ---- slots for their own sake ---- */

static int remove_slot(struct work *w, const char *name, struct h0_err *e)
{
	h0_autofree char *path = h0_asprintf("slots/%s.toml", name);
	const struct h0_snap_file *f = h0_snap_get(&w->now, path);
	if (f) {
		h0_changeset_add(&w->plan->cs, path, f->text, f->len, NULL, 0);
		if (look(w, e) < 0)
			return -1;
	}
	aim(w->plan, name, NULL, H0_WANT_STOP);
	return 0;
}

/* The slot of a capability that is wished for as well: what is said of the slot comes on top. */
static bool serves_a_wish(const struct work *w, const struct h0_wishes *wishes, const char *slot)
{
	for (size_t i = 0; i < wishes->ncaps; i++) {
		const struct h0_cap_wish *x = &wishes->caps[i];
		const struct h0_slot *s = h0_cap_slot(x->cap, &w->were);
		if (strcmp(s ? s->name : x->cap->slots[0], slot) == 0)
			return true;
	}
	return false;
}

#define ROUNDS 3 /* before the capabilities */

/* In which round: what goes away first, then what says its port, then what is given one. */
static int round_of(const struct work *w, const struct h0_wishes *wishes,
                    const struct h0_slot_wish *s)
{
	if (s->absent)
		return 0;
	if (serves_a_wish(w, wishes, s->name))
		return ROUNDS;
	return h0_slots_get(&w->were, s->name) || h0_edits_get(&s->edits, "port") ? 1 : 2;
}

static int plan_slot(struct work *w, const struct h0_slot_wish *s, struct h0_err *e)
{
	const struct h0_slot *there = NULL;
	if (s->absent)
		return remove_slot(w, s->name, e);
	if (!s->edits.n && h0_slots_find(&w->slots, s->name, &there, e) < 0)
		return -1;
	if (h0_slots_get(&w->slots, s->name) ? edit(w, s->name, &s->edits, e) < 0
	                                     : create(w, s->name, &s->edits, e) < 0)
		return -1;
	aim(w->plan, s->name, NULL, s->want);
	return 0;
}

static int plan_slots(struct work *w, const struct h0_wishes *wishes, int round, struct h0_err *e)
{
	for (size_t i = 0; i < wishes->nslots; i++)
		if (round_of(w, wishes, &wishes->slots[i]) == round && plan_slot(w, &wishes->slots[i], e) < 0)
			return h0_wrap(e, "slot %s", wishes->slots[i].name);
	return 0;
}

/* What one document says of a capability and of its slot must be the same. */
static int check_agreement(const struct work *w, const struct h0_wishes *wishes, struct h0_err *e)
{
	for (size_t i = 0; wishes->nslots && i < wishes->ncaps; i++) {
		const struct h0_cap *c = wishes->caps[i].cap;
		const struct h0_selection *s = &w->sel.v[c - h0_caps];
		const struct h0_slot *slot = h0_cap_slot(c, &w->slots);
		if ((wishes->caps[i].enabled == H0_TRI_ABSENT && !s->enabled) ||
		    h0_selection_agrees(s, slot))
			continue;
		h0_fail(e, H0_CONFLICT, "%s.%s is to be %s, and what is said of slot %s contradicts that",
		        c->group, c->child, s->enabled ? "on, as its selection says" : "off",
		        slot ? slot->name : c->slots[0]);
		return h0_err_code(e, "capability.invalid_selection");
	}
	return 0;
}

/* What makes room comes first: the NPU, a default, memory. */
static int plan_caps(struct work *w, const struct h0_wishes *wishes, struct h0_err *e)
{
	for (int off = 1; off >= 0; off--)
		for (size_t i = 0; i < wishes->ncaps; i++)
			if ((wishes->caps[i].enabled == H0_TRI_FALSE) == off &&
			    plan_cap(w, &wishes->caps[i], e) < 0)
				return -1;
	return 0;
}

static int plan_all(struct work *w, const struct h0_wishes *wishes, struct h0_err *e)
{
	for (int round = 0; round < ROUNDS; round++)
		if (plan_slots(w, wishes, round, e) < 0)
			return -1;
	if (plan_caps(w, wishes, e) < 0 || plan_slots(w, wishes, ROUNDS, e) < 0)
		return -1;
	return check_agreement(w, wishes, e);
}

/* ---- all together ---- */

static int write_file(struct work *w, struct h0_err *e)
{
	h0_autochangeset struct h0_changeset step = {0};
	if (!w->sel.from_file && !w->touched)
		return 0;
	if (h0_capfile_write(w->snap, w->sel.v, &step, &w->plan->warnings, e) < 0)
		return -1;
	return take(w, &step, e);
}

int h0_capplan_make(const struct h0_snap *snap, const struct h0_wishes *wishes,
                    const struct h0_cap_world *world, struct h0_capplan *ret, struct h0_err *e)
{
	h0_autocapplan struct h0_capplan plan = {0};
	h0_auto(work_done) struct work w;
	struct h0_err own = {0};
	if (!e)
		e = &own;
	if (begin(snap, world, &plan, &w, e) < 0 || plan_all(&w, wishes, e) < 0)
		return -1;
	if (h0_slots_check_changed(&w.now, &plan.cs, e) < 0 || (wishes->ncaps && write_file(&w, e) < 0))
		return -1;
	h0_changeset_trim(&plan.cs);
	*ret = plan;
	plan = (struct h0_capplan){0};
	return 0;
}

/* ---- after somebody else's change ---- */

static void follow(struct h0_capplan *plan, const struct h0_slots *slots,
                   const struct h0_selections *sel, const struct h0_slot *s)
{
	const struct h0_slot *anchor = h0_npu_anchor(slots);
	const struct h0_selection *mine = NULL;
	for (size_t i = 0; i < h0_ncaps; i++)
		if (sel->v[i].present && h0_cap_slot(&h0_caps[i], slots) == s)
			mine = &sel->v[i];
	bool is_shadow = !s->broken && h0_slot_is_shadow(s);
	enum h0_want want = !mine ? H0_WANT_KEEP : mine->enabled && s->enabled ? H0_WANT_RUN
	                                                                       : H0_WANT_STOP;
	struct h0_cap_target *t =
		aim(plan, s->name, mine ? mine->cap : NULL, is_shadow ? H0_WANT_STOP : want);
	/* the NPU's own slot is not bounced for what others have it do */
	if (anchor && (is_shadow || s == anchor))
		snprintf(t->anchor, sizeof t->anchor, "%s", anchor->name);
}

int h0_capplan_follow(const struct h0_snap *now, struct h0_capplan *plan, struct h0_err *e)
{
	h0_autoslots struct h0_slots slots = {0};
	h0_autoselections struct h0_selections sel = {0};
	char name[H0_NAME_MAX + 1];
	bool records = false;
	if (h0_slots_load(now, &slots, e) < 0 || h0_selections_load(now, &slots, &sel, e) < 0)
		return -1;
	for (size_t i = 0; i < plan->cs.n; i++) {
		const struct h0_change *c = &plan->cs.v[i];
		records |= h0_streq(c->path, h0_schema_capabilities.path);
		if (!h0_slot_path_name(c->path, name))
			continue;
		const struct h0_slot *s = h0_slots_get(&slots, name);
		if (s)
			follow(plan, &slots, &sel, s);
		else
			aim(plan, name, NULL, H0_WANT_STOP);
	}
	for (size_t i = 0; records && i < h0_ncaps; i++) {
		const struct h0_slot *s = h0_cap_slot(&h0_caps[i], &slots);
		if (s && sel.v[i].present)
			follow(plan, &slots, &sel, s);
	}
	return 0;
}

int h0_capplan_seed(const struct h0_snap *snap, struct h0_capplan *ret, struct h0_err *e)
{
	static const struct h0_cap_world nothing = {0};
	h0_autocapplan struct h0_capplan plan = {0};
	h0_auto(work_done) struct work w;
	if (begin(snap, &nothing, &plan, &w, e) < 0)
		return -1;
	w.touched = true;
	if (w.sel.version < 2 && write_file(&w, e) < 0)
		return -1;
	h0_changeset_trim(&plan.cs);
	*ret = plan;
	plan = (struct h0_capplan){0};
	return 0;
}

void h0_capplan_done(struct h0_capplan *p)
{
	h0_changeset_done(&p->cs);
	h0_strv_done(&p->warnings);
	free(p->v);
	*p = (struct h0_capplan){0};
}
