/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/haproxymap.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/endpoint.h"
#include "model/route.h"

#define UNKNOWN   "?"           /* a name that no slot and no hint knows */
#define ANY_NAME    "*"         /* in the map: any other name, ... */
#define ANY_VIRTUAL "hal0/"     /* ... that begins so, ... */
#define ANY_TAG     ":"         /* ... that has it */
#define NAME_MAX_BYTES 400      /* longer ones HAProxy does not find in a body */
#define NO_TARGET ((size_t)-1)

/* "llm" ..., "any" */
static const char *type_word(int type)
{
	return type == H0_HAP_ANY ? "any" : h0_type_names[type];
}

static const char *path_of(int type)
{
	return type == H0_HAP_ANY ? "/props" : h0_endpoint_of_type((enum h0_slot_type)type)->path;
}

/* ---- targets ---- */

static size_t add_target(struct h0_hap_map *m, const struct h0_hap_target *t)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct h0_hap_target *o = &m->v[i];
		if (o->kind == t->kind && o->slot == t->slot && o->upstream == t->upstream && o->nodes == t->nodes &&
		    strcmp(o->err.msg, t->err.msg) == 0)
			return i;
	}
	m->v = h0_grow(m->v, m->n, &m->cap, sizeof *m->v);
	struct h0_hap_target *n = &m->v[m->n];
	*n = *t;
	if (t->kind == H0_HAP_SLOT)
		snprintf(n->name, sizeof n->name, "slot_%s", t->slot->name);
	else
		snprintf(n->name, sizeof n->name, "%s_%zu", t->kind == H0_HAP_NODES ? "nodes" :
		         t->kind == H0_HAP_UPSTREAM ? "upstream" : "refuse", m->n);
	return m->n++;
}

static size_t refusal(struct h0_hap_map *m, const struct h0_err *why)
{
	struct h0_hap_target t = {.kind = H0_HAP_REFUSE, .err = *why};
	if (why->file[0]) { /* a broken file: say where */
		h0_err_text(why, t.err.msg, sizeof t.err.msg);
		t.err.file[0] = '\0';
	}
	return add_target(m, &t);
}

/* ---- the slots of this box ---- */

static size_t of_slots(const struct h0_haproxy_ask *ask, struct h0_hap_map *m, int type, const char *model,
                       const char *only_rule)
{
	struct h0_route_ask q = {.slots = ask->slots, .path = path_of(type), .model = model,
		.upstreams = ask->upstreams, .remote = ask->look ? ask->look->remote : NULL,
		.nremote = ask->look ? ask->look->nremote : 0};
	h0_autoroute struct h0_route r = {0};
	struct h0_err why = {0};
	bool found = h0_route_find(&q, &r, &why) == 0;
	if (only_rule && !(found && h0_streq(r.rule, only_rule)))
		return NO_TARGET;
	if (!found)
		return refusal(m, &why);
	struct h0_hap_target t = {.kind = r.upstream ? H0_HAP_UPSTREAM : H0_HAP_SLOT, .slot = r.anchor,
		.upstream = r.upstream, .remote = r.remote};
	return add_target(m, &t);
}

/* The registry's spelling and FLM's own: "gemma3-4b-FLM", "gemma3:4b". */
static void add_flm_spellings(struct h0_strv *names, const char *id)
{
	char tag[512];
	size_t n = strlen(id);
	snprintf(tag, sizeof tag, "%.*s", (int)(h0_ends(id, "-FLM") ? n - 4 : n), id);
	char *mark = strchr(tag, ':');
	if (!mark)
		mark = strrchr(tag, '-');
	if (!mark)
		return;
	*mark = ':';
	h0_strv_add(names, tag);
	*mark = '-';
	h0_strv_add(names, tag);
	h0_strv_addf(names, "%s-FLM", tag);
}

static void names_of_slots(const struct h0_slots *slots, struct h0_strv *names)
{
	char id[512];
	for (size_t i = 0; i < slots->n; i++) {
		const struct h0_slot *s = &slots->v[i];
		h0_strv_add(names, s->name);
		h0_strv_addf(names, "hal0/%s", s->name);
		if (s->role)
			h0_strv_addf(names, "hal0/%s", s->role);
		if (s->broken || !s->model || !*s->model)
			continue;
		h0_strv_add(names, s->model);
		h0_strv_add(names, h0_route_model_id(s, id, sizeof id));
		if (s->device == H0_DEVICE_NPU)
			add_flm_spellings(names, s->model);
	}
	for (size_t i = 0; i < h0_route_nchains; i++)
		h0_strv_addf(names, "hal0/%s", h0_route_chains[i].name);
}

/* ---- the boxes ---- */

