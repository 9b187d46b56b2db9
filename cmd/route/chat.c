/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "box.h"

#define MAX_HISTORY (16u << 20)

struct chat {
	struct h0_ctx *ctx;
	const struct route_say_opts *o;
	struct route_box box;
	struct h0_route route;
	struct h0_http_client *http;
	struct h0_json *messages;
	atomic_int *stop;
};

static void chat_done(struct chat *c)
{
	h0_json_free(c->messages);
	h0_http_close(c->http);
	h0_route_done(&c->route);
	route_box_done(&c->box);
}

static void remember(struct chat *c, const char *role, const char *text)
{
	struct h0_json *m = h0_json_object();
	h0_json_set_str(m, "role", role);
	h0_json_set_str(m, "content", text);
	h0_json_add(c->messages, m);
}

static void forget_last(struct chat *c)
{
	struct h0_json *kept = h0_json_array();
	for (size_t i = 0; i + 1 < h0_json_len(c->messages); i++)
		h0_json_add(kept, h0_json_copy(h0_json_at(c->messages, i)));
	h0_json_free(c->messages);
	c->messages = kept;
}

static void forget_all(struct chat *c)
{
	h0_json_free(c->messages);
	c->messages = h0_json_array();
}

/* One question and its answer, streamed. Both join the conversation unless nothing came. */
static int ask(struct chat *c, const char *prompt, struct h0_talked *said, struct h0_err *e)
{
	struct route_sink sink;
	h0_autobuf struct h0_buf body = {0}, answer = {0};
	remember(c, "user", prompt);
	if (route_body_chat(&c->route, c->o, true, c->messages, &body, e) < 0)
		return -1;
	if (body.len > MAX_HISTORY)
		return h0_fail(e, H0_NO, "the conversation is too long: /clear begins a new one");
	route_sink_init(&sink, c->ctx, c->o);
	sink.keep = &answer;
	struct h0_talk talk = {.route = &c->route, .stop = c->stop, .body = body.p, .body_len = body.len,
		.idle_timeout_ms = (int)(c->o->timeout_s < 2000000 ? c->o->timeout_s * 1000 : 0),
		.on_text = route_sink_text, .arg = &sink};
	route_autoway struct route_way way = {0};
	if (route_way(&c->box, &c->route, &talk, &way, e) < 0)
		return -1;
	int rc = h0_talk(c->http, &talk, said, e);
	if (answer.len)
		remember(c, "assistant", h0_buf_str(&answer));
	else
		forget_last(c);
	struct h0_err late = {0};
	if (route_sink_end(&sink, &late) < 0 && rc == 0) {
		*e = late;
		return -1;
	}
	return rc;
}

/* ---- not a terminal: one question ---- */

static int ask_once(struct chat *c, struct h0_err *e)
{
	h0_autobuf struct h0_buf prompt = {0};
	struct h0_talked said = {0};
	char who[300];
	if (route_stdin_prompt(&prompt, e) < 0)
		return -1;
	int rc = ask(c, prompt.p, &said, e);
	if (*c->stop)
		route_die_of_it();
	if (rc < 0)
		return -1;
	if (!said.text_bytes)
		return h0_fail(e, H0_NO, "%s: the answer is empty", route_who(&c->route, who, sizeof who));
	if (strcmp(said.finish, "length") == 0)
		h0_warn(c->ctx, "the answer was cut at the limit of tokens");
	return 0;
}

/* ---- a terminal: a conversation ---- */

/* 1: a line. 0: the end, by Ctrl-D or Ctrl-C. */
static int read_line(struct chat *c, char **line, size_t *cap)
{
	route_note(c->ctx, "> ", 2);
	ssize_t n = getline(line, cap, stdin);
	if (n < 0) {
		route_note(c->ctx, "\n", 1);
		return 0;
	}
	while (n && ((*line)[n - 1] == '\n' || (*line)[n - 1] == '\r'))
		(*line)[--n] = '\0';
	return 1;
}

/* What went wrong with one question does not end the conversation, unless no other can go well. */
static bool goes_on(struct chat *c, const struct h0_err *e)
{
	if (*c->stop == SIGINT) { /* that answer alone */
		*c->stop = 0;
		return true;
	}
	if (*c->stop || (e->kind != H0_EXTERN && e->kind != H0_BUSY))
		return false;
	h0_say(c->ctx, "%s", e->msg);
	return true;
}

static int talk_on(struct chat *c, struct h0_err *e)
{
	h0_autofree char *line = NULL;
	size_t cap = 0;
	const char *model = c->route.slot ? c->route.slot->model : c->route.model;
	char who[300];
	h0_say(c->ctx, "%s, model %s. Ctrl-C ends an answer, Ctrl-D the chat, /clear begins anew.",
	       route_who(&c->route, who, sizeof who), model && *model ? model : "?");
	while (read_line(c, &line, &cap)) {
		struct h0_talked said = {0};
		struct h0_err why = {0};
		if (strcmp(line, "/clear") == 0)
			forget_all(c);
		if (!line[strspn(line, " \t")] || strcmp(line, "/clear") == 0)
			continue;
		if (ask(c, line, &said, &why) < 0 && !goes_on(c, &why)) {
			*e = why;
			return -1;
		}
	}
	return 0;
}

int route_chat(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct route_chat_opts *o = opts;
	h0_auto(chat_done) struct chat c = {.ctx = ctx, .o = &o->say, .messages = h0_json_array()};
	if (ctx->json)
		return h0_fail(e, H0_USAGE, "a chat is text: for JSON use hal0 route call --json");
	if (route_box_open(&c.box, e) < 0)
		return -1;
	struct h0_route_ask q = {.slots = &c.box.slots, .path = h0_endpoint_of_type(H0_TYPE_LLM)->path,
		.model = ctx->argc ? ctx->argv[0] : NULL};
	if (route_box_find(&c.box, &q, &c.route, e) < 0 || h0_http_open(&c.http, e) < 0)
		return -1;
	c.stop = route_catch();
	int rc = isatty(STDIN_FILENO) ? talk_on(&c, e) : ask_once(&c, e);
	if (*c.stop && (rc < 0 || isatty(STDIN_FILENO)))
		route_die_of_it();
	return rc;
}
