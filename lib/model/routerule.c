/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/routerule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/flm.h"
#include "model/npu.h"

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

/* ---- slots ---- */

enum h0_route_known h0_route_live_state(const struct h0_route_ask *ask, const struct h0_slot *s)
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

static bool fits(const struct h0_route_finder *f, const struct h0_slot *s)
{
	return !s->broken && (f->any_type || s->type == f->type);
}

/* Better first: enabled, then ready, then the default of its type; equal: by name. */
static int rank(const struct h0_route_finder *f, const struct h0_slot *s)
{
	enum h0_route_known live = h0_route_live_state(f->ask, s);
	return (s->enabled ? 16 : 0) + (live == H0_ROUTE_READY ? 8 : live == H0_ROUTE_DOWN ? 0 : 4) +
	       (s->is_default ? 1 : 0);
}

static enum h0_route_verdict choose(struct h0_route_finder *f, const struct h0_slot *s, const char *rule)
{
	f->r->slot = s;
	f->r->rule = rule;
	return H0_ROUTE_FOUND;
}

/* "slot embed is of type embedding": what was named cannot answer what was asked. */
static enum h0_route_verdict unfit(struct h0_route_finder *f, const struct h0_slot *s, const char *rule)
{
	h0_route_note(f->r, rule, false, "slot %s is of type %s, %s needs type %s", s->name, type_of(s),
	              f->r->endpoint->path, h0_type_names[f->type]);
	h0_fail(f->e, H0_NO, "slot %s (type %s) cannot answer %s, which needs a slot of type %s", s->name,
	        type_of(s), f->r->endpoint->path, h0_type_names[f->type]);
	h0_err_detail(f->e, "slot", "%s", s->name);
	h0_err_code(f->e, "dispatch.no_route");
	return H0_ROUTE_FAILED;
}

/* Among the slots that `match`: the best that fits, or unfit() when there are only others. */
static enum h0_route_verdict pick(struct h0_route_finder *f, const char *rule,
                                  bool (*match)(const struct h0_route_finder *, const struct h0_slot *))
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
		return other ? unfit(f, other, rule) : H0_ROUTE_NOT_YET;
	if (n > 1)
		h0_route_note(f->r, rule, true, "slot %s, one of %zu with that model: enabled, ready, default go first",
		              best->name, n);
	else
		h0_route_note(f->r, rule, true, "slot %s", best->name);
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

static bool has_model(const struct h0_route_finder *f, const struct h0_slot *s)
{
	char id[512];
	if (!s->model || !*s->model)
		return false;
	if (strcmp(s->model, f->model) == 0 || strcmp(h0_route_model_id(s, id, sizeof id), f->model) == 0)
		return true;
	return is_flm(s) && h0_flm_same(s->model, f->model);
}

static bool advertises(const struct h0_route_finder *f, const struct h0_slot *s)
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

const char *h0_route_hint(const char *model, enum h0_slot_type *ret)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(hints); i++) {
		const char *word = hints[i].word;
		if (hints[i].anywhere ? !strcasestr(model, word) : strncasecmp(model, word, strlen(word)) != 0)
			continue;
		*ret = hints[i].type;
		return word;
	}
	return NULL;
}

/* ---- the rules ---- */

/* A slot by name that may answer: there, readable, enabled, of the right type. */
static const struct h0_slot *usable(struct h0_route_finder *f, const char *rule, const char *name)
{
	const struct h0_slot *s = h0_slots_get(f->ask->slots, name);
	if (!s)
		h0_route_note(f->r, rule, false, "no slot %s", name);
	else if (s->broken)
		h0_route_note(f->r, rule, false, "slot %s: its file is invalid", name);
	else if (!s->enabled)
		h0_route_note(f->r, rule, false, "slot %s is not enabled", name);
	else if (!fits(f, s))
		h0_route_note(f->r, rule, false, "slot %s is of type %s", name, type_of(s));
	else
		return s;
	return NULL;
}

