/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/room.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "hw/share.h"
#include "model/fitsum.h"
#include "run/act.h"
#include "run/use.h"

#define OTHERS_NAMED 5      /* in a message */

/* ---- what others have and will have ---- */

/* What a running slot has of that pool by now. */
static int64_t held(const struct h0_ctr *c, const struct h0_fit_pool *pool,
                    const struct h0_root *root)
{
	struct h0_share s = {.anon = -1, .file = -1, .vram = -1, .gtt = -1};
	h0_hw_share(root, c->pid, &s);
	int64_t bytes = s.vram > 0 ? s.vram : 0;
	if (pool->shared && s.anon > 0)
		bytes = h0_sum(bytes, s.anon);
	if (pool->shared && s.gtt > 0)
		bytes = h0_sum(bytes, s.gtt);
	return bytes < 0 ? 0 : bytes;
}

static int64_t part(const struct h0_fit_pool *pool, int64_t host, int64_t device)
{
	return pool->shared ? h0_sum(host, device) : device;
}

/* By its file: read once while the box is open, for a command over many slots asks for each. */
static const struct h0_need *need_of(struct h0_box *b, const struct h0_slot *slot)
{
	if (!b->needs)
		b->needs = h0_calloc(b->slots.n, sizeof *b->needs);
	struct h0_need *need = &b->needs[slot - b->slots.v];
	h0_autofits struct h0_fits f = {0};
	if (need->known)
		return need;
	*need = (struct h0_need){true, -1, -1};
	if (slot->broken || h0_fits_slot(b, slot, &f, NULL) < 0)
		return need;
	h0_fit(&f.model, &f.run, &f.fit);
	need->total = f.fit.total;
	need->device = need->total >= 0 && f.run.device == H0_DEVICE_CPU ? 0 : f.fit.device;
	return need;
}

/* As booked (nothing is booked for who needs nobody knows what); else by its file. -1: not known. */
static int64_t expected(struct h0_box *b, const char *name, const struct h0_ledger *l,
                        const struct h0_fit_pool *pool)
{
	const struct h0_slot *slot = h0_slots_get(&b->slots, name);
	const struct h0_booking *booked = h0_ledger_get(l, name);
	if (booked && (booked->host || booked->device))
		return part(pool, booked->host, booked->device);
	if (booked || !slot)
		return -1;
	const struct h0_need *need = need_of(b, slot);
	return pool->shared ? need->total : need->device;
}

static struct h0_room_user *add(struct h0_room_users *u, const char *slot)
{
	struct h0_room_user *x = &u->v[u->n++];
	*x = (struct h0_room_user){0};
	snprintf(x->slot, sizeof x->slot, "%s", slot);
	return x;
}

void h0_room_look(struct h0_box *b, const struct h0_ctrs *ctrs, const struct h0_ledger *l,
                  const char *except, const struct h0_fits *f, struct h0_room_users *ret)
{
	h0_autoroot struct h0_root root = {0};
	bool can_look = h0_root_open(&root, NULL, NULL) == 0;
	*ret = (struct h0_room_users){.v = h0_calloc(ctrs->n + l->n + 1, sizeof *ret->v)};
	for (size_t i = 0; i < ctrs->n; i++) {
		const struct h0_ctr *c = &ctrs->v[i];
		if (!h0_ctr_alive(c) || h0_live_foreign(b, c))
			continue;
		int64_t now = can_look ? held(c, &f->pool, &root) : 0;
		if (h0_streq(c->slot, except)) {
			ret->own = now; /* its own memory is free for itself */
			continue;
		}
		struct h0_room_user *x = add(ret, c->slot);
		int64_t later = expected(b, c->slot, l, &f->pool);
		x->ctr = c;
		x->held = now;
		x->need = later > now ? later : now;
		x->unknown = later < 0;
	}
	for (size_t i = 0; i < l->n; i++) {
		bool seen = h0_streq(l->v[i].slot, except);
		for (size_t k = 0; k < ret->n && !seen; k++)
			seen = h0_streq(ret->v[k].slot, l->v[i].slot);
		if (seen)
			continue;
		struct h0_room_user *x = add(ret, l->v[i].slot);
		x->need = part(&f->pool, l->v[i].host, l->v[i].device);
		x->unknown = !l->v[i].host && !l->v[i].device;
	}
}

