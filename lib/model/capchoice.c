/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/capchoice.h"

#include <string.h>

#include "base/str.h"
#include "conf/schema.h"
#include "model/device.h"
#include "model/plan.h"
#include "model/provider.h"

int h0_cap_refuse(const struct h0_cap_choice *c, const char *code, struct h0_err *e)
{
	h0_err_detail(e, "capability", "%s.%s", c->cap->group, c->cap->child);
	return h0_err_code(e, code);
}

static int word(const struct h0_cap_choice *c, const char *what, const char *said,
                const char *const *words, int *ret, struct h0_err *e)
{
	*ret = h0_word_index(words, said);
	if (*ret >= 0)
		return 0;
	const char *near = h0_str_nearest(said, words);
	h0_fail(e, H0_USAGE, "unknown %s '%.64s'%s%s%s", what, said, near ? " (did you mean " : "",
	        near ? near : "", near ? "?)" : "");
	return h0_cap_refuse(c, "capability.invalid_selection", e);
}

static bool can_run(const struct h0_profiles *profiles, enum h0_device device, enum h0_slot_type type,
                    enum h0_provider p)
{
	if (!h0_provider_serves(p, type) || !(h0_providers[p].devices & H0_DEVICE_BIT(device)))
		return false;
	return h0_providers[p].image || h0_profiles_default(profiles, device, type, (int)p);
}

/* The program that does this there: the usual one, else one that a profile runs, else any. -1: none. */
static int program_at(const struct h0_profiles *profiles, enum h0_device device, enum h0_slot_type type)
{
	enum h0_provider usual =
		device == H0_DEVICE_NPU ? H0_PROVIDER_FLM : h0_types[type].provider;
	if (can_run(profiles, device, type, usual))
		return (int)usual;
	const struct h0_profile *p = h0_profiles_default(profiles, device, type, -1);
	if (p)
		return (int)h0_profile_family(p);
	for (int other = 0; other < H0_PROVIDER_N; other++)
		if (can_run(profiles, device, type, (enum h0_provider)other))
			return other;
	return -1;
}

static bool serves_at(const struct h0_cap_ground *w, const struct h0_cap_choice *c, enum h0_device device)
{
	return c->provider >= 0
	           ? can_run(w->profiles, device, c->cap->type, (enum h0_provider)c->provider)
	           : program_at(w->profiles, device, c->cap->type) >= 0;
}

/* Where a new slot goes when nobody says: the CPU if it is all that the program is made for, else
 * as the box is meant to be used if anything runs it there. */
static enum h0_device usual_device(const struct h0_cap_ground *w, const struct h0_cap_choice *c)
{
	static const enum h0_device order[] = {
		H0_DEVICE_GPU_VULKAN, H0_DEVICE_GPU_ROCM, H0_DEVICE_CPU, H0_DEVICE_NPU,
	};
	int family = c->provider >= 0 ? c->provider : (int)h0_types[c->cap->type].provider;
	const struct h0_profile *p =
		h0_profiles_default(w->profiles, H0_DEVICE_CPU, c->cap->type, family);
	if (p && p->device_class == H0_CLASS_CPU)
		return H0_DEVICE_CPU;
	if (serves_at(w, c, w->world->device))
		return w->world->device;
	for (size_t i = 0; i < H0_ARRAY_LEN(order); i++)
		if (serves_at(w, c, order[i]))
			return order[i];
	return w->world->device;
}

static int choose_device(const struct h0_cap_ground *w, struct h0_cap_choice *c, struct h0_err *e)
{
	int device;
	if (*c->want.device) {
		if (word(c, "device", c->want.device, h0_device_names, &device, e) < 0)
			return -1;
		c->device = (enum h0_device)device;
	} else {
		c->device = c->slot ? c->slot->device : usual_device(w, c);
	}
	return 0;
}

bool h0_cap_choice_shadow(const struct h0_cap_choice *c)
{
	return c->device == H0_DEVICE_NPU &&
	       (c->cap->type == H0_TYPE_EMBEDDING || c->cap->type == H0_TYPE_TRANSCRIPTION);
}

