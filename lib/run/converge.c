/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/converge.h"

#include <string.h>

#include "base/mem.h"
#include "fmt/gguf.h"
#include "model/npu.h"
#include "run/facts.h"
#include "run/fits.h"
#include "run/room.h"
#include "run/store.h"
#include "sys/clock.h"
#include "sys/loopback.h"

const char *const h0_deed_verbs[] = {"none", "start", "stop", "restart", "swap", NULL};
const char *const h0_deed_done[] = {"none", "started", "stopped", "restarted", "swapped", NULL};

/* ---- what the machine says ---- */

int h0_box_over(const struct h0_box *base, const struct h0_changeset *cs, struct h0_box *ret,
                struct h0_err *e)
{
	h0_autobox struct h0_box b = {.paths = base->paths, .podman = base->podman, .units = base->units};
	h0_snap_over(&base->snap, cs, &b.snap);
	if (h0_slots_load(&b.snap, &b.slots, e) < 0)
		return -1;
	*ret = b;
	b = (struct h0_box){0};
	return 0;
}

static bool listens(int port, const void *arg)
{
	return h0_loopback_bound(port);
}

/* Architectures whose models make no text. */
static bool is_encoder(const char *arch)
{
	return arch && (strstr(arch, "bert") || h0_streq(arch, "t5encoder"));
}

#define POOLING_RANK 4 /* of llama.cpp: the model was made for reranking */

static int about_model(const struct h0_snap *snap, const char *model, struct h0_cap_model *ret,
                       void *arg, struct h0_err *e)
{
	const struct h0_box *b = arg;
	h0_automodelfile struct h0_model_file file = {0};
	h0_autogguf struct h0_gguf g = {0};
	if (h0_store_find(&b->paths, snap, model, &file, e) < 0 ||
	    h0_gguf_open(file.path, &g, e) < 0 || h0_gguf_check_size(&g, file.path, e) < 0)
		return -1;
	*ret = (struct h0_cap_model){
		.encoder = is_encoder(g.architecture),
		.ranker = g.pooling_type == POOLING_RANK,
		.projector = file.mmproj,
	};
	return 0;
}

void h0_converge_world(struct h0_box *b, struct h0_cap_world *ret)
{
	*ret = (struct h0_cap_world){
		.device = h0_usual_device(&b->paths),
		.bound = {listens, NULL},
		.model = about_model,
		.arg = b,
	};
}

/* ---- looking ahead ---- */

struct look {
	struct h0_box *b;
	struct h0_ctrs ctrs;
	const struct h0_capplan *plan;
	struct h0_convergence *c;
	bool force;
};

static void look_done(struct look *l)
{
	h0_ctrs_done(&l->ctrs);
}

static const struct h0_ctr *container(const struct look *l, const char *slot)
{
	const struct h0_ctr *c = h0_ctrs_get(&l->ctrs, slot);
	return c && !h0_live_foreign(l->b, c) ? c : NULL;
}

static bool runs(const struct h0_ctr *c)
{
	return c && c->state == H0_CTR_RUNNING && h0_ctr_alive(c);
}

/* Does a slot of this plan have the port now, and will let it go? */
static bool port_comes_free(const struct look *l, int port, const char *but)
{
	for (size_t i = 0; i < l->plan->n; i++) {
		const char *slot = l->plan->v[i].slot;
		const struct h0_ctr *c = strcmp(slot, but) ? container(l, slot) : NULL;
		if (c && c->port == port && h0_ctr_alive(c))
			return true;
	}
	return false;
}

/* Does this plan move the slot to another device? */
static bool moves(const struct look *l, const struct h0_slot *slot)
{
	for (size_t i = 0; i < l->plan->cs.n; i++) {
		const struct h0_change *c = &l->plan->cs.v[i];
		h0_auto(h0_slot_done) struct h0_slot was = {0};
		if (strcmp(c->path, slot->file) != 0 || !c->before)
			continue;
		h0_slot_parse(c->path, c->before, c->before_len, &was);
		return !was.broken && was.device != slot->device;
	}
	return false;
}

static enum h0_deed exchange(const struct look *l, const struct h0_ctr *c,
                             const struct h0_spec *spec)
{
	const struct h0_slot *slot = spec->plan.slot;
	const char *model = spec->model.id ? spec->model.id : slot->model;
	bool same = h0_streq(c->model ? c->model : "", model) && c->provider == spec->plan.family;
	return same && !moves(l, slot) ? H0_DEED_RESTART : H0_DEED_SWAP;
}