void h0_room_unknown(const struct h0_room_users *u, struct h0_buf *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].unknown && n++ < OTHERS_NAMED)
			h0_buf_addf(ret, "%s%s", n > 1 ? ", " : "", u->v[i].slot);
	if (n > OTHERS_NAMED)
		h0_buf_addf(ret, " and %zu more", n - OTHERS_NAMED);
}

void h0_room_users_done(struct h0_room_users *u)
{
	free(u->v);
	*u = (struct h0_room_users){0};
}

void h0_room_fill(const struct h0_room_users *u, struct h0_fit_pool *pool)
{
	int64_t others = 0, free_now = pool->free < 0 ? -1 : h0_sum(pool->free, u->own);
	for (size_t i = 0; i < u->n; i++) {
		const struct h0_room_user *x = &u->v[i];
		int64_t sum = h0_sum(others, x->goes ? 0 : x->need);
		others = sum < 0 ? INT64_MAX : sum;
		if (free_now >= 0) { /* what it holds is no longer free; what it has yet to get is */
			int64_t rest = x->need - x->held;
			free_now = x->goes ? h0_sum(free_now, x->held) : free_now > rest ? free_now - rest : 0;
		}
	}
	pool->others = others;
	pool->free = free_now;
}

/* ---- the verdict ---- */
struct question {
	struct h0_box *b;
	const struct h0_slot *slot;
	const struct h0_ctrs *ctrs;
	const struct h0_how *how;
	struct h0_fits f;
	struct h0_fit_pool bare;        /* the pool before others are counted */
	bool unknown;                   /* nobody can say what it needs */
	char unknown_why[160];
};

static void question_done(struct question *q)
{
	h0_fits_done(&q->f);
}

static void pose(struct question *q)
{
	struct h0_err why = {0};
	if (h0_fits_slot(q->b, q->slot, &q->f, &why) < 0) {
		q->unknown = true;
		snprintf(q->unknown_why, sizeof q->unknown_why, "%.150s", why.msg);
		q->f.pool = (struct h0_fit_pool){.bytes = -1, .free = -1, .gb_per_s = -1, .shared = true};
	} else {
		h0_fits_pool(q->b, H0_FITS_FREE, &q->f);
		h0_fit(&q->f.model, &q->f.run, &q->f.fit);
	}
	q->bare = q->f.pool;
}

/* Too many at once, whatever they need? */
static bool too_many(const struct question *q, const struct h0_room_users *u)
{
	int64_t most = q->b->slots.conf.max_slots, n = 1;
	if (!h0_slots_get(&q->b->slots, q->slot->name))
		return false; /* one that is only tried out */
	for (size_t i = 0; i < u->n; i++)
		n += !u->v[i].goes;
	return most > 0 && n > most;
}

static bool has_room(struct question *q, const struct h0_room_users *u)
{
	if (too_many(q, u))
		return false;
	if (q->unknown)
		return true;
	q->f.pool = q->bare;
	h0_room_fill(u, &q->f.pool);
	h0_fit_judge(&q->f.model, &q->f.run, &q->f.fit, &q->f.pool, &q->f.answer);
	/* what the server would refuse for another reason it says itself, better than we can */
	return q->f.answer.verdict != H0_FIT_NOT || q->f.fit.refused;
}

/* ---- who could go ---- */
static bool pinned(const struct h0_box *b, const char *name)
{
	const struct h0_slot *slot = h0_slots_get(&b->slots, name);
	return !slot || slot->broken || h0_slot_idle_timeout(slot, &b->slots.conf) == 0;
}

/* Asks the servers: not with the ledger's lock held. */
static void look_for_idle(struct question *q, struct h0_room_users *u)
{
	for (size_t i = 0; i < u->n; i++) {
		struct h0_room_user *x = &u->v[i];
		struct h0_use use;
		if (!h0_act_runs(x->ctr) || pinned(q->b, x->slot))
			continue;
		h0_use_look(q->b, x->ctr, &use);
		x->can_go = !use.serving;
		x->last = use.last;
	}
}

/* What was found out about them, for a newer list of the same slots. */
static void remember(const struct h0_room_users *from, struct h0_room_users *u)
{
	for (size_t i = 0; i < u->n; i++)
		for (size_t k = 0; k < from->n; k++)
			if (h0_streq(u->v[i].slot, from->v[k].slot) && u->v[i].ctr) {
				u->v[i].can_go = from->v[k].can_go;
				u->v[i].last = from->v[k].last;
			}
}