static int wrong_pair(const struct h0_cap_choice *c, struct h0_err *e)
{
	const char *provider = c->provider >= 0 ? h0_provider_names[c->provider] : NULL;
	const char *device = h0_device_names[c->device];
	if (provider && !h0_provider_serves((enum h0_provider)c->provider, c->cap->type))
		h0_fail(e, H0_USAGE, "provider %s does not do %s.%s (type %s)", provider, c->cap->group,
		        c->cap->child, h0_type_names[c->cap->type]);
	else if (provider && !(h0_providers[c->provider].devices & H0_DEVICE_BIT(c->device)))
		h0_fail(e, H0_USAGE, "provider %s does not run on device %s", provider, device);
	else if (provider)
		h0_fail(e, H0_USAGE, "no profile runs provider %s on device %s: see hal0 profile list, or make "
		        "the slot with an image of its own: hal0 slot create %s --image IMAGE --type %s "
		        "provider=%s", provider, device, c->cap->slots[0], h0_type_names[c->cap->type],
		        provider);
	else
		h0_fail(e, H0_USAGE, "nothing on device %s does %s.%s: no profile of type %s runs there "
		        "(hal0 profile list)", device, c->cap->group, c->cap->child,
		        h0_type_names[c->cap->type]);
	h0_err_detail(e, "device", "%s", device);
	return h0_cap_refuse(c, "capability.illegal_backend_model_pair", e);
}

static bool fits(enum h0_provider p, const struct h0_cap_choice *c)
{
	return h0_provider_serves(p, c->cap->type) && h0_providers[p].devices & H0_DEVICE_BIT(c->device);
}

/* The program: the one asked for, else what the slot has if that does it there, else the usual. */
static int choose_program(const struct h0_cap_ground *w, struct h0_cap_choice *c, bool asked, struct h0_err *e)
{
	const struct h0_slot *s = c->slot;
	struct h0_plan p;
	bool own_image = s && s->image && !s->profile;
	c->kept = s && s->device == c->device && s->type == c->cap->type &&
	          h0_plan_slot(s, w->profiles, &p, NULL) == 0 &&
	          (!asked || (int)p.family == c->provider);
	if (c->kept) {
		c->family = p.family;
		return 0;
	}
	if (own_image && fits(asked ? (enum h0_provider)c->provider : s->provider, c)) {
		c->family = asked ? (enum h0_provider)c->provider : s->provider;
		return 0;
	}
	c->drop_image = s && s->image;
	if (!asked)
		c->provider = program_at(w->profiles, c->device, c->cap->type);
	if (c->provider < 0)
		return wrong_pair(c, e);
	c->family = (enum h0_provider)c->provider;
	return can_run(w->profiles, c->device, c->cap->type, c->family) ? 0 : wrong_pair(c, e);
}

static int wrong_model(const struct h0_cap_choice *c, const char *why, struct h0_err *e)
{
	h0_fail(e, H0_USAGE, "model '%.200s' is not for %s.%s: %s", c->want.model, c->cap->group,
	        c->cap->child, why);
	return h0_cap_refuse(c, "capability.illegal_model_fit", e);
}

static bool brings_projector(const struct h0_slot *s)
{
	return s && s->extra_args && strstr(s->extra_args, "--mmproj");
}

static int look_up(const struct h0_cap_ground *w, const struct h0_cap_choice *c, struct h0_cap_model *ret,
                   struct h0_err *e)
{
	if (w->world->model(w->snap, c->want.model, ret, w->world->arg, e) == 0)
		return 0;
	if (!h0_streq(h0_err_name(e), "model.not_found") && !h0_streq(h0_err_name(e), "model.path_missing"))
		return -1; /* there, and damaged or no model: as it is said */
	e->kind = H0_USAGE;
	return h0_cap_refuse(c, "capability.unknown_model", e);
}

/* Whether there is such a model comes before whether it goes with the device. The NPU's programs
 * have models of their own. */
static int check_known(const struct h0_cap_ground *w, const struct h0_cap_choice *c, struct h0_err *e)
{
	struct h0_cap_model m;
	bool elsewhere = c->device == H0_DEVICE_NPU && h0_provider_serves(H0_PROVIDER_FLM, c->cap->type);
	bool file = h0_types[c->cap->type].provider == H0_PROVIDER_LLAMA_SERVER && !elsewhere &&
	            (c->provider < 0 || c->provider == H0_PROVIDER_LLAMA_SERVER);
	return file && *c->want.model && w->world->model ? look_up(w, c, &m, e) : 0;
}

static int check_file(const struct h0_cap_ground *w, const struct h0_cap_choice *c, struct h0_err *e)
{
	struct h0_cap_model m = {0};
	if (!w->world->model)
		return 0;
	if (look_up(w, c, &m, e) < 0)
		return -1;
	switch (c->cap->type) {
	case H0_TYPE_EMBEDDING:
		return m.ranker ? wrong_model(c, "it was made for reranking", e) : 0;
	case H0_TYPE_RERANKING:
		return m.encoder && !m.ranker ? wrong_model(c, "it makes vectors and ranks nothing", e) : 0;
	default:
		if (m.encoder || m.ranker)
			return wrong_model(c, "it makes no text", e);
		if (!m.projector && !brings_projector(c->slot))
			return wrong_model(c, "there is no vision projector (mmproj) beside it", e);
		return 0;
	}
}

