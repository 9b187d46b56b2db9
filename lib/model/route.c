/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/route.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/flm.h"
#include "model/npu.h"
#include "model/provider.h"

const struct h0_route_chain h0_route_chains[] = {
	{"primary", {NULL}},
	{"chat", {NULL}},
	{"agent", {NULL}},
	{"utility", {"agent"}},
	{"npu", {"utility", "agent"}},
};
const size_t h0_route_nchains = H0_ARRAY_LEN(h0_route_chains);

/* Names that stand for a type where no slot says `default = true`, in order. */
static const char *const anchors[H0_TYPE_N][4] = {
	[H0_TYPE_LLM] = {"primary", "chat", "agent"},
	[H0_TYPE_EMBEDDING] = {"embed"},
	[H0_TYPE_RERANKING] = {"embed-rerank", "rerank", "embed"},
	[H0_TYPE_TRANSCRIPTION] = {"stt"},
	[H0_TYPE_TTS] = {"tts"},
	[H0_TYPE_IMAGE] = {"img"},
};

/* What a model's name tells where nothing else does. */
static const struct {
	const char *word;
	bool anywhere;          /* false: at the start */
	enum h0_slot_type type;
} hints[] = {
	{"sdxl", false, H0_TYPE_IMAGE},
	{"sd-1.5", false, H0_TYPE_IMAGE},
	{"sd15", false, H0_TYPE_IMAGE},
	{"flux", false, H0_TYPE_IMAGE},
	{"rerank", true, H0_TYPE_RERANKING},
	{"embed", true, H0_TYPE_EMBEDDING},
};

struct finder {
	const struct h0_route_ask *ask;
	struct h0_route *r;
	const char *model;      /* NULL = not said */
	bool any_type;          /* no path was given, or one that no table knows */
	enum h0_slot_type type;
	struct h0_err *e;
};

enum verdict { FAILED = -1, NOT_YET, FOUND };

static const char *keep(struct h0_route *r, const char *s)
{
	return h0_arena_strndup(&r->mem, s, strlen(s));
}

