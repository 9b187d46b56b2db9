/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/npu.h"
#include "model/provider.h"
#include "model/routerule.h"

/* A copy that lives as long as the route. */
static const char *keep(struct h0_route *r, const char *s)
{
	return h0_arena_strndup(&r->mem, s, strlen(s));
}

void h0_route_note(struct h0_route *r, const char *rule, bool taken, const char *fmt, ...)
{
	char why[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	r->steps = h0_grow(r->steps, r->nsteps, &r->cap, sizeof *r->steps);
	r->steps[r->nsteps++] = (struct h0_route_step){rule, taken, keep(r, why)};
}

/* ---- before: the endpoint ---- */

static enum h0_route_verdict unknown_path(struct h0_route_finder *f)
{
	const char *path = f->r->path;
	h0_route_note(f->r, "endpoint", false, "%s is not in the table: it goes to the slot as it is", path);
	f->any_type = true;
	if (f->model)
		return H0_ROUTE_NOT_YET;
	const char *names[64] = {NULL};
	for (size_t i = 0; i < h0_nendpoints && i < H0_ARRAY_LEN(names) - 1; i++)
		names[i] = h0_endpoints[i].path;
	const char *near = h0_str_nearest(path, names);
	h0_fail(f->e, H0_NO, "%s: no such endpoint, and no model that tells the slot%s%s%s", path,
	        near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	h0_err_detail(f->e, "path", "%s", path);
	h0_err_code(f->e, "dispatch.no_route");
	return H0_ROUTE_FAILED;
}

static enum h0_route_verdict by_endpoint(struct h0_route_finder *f)
{
	char path[1024];
	f->type = H0_TYPE_LLM;
	if (!f->ask->path) {
		f->any_type = true;
		return H0_ROUTE_NOT_YET;
	}
	if (!h0_path_ok(f->ask->path) || strlen(f->ask->path) > sizeof path - 8) {
		h0_fail(f->e, H0_USAGE, "not a path that can be asked: it starts with / and has no spaces");
		return H0_ROUTE_FAILED;
	}
	const struct h0_endpoint *ep = h0_endpoint_find(f->ask->path, path, sizeof path);
	f->r->endpoint = ep;
	f->r->path = keep(f->r, path);
	if (strcmp(path, f->ask->path) != 0)
		h0_route_note(f->r, "rewrite", true, "%s is meant by %s", path, f->ask->path);
	if (!ep)
		return unknown_path(f);
	if (ep->ask == H0_ASK_LOCAL && f->model) {
		h0_route_note(f->r, "endpoint", true, "%s of the slot itself", ep->path);
		f->any_type = true;
		return H0_ROUTE_NOT_YET;
	}
	if (ep->ask == H0_ASK_LOCAL) {
		h0_route_note(f->r, "endpoint", true, "%s is answered by hal0-route serve itself", ep->path);
		f->r->rule = "endpoint";
		return H0_ROUTE_FOUND;
	}
	f->type = ep->type;
	h0_route_note(f->r, "endpoint", true, "%s is answered by slots of type %s", ep->path, h0_type_names[ep->type]);
	if (ep->ask != H0_ASK_TRANSCRIPTION || f->model)
		return H0_ROUTE_NOT_YET;
	h0_fail(f->e, H0_USAGE, "%s: the request names no model", ep->path);
	h0_err_code(f->e, "request.missing_model");
	return H0_ROUTE_FAILED;
}

/* ---- after: who answers in the end, and what is sent ---- */

static bool started_without(const struct h0_route_ask *ask, const struct h0_slot *s, enum h0_slot_type t)
{
	for (size_t i = 0; i < ask->nlive; i++)
		if (strcmp(ask->live[i].slot, s->name) == 0)
			return ask->live[i].without & H0_TYPE_BIT(t);
	return false;
}

/* A record of the NPU trio: its anchor must be able to answer for it. */
static enum h0_route_verdict check_trio(struct h0_route_finder *f)
{
	const struct h0_slot *s = f->r->slot, *a = NULL;
	struct h0_err why = {0};
	if (!s || !h0_slot_is_shadow(s))
		return H0_ROUTE_FOUND;
	if (h0_npu_trio(f->ask->slots, s, &a, &why) == 0) {
		enum h0_route_known live = h0_route_live_state(f->ask, a);
		if (live == H0_ROUTE_LOADING && !f->ask->loads)
			h0_npu_trio_fail(&why, s, "slot %s is still loading: hal0 slot wait %s", a->name, a->name);
		else if (live == H0_ROUTE_DOWN && !f->ask->loads)
			h0_npu_trio_fail(&why, s, "slot %s does not run: hal0 slot start %s", a->name, a->name);
		else if (live == H0_ROUTE_READY && started_without(f->ask, a, s->type))
			h0_npu_trio_fail(&why, s, "slot %s was started without it: hal0 slot restart %s", a->name, a->name);
	}
	if (why.kind) {
		h0_route_note(f->r, "npu trio", false, "%s", why.msg);
		if (f->r->endpoint)
			h0_err_detail(&why, "endpoint", "%s", f->r->endpoint->path);
		if (f->e)
			*f->e = why;
		return H0_ROUTE_FAILED;
	}
	h0_route_note(f->r, "npu trio", true, "slot %s has one server for all of the NPU: port %d", a->name, a->port);
	f->r->anchor = a;
	return H0_ROUTE_FOUND;
}

static void state_step(struct h0_route_finder *f, const struct h0_slot *s)
{
	switch (h0_route_live_state(f->ask, s)) {
	case H0_ROUTE_READY:
		h0_route_note(f->r, "state", true, "slot %s is ready", s->name);
		return;
	case H0_ROUTE_LOADING:
		h0_route_note(f->r, "state", false, "slot %s is loading", s->name);
		return;
	case H0_ROUTE_DOWN:
		h0_route_note(f->r, "state", false, "slot %s does not run%s%s", s->name,
		              f->ask->loads ? "" : ": hal0 slot start ", f->ask->loads ? ", it is started first" : s->name);
		return;
	default:
		h0_route_note(f->r, "state", false, "slot %s does not say how it is", s->name);
	}
}

/* The path the endpoint has at whoever answers. */
static void rewrite_path(struct h0_route *r)
{
	if (!r->endpoint || !r->endpoint->upstream)
		return;
	const char *query = r->path + strcspn(r->path, "?#");
	h0_autofree char *path = h0_asprintf("%s%s", r->endpoint->upstream, query);
	r->path = keep(r, path);
	h0_route_note(r, "rewrite", true, "sent as %s", r->endpoint->upstream);
}

static void finish_upstream(struct h0_route_finder *f)
{
	struct h0_route *r = f->r;
	if (!f->ask->path) {
		enum h0_slot_type type = H0_TYPE_LLM;
		h0_route_hint(f->model, &type);
		r->endpoint = h0_endpoint_of_type(type);
		r->path = r->endpoint->path;
		h0_route_note(r, "endpoint", true, "no path was given: %s, by the model's name", r->path);
	}
	rewrite_path(r);
	h0_autofree char *path = h0_upstream_path(r->upstream, r->path);
	r->path = keep(r, path);
	r->port = r->upstream->port;
	r->model = keep(r, f->model);
}

static void finish(struct h0_route_finder *f)
{
	struct h0_route *r = f->r;
	const struct h0_slot *s = r->slot;
	char id[512];
	if (r->upstream)
		finish_upstream(f);
	if (!s)
		return;
	r->anchor = r->anchor ? r->anchor : s;
	r->port = r->anchor->port;
	if (!f->ask->path) {
		r->endpoint = h0_endpoint_of_type(s->type);
		r->path = r->endpoint->path;
		h0_route_note(r, "endpoint", true, "no path was given: %s, as the slot is of type %s", r->path, h0_type_names[s->type]);
	}
	rewrite_path(r);
	if (r->endpoint && r->endpoint->missing)
		h0_route_note(r, "endpoint", false, "%s", r->endpoint->missing);
	if (f->ask->nlive)
		state_step(f, r->anchor);
	h0_route_model_id(s, id, sizeof id);
	/* what its server lists is what it wants to hear, whatever the file says by now */
	if (strcmp(r->rule, "loaded") == 0 && s->device != H0_DEVICE_NPU)
		return;
	if (*id && !h0_streq(f->ask->model, id)) {
		r->model = keep(r, id);
		if (f->ask->model && *f->ask->model)
			h0_route_note(r, "rewrite", true, "model '%s' is sent as '%s'", f->ask->model, id);
	}
}

int h0_route_find(const struct h0_route_ask *ask, struct h0_route *ret, struct h0_err *e)
{
	struct h0_route_finder f = {.ask = ask, .r = ret, .e = e,
		.model = ask->model && *ask->model ? ask->model : NULL};
	*ret = (struct h0_route){0};
	enum h0_route_verdict v = by_endpoint(&f);
	if (v == H0_ROUTE_NOT_YET && !f.model)
		h0_route_note(ret, "model", false, "the request names none");
	if (v == H0_ROUTE_NOT_YET)
		v = h0_route_by_model(&f);
	if (v == H0_ROUTE_NOT_YET)
		v = h0_route_by_default(&f);
	if (v == H0_ROUTE_FOUND)
		v = check_trio(&f);
	if (v == H0_ROUTE_FAILED) {
		ret->slot = NULL;
		return -1;
	}
	finish(&f);
	return 0;
}

void h0_route_remark(struct h0_route *r, const char *rule, const char *why)
{
	h0_route_note(r, rule, false, "%s", why);
}

void h0_route_done(struct h0_route *r)
{
	free(r->steps);
	h0_arena_done(&r->mem);
	*r = (struct h0_route){0};
}

/* ---- what is known ---- */

void h0_route_look_done(struct h0_route_look *l)
{
	free(l->v);
	free(l->remote);
	h0_arena_done(&l->mem);
	*l = (struct h0_route_look){0};
}

static bool same_models(const char *const *a, const char *const *b)
{
	while (a && b && *a && *b && strcmp(*a, *b) == 0)
		a++, b++;
	return !(a && *a) && !(b && *b);
}

bool h0_route_look_same(const struct h0_route_look *a, const struct h0_route_look *b)
{
	bool same = a->n == b->n && a->nremote == b->nremote;
	for (size_t i = 0; same && i < a->nremote; i++)
		same = strcmp(a->remote[i].name, b->remote[i].name) == 0 && !a->remote[i].models == !b->remote[i].models &&
		       h0_streq(a->remote[i].addr, b->remote[i].addr) &&
		       h0_streq(a->remote[i].header, b->remote[i].header) && same_models(a->remote[i].models, b->remote[i].models);
	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->v[i].slot, b->v[i].slot) == 0 && a->v[i].state == b->v[i].state &&
		       a->v[i].without == b->v[i].without &&
		       same_models(a->v[i].models, b->v[i].models);
	return same;
}
