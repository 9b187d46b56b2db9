/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/cap.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/schema.h"
#include "conf/validate.h"
#include "model/device.h"
#include "model/provider.h"

const struct h0_cap h0_caps[] = {
	{"embed", "embed", {"embed", "embed-npu"}, H0_TYPE_EMBEDDING, "embed", "text to vectors"},
	{"embed", "rerank", {"embed-rerank", "rerank", "embed"}, H0_TYPE_RERANKING, "rerank",
	 "ranking documents for a query"},
	{"voice", "stt", {"stt", "stt-npu"}, H0_TYPE_TRANSCRIPTION, "stt", "speech to text"},
	{"voice", "tts", {"tts"}, H0_TYPE_TTS, "tts", "text to speech"},
	{"img", "img", {"img"}, H0_TYPE_IMAGE, "image", "text to pictures"},
	{"vision", "vision", {"vision"}, H0_TYPE_LLM, "vision", "chat about pictures"},
};
const size_t h0_ncaps = H0_ARRAY_LEN(h0_caps);

const struct h0_cap *h0_cap_of_slot(const char *slot)
{
	for (size_t i = 0; i < h0_ncaps; i++)
		for (size_t j = 0; h0_caps[i].slots[j]; j++)
			if (strcmp(h0_caps[i].slots[j], slot) == 0)
				return &h0_caps[i];
	return NULL;
}

static int unknown(const char *name, bool group_known, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	for (size_t i = 0; i < h0_ncaps; i++) {
		h0_strv_addf(&names, "%s.%s", h0_caps[i].group, h0_caps[i].child);
		h0_strv_add(&names, h0_caps[i].child);
	}
	const char *near = h0_str_nearest(name, (const char *const *)names.v);
	if (strncmp(name, "chat", 4) == 0 || strcmp(name, "llm") == 0)
		h0_fail(e, H0_USAGE, "chat is no capability: it lives in its slots (hal0 slot list, hal0 slot "
		        "create NAME --model MODEL)");
	else if (near)
		h0_fail(e, H0_USAGE, "no capability '%.64s' (did you mean %s?)", name, near);
	else
		h0_fail(e, H0_USAGE,
		        "no capability '%.64s' (one of embed.embed, embed.rerank, voice.stt, voice.tts, "
		        "img.img, vision.vision)", name);
	return h0_err_code(e, group_known ? "capability.unknown_child" : "capability.unknown_slot");
}

int h0_cap_find(const char *name, const struct h0_cap **ret, struct h0_err *e)
{
	const char *dot = strchr(name, '.');
	size_t group_len = dot ? (size_t)(dot - name) : 0;
	bool group_known = false;
	for (size_t i = 0; i < h0_ncaps; i++) {
		const struct h0_cap *c = &h0_caps[i];
		bool group = strlen(c->group) == group_len && !memcmp(c->group, name, group_len);
		group_known = group_known || group;
		if (strcmp(dot ? dot + 1 : name, c->child) == 0 && (group || !dot)) {
			*ret = c;
			return 0;
		}
	}
	return unknown(name, group_known, e);
}

/* Another capability's slot of this type, under a name both may have? */
static bool is_of_another(const struct h0_cap *c, const struct h0_slot *slot)
{
	for (size_t i = 0; i < h0_ncaps; i++) {
		const struct h0_cap *other = &h0_caps[i];
		for (size_t j = 0; other != c && other->slots[j]; j++)
			if (strcmp(other->slots[j], slot->name) == 0 && slot->type == other->type)
				return true;
	}
	return false;
}

const struct h0_slot *h0_cap_slot(const struct h0_cap *c, const struct h0_slots *slots)
{
	const struct h0_slot *other = NULL;
	for (size_t i = 0; c->slots[i]; i++) {
		const struct h0_slot *s = h0_slots_get(slots, c->slots[i]);
		if (s && !s->broken && s->type == c->type)
			return s;
		if (s && !other && h0_cap_of_slot(s->name) == c && (s->broken || !is_of_another(c, s)))
			other = s;
	}
	return other;
}

/* Whether a slot does its work: enabled, and with a model if its program needs one. */
static bool serves(const struct h0_slot *slot)
{
	return slot && !slot->broken && slot->enabled &&
	       (*slot->model || !h0_providers[slot->provider].needs_model);
}

/* ---- capabilities.toml ---- */

static const char *string_of(const struct h0_toml_node *table, const char *key)
{
	const struct h0_toml_node *n = h0_toml_get(table, key);
	return n && n->type == H0_TOML_STRING ? n->str : "";
}

static const char *keep(struct h0_selections *all, const char *s)
{
	return h0_arena_strndup(&all->arena, s, strlen(s));
}

static void read_selection(struct h0_selections *all, const struct h0_toml_node *root,
                           struct h0_selection *s)
{
	const char *path[] = {"selections", s->cap->group, s->cap->child, NULL};
	const struct h0_toml_node *n = h0_toml_get_path(root, path);
	const struct h0_toml_node *enabled = h0_toml_get(n, "enabled");
	const char *backend = string_of(n, "backend");
	bool known;
	s->present = n;
	s->device = keep(all, string_of(n, "device"));
	if (!*s->device && *backend)
		s->device = h0_device_names[h0_device_from_backend(backend, &known)];
	s->provider = keep(all, string_of(n, "provider"));
	s->model = keep(all, string_of(n, "model"));
	s->enabled = enabled && enabled->boolean;
}

void h0_selection_of_slot(const struct h0_cap *c, const struct h0_slot *slot,
                          struct h0_selection *ret)
{
	*ret = (struct h0_selection){.cap = c, .device = "", .provider = "", .model = ""};
	if (!slot || slot->broken)
		return;
	ret->device = h0_device_names[slot->device];
	ret->provider = h0_provider_names[slot->provider];
	ret->model = slot->model;
	ret->enabled = serves(slot);
}

bool h0_selection_agrees(const struct h0_selection *s, const struct h0_slot *slot)
{
	if (!s->enabled)
		return !serves(slot);
	return slot && !slot->broken && slot->enabled && slot->type == s->cap->type &&
	       h0_streq(slot->model, s->model) &&
	       (!*s->device || h0_streq(h0_device_names[slot->device], s->device));
}

int h0_selections_load(const struct h0_snap *snap, const struct h0_slots *slots,
                       struct h0_selections *ret, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(snap, h0_schema_capabilities.path);
	h0_autofindings struct h0_findings found = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	if (f)
		h0_validate_text(&h0_schema_capabilities, f->text, f->len, f->path, &found, &doc);
	if (h0_findings_fail(&found, e) < 0)
		return -1;
	const struct h0_toml_node *root = doc ? h0_toml_root(doc) : NULL;
	const struct h0_toml_node *version = h0_toml_get(root, "schema_version");
	struct h0_selections s = {.from_file = f, .version = f ? version ? (int)version->i64 : 1 : 0};
	s.v = h0_calloc(h0_ncaps, sizeof *s.v);
	for (size_t i = 0; i < h0_ncaps; i++) {
		struct h0_selection *x = &s.v[i];
		x->cap = &h0_caps[i];
		if (f) {
			read_selection(&s, root, x);
			continue;
		}
		h0_selection_of_slot(x->cap, h0_cap_slot(x->cap, slots), x);
		x->model = keep(&s, x->model);
	}
	*ret = s;
	return 0;
}

void h0_selections_done(struct h0_selections *s)
{
	free(s->v);
	h0_arena_done(&s->arena);
	*s = (struct h0_selections){0};
}