H0_PRINTF(4, 5) static void step(struct h0_route *r, const char *rule, bool taken, const char *fmt, ...)
{
	char why[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	r->steps = h0_grow(r->steps, r->nsteps, &r->cap, sizeof *r->steps);
	r->steps[r->nsteps++] = (struct h0_route_step){rule, taken, keep(r, why)};
}

/* ---- slots ---- */

static enum h0_route_known live_state(const struct h0_route_ask *ask, const struct h0_slot *s)
{
	for (size_t i = 0; i < ask->nlive; i++)
		if (strcmp(ask->live[i].slot, s->name) == 0)
			return ask->live[i].state;
	return H0_ROUTE_UNKNOWN;
}

static const char *type_of(const struct h0_slot *s)
{
	return h0_type_names[s->type];
}

/* The last of the reranking names is an embedding slot in old set-ups. */
static bool is_old_reranker(const struct h0_slot *s)
{
	return s->type == H0_TYPE_EMBEDDING && strcmp(s->name, "embed") == 0;
}

static bool fits(const struct finder *f, const struct h0_slot *s)
{
	return !s->broken && (f->any_type || s->type == f->type);
}

/* Better first: enabled, then ready, then the default of its type; equal: by name. */
static int rank(const struct finder *f, const struct h0_slot *s)
{
	enum h0_route_known live = live_state(f->ask, s);
	return (s->enabled ? 16 : 0) + (live == H0_ROUTE_READY ? 8 : live == H0_ROUTE_DOWN ? 0 : 4) +
	       (s->is_default ? 1 : 0);
}

static enum verdict choose(struct finder *f, const struct h0_slot *s, const char *rule)
{
	f->r->slot = s;
	f->r->rule = rule;
	return FOUND;
}

/* "slot embed is of type embedding": what was named cannot answer what was asked. */
static enum verdict unfit(struct finder *f, const struct h0_slot *s, const char *rule)
{
	step(f->r, rule, false, "slot %s is of type %s, %s needs type %s", s->name, type_of(s),
	     f->r->endpoint->path, h0_type_names[f->type]);
	h0_fail(f->e, H0_NO, "slot %s (type %s) cannot answer %s, which needs a slot of type %s", s->name,
	        type_of(s), f->r->endpoint->path, h0_type_names[f->type]);
	h0_err_detail(f->e, "slot", "%s", s->name);
	h0_err_code(f->e, "dispatch.no_route");
	return FAILED;
}

/* Among the slots that `match`: the best that fits, or unfit() when there are only others. */
static enum verdict pick(struct finder *f, const char *rule,
                         bool (*match)(const struct finder *, const struct h0_slot *))
{
	const struct h0_slot *best = NULL, *other = NULL;
	size_t n = 0;
	for (size_t i = 0; i < f->ask->slots->n; i++) {
		const struct h0_slot *s = &f->ask->slots->v[i];
		if (s->broken || !match(f, s))
			continue;
		if (!fits(f, s)) {
			other = s;
			continue;
		}
		n++;
		if (!best || rank(f, s) > rank(f, best))
			best = s;
	}
	if (!best)
		return other ? unfit(f, other, rule) : NOT_YET;
	if (n > 1)
		step(f->r, rule, true, "slot %s, one of %zu with that model: enabled, ready, default go first",
		     best->name, n);
	else
		step(f->r, rule, true, "slot %s", best->name);
	return choose(f, best, rule);
}

/* ---- model names ---- */

static bool is_flm(const struct h0_slot *s)
{
	return s->device == H0_DEVICE_NPU;
}

/* The length of "stem" in "stem-00001-of-00003". */
static size_t without_shard(const char *s, size_t n)
{
	static const char form[] = "-ddddd-of-ddddd";
	size_t k = sizeof form - 1;
	if (n <= k)
		return n;
	for (size_t i = 0; i < k; i++) {
		char c = s[n - k + i];
		if (form[i] == 'd' ? !isdigit((unsigned char)c) : c != form[i])
			return n;
	}
	return n - k;
}

const char *h0_route_model_id(const struct h0_slot *s, char *dst, size_t size)
{
	const char *id = s->model ? s->model : "";
	size_t n = strlen(id);
	if (*id == '/') {
		id = strrchr(id, '/') + 1;
		n = strlen(id);
		if (n > 5 && strcasecmp(id + n - 5, ".gguf") == 0)
			n = without_shard(id, n - 5);
	}
	snprintf(dst, size, "%.*s", (int)n, id);
	if (is_flm(s) && h0_flm_is_name(id)) {
		char tag[H0_FLM_NAME];
		snprintf(dst, size, "%s", h0_flm_tag(id, tag));
	}
	return dst;
}

static bool has_model(const struct finder *f, const struct h0_slot *s)
{
	char id[512];
	if (!s->model || !*s->model)
		return false;
	if (strcmp(s->model, f->model) == 0 || strcmp(h0_route_model_id(s, id, sizeof id), f->model) == 0)
		return true;
	return is_flm(s) && h0_flm_same(s->model, f->model);
}

static bool advertises(const struct finder *f, const struct h0_slot *s)
{
	for (size_t i = 0; i < f->ask->nlive; i++) {
		const struct h0_route_live *l = &f->ask->live[i];
		if (l->state != H0_ROUTE_READY || !l->models || strcmp(l->slot, s->name) != 0)
			continue;
		/* FLM lists all it could download; what it has loaded is what it was started with */
		if (is_flm(s))
			return h0_flm_same(s->model, f->model);
		for (const char *const *m = l->models; *m; m++)
			if (strcmp(*m, f->model) == 0)
				return true;
	}
	return false;
}

/* ---- the rules, in order ---- */

/* A slot by name that may answer: there, readable, enabled, of the right type. */
static const struct h0_slot *usable(struct finder *f, const char *rule, const char *name)
{
	const struct h0_slot *s = h0_slots_get(f->ask->slots, name);
	if (!s)
		step(f->r, rule, false, "no slot %s", name);
	else if (s->broken)
		step(f->r, rule, false, "slot %s: its file is invalid", name);
	else if (!s->enabled)
		step(f->r, rule, false, "slot %s is not enabled", name);
	else if (!fits(f, s))
		step(f->r, rule, false, "slot %s is of type %s", name, type_of(s));
	else
		return s;
	return NULL;
}

static const struct h0_slot *by_role(struct finder *f, const char *role)
{
	for (size_t i = 0; i < f->ask->slots->n; i++) {
		const struct h0_slot *s = &f->ask->slots->v[i];
		if (fits(f, s) && s->enabled && s->role && strcmp(s->role, role) == 0)
			return s;
	}
	return NULL;
}

static enum verdict virtual_link(struct finder *f, const char *name)
{
	const struct h0_slot *s = usable(f, "virtual", name);
	if (s) {
		step(f->r, "virtual", true, "slot %s has that name", name);
		return choose(f, s, "virtual");
	}
	s = by_role(f, name);
	if (!s)
		return NOT_YET;
	step(f->r, "virtual", true, "slot %s has the role %s", s->name, name);
	return choose(f, s, "virtual");
}

static enum verdict no_such_virtual(struct finder *f, const char *name)
{
	h0_autofree const char **names = h0_calloc(f->ask->slots->n + h0_route_nchains + 1, sizeof *names);
	size_t n = 0;
	for (; n < f->ask->slots->n; n++)
		names[n] = f->ask->slots->v[n].name;
	for (size_t i = 0; i < h0_route_nchains; i++)
		names[n++] = h0_route_chains[i].name;
	const char *near = h0_str_nearest(name, names);
	h0_fail(f->e, H0_NO, "hal0/%s: there is no such slot%s%s%s", name, near ? " (did you mean hal0/" : "",
	        near ? near : "", near ? "?)" : "");
	h0_err_code(f->e, "slot.not_found");
	return FAILED;
}

static enum verdict rule_virtual(struct finder *f)
{
	if (!h0_starts(f->model, "hal0/"))
		return NOT_YET;
	const char *name = f->model + 5;
	const struct h0_route_chain *chain = NULL;
	for (size_t i = 0; i < h0_route_nchains && !chain; i++)
		if (strcmp(h0_route_chains[i].name, name) == 0)
			chain = &h0_route_chains[i];
	enum verdict v = virtual_link(f, name);
	for (size_t i = 0; v == NOT_YET && chain && i < H0_ARRAY_LEN(chain->then) && chain->then[i]; i++)
		v = virtual_link(f, chain->then[i]);
	if (v != NOT_YET)
		return v;
	const struct h0_slot *s = h0_slots_get(f->ask->slots, name);
	if (s && !s->broken && !fits(f, s))
		return unfit(f, s, "virtual");
	if (!chain && !s)
		return no_such_virtual(f, name);
	step(f->r, "virtual", false, "hal0/%s: none of its slots can answer, the default does", name);
	f->model = NULL; /* no further rule knows that name */
	return NOT_YET;
}

static enum verdict rule_loaded(struct finder *f)
{
	if (!f->ask->nlive)
		return NOT_YET;
	enum verdict v = pick(f, "loaded", advertises);
	if (v == NOT_YET)
		step(f->r, "loaded", false, "no running slot lists '%s'", f->model);
	return v;
}

static enum verdict rule_name(struct finder *f)
{
	const struct h0_slot *s = h0_slots_get(f->ask->slots, f->model);
	if (!s) {
		step(f->r, "slot name", false, "no slot is called '%s'", f->model);
		return NOT_YET;
	}
	if (s->broken) {
		step(f->r, "slot name", false, "the file of slot %s is invalid", s->name);
		if (f->e)
			*f->e = s->err;
		return FAILED;
	}
	if (!fits(f, s) && !(f->type == H0_TYPE_RERANKING && is_old_reranker(s)))
		return unfit(f, s, "slot name");
	step(f->r, "slot name", true, "slot %s has that name%s", s->name, s->enabled ? "" : " (not enabled)");
	return choose(f, s, "slot name");
}

static enum verdict rule_model(struct finder *f)
{
	enum verdict v = pick(f, "model", has_model);
	if (v == NOT_YET)
		step(f->r, "model", false, "no slot has the model '%s'", f->model);
	return v;
}

static bool lists(const struct h0_route_remote *r, const char *model)
{
	for (const char *const *m = r->models; m && *m; m++)
		if (strcmp(*m, model) == 0)
			return true;
	return false;
}

static const struct h0_upstream *upstream_named(const struct h0_upstreams *us, const char *name)
{
	for (size_t i = 0; i < us->n; i++)
		if (strcmp(us->v[i].name, name) == 0)
			return &us->v[i];
	return NULL;
}

/* The first that lists the model, in the order of the file. */
static enum verdict rule_upstream(struct finder *f)
{
	for (size_t i = 0; f->ask->upstreams && i < f->ask->nremote; i++) {
		const struct h0_route_remote *remote = &f->ask->remote[i];
		const struct h0_upstream *u = upstream_named(f->ask->upstreams, remote->name);
		if (!u)
			continue;
		if (!lists(remote, f->model)) {
			step(f->r, "upstream", false, "%s %s", u->name, remote->models ? "does not list it" : remote->why);
			continue;
		}
		step(f->r, "upstream", true, "%s lists it", u->name);
		f->r->upstream = u;
		f->r->remote = remote;
		f->r->rule = "upstream";
		return FOUND;
	}
	return NOT_YET;
}

static bool hinted(const char *model, const char *word, bool anywhere)
{
	return anywhere ? strcasestr(model, word) != NULL : strncasecmp(model, word, strlen(word)) == 0;
}

static enum verdict rule_hint(struct finder *f)
{
	if (h0_flm_is_name(f->model)) {
		const struct h0_slot *s = h0_npu_anchor(f->ask->slots);
		if (s && fits(f, s) && s->enabled) {
			step(f->r, "hint", true, "a name as the NPU's models have: slot %s", s->name);
			return choose(f, s, "hint");
		}
		step(f->r, "hint", false, "a name as the NPU's models have, but no slot there that can answer");
	}
	for (size_t i = 0; f->any_type && i < H0_ARRAY_LEN(hints); i++) {
		if (!hinted(f->model, hints[i].word, hints[i].anywhere))
			continue;
		f->any_type = false;
		f->type = hints[i].type;
		step(f->r, "hint", true, "'%s' in the model's name: a slot of type %s", hints[i].word,
		     h0_type_names[f->type]);
	}
	return NOT_YET;
}

static const struct h0_slot *first_broken(const struct h0_slots *slots)
{
	for (size_t i = 0; i < slots->n; i++)
		if (slots->v[i].broken)
			return &slots->v[i];
	return NULL;
}

static enum verdict no_default(struct finder *f, size_t candidates)
{
	const char *type = h0_type_names[f->type];
	const struct h0_slot *broken = first_broken(f->ask->slots);
	const char *what = f->r->endpoint ? f->r->endpoint->path : f->model ? f->model : "the request";
	if (candidates)
		h0_fail(f->e, H0_NO, "%s: %zu slots of type %s and none is the default: name one, or set "
		        "default = true in its file", what, candidates, type);
	else if (broken)
		h0_fail(f->e, H0_NO, "%s: there is no slot of type %s that could answer; the file of slot %s is "
		        "invalid (hal0 conf check)", what, type, broken->name);
	else
		h0_fail(f->e, H0_NO, "%s: there is no slot of type %s that could answer (hal0 slot list; "
		        "hal0 slot create)", what, type);
	h0_err_detail(f->e, "type", "%s", type);
	if (f->model)
		h0_err_detail(f->e, "model", "%s", f->model);
	h0_err_code(f->e, "dispatch.no_route");
	return FAILED;
}

static const struct h0_slot *marked_default(const struct finder *f)
{
	for (size_t i = 0; i < f->ask->slots->n; i++) {
		const struct h0_slot *s = &f->ask->slots->v[i];
		if (fits(f, s) && s->enabled && s->is_default)
			return s;
	}
	return NULL;
}

static const struct h0_slot *only_one(const struct finder *f, size_t *ret_n)
{
	const struct h0_slot *only = NULL;
	for (size_t i = 0; i < f->ask->slots->n; i++) {
		const struct h0_slot *s = &f->ask->slots->v[i];
		if (!fits(f, s) || !s->enabled)
			continue;
		only = s;
		++*ret_n;
	}
	return *ret_n == 1 ? only : NULL;
}

static enum verdict rule_default(struct finder *f)
{
	f->any_type = false;
	const char *type = h0_type_names[f->type];
	const struct h0_slot *s = marked_default(f);
	if (s) {
		step(f->r, "default", true, "slot %s is the default of type %s", s->name, type);
		return choose(f, s, "default");
	}
	step(f->r, "default", false, "no slot of type %s says default = true", type);
	for (const char *const *name = anchors[f->type]; *name; name++) {
		s = h0_slots_get(f->ask->slots, *name);
		bool old = f->type == H0_TYPE_RERANKING && s && !s->broken && s->enabled && is_old_reranker(s);
		if (!old && !(s = usable(f, "anchor", *name)))
			continue;
		step(f->r, "anchor", true, "slot %s%s", *name,
		     old ? ", an embedding server: it answers only if it was started with --reranking" : "");
		return choose(f, s, "anchor");
	}
	size_t n = 0;
	s = only_one(f, &n);
	if (s) {
		step(f->r, "only one", true, "slot %s is the only one of type %s", s->name, type);
		return choose(f, s, "only one");
	}
	step(f->r, "only one", false, "%zu enabled slots of type %s", n, type);
	return no_default(f, n);
}

/* ---- before and after ---- */

static enum verdict unknown_path(struct finder *f)
{
	const char *path = f->r->path;
	step(f->r, "endpoint", false, "%s is not in the table: it goes to the slot as it is", path);
	f->any_type = true;
	if (f->model)
		return NOT_YET;
	const char *names[64] = {NULL};
	for (size_t i = 0; i < h0_nendpoints && i < H0_ARRAY_LEN(names) - 1; i++)
		names[i] = h0_endpoints[i].path;
	const char *near = h0_str_nearest(path, names);
	h0_fail(f->e, H0_NO, "%s: no such endpoint, and no model that tells the slot%s%s%s", path,
	        near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	h0_err_detail(f->e, "path", "%s", path);
	h0_err_code(f->e, "dispatch.no_route");
	return FAILED;
}

static enum verdict rule_endpoint(struct finder *f)
{
	char path[1024];
	f->type = H0_TYPE_LLM;
	if (!f->ask->path) {
		f->any_type = true;
		return NOT_YET;
	}
	if (!h0_path_ok(f->ask->path) || strlen(f->ask->path) > sizeof path - 8) {
		h0_fail(f->e, H0_USAGE, "not a path that can be asked: it starts with / and has no spaces");
		return FAILED;
	}
	const struct h0_endpoint *ep = h0_endpoint_find(f->ask->path, path, sizeof path);
	f->r->endpoint = ep;
	f->r->path = keep(f->r, path);
	if (strcmp(path, f->ask->path) != 0)
		step(f->r, "rewrite", true, "%s is meant by %s", path, f->ask->path);
	if (!ep)
		return unknown_path(f);
	if (ep->ask == H0_ASK_LOCAL && f->model) {
		step(f->r, "endpoint", true, "%s of the slot itself", ep->path);
		f->any_type = true;
		return NOT_YET;
	}
	if (ep->ask == H0_ASK_LOCAL) {
		step(f->r, "endpoint", true, "%s is answered by hal0-route serve itself", ep->path);
		f->r->rule = "endpoint";
		return FOUND;
	}
	f->type = ep->type;
	step(f->r, "endpoint", true, "%s is answered by slots of type %s", ep->path, h0_type_names[ep->type]);
	if (ep->ask != H0_ASK_TRANSCRIPTION || f->model)
		return NOT_YET;
	h0_fail(f->e, H0_USAGE, "%s: the request names no model", ep->path);
	h0_err_code(f->e, "request.missing_model");
	return FAILED;
}

static bool started_without(const struct h0_route_ask *ask, const struct h0_slot *s, enum h0_slot_type t)
{
	for (size_t i = 0; i < ask->nlive; i++)
		if (strcmp(ask->live[i].slot, s->name) == 0)
			return ask->live[i].without & H0_TYPE_BIT(t);
	return false;
}

/* A record of the NPU trio: its anchor must be able to answer for it. */
static enum verdict rule_trio(struct finder *f)
{
	const struct h0_slot *s = f->r->slot, *a = NULL;
	struct h0_err why = {0};
	if (!s || !h0_slot_is_shadow(s))
		return NOT_YET;
	if (h0_npu_trio(f->ask->slots, s, &a, &why) == 0) {
		enum h0_route_known live = live_state(f->ask, a);
		if (live == H0_ROUTE_LOADING && !f->ask->loads)
			h0_npu_trio_fail(&why, s, "slot %s is still loading: hal0 slot wait %s", a->name, a->name);
		else if (live == H0_ROUTE_DOWN && !f->ask->loads)
			h0_npu_trio_fail(&why, s, "slot %s does not run: hal0 slot start %s", a->name, a->name);
		else if (live == H0_ROUTE_READY && started_without(f->ask, a, s->type))
			h0_npu_trio_fail(&why, s, "slot %s was started without it: hal0 slot restart %s", a->name, a->name);
	}
	if (why.kind) {
		step(f->r, "npu trio", false, "%s", why.msg);
		if (f->r->endpoint)
			h0_err_detail(&why, "endpoint", "%s", f->r->endpoint->path);
		if (f->e)
			*f->e = why;
		return FAILED;
	}
	step(f->r, "npu trio", true, "slot %s has one server for all of the NPU: port %d", a->name, a->port);
	f->r->anchor = a;
	return FOUND;
}

static void state_step(struct finder *f, const struct h0_slot *s)
{
	switch (live_state(f->ask, s)) {
	case H0_ROUTE_READY:
		step(f->r, "state", true, "slot %s is ready", s->name);
		return;
	case H0_ROUTE_LOADING:
		step(f->r, "state", false, "slot %s is loading", s->name);
		return;
	case H0_ROUTE_DOWN:
		step(f->r, "state", false, "slot %s does not run%s%s", s->name,
		     f->ask->loads ? "" : ": hal0 slot start ", f->ask->loads ? ", it is started first" : s->name);
		return;
	default:
		step(f->r, "state", false, "slot %s does not say how it is", s->name);
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
	step(r, "rewrite", true, "sent as %s", r->endpoint->upstream);
}

static void finish_upstream(struct finder *f)
{
	struct h0_route *r = f->r;
	if (!f->ask->path) {
		enum h0_slot_type type = H0_TYPE_LLM;
		for (size_t i = 0; i < H0_ARRAY_LEN(hints); i++)
			type = hinted(f->model, hints[i].word, hints[i].anywhere) ? hints[i].type : type;
		r->endpoint = h0_endpoint_of_type(type);
		r->path = r->endpoint->path;
		step(r, "endpoint", true, "no path was given: %s, by the model's name", r->path);
	}
	rewrite_path(r);
	h0_autofree char *path = h0_upstream_path(r->upstream, r->path);
	r->path = keep(r, path);
	r->port = r->upstream->port;
	r->model = keep(r, f->model);
}

static void finish(struct finder *f)
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
		step(r, "endpoint", true, "no path was given: %s, as the slot is of type %s", r->path, type_of(s));
	}
	rewrite_path(r);
	if (r->endpoint && r->endpoint->missing)
		step(r, "endpoint", false, "%s", r->endpoint->missing);
	if (f->ask->nlive)
		state_step(f, r->anchor);
	h0_route_model_id(s, id, sizeof id);
	/* what its server lists is what it wants to hear, whatever the file says by now */
	if (strcmp(r->rule, "loaded") == 0 && !is_flm(s))
		return;
	if (*id && !h0_streq(f->ask->model, id)) {
		r->model = keep(r, id);
		if (f->ask->model && *f->ask->model)
			step(r, "rewrite", true, "model '%s' is sent as '%s'", f->ask->model, id);
	}
}

int h0_route_find(const struct h0_route_ask *ask, struct h0_route *ret, struct h0_err *e)
{
	static enum verdict (*const by_model[])(struct finder *) = {
		rule_virtual, rule_loaded, rule_name, rule_model, rule_upstream, rule_hint};
	struct finder f = {.ask = ask, .r = ret, .e = e,
		.model = ask->model && *ask->model ? ask->model : NULL};
	*ret = (struct h0_route){0};
	enum verdict v = rule_endpoint(&f);
	if (v == NOT_YET && !f.model)
		step(ret, "model", false, "the request names none");
	for (size_t i = 0; v == NOT_YET && f.model && i < H0_ARRAY_LEN(by_model); i++)
		v = by_model[i](&f);
	if (v == NOT_YET)
		v = rule_default(&f);
	if (v == FOUND && rule_trio(&f) == FAILED)
		v = FAILED;
	if (v == FAILED) {
		ret->slot = NULL;
		return -1;
	}
	finish(&f);
	return 0;
}

void h0_route_remark(struct h0_route *r, const char *rule, const char *why)
{
	step(r, rule, false, "%s", why);
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
