/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf/paths.h"
#include "machine.h"
#include "model/doctor.h"
#include "model/plan.h"
#include "opts.h"
#include "run/facts.h"
#include "run/live.h"
#include "slots.h"
#include "sys/io.h"

#define STATE_MAX 65536

/* The slots' part of the examination; what cannot be read is another program's to complain of. */
struct slots {
	struct h0_box box;
	struct h0_doctor_slot *v;
	char **messages;
	size_t n;
};

static void slots_done(struct slots *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->messages[i]);
	free(s->messages);
	free(s->v);
	h0_box_done(&s->box);
}

static char *last_message(const struct h0_paths *paths, const char *name)
{
	h0_autofree char *path = h0_asprintf("%s/slots/%s/state.json", paths->var, name);
	h0_autobuf struct h0_buf b = {0};
	h0_autojson struct h0_json *j = NULL;
	if (h0_read_file(path, STATE_MAX, &b, NULL) < 0 ||
	    h0_json_parse(h0_buf_str(&b), b.len, path, &j, NULL) < 0)
		return NULL;
	return h0_strdup(h0_json_str(h0_json_get(j, "message")));
}

/* What follows from the slot's file and its profile: the very command that start would run. */
static void slot_command(struct h0_box *b, const struct h0_slot *slot, struct h0_doctor_slot *ret)
{
	h0_autospec struct h0_spec s = {0};
	struct h0_plan plan;
	if (h0_box_profiles(b, NULL) < 0 || h0_plan_slot(slot, &b->profiles, &plan, NULL) < 0)
		return;
	if (plan.profile)
		ret->backend = plan.profile->backend;
	if (plan.family != H0_PROVIDER_LLAMA_SERVER ||
	    h0_spec_make_anywhere(&b->paths, &b->snap, &b->profiles, &b->podman, slot, &s, NULL) < 0)
		return;
	h0_doctor_slot_argv(ret, &s.argv);
	if (s.gguf.block_count > 0)
		ret->layers = s.gguf.block_count;
	if (probe_model_bytes(s.model.path, &ret->model_bytes, NULL) < 0)
		ret->model_bytes = H0_UNKNOWN;
}

static void slots_load(struct slots *s)
{
	if (h0_box_open(&s->box, NULL) < 0)
		return;
	s->v = h0_calloc(s->box.slots.n + 1, sizeof *s->v);
	s->messages = h0_calloc(s->box.slots.n + 1, sizeof *s->messages);
	for (size_t i = 0; i < s->box.slots.n; i++) {
		const struct h0_slot *slot = &s->box.slots.v[i];
		struct h0_doctor_slot *d = &s->v[s->n];
		h0_doctor_slot_init(d);
		d->name = slot->name;
		if (slot->broken) {
			char text[512];
			h0_err_text(&slot->err, text, sizeof text);
			d->error = s->messages[s->n++] = h0_strdup(text);
			continue;
		}
		d->device = h0_device_names[slot->device];
		d->context_size = slot->context_size > 0 ? slot->context_size : H0_UNKNOWN;
		d->message = s->messages[s->n] = last_message(&s->box.paths, slot->name);
		slot_command(&s->box, slot, d);
		s->n++;
	}
}

static int exit_code(const struct h0_checks *c)
{
	switch (c->n ? c->v[0].severity : H0_SEV_OK) { /* the worst stands first */
	case H0_SEV_ERROR:
		return H0_NOHW;
	case H0_SEV_WARNING:
		return H0_NO;
	default:
		return 0;
	}
}

static int print_commands(struct h0_ctx *ctx, const struct h0_checks *c, struct h0_err *e)
{
	h0_autobuf struct h0_buf t = {0};
	for (int i = 0; i < c->n; i++) {
		const struct h0_check *k = &c->v[i];
		if (*k->command)
			h0_buf_addf(&t, "%s\n", k->command);
		else if (*k->fix)
			h0_buf_addf(&t, "# %s: %s\n", k->code, k->fix);
	}
	return h0_out_text(ctx, h0_buf_str(&t), e);
}

static int print_records(struct h0_ctx *ctx, const struct h0_checks *c, bool fixes,
                         struct h0_err *e)
{
	struct h0_rec *r = h0_rec_new(probe_doctor_cols);
	struct h0_json *more = h0_json_object();
	for (int i = 0; i < c->n; i++) {
		const struct h0_check *k = &c->v[i];
		if (fixes && !*k->fix)
			continue;
		h0_rec_row(r);
		h0_rec_str(r, DOCTOR_SEVERITY, h0_severity_name(k->severity));
		h0_rec_str(r, DOCTOR_CHECK, k->code);
		h0_rec_str(r, DOCTOR_FACT, k->fact);
		h0_rec_str(r, DOCTOR_WHY, *k->why ? k->why : NULL);
		h0_rec_str(r, DOCTOR_FIX, *k->fix ? k->fix : NULL);
		h0_rec_str(r, DOCTOR_COMMAND, *k->command ? k->command : NULL);
	}
	h0_json_set_str(more, "worst", h0_severity_name(c->n ? c->v[0].severity : H0_SEV_OK));
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}

/* Each finding as a small paragraph: the fact first, then why and what to do. */
static int print_text(struct h0_ctx *ctx, const struct h0_checks *c, struct h0_err *e)
{
	h0_autobuf struct h0_buf t = {0};
	for (int i = 0; i < c->n; i++) {
		const struct h0_check *k = &c->v[i];
		h0_buf_addf(&t, "%-8s %s (%s)\n", h0_severity_name(k->severity), k->fact, k->code);
		if (*k->why)
			h0_buf_addf(&t, "         why: %s\n", k->why);
		if (*k->fix)
			h0_buf_addf(&t, "         fix: %s\n", k->fix);
	}
	return h0_out_text(ctx, h0_buf_str(&t), e);
}

int probe_doctor(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_doctor_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	h0_auto(slots_done) struct slots s = {0};
	struct h0_pve_look pve;
	if (probe_open(&p, o->sysroot, H0_HW_VULKAN, e) < 0)
		return -1;
	probe_try_proxmox(ctx, &p, &pve);
	slots_load(&s);
	h0_autofree struct h0_checks *c = h0_calloc(1, sizeof *c);
	h0_doctor(p.m, s.v, s.n, c);
	int rc = ctx->json || ctx->columns || ctx->format ? print_records(ctx, c, o->fix, e)
	         : o->fix                                     ? print_commands(ctx, c, e)
	                                                      : print_text(ctx, c, e);
	return rc < 0 ? rc : exit_code(c);
}