static const struct h0_slot *by_role(struct h0_route_finder *f, const char *role)
{
	for (size_t i = 0; i < f->ask->slots->n; i++) {
		const struct h0_slot *s = &f->ask->slots->v[i];
		if (fits(f, s) && s->enabled && s->role && strcmp(s->role, role) == 0)
			return s;
	}
	return NULL;
}

static enum h0_route_verdict virtual_link(struct h0_route_finder *f, const char *name)
{
	const struct h0_slot *s = usable(f, "virtual", name);
	if (s) {
		h0_route_note(f->r, "virtual", true, "slot %s has that name", name);
		return choose(f, s, "virtual");
	}
	s = by_role(f, name);
	if (!s)
		return H0_ROUTE_NOT_YET;
	h0_route_note(f->r, "virtual", true, "slot %s has the role %s", s->name, name);
	return choose(f, s, "virtual");
}

static enum h0_route_verdict no_such_virtual(struct h0_route_finder *f, const char *name)
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
	return H0_ROUTE_FAILED;
}

static enum h0_route_verdict rule_virtual(struct h0_route_finder *f)
{
	if (!h0_starts(f->model, "hal0/"))
		return H0_ROUTE_NOT_YET;
	const char *name = f->model + 5;
	const struct h0_route_chain *chain = NULL;
	for (size_t i = 0; i < h0_route_nchains && !chain; i++)
		if (strcmp(h0_route_chains[i].name, name) == 0)
			chain = &h0_route_chains[i];
	enum h0_route_verdict v = virtual_link(f, name);
	for (size_t i = 0; v == H0_ROUTE_NOT_YET && chain && i < H0_ARRAY_LEN(chain->then) && chain->then[i]; i++)
		v = virtual_link(f, chain->then[i]);
	if (v != H0_ROUTE_NOT_YET)
		return v;
	const struct h0_slot *s = h0_slots_get(f->ask->slots, name);
	if (s && !s->broken && !fits(f, s))
		return unfit(f, s, "virtual");
	if (!chain && !s)
		return no_such_virtual(f, name);
	h0_route_note(f->r, "virtual", false, "hal0/%s: none of its slots can answer, the default does", name);
	f->model = NULL; /* no further rule knows that name */
	return H0_ROUTE_NOT_YET;
}

static enum h0_route_verdict rule_loaded(struct h0_route_finder *f)
{
	if (!f->ask->nlive)
		return H0_ROUTE_NOT_YET;
	enum h0_route_verdict v = pick(f, "loaded", advertises);
	if (v == H0_ROUTE_NOT_YET)
		h0_route_note(f->r, "loaded", false, "no running slot lists '%s'", f->model);
	return v;
}

static enum h0_route_verdict rule_name(struct h0_route_finder *f)
{
	const struct h0_slot *s = h0_slots_get(f->ask->slots, f->model);
	if (!s) {
		h0_route_note(f->r, "slot name", false, "no slot is called '%s'", f->model);
		return H0_ROUTE_NOT_YET;
	}
	if (s->broken) {
		h0_route_note(f->r, "slot name", false, "the file of slot %s is invalid", s->name);
		if (f->e)
			*f->e = s->err;
		return H0_ROUTE_FAILED;
	}
	if (!fits(f, s) && !(f->type == H0_TYPE_RERANKING && is_old_reranker(s)))
		return unfit(f, s, "slot name");
	h0_route_note(f->r, "slot name", true, "slot %s has that name%s", s->name, s->enabled ? "" : " (not enabled)");
	return choose(f, s, "slot name");
}