static bool is_gguf(const struct h0_cap_ground *w, const char *model)
{
	struct h0_cap_model known;
	return strchr(model, '/') ||
	       (w->world->model && w->world->model(w->snap, model, &known, w->world->arg, NULL) == 0);
}

static int check_model(const struct h0_cap_ground *w, const struct h0_cap_choice *c, struct h0_err *e)
{
	const char *m = c->want.model;
	if (!*m && c->want.enabled && h0_providers[c->family].needs_model && !h0_cap_choice_shadow(c)) {
		h0_fail(e, H0_USAGE, "%s.%s has no model yet: give --model MODEL", c->cap->group,
		        c->cap->child);
		return h0_cap_refuse(c, "capability.invalid_selection", e);
	}
	if (!*m)
		return 0;
	if (c->family == H0_PROVIDER_LLAMA_SERVER)
		return check_file(w, c, e);
	if (c->family == H0_PROVIDER_FLM && is_gguf(w, m)) {
		h0_fail(e, H0_USAGE, "device npu runs FLM models (such as embed-gemma:300m), not the GGUF model "
		        "'%.200s'", m);
		return h0_cap_refuse(c, "capability.illegal_backend_model_pair", e);
	}
	return 0;
}

int h0_cap_choose(const struct h0_cap_ground *w, const struct h0_slot *slot,
                  const struct h0_selection *want, bool asked, struct h0_cap_choice *c,
                  struct h0_err *e)
{
	*c = (struct h0_cap_choice){.cap = want->cap, .slot = slot, .want = *want, .provider = -1};
	if (slot && slot->broken) {
		*e = slot->err;
		return -1;
	}
	if (*want->provider && word(c, "provider", want->provider, h0_provider_names, &c->provider, e) < 0)
		return -1;
	if (choose_device(w, c, e) < 0 || check_known(w, c, e) < 0 || choose_program(w, c, asked, e) < 0)
		return -1;
	return check_model(w, c, e);
}

/* ---- the slot's keys ---- */

static int want_word(struct h0_edits *edits, const char *key, const char *now, const char *want,
                     struct h0_err *e)
{
	return h0_streq(now, want) ? 0 : h0_edits_set(edits, key, want, e);
}

/* What makes the slot run c->family: its profile where it names one, else its provider. */
static int program_edits(const struct h0_profiles *profiles, const struct h0_cap_choice *c, struct h0_edits *edits,
                         struct h0_err *e)
{
	const struct h0_slot *s = c->slot;
	const struct h0_profile *mine = s && s->profile ? h0_profiles_get(profiles, s->profile) : NULL;
	const char *provider = h0_provider_names[c->family];
	if (c->drop_image && h0_edits_unset(edits, "image", e) < 0)
		return -1;
	if (c->kept || (mine && h0_profile_family(mine) == c->family && h0_profile_fits(mine, c->device)))
		return 0;
	if (mine) {
		const struct h0_profile *p =
			h0_profiles_default(profiles, c->device, c->cap->type, (int)c->family);
		if (p)
			return h0_edits_set(edits, "profile", p->name, e);
		if (h0_edits_unset(edits, "profile", e) < 0)
			return -1;
	}
	bool says = s && (s->provider_given || (s->image && !c->drop_image));
	if (!says && program_at(profiles, c->device, c->cap->type) == (int)c->family)
		return 0;
	return want_word(edits, "provider", s && s->provider_given ? h0_provider_names[s->provider] : NULL,
	                 provider, e);
}

int h0_cap_choice_edits(const struct h0_profiles *profiles, const struct h0_cap_choice *c,
                        struct h0_edits *edits, struct h0_err *e)
{
	const struct h0_slot *s = c->slot;
	bool type_said = s && s->type == c->cap->type && (s->type_given || !h0_cap_choice_shadow(c));
	if ((!type_said && h0_edits_set(edits, "type", h0_type_names[c->cap->type], e) < 0) ||
	    want_word(edits, "device", s ? h0_device_names[s->device] : NULL,
	              h0_device_names[c->device], e) < 0 ||
	    want_word(edits, "model.default", s ? s->model : "", c->want.model, e) < 0 ||
	    program_edits(profiles, c, edits, e) < 0)
		return -1;
	if (s && !s->enabled && h0_edits_set(edits, "enabled", "true", e) < 0)
		return -1;
	bool sees = c->cap->type != H0_TYPE_LLM || !s || s->vision;
	return sees ? 0 : h0_edits_set(edits, "vision", "true", e);
}

