/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "box.h"
#include "model/flm.h"
#include "run/flm.h"

static struct h0_json *steps_json(const struct h0_route *r)
{
	struct h0_json *list = h0_json_array();
	for (size_t i = 0; i < r->nsteps; i++) {
		struct h0_json *o = h0_json_object();
		h0_json_set_str(o, "rule", r->steps[i].rule);
		h0_json_set_bool(o, "taken", r->steps[i].taken);
		h0_json_set_str(o, "why", r->steps[i].why);
		h0_json_add(list, o);
	}
	return list;
}

static struct h0_json *error_json(const struct h0_err *e)
{
	char text[sizeof e->msg + sizeof e->file + sizeof e->key + 64];
	struct h0_json *o = h0_json_object();
	h0_err_text(e, text, sizeof text);
	h0_json_set_str(o, "code", h0_err_name(e));
	h0_json_set_str(o, "message", text);
	return o;
}

static void fill(struct h0_rec *rec, const struct h0_route *r, const struct h0_err *why)
{
	h0_rec_row(rec);
	h0_rec_json(rec, EXPLAIN_STEPS, steps_json(r));
	h0_rec_str(rec, EXPLAIN_PATH, r->path);
	h0_rec_str(rec, EXPLAIN_ENDPOINT, r->endpoint ? r->endpoint->path : NULL);
	if (why) {
		h0_rec_json(rec, EXPLAIN_ERROR, error_json(why));
		return;
	}
	h0_rec_str(rec, EXPLAIN_RULE, r->rule);
	if (r->upstream) {
		h0_autofree char *who = h0_upstream_authority(r->upstream);
		h0_autofree char *there = h0_asprintf("%s://%s%s", r->upstream->tls ? "https" : "http", who, r->path);
		h0_rec_str(rec, EXPLAIN_UPSTREAM, r->upstream->name);
		h0_rec_str(rec, EXPLAIN_URL, there);
		h0_rec_int(rec, EXPLAIN_PORT, r->port);
	}
	if (!r->slot)
		return;
	h0_autofree char *url = h0_asprintf("http://127.0.0.1:%d%s", r->port, r->path);
	h0_rec_str(rec, EXPLAIN_SLOT, r->slot->name);
	h0_rec_str(rec, EXPLAIN_URL, url);
	h0_rec_int(rec, EXPLAIN_PORT, r->port);
	if (r->anchor != r->slot)
		h0_rec_str(rec, EXPLAIN_ANCHOR, r->anchor->name);
}

static int print_steps(struct h0_ctx *ctx, const struct h0_route *r, struct h0_err *e)
{
	struct h0_rec *rec = h0_rec_new(route_step_cols);
	for (size_t i = 0; i < r->nsteps; i++) {
		h0_rec_row(rec);
		h0_rec_str(rec, STEP_RULE, r->steps[i].rule);
		h0_rec_bool(rec, STEP_TAKEN, r->steps[i].taken);
		h0_rec_str(rec, STEP_WHY, r->steps[i].why);
	}
	int rc = h0_out_rec(ctx, rec, NULL, e);
	h0_rec_free(rec);
	return rc;
}

static int print(struct h0_ctx *ctx, const struct h0_route *r, const char *model, const struct h0_err *why,
                 struct h0_err *e)
{
	bool plain = !ctx->json && !ctx->columns && !ctx->format;
	if (plain && (print_steps(ctx, r, e) < 0 || (!why && h0_out_text(ctx, "\n", e) < 0)))
		return -1;
	if (plain && why)
		return 0;
	struct h0_rec *rec = h0_rec_new(route_explain_cols);
	fill(rec, r, why);
	if (!why && (r->slot || r->upstream))
		h0_rec_str(rec, EXPLAIN_MODEL, r->model ? r->model : model);
	int rc = h0_out_one(ctx, rec, NULL, e);
	h0_rec_free(rec);
	return rc;
}

/* A name as FLM's models have: what does FLM say to it? Asked only here, where a person wants to know;
 * a decision does without. */
static void ask_flm(const char *model, struct h0_route *r)
{
	h0_autobox struct h0_box b = {0};
	char why[256];
	if (h0_flm_is_name(model) && h0_box_open(&b, NULL) == 0 && h0_flm_tell(&b, model, why, sizeof why) == 0)
		h0_route_remark(r, "flm list", why);
}

int route_explain(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct route_explain_opts *o = opts;
	route_autobox struct route_box b = {0};
	h0_autobuf struct h0_buf body = {0};
	char in_body[512] = "";
	const char *arg = ctx->argc ? ctx->argv[0] : NULL;
	struct h0_route_ask ask = {.path = o->path, .slots = &b.slots};
	if (arg && arg[0] == '/' && o->path)
		return h0_fail(e, H0_USAGE, "the path is given twice: %s and --path %s", arg, o->path);
	if (arg && arg[0] == '/')
		ask.path = arg;
	else
		ask.model = arg;
	if (o->data && (route_data(o->data, &body, e) < 0 ||
	                route_body_model(&body, in_body, sizeof in_body, e) < 0))
		return -1;
	if (!ask.model && in_body[0])
		ask.model = in_body;
	if (!ask.path && !ask.model)
		ask.path = h0_endpoints[0].path;
	if (route_box_open(&b, e) < 0)
		return -1;
	h0_autoroute struct h0_route r = {0};
	struct h0_err why = {0};
	int found = route_box_find(&b, &ask, &r, &why);
	ask_flm(ask.model, &r);
	if (found == 0)
		return print(ctx, &r, ask.model, NULL, e);
	if (why.kind != H0_NO || !ctx->json) {
		if (print(ctx, &r, ask.model, &why, e) == 0)
			*e = why;
		return -1;
	}
	return print(ctx, &r, ask.model, &why, e) < 0 ? -1 : H0_NO;
}
