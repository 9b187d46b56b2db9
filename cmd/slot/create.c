/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "model/npu.h"
#include "model/plan.h"
#include "model/port.h"
#include "run/live.h"
#include "slot/common.h"

struct create {
	const char *name;
	struct h0_edits edits;
	enum h0_device device;      /* when neither device nor profile is given */
	struct slot_ports ports;
	bool existed;
};

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	struct create *c = arg;
	const struct h0_bound bound = {slot_port_bound, &c->ports};
	return h0_slot_create(snap, c->name, &c->edits, c->device, &bound, cs, &c->existed, e);
}

static int add_text(struct create *c, const char *key, const char *value, struct h0_err *e)
{
	return value ? h0_edits_set(&c->edits, key, value, e) : 0;
}

static int add_number(struct create *c, const char *key, int64_t value, struct h0_err *e)
{
	h0_autofree char *text = value ? h0_asprintf("%lld", (long long)value) : NULL;
	return add_text(c, key, text, e);
}

static int read_edits(struct h0_ctx *ctx, const struct slot_create_opts *o, struct create *c,
                      struct h0_err *e)
{
	if (add_text(c, "model.default", o->model, e) < 0 || add_text(c, "device", o->device, e) < 0 ||
	    add_text(c, "type", o->type, e) < 0 || add_text(c, "profile", o->profile, e) < 0 ||
	    add_text(c, "image", o->image, e) < 0 || add_text(c, "role", o->role, e) < 0 ||
	    add_number(c, "port", o->port, e) < 0 ||
	    add_number(c, "model.context_size", o->ctx, e) < 0 ||
	    add_text(c, "default", o->is_default ? "true" : NULL, e) < 0)
		return -1;
	for (int i = 1; i < ctx->argc; i++)
		if (h0_edits_arg(&c->edits, ctx->argv[i], e) < 0)
			return -1;
	return 0;
}

/* An explicit port is looked at alone, else the range a new slot's port is picked from. */
static int look_at_ports(struct create *c, const struct h0_paths *paths, struct h0_err *e)
{
	h0_autosnap struct h0_snap snap = {0};
	h0_autoslots struct h0_slots slots = {0};
	const char *port = h0_edits_get(&c->edits, "port");
	if (h0_snap_open(paths->etc, &snap, e) < 0 || h0_slots_load(&snap, &slots, e) < 0)
		return -1;
	int first = port ? atoi(port) : slots.conf.port_first;
	slot_ports_look(&c->ports, first, port ? first : slots.conf.port_new_last);
	return 0;
}

/* The slot as it now is, or would be. */
static int written(const struct h0_changeset *cs, struct h0_slot *ret)
{
	if (!cs->n || !cs->v[0].after)
		return -1;
	h0_slot_parse(cs->v[0].path, cs->v[0].after, cs->v[0].after_len, ret);
	return 0;
}

static int check_model_given(const struct create *c, const struct slot_create_opts *o,
                             struct h0_err *e)
{
	int type = o->type ? h0_word_index(h0_type_names, o->type) : H0_TYPE_LLM;
	bool speaks = type == H0_TYPE_TTS || type == H0_TYPE_TRANSCRIPTION || type == H0_TYPE_IMAGE;
	if (h0_edits_get(&c->edits, "model.default") || speaks)
		return 0;
	return h0_fail(e, H0_USAGE, "--model is missing: a model id, or the path of a .gguf file");
}

static int report(struct h0_ctx *ctx, const struct create *c, const struct h0_changeset *cs,
                  bool changed, struct h0_err *e)
{
	h0_auto(h0_slot_done) struct h0_slot slot = {0};
	if (written(cs, &slot) < 0)
		return slot_changed(ctx, c->name, cs, changed, "", "exists with these settings", e);
	slot_warn_fit(ctx, &slot);
	slot_warn_flm(ctx, c->name);
	h0_autofree char *done = h0_slot_is_shadow(&slot)
		? h0_asprintf("created on port %d, device npu: the NPU's chat slot answers for it", slot.port)
		: h0_asprintf("created on port %d, device %s: hal0 slot start %s", slot.port,
		              h0_device_names[slot.device], c->name);
	return slot_changed(ctx, c->name, cs, changed, done, "", e);
}

static int run(struct h0_ctx *ctx, const struct slot_create_opts *o, struct create *c,
               struct h0_err *e)
{
	struct h0_paths paths;
	h0_autochangeset struct h0_changeset cs = {0};
	bool changed = false;
	if (h0_name_check("slot name", c->name, e) < 0)
		return h0_err_code(e, "slot.config_error");
	if (h0_paths_init(&paths, e) < 0 || read_edits(ctx, o, c, e) < 0 ||
	    check_model_given(c, o, e) < 0)
		return -1;
	c->device = h0_usual_device(&paths);
	struct h0_err why = {0};
	if (look_at_ports(c, &paths, &why) < 0 || slot_commit(ctx, plan, c, &cs, &changed, &why) < 0) {
		*e = why;
		if (why.kind == H0_CONFIG && !why.file[0]) /* no file says so, but the command line */
			e->kind = H0_USAGE;
		return -1;
	}
	return report(ctx, c, &cs, changed, e);
}

int slot_create(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct create c = {.name = ctx->argv[0], .edits = H0_SLOT_EDITS};
	int rc = run(ctx, opts, &c, e);
	h0_edits_done(&c.edits);
	return rc;
}
