/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/swap.h"

#include <string.h>

#include "conf/txn.h"
#include "model/slotedit.h"
#include "run/act.h"
#include "run/flm.h"
#include "run/ledger.h"
#include "run/load.h"
#include "run/room.h"
#include "run/slotlock.h"

/* ---- the file ---- */
static const struct h0_change *change_of(const struct h0_swap *s)
{
	return s->cs.n ? &s->cs.v[0] : NULL;
}

static int plan_set(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct h0_swap *s = arg;
	const struct h0_snap_file *f = h0_snap_get(snap, s->old->file);
	const struct h0_snap_file *checked = h0_snap_get(&s->b->snap, s->old->file);
	h0_autoedits struct h0_edits edits = H0_SLOT_EDITS;
	if (!f || !h0_same_bytes(f->text, f->len, checked->text, checked->len)) {
		h0_fail(e, H0_CONFLICT, "%s was edited meanwhile; nothing is changed", s->old->file);
		return h0_err_code(e, "config.conflict");
	}
	if (h0_edits_set(&edits, "model.default", s->model, e) < 0)
		return -1;
	return h0_slot_edit(snap, s->old->name, &edits, NULL, cs, e);
}

/* The file as it was; where somebody has edited it since, only the model, if it is still ours. */
static int plan_restore(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                        struct h0_err *e)
{
	const struct h0_swap *s = arg;
	const struct h0_change *c = change_of(s);
	const struct h0_snap_file *f = c ? h0_snap_get(snap, c->path) : NULL;
	h0_auto(h0_slot_done) struct h0_slot now = {0};
	h0_autoedits struct h0_edits edits = H0_SLOT_EDITS;
	if (!f)
		return 0;
	if (h0_same_bytes(f->text, f->len, c->after, c->after_len)) {
		h0_changeset_add(cs, c->path, c->after, c->after_len, c->before, c->before_len);
		return 0;
	}
	h0_slot_parse(c->path, f->text, f->len, &now);
	if (now.broken || !h0_streq(now.model, s->next.model))
		return 0;
	if (h0_edits_set(&edits, "model.default", s->old->model, e) < 0)
		return -1;
	return h0_slot_edit(snap, s->old->name, &edits, NULL, cs, e);
}

static int commit(struct h0_swap *s, const struct h0_swap_how *how, h0_plan_fn plan, bool only_try,
                  struct h0_err *e)
{
	const struct h0_txn_opts o = {.etc = s->b->paths.etc, .command_line = how->command_line,
		.dry_run = only_try};
	return h0_txn_run(&o, plan, s, NULL, NULL, e);
}

/* ---- before ---- */
int h0_swap_prepare(struct h0_box *b, const char *slot, const char *model, struct h0_swap *ret,
                    struct h0_err *e)
{
	const struct h0_txn_opts o = {.etc = b->paths.etc, .dry_run = true};
	*ret = (struct h0_swap){.b = b, .model = model};
	if (!*model)
		return h0_fail(e, H0_USAGE, "'' is no model: a model id, or the path of a .gguf file");
	if (h0_slots_find(&b->slots, slot, &ret->old, e) < 0 ||
	    h0_txn_run(&o, plan_set, ret, &ret->cs, NULL, e) < 0)
		return -1;
	const struct h0_change *c = change_of(ret);
	const struct h0_snap_file *f = h0_snap_get(&b->snap, ret->old->file);
	if (c)
		h0_slot_parse(c->path, c->after, c->after_len, &ret->next);
	else
		h0_slot_parse(f->path, f->text, f->len, &ret->next);
	if (h0_life_check(b, &ret->next, h0_life_mode(b), &ret->spec, e) == 0)
		return 0;
	if (e && (h0_streq(e->code, "model.not_found") || h0_streq(e->code, "model.path_missing"))) {
		/* no file says so yet, but the command line */
		e->kind = H0_USAGE;
		e->file[0] = e->key[0] = '\0';
		e->line = e->col = 0;
	}
	return -1;
}

void h0_swap_done(struct h0_swap *s)
{
	h0_spec_done(&s->spec);
	h0_spec_done(&s->again_spec);
	h0_box_done(&s->again);
	h0_slot_done(&s->next);
	h0_changeset_done(&s->cs);
	*s = (struct h0_swap){0};
}

/* ---- back ---- */
/* By the file as it is now. */
static int launch_again(struct h0_swap *s, const struct h0_ctrs *ctrs, struct h0_load *load,
                        struct h0_err *e)
{
	struct h0_outcome o = {0};
	struct h0_victims none;
	struct h0_box *b = &s->again;
	const struct h0_slot *slot = NULL;
	if (h0_box_open(b, e) < 0 || h0_slots_find(&b->slots, s->old->name, &slot, e) < 0 ||
	    h0_life_check(b, slot, h0_life_mode(b), &s->again_spec, e) < 0)
		return -1;
	/* it ran before, so nobody is asked whether it fits; but it counts */
	if (h0_room_admit(b, slot, ctrs, &(struct h0_how){.force = true}, true, &none, e) < 0)
		return -1;
	if (h0_act_launch(b, slot, &s->again_spec, &o, e) < 0) {
		h0_ledger_forget(&b->paths, slot->name);
		return -1;
	}
	h0_load_of_launched(slot, &s->again_spec, &o, load);
	return 0;
}