/* What slots of this plan, started before this one, will want of the same pool. */
static int64_t promised(const struct look *l, const struct h0_step *s, bool shared, int64_t *ret_n)
{
	int64_t sum = 0;
	for (const struct h0_step *o = l->c->v; o != s; o++) {
		h0_autofits struct h0_fits f = {0};
		const struct h0_slot *slot = h0_slots_get(&l->b->slots, o->target->slot);
		if (o->ran || o->deed != H0_DEED_START || !slot)
			continue;
		++*ret_n;
		if (h0_fits_slot(l->b, slot, &f, NULL) < 0)
			continue;
		h0_fit(&f.model, &f.run, &f.fit);
		int64_t bytes = shared ? f.fit.total : f.fit.device;
		sum += bytes > 0 ? bytes : 0;
	}
	return sum;
}

static bool will_stop(const struct look *l, const char *slot)
{
	for (size_t i = 0; i < l->plan->n; i++)
		if (l->plan->v[i].want == H0_WANT_STOP && strcmp(l->plan->v[i].slot, slot) == 0)
			return true;
	return false;
}

static int too_many(const struct look *l, const struct h0_slot *slot, int64_t n, struct h0_err *e)
{
	int64_t most = l->b->slots.conf.max_slots;
	if (most <= 0 || n <= most || l->force)
		return 0;
	h0_fail(e, H0_NO, "slot %s is not started: hal0.toml allows %lld slots at once (slots.max_slots)",
	        slot->name, (long long)most);
	return h0_err_code(e, "slot.does_not_fit");
}

/* Beside all that run and go on running, and those this plan starts before it. */
static int check_fit(const struct look *l, struct h0_step *s, const struct h0_slot *slot,
                     struct h0_err *e)
{
	h0_autofits struct h0_fits f = {0};
	h0_autousers struct h0_room_users users = {0};
	h0_autoledger struct h0_ledger ledger = {.lock = -1};
	h0_autobuf struct h0_buf why = {0};
	bool known = h0_fits_slot(l->b, slot, &f, NULL) == 0;
	int64_t n = 1;
	if (known)
		h0_fits_pool(l->b, H0_FITS_FREE, &f);
	else
		f.pool = (struct h0_fit_pool){.bytes = -1, .free = -1, .gb_per_s = -1, .shared = true};
	h0_ledger_read(&l->b->paths, &ledger);
	h0_room_look(l->b, &l->ctrs, &ledger, slot->name, &f, &users);
	for (size_t i = 0; i < users.n; i++) {
		users.v[i].goes = will_stop(l, users.v[i].slot);
		n += !users.v[i].goes;
	}
	int64_t more = promised(l, s, f.pool.shared, &n);
	if (too_many(l, slot, n, e) < 0)
		return -1;
	if (!known)
		return 0;
	h0_room_fill(&users, &f.pool);
	f.pool.others += more;
	h0_fit(&f.model, &f.run, &f.fit);
	h0_fit_judge(&f.model, &f.run, &f.fit, &f.pool, &f.answer);
	h0_fits_say(&f, &why);
	s->verdict = f.answer.verdict;
	snprintf(s->fit, sizeof s->fit, "%s", h0_buf_str(&why));
	if (f.answer.verdict != H0_FIT_NOT || f.fit.refused || l->force)
		return 0;
	h0_fail(e, H0_NO, "slot %s does not fit: %s (--force starts it all the same)", slot->name,
	        h0_buf_str(&why));
	h0_err_detail(e, "slot", "%s", slot->name);
	return h0_err_code(e, "slot.does_not_fit");
}

static int plan_run(const struct look *l, struct h0_step *s, const struct h0_slot *slot,
                    struct h0_err *e)
{
	h0_autospec struct h0_spec spec = {0};
	const struct h0_ctr *c = container(l, slot->name);
	if (h0_life_check(l->b, slot, h0_life_mode(l->b), &spec, e) < 0)
		return -1;
	if (!runs(c)) {
		const struct h0_how how = {.force = true}; /* whether it fits is asked below */
		struct h0_foresight seen;
		struct h0_err why = {0};
		s->deed = H0_DEED_START;
		if (h0_life_foresee(l->b, slot, &spec, false, &how, &seen, &why) < 0 &&
		    !(why.kind == H0_CONFLICT && port_comes_free(l, slot->port, slot->name))) {
			*e = why;
			return -1;
		}
	} else if (!h0_streq(c->spec, spec.argv.spec)) {
		s->deed = exchange(l, c, &spec);
	}
	if (s->deed == H0_DEED_NONE)
		return 0;
	s->leaves_port = runs(c) && c->port && c->port != slot->port;
	for (size_t i = 0; i < spec.argv.words.n; i++)
		h0_strv_add(&s->argv, spec.argv.words.v[i]);
	return check_fit(l, s, slot, e);
}