static int by_last(const void *a, const void *b)
{
	const struct h0_room_user *x = *(struct h0_room_user *const *)a, *y = *(struct h0_room_user *const *)b;
	return x->last < y->last ? -1 : x->last > y->last ? 1 : strcmp(x->slot, y->slot);
}

/* The least recently used that are enough, and of those none that is not needed after all. */
static bool choose(struct question *q, struct h0_room_users *u, struct h0_victims *ret)
{
	h0_autofree struct h0_room_user **idle = h0_calloc(u->n + 1, sizeof(void *));
	size_t n = 0, k = 0;
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].can_go)
			idle[n++] = &u->v[i];
	if (n)
		qsort(idle, n, sizeof *idle, by_last);
	while (!has_room(q, u) && k < n && k < H0_VICTIMS)
		idle[k++]->goes = true;
	bool enough = has_room(q, u);
	for (size_t i = k; enough && i-- > 0;) {
		idle[i]->goes = false;
		idle[i]->goes = !has_room(q, u);
	}
	*ret = (struct h0_victims){0};
	for (size_t i = 0; i < k; i++)
		if (enough && idle[i]->goes)
			snprintf(ret->name[ret->n++], sizeof ret->name[0], "%s", idle[i]->slot);
		else
			idle[i]->goes = false;
	has_room(q, u); /* the figures of the final answer */
	return enough;
}

/* ---- the answer ---- */
static int by_need(const void *a, const void *b)
{
	const struct h0_room_user *x = *(const struct h0_room_user *const *)a;
	const struct h0_room_user *y = *(const struct h0_room_user *const *)b;
	return x->need > y->need ? -1 : x->need < y->need ? 1 : strcmp(x->slot, y->slot);
}

/* Who is in the way, the largest first. */
static void name_others(const struct h0_room_users *u, struct h0_buf *ret)
{
	h0_autofree const struct h0_room_user **by = h0_calloc(u->n + 1, sizeof(void *));
	size_t n = 0;
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].need > 0 && !u->v[i].goes)
			by[n++] = &u->v[i];
	if (n)
		qsort(by, n, sizeof *by, by_need);
	for (size_t i = 0; i < n && i < OTHERS_NAMED; i++) {
		char size[32];
		h0_num_human(by[i]->need, size, sizeof size);
		h0_buf_addf(ret, "%s%s %s%s%s", i ? ", " : "; other slots: ", by[i]->slot, by[i]->unknown ? "at least " : "",
		            size, by[i]->ctr ? "" : " (starting)");
	}
	if (n > OTHERS_NAMED)
		h0_buf_addf(ret, " and %zu more", n - OTHERS_NAMED);
}

static int refuse(struct question *q, const struct h0_room_users *u, struct h0_err *e)
{
	h0_autobuf struct h0_buf why = {0};
	const struct h0_fit_answer *a = &q->f.answer;
	if (too_many(q, u)) {
		h0_fail(e, H0_NO, "slot %s is not started: hal0.toml allows %lld slots at once (slots.max_slots) "
		        "and %zu run or start%s", q->slot->name, (long long)q->b->slots.conf.max_slots, u->n,
		        q->how->evict ? ", none of them idle" : "; --evict unloads an idle one");
		return h0_err_code(e, "slot.does_not_fit");
	}
	h0_fits_say(&q->f, &why);
	name_others(u, &why);
	h0_fail(e, H0_NO, "slot %s does not fit: %s%s", q->slot->name, h0_buf_str(&why),
	        q->how->evict ? "; unloading idle slots would not be enough"
	                      : "; --evict unloads idle slots, --force starts it all the same");
	h0_err_code(e, "slot.does_not_fit");
	h0_err_detail(e, "need_bytes", "%lld", (long long)a->need);
	h0_err_detail(e, "room_bytes", "%lld", (long long)(a->need + a->headroom));
	h0_err_detail(e, "pool_bytes", "%lld", (long long)q->f.pool.bytes);
	return h0_err_detail(e, "binding_limit", "%s", q->f.pool.binding ? q->f.pool.binding : "");
}

static void note(const struct question *q, const char *fmt, ...) H0_PRINTF(2, 3);
static void note(const struct question *q, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	if (!q->how->note)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	q->how->note(line, q->how->note_arg);
}

