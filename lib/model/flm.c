/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/flm.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"

#define SUFFIX     "-FLM"
#define MAX_MODELS 4096u

static size_t stem_len(const char *name)
{
	return strlen(name) - (h0_ends(name, SUFFIX) ? strlen(SUFFIX) : 0);
}

bool h0_flm_is_name(const char *name)
{
	return name && stem_len(name) && (h0_ends(name, SUFFIX) || (*name != '/' && strchr(name, ':')));
}

bool h0_flm_same(const char *a, const char *b)
{
	if (!h0_flm_is_name(a) || !h0_flm_is_name(b) || stem_len(a) != stem_len(b))
		return false;
	for (size_t i = 0; i < stem_len(a); i++)
		if ((a[i] == ':' ? '-' : a[i]) != (b[i] == ':' ? '-' : b[i]))
			return false;
	return true;
}

const char *h0_flm_tag(const char *name, char dst[H0_FLM_NAME])
{
	size_t n = h0_flm_is_name(name) ? stem_len(name) : strlen(name);
	snprintf(dst, H0_FLM_NAME, "%.*s", (int)n, name);
	/* a size has no dash, a family may have several */
	char *dash = h0_flm_is_name(name) && !strchr(dst, ':') ? strrchr(dst, '-') : NULL;
	if (dash)
		*dash = ':';
	return dst;
}

/* ---- the list ---- */

static const char *first_str(const struct h0_json *o, const char *a, const char *b)
{
	const char *s = h0_json_str(h0_json_get(o, a));
	return s ? s : h0_json_str(h0_json_get(o, b));
}

static void add(struct h0_flm_list *l, const struct h0_json *o)
{
	const char *tag = first_str(o, "name", "model");
	if (!tag || !*tag || strlen(tag) >= H0_FLM_NAME || l->n >= MAX_MODELS)
		return;
	l->v = h0_grow(l->v, l->n, &l->cap, sizeof *l->v);
	struct h0_flm_model *m = &l->v[l->n++];
	*m = (struct h0_flm_model){.installed = h0_json_bool(h0_json_get(o, "installed"), true)};
	snprintf(m->tag, sizeof m->tag, "%s", tag);
}

/* FLM greets before it answers, in lines that may hold brackets: the JSON starts a line. */
static const char *json_start(const char *text, const char *end)
{
	for (const char *p = text; p < end;) {
		if (*p == '{')
			return p;
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		p = nl ? nl + 1 : end;
	}
	return NULL;
}

int h0_flm_list_parse(const char *text, size_t len, struct h0_flm_list *ret, struct h0_err *e)
{
	const char *end = text + len, *start = json_start(text, end);
	h0_autojson struct h0_json *j = NULL;
	h0_autoflmlist struct h0_flm_list l = {0};
	if (!start)
		return h0_fail(e, H0_EXTERN, "flm list -j: its answer is not JSON");
	if (h0_json_parse(start, (size_t)(end - start), "flm list -j", &j, e) < 0) {
		if (e)
			e->kind = H0_EXTERN;
		return -1;
	}
	const struct h0_json *models = h0_json_get(j, "models");
	if (h0_json_type(models) != H0_JSON_ARRAY)
		return h0_fail(e, H0_EXTERN, "flm list -j: its answer has no list of models");
	for (size_t i = 0; i < h0_json_len(models); i++)
		add(&l, h0_json_at(models, i));
	*ret = l;
	l = (struct h0_flm_list){0};
	return 0;
}

void h0_flm_list_done(struct h0_flm_list *l)
{
	free(l->v);
	*l = (struct h0_flm_list){0};
}

const struct h0_flm_model *h0_flm_list_get(const struct h0_flm_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].tag, name) == 0 || h0_flm_same(l->v[i].tag, name))
			return &l->v[i];
	return NULL;
}

const char *h0_flm_list_nearest(const struct h0_flm_list *l, const char *name)
{
	char tag[H0_FLM_NAME];
	h0_autofree const char **tags = h0_calloc(l->n + 1, sizeof *tags);
	for (size_t i = 0; i < l->n; i++)
		tags[i] = l->v[i].tag;
	return h0_str_nearest(h0_flm_tag(name, tag), tags);
}
