/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One slot: what its file says, what follows from it, what its container is granted.
 */
#include "base/mem.h"
#include "conf/paths.h"
#include "fmt/json.h"
#include "model/grants.h"
#include "model/plan.h"
#include "run/facts.h"
#include "run/images.h"
#include "run/slotkey.h"
#include "run/store.h"
#include "slot/opts.h"

struct view {
	struct h0_paths paths;
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_profiles profiles;
	struct h0_images images;
	struct h0_plan plan;
	struct h0_model_file model;
	char model_fault[1024];     /* "" = found, or none needed */
};

static void view_done(struct view *v)
{
	h0_model_file_done(&v->model);
	h0_profiles_done(&v->profiles);
	h0_images_done(&v->images);
	h0_slots_done(&v->slots);
	h0_snap_done(&v->snap);
}

static int view_open(struct view *v, const char *name, struct h0_err *e)
{
	const struct h0_slot *slot = NULL;
	struct h0_err why = {0};
	if (h0_slots_find(&v->slots, name, &slot, e) < 0 ||
	    h0_images_open(&v->paths, &v->snap, &v->images, e) < 0 ||
	    h0_profiles_load(&v->snap, &v->profiles, e) < 0)
		return -1;
	v->profiles.images = &v->images;
	if (h0_plan_slot(slot, &v->profiles, &v->plan, e) < 0)
		return -1;
	if (v->plan.family == H0_PROVIDER_LLAMA_SERVER && *slot->model &&
	    h0_store_find(&v->paths, &v->snap, slot->model, &v->model, &why) < 0)
		snprintf(v->model_fault, sizeof v->model_fault, "%s", why.msg);
	return 0;
}

static int show_raw(struct h0_ctx *ctx, const struct view *v, const char *name, struct h0_err *e)
{
	const struct h0_slot *slot = h0_slots_get(&v->slots, name);
	if (!slot)
		return h0_slots_find(&v->slots, name, &slot, e);
	const struct h0_snap_file *f = h0_snap_get(&v->snap, slot->file);
	return h0_out_bytes(ctx, f->text, f->len, e);
}

static const char *tri_word(enum h0_tri t)
{
	return t == H0_TRI_ABSENT ? NULL : t == H0_TRI_TRUE ? "on" : "off";
}

static void add_int(struct h0_rec *r, int col, int64_t v)
{
	if (v >= 0)
		h0_rec_int(r, col, v);
}

/* What the file says. */
static void fill_file(struct h0_rec *r, const struct view *v)
{
	const struct h0_slot *s = v->plan.slot;
	h0_autofree char *file = h0_asprintf("%s/%s", v->paths.etc, s->file);
	h0_rec_str(r, SHOW_NAME, s->name);
	h0_rec_str(r, SHOW_FILE, file);
	h0_rec_int(r, SHOW_PORT, s->port);
	h0_rec_str(r, SHOW_TYPE, h0_type_names[s->type]);
	h0_rec_str(r, SHOW_DEVICE, h0_device_names[s->device]);
	h0_rec_bool(r, SHOW_ENABLED, s->enabled);
	h0_rec_bool(r, SHOW_DEFAULT, s->is_default);
	h0_rec_str(r, SHOW_ROLE, s->role);
	h0_rec_str(r, SHOW_MODEL, *s->model ? s->model : NULL);
	add_int(r, SHOW_CONTEXT, s->context_size);
	h0_rec_str(r, SHOW_EXTRA_ARGS, s->extra_args);
	h0_rec_str(r, SHOW_CHAT_TEMPLATE, s->chat_template);
	h0_rec_str(r, SHOW_THINKING, tri_word(s->enable_thinking));
	h0_rec_bool(r, SHOW_VISION, s->vision);
	add_int(r, SHOW_IDLE, s->idle_timeout_s);
	h0_rec_str(r, SHOW_SYSTEM_PROMPT, s->system_prompt);
}

/* The container's rights, each with why: everything else is taken away from it. Unknown when its
 * command cannot be made. */