/* The NPU slot runs, and not with what its file says now. */
static bool reload_pending(const struct look *l, const char *anchor)
{
	h0_autospec struct h0_spec spec = {0};
	const struct h0_slot *slot = *anchor ? h0_slots_get(&l->b->slots, anchor) : NULL;
	const struct h0_ctr *c = *anchor ? container(l, anchor) : NULL;
	if (!slot || slot->broken || !runs(c) || h0_box_profiles(l->b, NULL) < 0 ||
	    h0_spec_make(&l->b->paths, &l->b->snap, &l->b->profiles, &l->b->podman, slot,
	                 h0_life_mode(l->b), &spec, NULL) < 0)
		return false;
	return !h0_streq(c->spec, spec.argv.spec);
}

static int plan_step(const struct look *l, struct h0_step *s, struct h0_err *e)
{
	const struct h0_cap_target *t = s->target;
	const struct h0_slot *slot = h0_slots_get(&l->b->slots, t->slot);
	const struct h0_ctr *c = container(l, t->slot);
	s->ran = runs(c);
	s->state = s->ran ? H0_STATE_READY : H0_STATE_OFFLINE;
	s->pending_reload = reload_pending(l, t->anchor);
	if (t->want == H0_WANT_STOP || !slot) {
		s->deed = c ? H0_DEED_STOP : H0_DEED_NONE;
		return 0;
	}
	bool left_alone = t->want == H0_WANT_KEEP && h0_streq(t->anchor, t->slot);
	if (left_alone || (t->want == H0_WANT_KEEP && !s->ran))
		return 0;
	if (slot->broken) {
		*e = slot->err;
		return -1;
	}
	return plan_run(l, s, slot, e);
}

int h0_converge_plan(struct h0_box *b, const struct h0_capplan *plan, bool force,
                     struct h0_convergence *ret, struct h0_err *e)
{
	h0_autoconvergence struct h0_convergence c = {0};
	h0_auto(look_done) struct look l = {.b = b, .plan = plan, .c = &c, .force = force};
	struct h0_err own = {0};
	if (!e)
		e = &own;
	if (plan->n && h0_podman_ps(&b->podman, &l.ctrs, e) < 0)
		return -1;
	c.v = h0_calloc(plan->n + 1, sizeof *c.v);
	for (size_t i = 0; i < plan->n; i++) {
		struct h0_step *s = &c.v[c.n++];
		s->target = &plan->v[i];
		if (plan_step(&l, s, e) < 0)
			return -1;
	}
	*ret = c;
	c = (struct h0_convergence){0};
	return 0;
}

/* ---- doing ---- */

/* A capability's slot does what the files say now; others what was asked. */
static enum h0_want want_now(const struct h0_box *b, const struct h0_cap_target *t)
{
	const struct h0_slot *slot = h0_slots_get(&b->slots, t->slot);
	if (!slot)
		return H0_WANT_STOP;
	if (!t->cap || slot->broken)
		return t->want;
	return slot->enabled && !h0_slot_is_shadow(slot) ? H0_WANT_RUN : H0_WANT_STOP;
}

static int stop(struct h0_box *b, struct h0_step *s, struct h0_outcome *o)
{
	const struct h0_slot *slot = h0_slots_get(&b->slots, s->target->slot);
	return h0_life_stop(b, s->target->slot, slot ? slot->port : 0, H0_GRACE_S, o, &s->err);
}

/* Starts it, or exchanges what runs with other settings than the files have. */
static int run(struct h0_box *b, const struct h0_slot *slot, enum h0_want want,
               const struct h0_how *how, struct h0_step *s, struct h0_outcome *o)
{
	h0_autospec struct h0_spec spec = {0};
	const struct h0_how ask = {.force = true}; /* starting it asks whether it fits */
	struct h0_foresight seen;
	if (slot->broken) {
		s->err = slot->err;
		return -1;
	}
	if (h0_life_check(b, slot, h0_life_mode(b), &spec, &s->err) < 0 ||
	    h0_life_foresee(b, slot, &spec, false, &ask, &seen, &s->err) < 0)
		return -1;
	if (seen.runs && seen.outdated)
		return h0_life_restart(b, slot, how, o, &s->err);
	if (want == H0_WANT_KEEP)
		return 0;
	return h0_life_start(b, slot, how, o, &s->err);
}