static size_t of_nodes(const struct h0_haproxy_ask *ask, struct h0_hap_map *m, int type, const char *model)
{
	struct h0_hap_target t = {.kind = H0_HAP_NODES};
	for (size_t i = 0; i < ask->nnodes; i++)
		for (size_t k = 0; k < ask->nodes[i].nnames; k++) {
			const struct h0_haproxy_name *name = &ask->nodes[i].names[k];
			if (model ? strcmp(name->id, model) == 0 : (int)name->type == type)
				t.nodes |= UINT32_C(1) << i;
		}
	if (t.nodes)
		return add_target(m, &t);
	struct h0_err why = {0};
	h0_fail(&why, H0_NO, "no box has a slot of type %s", type_word(type));
	h0_err_code(&why, "dispatch.no_route");
	return refusal(m, &why);
}

static bool is_of_type(const struct h0_haproxy_ask *ask, const char *id, int type)
{
	for (size_t i = 0; i < ask->nnodes; i++)
		for (size_t k = 0; k < ask->nodes[i].nnames; k++)
			if (strcmp(ask->nodes[i].names[k].id, id) == 0 && (int)ask->nodes[i].names[k].type == type)
				return true;
	return false;
}

/* ---- the map ---- */

/* A name that the configuration has no words for, or that stands for others in the map: an upstream
 * may list what it likes. Who asks for it is answered as for a name that nobody has. */
static bool is_left_out(const char *name)
{
	static const char *const ours[] = {ANY_NAME, ANY_VIRTUAL, ANY_TAG, NULL};
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return true;
	return !*name || strlen(name) > NAME_MAX_BYTES || h0_word_index(ours, name) >= 0;
}

/* What ends a key in a map file. */
static bool is_odd(const char *name)
{
	return strchr(name, ' ');
}

static void add_line(struct h0_hap_map *m, int type, const char *name, size_t target)
{
	h0_autofree char *key = h0_asprintf("%s|%s", type_word(type), name);
	if (target == NO_TARGET)
		return;
	if (!is_odd(name)) {
		h0_buf_addf(&m->lines, "%s %s\n", key, m->v[target].name);
		return;
	}
	m->odd = h0_grow(m->odd, m->nodd, &m->odd_cap, sizeof *m->odd);
	m->odd[m->nodd++] = (struct h0_hap_odd){h0_take(key), target};
}

static void add_type(const struct h0_haproxy_ask *ask, struct h0_hap_map *m, int type,
                     const struct h0_strv *names)
{
	bool boxes = ask->nnodes;
	size_t first = NO_TARGET;
	for (size_t i = 0; i < names->n; i++) {
		if ((i && strcmp(names->v[i], names->v[i - 1]) == 0) || is_left_out(names->v[i]))
			continue;
		size_t t = boxes ? of_nodes(ask, m, type, names->v[i]) : of_slots(ask, m, type, names->v[i], NULL);
		add_line(m, type, names->v[i], t);
		bool good = m->v[t].kind != H0_HAP_REFUSE && (!boxes || is_of_type(ask, names->v[i], type));
		if (type < H0_TYPE_N && good && first != NO_TARGET && t != first)
			m->several[type] = true;
		first = good && first == NO_TARGET ? t : first;
	}
	if (!boxes) {
		struct h0_err why = {0};
		h0_fail(&why, H0_NO, "there is no such slot (hal0 slot list)");
		h0_err_code(&why, "slot.not_found");
		add_line(m, type, ANY_VIRTUAL, refusal(m, &why));
		add_line(m, type, ANY_TAG, of_slots(ask, m, type, UNKNOWN ":" UNKNOWN, "hint"));
	}
	if (type == H0_HAP_ANY)
		return;
	size_t t = boxes ? of_nodes(ask, m, type, NULL) : of_slots(ask, m, type, UNKNOWN, NULL);
	add_line(m, type, ANY_NAME, t);
	m->answered[type] = m->v[t].kind != H0_HAP_REFUSE;
	if (m->answered[type] && first != NO_TARGET && t != first)
		m->several[type] = true;
}

void h0_hap_map_make(const struct h0_haproxy_ask *ask, struct h0_hap_map *m)
{
	h0_autostrv struct h0_strv names = {0};
	*m = (struct h0_hap_map){0};
	for (size_t i = 0; i < ask->nnodes; i++)
		for (size_t k = 0; k < ask->nodes[i].nnames; k++)
			h0_strv_add(&names, ask->nodes[i].names[k].id);
	if (!ask->nnodes)
		names_of_slots(ask->slots, &names);
	for (size_t i = 0; !ask->nnodes && ask->look && i < ask->look->nremote; i++)
		for (const char *const *id = ask->look->remote[i].models; id && *id; id++)
			h0_strv_add(&names, *id);
	h0_strv_sort(&names);
	for (int type = 0; type <= H0_HAP_ANY; type++)
		add_type(ask, m, type, &names);
}

void h0_hap_map_done(struct h0_hap_map *m)
{
	for (size_t i = 0; i < m->nodd; i++)
		free(m->odd[i].key);
	free(m->odd);
	free(m->v);
	h0_buf_done(&m->lines);
}