static void fill_grants(struct h0_rec *r, const struct view *v)
{
	h0_autospec struct h0_spec s = {0};
	h0_autogrants struct h0_grants g = {0};
	struct h0_podman podman;
	if (h0_podman_init(&podman, NULL) < 0 ||
	    h0_spec_make_anywhere(&v->paths, &v->snap, &v->profiles, &podman, v->plan.slot, &s, NULL) < 0)
		return;
	struct h0_grant_paths p = {s.model.path, s.key_path[0] ? s.key_path : NULL, s.chat_template};
	struct h0_json *texts = h0_json_array(), *all = h0_json_array();
	h0_grants_of(&s.plan, &s.argv, &p, &g);
	for (size_t i = 0; i < g.n; i++) {
		struct h0_json *o = h0_json_object();
		h0_autofree char *text = h0_asprintf("%s (%s)", g.v[i].what, g.v[i].why);
		h0_json_set_str(o, "what", g.v[i].what);
		h0_json_set_str(o, "why", g.v[i].why);
		h0_json_add(all, o);
		h0_json_add(texts, h0_json_new_str(text));
	}
	h0_rec_json(r, SHOW_GRANTED, texts);
	h0_rec_json(r, SHOW_GRANTS, all);
}

static struct h0_json *warnings(const struct view *v)
{
	struct h0_json *l = h0_json_array();
	const struct h0_findings *f = &v->plan.slot->found;
	struct h0_err e = {0};
	for (size_t i = 0; i < f->n; i++) {
		h0_autofree char *text =
			h0_asprintf("%s%s%s", f->v[i].key, f->v[i].key[0] ? ": " : "", f->v[i].msg);
		h0_json_add(l, h0_json_new_str(text));
	}
	if (v->plan.warning[0])
		h0_json_add(l, h0_json_new_str(v->plan.warning));
	if (v->model_fault[0])
		h0_json_add(l, h0_json_new_str(v->model_fault));
	if (h0_slots_check_one(&v->slots, v->plan.slot, &e) < 0)
		h0_json_add(l, h0_json_new_str(e.msg));
	return l;
}

/* What follows from it. */
static void fill_plan(struct h0_rec *r, const struct view *v)
{
	const struct h0_plan *p = &v->plan;
	h0_rec_str(r, SHOW_PROVIDER, h0_provider_names[p->family]);
	h0_rec_str(r, SHOW_PROFILE, p->profile ? p->profile->name : NULL);
	h0_rec_str(r, SHOW_PROFILE_FROM, !p->profile ? NULL : p->profile_given ? "file" : "device");
	h0_rec_str(r, SHOW_IMAGE, p->image);
	h0_rec_str(r, SHOW_IMAGE_FROM, p->image_source);
	h0_rec_str(r, SHOW_FLAGS, p->flags);
	h0_rec_bool(r, SHOW_MTP, p->mtp);
	h0_rec_str(r, SHOW_MTP_WHY, p->mtp_why);
	h0_rec_str(r, SHOW_MODEL_PATH, v->model.path);
	char key[H0_SLOT_KEY_PATH];
	h0_slot_key_path(&v->paths, p->slot->name, key);
	h0_rec_str(r, SHOW_KEY, p->slot->key && p->family == H0_PROVIDER_LLAMA_SERVER ? key : NULL);
	fill_grants(r, v);
	h0_rec_json(r, SHOW_WARNINGS, warnings(v));
}

int slot_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_show_opts *o = opts;
	h0_auto(view_done) struct view v = {0};
	if (h0_paths_init(&v.paths, e) < 0 || h0_snap_open(v.paths.etc, &v.snap, e) < 0 ||
	    h0_slots_load(&v.snap, &v.slots, e) < 0)
		return -1;
	if (o->raw)
		return show_raw(ctx, &v, ctx->argv[0], e);
	if (view_open(&v, ctx->argv[0], e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(slot_show_cols);
	h0_rec_row(r);
	fill_file(r, &v);
	fill_plan(r, &v);
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}