static int act(struct h0_box *b, const struct h0_how *how, struct h0_step *s, struct h0_outcome *o)
{
	const struct h0_slot *slot = h0_slots_get(&b->slots, s->target->slot);
	enum h0_want want = want_now(b, s->target);
	*o = (struct h0_outcome){.state = s->state};
	if (want == H0_WANT_STOP)
		return stop(b, s, o);
	if (want == H0_WANT_KEEP && s->deed == H0_DEED_NONE)
		return 0;
	if (s->leaves_port) /* it was ended ahead of its turn */
		want = H0_WANT_RUN;
	return run(b, slot, want, how, s, o);
}

#define TRIES 4 /* against others who change the same slot at the same time */

/* On the files as they are, again when somebody changed them meanwhile: who changes them last
 * may have looked at the slot before we touched it. */
static int act_until_true(const struct h0_how *how, struct h0_step *s)
{
	h0_autobox struct h0_box b = {0};
	if (h0_box_open(&b, &s->err) < 0)
		return -1;
	for (int i = 0;; i++) {
		h0_autobox struct h0_box later = {0};
		struct h0_outcome o;
		if (act(&b, how, s, &o) < 0)
			return -1;
		s->changed |= o.changed;
		s->state = o.state;
		if (h0_box_open(&later, &s->err) < 0)
			return -1;
		if ((later.snap.generation == b.snap.generation && !o.outdated) || i == TRIES)
			return 0;
		h0_box_done(&b);
		b = later;
		later = (struct h0_box){0};
	}
}

static void do_step(const struct h0_how *how, struct h0_step *s)
{
	int64_t began = h0_now_ms();
	int rc = act_until_true(how, s);
	s->ms = h0_now_ms() - began;
	if (rc < 0)
		s->state = H0_STATE_ERROR;
	else if (!s->changed)
		s->deed = H0_DEED_NONE; /* somebody else has done it */
	else if (s->deed == H0_DEED_NONE)
		s->deed = s->state == H0_STATE_OFFLINE ? H0_DEED_STOP : H0_DEED_START;
}

/* Another slot may be waiting for the port that this one gives up, as two that exchange theirs. */
static void free_ports(struct h0_convergence *c)
{
	for (size_t i = 0; i < c->n; i++) {
		h0_autobox struct h0_box b = {0};
		struct h0_outcome o = {0};
		struct h0_step *s = &c->v[i];
		if (s->leaves_port && h0_box_open(&b, NULL) == 0 && stop(&b, s, &o) == 0)
			s->changed |= o.changed;
	}
}

void h0_converge_run(const struct h0_how *how, struct h0_convergence *c)
{
	free_ports(c);
	for (int stopping = 1; stopping >= 0; stopping--)
		for (size_t i = 0; i < c->n; i++) {
			struct h0_step *s = &c->v[i];
			if ((s->deed == H0_DEED_STOP || s->target->want == H0_WANT_STOP) == stopping)
				do_step(how, s);
		}
}

int h0_converge_failed(const struct h0_convergence *c, struct h0_err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].err.kind == H0_OK)
			continue;
		*e = c->v[i].err;
		return -1;
	}
	return 0;
}

int h0_converge_back(struct h0_box *b, const struct h0_convergence *done, const struct h0_how *how,
                     struct h0_capplan *plan, struct h0_convergence *ret, struct h0_err *e)
{
	plan->v = h0_calloc(done->n + 1, sizeof *plan->v);
	for (size_t i = 0; i < done->n; i++) {
		plan->v[plan->n] = *done->v[i].target;
		plan->v[plan->n].cap = NULL; /* as it was, whatever the files say */
		plan->v[plan->n++].want = done->v[i].ran ? H0_WANT_RUN : H0_WANT_STOP;
	}
	if (h0_converge_plan(b, plan, true, ret, e) < 0)
		return -1;
	h0_converge_run(how, ret);
	return h0_converge_failed(ret, e);
}

void h0_convergence_done(struct h0_convergence *c)
{
	for (size_t i = 0; i < c->n; i++)
		h0_strv_done(&c->v[i].argv);
	free(c->v);
	*c = (struct h0_convergence){0};
}
