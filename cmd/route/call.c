/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/str.h"
#include "box.h"

struct call {
	struct h0_ctx *ctx;
	const struct route_call_opts *o;
	struct route_box box;
	struct h0_route route;
	struct route_body body;
	char in_body[512];      /* the model --data names, "" = none */
};

static void call_done(struct call *c)
{
	h0_route_done(&c->route);
	route_box_done(&c->box);
	route_body_done(&c->body);
}

/* Reads --data, and the model it names where it is JSON for the router. */
static int read_data(struct call *c, const char *path, struct h0_err *e)
{
	char ignored[1024];
	if (!c->o->data)
		return 0;
	c->body.given = true;
	if (route_data(c->o->data, &c->body.bytes, e) < 0)
		return -1;
	bool known = !path || h0_endpoint_find(path, ignored, sizeof ignored);
	struct h0_err odd = {0};
	if (route_body_model(&c->body.bytes, c->in_body, sizeof c->in_body, &odd) < 0 && known) {
		*e = odd;
		return -1;
	}
	return 0;
}

static int find(struct call *c, struct h0_err *e)
{
	const char *arg = c->ctx->argv[0];
	bool is_path = arg[0] == '/';
	if (is_path && c->o->path)
		return h0_fail(e, H0_USAGE, "the path is given twice: %s and --path %s", arg, c->o->path);
	struct h0_route_ask ask = {.slots = &c->box.slots, .path = is_path ? arg : c->o->path,
		.model = is_path ? c->in_body : arg};
	if (read_data(c, ask.path, e) < 0 || route_box_open(&c->box, e) < 0)
		return -1;
	if (route_box_find(&c->box, &ask, &c->route, e) < 0)
		return -1;
	if (!c->route.slot && !c->route.upstream)
		return h0_fail(e, H0_USAGE, "%s is answered by the router; to ask a slot: hal0 route call SLOT "
		               "--path %s", c->route.path, c->route.path);
	if (c->route.slot && c->route.endpoint && c->route.endpoint->missing) {
		h0_fail(e, H0_NO, "slot %s cannot answer %s: %s", c->route.slot->name, c->route.path,
		        c->route.endpoint->missing);
		return h0_err_code(e, "dispatch.no_route");
	}
	/* the slot that was named is asked for its own model, whatever the body says */
	const char *model = c->route.model ? c->route.model : is_path ? NULL : arg;
	if (c->o->data && model && !c->body.content_type[0] && strcmp(model, c->in_body) != 0)
		route_body_set_model(&c->body.bytes, model);
	return 0;
}

/* The body from operands or stdin, unless it is given or the path wants none. */
static int make(struct call *c, bool stream, struct h0_err *e)
{
	const char *const *texts = (const char *const *)c->ctx->argv + 1;
	size_t n = (size_t)c->ctx->argc - 1;
	h0_autobuf struct h0_buf prompt = {0};
	const struct h0_endpoint *ep = c->route.endpoint;
	if (c->body.given && n)
		return h0_fail(e, H0_USAGE, "TEXT and --data exclude each other");
	if (c->body.given || (!n && (!ep || ep->body == H0_BODY_NONE)))
		return 0;
	const char *one[1];
	if (!n && ep->body == H0_BODY_JSON && ep->ask != H0_ASK_RERANK) {
		if (route_stdin_prompt(&prompt, e) < 0)
			return -1;
		one[0] = prompt.p;
		texts = one;
		n = 1;
	}
	return route_body_make(&c->route, &c->o->say, stream, texts, n, &c->body, e);
}

static int judge(struct call *c, const struct h0_talked *t, struct h0_err *e)
{
	char who[300];
	if (t->text_bytes == 0 && t->status != 204)
		return h0_fail(e, H0_NO, "%s: the answer is empty%s%s", route_who(&c->route, who, sizeof who),
		               t->finish[0] ? ": finish_reason " : "", t->finish);
	if (strcmp(t->finish, "length") == 0)
		h0_warn(c->ctx, "the answer was cut at the limit of tokens");
	return 0;
}

static int converse(struct call *c, struct h0_err *e)
{
	struct route_sink sink;
	h0_autohttpclient struct h0_http_client *http = NULL;
	struct h0_talked said;
	atomic_int *stop = route_catch();
	route_sink_init(&sink, c->ctx, &c->o->say);
	struct h0_talk talk = {.route = &c->route, .stop = stop, .raw = c->ctx->json,
		.idle_timeout_ms = (int)(c->o->say.timeout_s < 2000000 ? c->o->say.timeout_s * 1000 : 0),
		.content_type = c->body.content_type[0] ? c->body.content_type : NULL,
		.body = c->body.given ? h0_buf_str(&c->body.bytes) : NULL, .body_len = c->body.bytes.len,
		.on_text = route_sink_text, .arg = &sink};
	route_autoway struct route_way way = {0};
	if (route_way(&c->box, &c->route, &talk, &way, e) < 0 || h0_http_open(&http, e) < 0)
		return -1;
	int rc = h0_talk(http, &talk, &said, e);
	struct h0_err late = {0};
	bool sound = h0_starts(said.content_type, "audio/");
	if (!sound && route_sink_end(&sink, &late) < 0 && rc == 0) {
		*e = late;
		return -1;
	}
	if (*stop)
		route_die_of_it();
	return rc < 0 ? -1 : judge(c, &said, e);
}

int route_call(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct route_call_opts *o = opts;
	h0_auto(call_done) struct call c = {.ctx = ctx, .o = o};
	if (find(&c, e) < 0 || make(&c, !o->no_stream && !ctx->json, e) < 0)
		return -1;
	if (c.route.endpoint && c.route.endpoint->ask == H0_ASK_SPEECH && ctx->tty_out)
		return h0_fail(e, H0_USAGE, "the answer is sound: send stdout to a file or a player");
	return converse(&c, e);
}