static enum h0_route_verdict rule_model(struct h0_route_finder *f)
{
	enum h0_route_verdict v = pick(f, "model", has_model);
	if (v == H0_ROUTE_NOT_YET)
		h0_route_note(f->r, "model", false, "no slot has the model '%s'", f->model);
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
static enum h0_route_verdict rule_upstream(struct h0_route_finder *f)
{
	for (size_t i = 0; f->ask->upstreams && i < f->ask->nremote; i++) {
		const struct h0_route_remote *remote = &f->ask->remote[i];
		const struct h0_upstream *u = upstream_named(f->ask->upstreams, remote->name);
		if (!u)
			continue;
		if (!lists(remote, f->model)) {
			h0_route_note(f->r, "upstream", false, "%s %s", u->name, remote->models ? "does not list it" : remote->why);
			continue;
		}
		h0_route_note(f->r, "upstream", true, "%s lists it", u->name);
		f->r->upstream = u;
		f->r->remote = remote;
		f->r->rule = "upstream";
		return H0_ROUTE_FOUND;
	}
	return H0_ROUTE_NOT_YET;
}

static enum h0_route_verdict rule_hint(struct h0_route_finder *f)
{
	if (h0_flm_is_name(f->model)) {
		const struct h0_slot *s = h0_npu_anchor(f->ask->slots);
		if (s && fits(f, s) && s->enabled) {
			h0_route_note(f->r, "hint", true, "a name as the NPU's models have: slot %s", s->name);
			return choose(f, s, "hint");
		}
		h0_route_note(f->r, "hint", false, "a name as the NPU's models have, but no slot there that can answer");
	}
	const char *word = f->any_type ? h0_route_hint(f->model, &f->type) : NULL;
	if (word) {
		f->any_type = false;
		h0_route_note(f->r, "hint", true, "'%s' in the model's name: a slot of type %s", word,
		              h0_type_names[f->type]);
	}
	return H0_ROUTE_NOT_YET;
}

static const struct h0_slot *first_broken(const struct h0_slots *slots)
{
	for (size_t i = 0; i < slots->n; i++)
		if (slots->v[i].broken)
			return &slots->v[i];
	return NULL;
}

static enum h0_route_verdict no_default(struct h0_route_finder *f, size_t candidates)
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
	return H0_ROUTE_FAILED;
}

static const struct h0_slot *marked_default(const struct h0_route_finder *f)
{
	for (size_t i = 0; i < f->ask->slots->n; i++) {
		const struct h0_slot *s = &f->ask->slots->v[i];
		if (fits(f, s) && s->enabled && s->is_default)
			return s;
	}
	return NULL;
}

static const struct h0_slot *only_one(const struct h0_route_finder *f, size_t *ret_n)
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

enum h0_route_verdict h0_route_by_default(struct h0_route_finder *f)
{
	f->any_type = false;
	const char *type = h0_type_names[f->type];
	const struct h0_slot *s = marked_default(f);
	if (s) {
		h0_route_note(f->r, "default", true, "slot %s is the default of type %s", s->name, type);
		return choose(f, s, "default");
	}
	h0_route_note(f->r, "default", false, "no slot of type %s says default = true", type);
	for (const char *const *name = anchors[f->type]; *name; name++) {
		s = h0_slots_get(f->ask->slots, *name);
		bool old = f->type == H0_TYPE_RERANKING && s && !s->broken && s->enabled && is_old_reranker(s);
		if (!old && !(s = usable(f, "anchor", *name)))
			continue;
		h0_route_note(f->r, "anchor", true, "slot %s%s", *name,
		              old ? ", an embedding server: it answers only if it was started with --reranking" : "");
		return choose(f, s, "anchor");
	}
	size_t n = 0;
	s = only_one(f, &n);
	if (s) {
		h0_route_note(f->r, "only one", true, "slot %s is the only one of type %s", s->name, type);
		return choose(f, s, "only one");
	}
	h0_route_note(f->r, "only one", false, "%zu enabled slots of type %s", n, type);
	return no_default(f, n);
}

enum h0_route_verdict h0_route_by_model(struct h0_route_finder *f)
{
	static enum h0_route_verdict (*const in_order[])(struct h0_route_finder *) = {
		rule_virtual, rule_loaded, rule_name, rule_model, rule_upstream, rule_hint};
	enum h0_route_verdict v = H0_ROUTE_NOT_YET;
	for (size_t i = 0; v == H0_ROUTE_NOT_YET && f->model && i < H0_ARRAY_LEN(in_order); i++)
		v = in_order[i](f);
	return v;
}