static void tell(struct question *q, bool fits, const struct h0_victims *v)
{
	h0_autobuf struct h0_buf text = {0};
	const char *name = q->slot->name;
	for (size_t i = 0; i < v->n; i++)
		h0_buf_addf(&text, "%s%s", i ? ", " : "", v->name[i]);
	if (v->n)
		note(q, "to make room for %s idle slots are unloaded: %s", name, h0_buf_str(&text));
	if (q->unknown)
		return;
	h0_buf_reset(&text);
	h0_fits_say(&q->f, &text);
	if (!fits)
		note(q, "%s does not fit and is started all the same: %s", name, h0_buf_str(&text));
	else if (q->f.fit.refused)
		note(q, "%s: %s", name, h0_buf_str(&text));
	else if (q->f.answer.verdict == H0_FIT_TIGHT)
		note(q, "%s fits only just: %s", name, h0_buf_str(&text));
}

static void enter(const struct question *q, struct h0_ledger *l)
{
	const struct h0_fit *t = &q->f.fit;
	bool known = !q->unknown && t->total >= 0;
	int64_t device = !known || q->f.run.device == H0_DEVICE_CPU || t->device < 0 ? 0 : t->device;
	/* also what is unknown, so that it counts as one that starts */
	h0_ledger_book(l, q->slot->name, known ? t->total - device : 0, device);
}

/* While nobody holds the ledger there is time to read the others' models, which are known from
 * then on, and, when some may have to go, to ask their servers. */
static void look_around(struct question *q, struct h0_room_users *ret)
{
	h0_autoledger struct h0_ledger l = {.lock = -1};
	for (size_t i = 0; i < q->ctrs->n; i++) {
		const struct h0_slot *slot = h0_slots_get(&q->b->slots, q->ctrs->v[i].slot);
		if (slot && slot != q->slot && q->ctrs->v[i].state == H0_CTR_RUNNING)
			need_of(q->b, slot);
	}
	if (!q->how->evict)
		return;
	h0_ledger_read(&q->b->paths, &l);
	h0_room_look(q->b, q->ctrs, &l, q->slot->name, &q->f, ret);
	if (!has_room(q, ret))
		look_for_idle(q, ret);
}

int h0_room_admit(struct h0_box *b, const struct h0_slot *slot, const struct h0_ctrs *ctrs,
                  const struct h0_how *how, bool book, struct h0_victims *ret, struct h0_err *e)
{
	h0_auto(question_done) struct question q = {.b = b, .slot = slot, .ctrs = ctrs, .how = how};
	h0_autousers struct h0_room_users before = {0}, u = {0};
	h0_autoledger struct h0_ledger l = {.lock = -1};
	*ret = (struct h0_victims){0};
	pose(&q);
	look_around(&q, &before);
	if (book && h0_ledger_open(&b->paths, &l, e) < 0)
		return -1;
	if (!book)
		h0_ledger_read(&b->paths, &l);
	h0_room_look(b, ctrs, &l, slot->name, &q.f, &u);
	remember(&before, &u);
	bool fits = choose(&q, &u, ret);
	if (!fits && !how->force)
		return refuse(&q, &u, e);
	if (book)
		enter(&q, &l);
	if (book && h0_ledger_close(&b->paths, &l, e) < 0)
		return -1;
	tell(&q, fits, ret);
	return 0;
}

int h0_room_take(struct h0_box *b, const struct h0_slot *slot, const struct h0_ctrs *ctrs,
                 struct h0_err *e)
{
	h0_autoledger struct h0_ledger l = {.lock = -1};
	struct h0_victims none;
	if (h0_ledger_open(&b->paths, &l, e) < 0)
		return -1;
	const struct h0_booking *there = h0_ledger_get(&l, slot->name);
	if (there) {
		h0_ledger_book(&l, slot->name, there->host, there->device);
		return h0_ledger_close(&b->paths, &l, e);
	}
	h0_ledger_done(&l);
	return h0_room_admit(b, slot, ctrs, &(struct h0_how){0}, true, &none, e);
}

/* ---- making room ---- */
static int unload(struct h0_box *b, const struct h0_ctr *c, struct h0_err *e)
{
	struct h0_outcome o;
	return h0_life_unload(b, c, INT64_MAX, &o, e);
}

int h0_room_evict(struct h0_box *b, const struct h0_slot *slot, const struct h0_ctrs *ctrs,
                  const struct h0_victims *v, struct h0_err *e)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct h0_ctr *c = h0_ctrs_get(ctrs, v->name[i]);
		if (!c || unload(b, c, e) == 0)
			continue;
		h0_wrap(e, "no room for slot %s: %s could not be unloaded", slot->name, v->name[i]);
		h0_ledger_forget(&b->paths, slot->name);
		return -1;
	}
	return 0;
}