/* With the lock held. *ret_launched: load says what to wait for. *ret_theirs: somebody else has started
 * it meanwhile, by the file as it is now: that stays. */
static int go_back(struct h0_swap *s, const struct h0_swap_how *how, bool ran, struct h0_load *load,
                   bool *ret_launched, bool *ret_theirs, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_ctr *c;
	*ret_launched = false;
	if (h0_act_look(s->b, s->old->name, &ctrs, &c, e) < 0)
		return -1;
	*ret_theirs = c != NULL;
	if (*ret_theirs)
		return 0;
	if (commit(s, how, plan_restore, false, e) < 0)
		return -1;
	*ret_launched = ran && launch_again(s, &ctrs, load, e) == 0;
	return ran && !*ret_launched ? -1 : 0;
}

/* What went wrong is in *e and stays there; what became of it is put before. Returns -1. */
static int roll_back(struct h0_swap *s, const struct h0_swap_how *how, bool ran, int lock,
                     struct h0_err *e)
{
	struct h0_load load;
	struct h0_outcome o = {0};
	struct h0_err why = {0};
	bool launched = false, theirs = false;
	if (how->no_rollback)
		return -1;
	h0_autofd int held = lock >= 0 ? lock : h0_slotlock_take(s->b, s->old->name, H0_ACT_LOCK_MS, &why);
	int rc = held < 0 ? -1 : go_back(s, how, ran, &load, &launched, &theirs, &why);
	if (held >= 0)
		close(h0_take_fd(&held));
	if (rc == 0 && launched)
		rc = h0_act_await(s->b, &load, &how->how, &o, &why);
	if (rc < 0)
		return h0_wrap(e, "slot %s stays down, as its old model does not come back either (%.200s)",
		               s->old->name, why.msg);
	if (theirs)
		return h0_wrap(e, "slot %s runs as another command has started it meanwhile", s->old->name);
	h0_err_detail(e, "rolled_back", "true");
	return launched ? h0_wrap(e, "slot %s %s its old model %s again", s->old->name,
	                          how->how.wait && !o.interrupted ? "runs" : "loads", s->old->model)
	                : h0_wrap(e, "slot %s has its old model %s again", s->old->name, s->old->model);
}

/* ---- there ---- */
/* The old container has ended, or there was none. Owns nothing of what it is given. */
static int exchange(struct h0_swap *s, const struct h0_swap_how *how, const struct h0_ctrs *ctrs,
                    bool ran, struct h0_outcome *ret, bool *ret_committed, struct h0_err *e)
{
	struct h0_load load;
	*ret_committed = commit(s, how, plan_set, false, e) == 0;
	if (*ret_committed && h0_act_launch(s->b, &s->next, &s->spec, ret, e) == 0)
		return 0;
	h0_ledger_forget(&s->b->paths, s->old->name);
	if (*ret_committed)
		return -1;
	/* the file is not ours, so what it says shall run */
	struct h0_err why = {0};
	if (ran && launch_again(s, ctrs, &load, &why) < 0)
		return h0_wrap(e, "slot %s stays down (%.200s)", s->old->name, why.msg);
	return -1;
}

static int begin(struct h0_swap *s, const struct h0_swap_how *how, bool *ret_ran, struct h0_load *load,
                 struct h0_outcome *ret, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_ctr *c;
	const struct h0_wait *wait = how->how.wait;
	struct h0_outcome ended = {0};
	struct h0_box *b = s->b;
	bool committed = false;
	const char *name = s->old->name;
	h0_autofd int lock = h0_act_lock_unless(b, name, h0_act_interrupted, wait, &ret->interrupted, e);
	if (ret->interrupted)
		return 0;
	if (lock < 0 || h0_act_look(b, name, &ctrs, &c, e) < 0)
		return -1;
	if (c && !s->cs.n && h0_streq(c->spec, s->spec.argv.spec)) {
		h0_load_of(&s->next, c, load);
		memcpy(ret->container, c->id, sizeof ret->container);
		ret->state = H0_STATE_WARMING;
		return 0;
	}
	if (commit(s, how, plan_set, true, e) < 0 || h0_flm_admit(b, &s->spec, &ctrs, e) < 0 ||
	    h0_room_admit(b, &s->next, &ctrs, &how->how, true, &ret->evicted, e) < 0 ||
	    h0_room_evict(b, &s->next, &ctrs, &ret->evicted, e) < 0)
		return -1;
	*ret_ran = c;
	if (c && h0_act_end(b, c, s->old->port, H0_GRACE_S, &ended, e) < 0) {
		h0_ledger_forget(&b->paths, name);
		return -1;
	}
	if (exchange(s, how, &ctrs, c, ret, &committed, e) < 0)
		return committed ? roll_back(s, how, c, h0_take_fd(&lock), e) : -1;
	h0_load_of_launched(&s->next, &s->spec, ret, load);
	return 0;
}

int h0_swap_run(struct h0_swap *s, const struct h0_swap_how *how, struct h0_outcome *ret,
                struct h0_err *e)
{
	struct h0_load load;
	struct h0_err why = {0};
	bool ran = false;
	*ret = (struct h0_outcome){0};
	if (begin(s, how, &ran, &load, ret, &why) == 0) {
		if (h0_act_await(s->b, &load, &how->how, ret, &why) == 0)
			return 0;
		if (ret->changed)
			roll_back(s, how, ran, -1, &why);
	}
	if (e)
		*e = why;
	return -1;
}
