/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf/paths.h"
#include "machine.h"
#include "model/doctor.h"
#include "model/plan.h"
#include "model/profile.h"
#include "opts.h"
#include "sys/io.h"

#define STATE_MAX 65536

/* The slots' part of the examination; what cannot be read is another program's to complain of. */
struct slots {
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_profiles profiles;
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
	h0_profiles_done(&s->profiles);
	h0_slots_done(&s->slots);
	h0_snap_done(&s->snap);
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

static void slots_load(struct slots *s)
{
	struct h0_paths paths;
	if (h0_paths_init(&paths, NULL) < 0 || h0_snap_open(paths.etc, &s->snap, NULL) < 0 ||
	    h0_slots_load(&s->snap, &s->slots, NULL) < 0)
		return;
	bool profiles = h0_profiles_load(&s->snap, &s->profiles, NULL) == 0;
	s->v = h0_calloc(s->slots.n + 1, sizeof *s->v);
	s->messages = h0_calloc(s->slots.n + 1, sizeof *s->messages);
	for (size_t i = 0; i < s->slots.n; i++) {
		const struct h0_slot *slot = &s->slots.v[i];
		struct h0_plan plan;
		if (slot->broken)
			continue;
		struct h0_doctor_slot *d = &s->v[s->n];
		d->name = slot->name;
		d->device = h0_device_names[slot->device];
		d->context_size = slot->context_size > 0 ? slot->context_size : H0_UNKNOWN;
		d->message = s->messages[s->n] = last_message(&paths, slot->name);
		if (profiles && h0_plan_slot(slot, &s->profiles, &plan, NULL) == 0 && plan.profile)
			d->backend = plan.profile->backend;
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
		if (k->command)
			h0_buf_addf(&t, "%s\n", k->command);
		else if (*k->fix)
			h0_buf_addf(&t, "# %s: %s\n", k->code, k->fix);
	}
	return h0_out_text(ctx, h0_buf_str(&t), e);
}

static int print_records(struct h0_ctx *ctx, const struct h0_checks *c, struct h0_err *e)
{
	struct h0_rec *r = h0_rec_new(probe_doctor_cols);
	struct h0_json *more = h0_json_object();
	for (int i = 0; i < c->n; i++) {
		const struct h0_check *k = &c->v[i];
		h0_rec_row(r);
		h0_rec_str(r, DOCTOR_SEVERITY, h0_severity_name(k->severity));
		h0_rec_str(r, DOCTOR_CHECK, k->code);
		h0_rec_str(r, DOCTOR_FACT, k->fact);
		h0_rec_str(r, DOCTOR_WHY, *k->why ? k->why : NULL);
		h0_rec_str(r, DOCTOR_FIX, *k->fix ? k->fix : NULL);
		h0_rec_str(r, DOCTOR_COMMAND, k->command);
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
	if (probe_open(&p, o->sysroot, H0_HW_VULKAN, e) < 0)
		return -1;
	slots_load(&s);
	h0_autofree struct h0_checks *c = h0_calloc(1, sizeof *c);
	h0_doctor(p.m, s.v, s.n, c);
	int rc = o->fix                                        ? print_commands(ctx, c, e)
	         : ctx->json || ctx->columns || ctx->format ? print_records(ctx, c, e)
	                                                       : print_text(ctx, c, e);
	return rc < 0 ? rc : exit_code(c);
}
