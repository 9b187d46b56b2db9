/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/talk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"
#include "fmt/sse.h"
#include "fmt/think.h"

#define MAX_BODY  (64u << 20)
#define MAX_ERROR (64u << 10)

struct talk {
	const struct h0_talk *t;
	struct h0_talked *ret;
	struct h0_err *e;
	struct h0_http_client *http;
	bool failed;            /* *e is filled: by on_text or by an event */
	bool complete;          /* the stream said that it is over */
	struct h0_sse sse;
	struct h0_think think;
	struct h0_buf body;     /* of an answer that is no stream */
};

/* ---- text out ---- */

static int give(bool reasoning, const char *p, size_t n, void *arg)
{
	struct talk *k = arg;
	if (!reasoning)
		k->ret->text_bytes += n;
	if (k->t->on_text && k->t->on_text(reasoning, p, n, k->t->arg, k->e) < 0) {
		k->failed = true;
		return -1;
	}
	return 0;
}

static int give_text(struct talk *k, const char *s)
{
	if (!s || !*s)
		return 0;
	/* a completion has no chat template, so no tags of one either */
	const struct h0_endpoint *ep = k->t->route->endpoint;
	if (ep && ep->ask == H0_ASK_COMPLETION)
		return give(false, s, strlen(s), k);
	return h0_think_feed(&k->think, s, strlen(s));
}

static int give_reasoning(struct talk *k, const char *s)
{
	return s && *s ? give(true, s, strlen(s), k) : 0;
}

/* ---- what the server says ---- */

static void set_str(char *dst, size_t size, const char *s)
{
	if (s)
		snprintf(dst, size, "%s", s);
}

static void note_usage(struct h0_talked *r, const struct h0_json *o)
{
	const struct h0_json *u = h0_json_get(o, "usage"), *t = h0_json_get(o, "timings");
	int64_t in = h0_json_int(h0_json_get(u, "prompt_tokens"), -1);
	int64_t out = h0_json_int(h0_json_get(u, "completion_tokens"), -1);
	if (in < 0)
		in = h0_json_int(h0_json_get(u, "input_tokens"), -1);
	if (out < 0)
		out = h0_json_int(h0_json_get(u, "output_tokens"), -1);
	r->prompt_tokens = in >= 0 ? in : r->prompt_tokens;
	r->tokens = out >= 0 ? out : r->tokens;
	double rate = h0_json_num(h0_json_get(t, "predicted_per_second"), 0);
	r->tokens_per_s = rate > 0 ? rate : r->tokens_per_s;
}

/* {"error":{"message":...}}, {"error":"..."}, {"message":...}; NULL = none of them */
static const char *error_message(const struct h0_json *o)
{
	const struct h0_json *err = h0_json_get(o, "error");
	const char *s = h0_json_str(h0_json_get(err, "message"));
	if (!s)
		s = h0_json_str(err);
	return s ? s : h0_json_str(h0_json_get(o, "message"));
}

/* A message of somebody else's: one line, bounded, no control characters. */
static void one_line(char *dst, size_t size, const char *s)
{
	size_t n = 0;
	for (; *s && n + 1 < size; s++)
		dst[n++] = (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s;
	while (n && dst[n - 1] == ' ')
		n--;
	dst[n] = '\0';
}

static const char *who(const struct talk *k)
{
	const struct h0_route *r = k->t->route;
	return r->upstream ? r->upstream->name : r->anchor ? r->anchor->name : "?";
}

/* "slot", "upstream" */
static const char *what(const struct talk *k)
{
	return k->t->route->upstream ? "upstream" : "slot";
}

static int refused(struct talk *k, const char *message)
{
	char text[512];
	one_line(text, sizeof text, message && *message ? message : "no reason given");
	h0_fail(k->e, H0_EXTERN, "%s %s: %s", what(k), who(k), text);
	h0_err_detail(k->e, what(k), "%s", who(k));
	h0_err_code(k->e, "dispatch.upstream_failed");
	k->failed = true;
	return -1;
}

/* ---- one chunk or one whole answer ---- */

/* The choice of a chat or completion: `part` is "delta" or "message". */
static int take_choice(struct talk *k, const struct h0_json *o, const char *part)
{
	const struct h0_json *c = h0_json_at(h0_json_get(o, "choices"), 0), *m = h0_json_get(c, part);
	const char *finish = h0_json_str(h0_json_get(c, "finish_reason"));
	const char *why = h0_json_str(h0_json_get(m, "reasoning_content"));
	set_str(k->ret->finish, sizeof k->ret->finish, finish);
	if (finish)
		k->complete = true;
	int rc = give_reasoning(k, why ? why : h0_json_str(h0_json_get(m, "reasoning")));
	if (!rc)
		rc = give_text(k, h0_json_str(h0_json_get(m, "content")));
	return rc ? rc : give_text(k, h0_json_str(h0_json_get(c, "text")));
}

/* The streams of /v1/responses and /v1/messages name each event's kind. */
static int take_typed(struct talk *k, const struct h0_json *o, const char *type)
{
	const struct h0_json *delta = h0_json_get(o, "delta");
	if (strcmp(type, "response.output_text.delta") == 0)
		return give_text(k, h0_json_str(delta));
	if (strcmp(type, "response.reasoning_text.delta") == 0)
		return give_reasoning(k, h0_json_str(delta));
	if (strcmp(type, "content_block_delta") == 0) {
		int rc = give_reasoning(k, h0_json_str(h0_json_get(delta, "thinking")));
		return rc ? rc : give_text(k, h0_json_str(h0_json_get(delta, "text")));
	}
	if (strcmp(type, "response.completed") == 0 || strcmp(type, "message_stop") == 0)
		k->complete = true;
	if (strcmp(type, "response.completed") == 0)
		note_usage(k->ret, h0_json_get(o, "response"));
	return 0;
}

static int on_event(const char *name, const char *data, size_t len, void *arg, struct h0_err *e)
{
	struct talk *k = arg;
	h0_autojson struct h0_json *o = NULL;
	if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
		k->complete = true;
		return 0;
	}
	struct h0_err bad = {0};
	if (h0_json_parse(data, len, "event", &o, &bad) < 0 || h0_json_type(o) != H0_JSON_OBJECT)
		return refused(k, "it sent an event that is not a JSON object");
	if (h0_json_get(o, "error") || strcmp(name, "error") == 0)
		return refused(k, error_message(o));
	note_usage(k->ret, o);
	const char *type = h0_json_str(h0_json_get(o, "type"));
	int rc = type ? take_typed(k, o, type) : take_choice(k, o, "delta");
	if (rc < 0 && !k->failed)
		return h0_fail(e, H0_BUG, "an answer without a reader");
	return rc;
}

/* {"output":[{"content":[{"text":...}]}]} and {"content":[{"text":...}]} */
static int take_parts(struct talk *k, const struct h0_json *list)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < h0_json_len(list); i++) {
		const struct h0_json *part = h0_json_at(list, i);
		rc = give_reasoning(k, h0_json_str(h0_json_get(part, "thinking")));
		if (!rc)
			rc = give_text(k, h0_json_str(h0_json_get(part, "text")));
	}
	return rc;
}

/* A whole answer. What has no text (vectors, scores) is given as it is. */
static int take_whole(struct talk *k)
{
	h0_autojson struct h0_json *o = NULL;
	struct h0_err bad = {0};
	bool json = strncasecmp(k->ret->content_type, "application/json", 16) == 0;
	if (!json || h0_json_parse(h0_buf_str(&k->body), k->body.len, "answer", &o, &bad) < 0)
		return give(false, h0_buf_str(&k->body), k->body.len, k);
	note_usage(k->ret, o);
	const struct h0_json *content = h0_json_get(o, "content"), *output = h0_json_get(o, "output");
	if (h0_json_get(o, "choices"))
		return take_choice(k, o, "message");
	if (h0_json_type(content) == H0_JSON_ARRAY)
		return take_parts(k, content);
	if (h0_json_type(output) == H0_JSON_ARRAY) {
		int rc = 0;
		for (size_t i = 0; !rc && i < h0_json_len(output); i++)
			rc = take_parts(k, h0_json_get(h0_json_at(output, i), "content"));
		return rc;
	}
	const char *text = h0_json_str(h0_json_get(o, "text"));
	if (text)
		return give_text(k, text);
	return give(false, h0_buf_str(&k->body), k->body.len, k);
}

/* ---- the call ---- */

static bool is_stream(const struct talk *k)
{
	return strncasecmp(k->ret->content_type, "text/event-stream", 17) == 0;
}

static int on_data(const char *p, size_t n, int status, void *arg)
{
	struct talk *k = arg;
	size_t max = k->t->max_body ? k->t->max_body : MAX_BODY;
	if (!k->ret->status) {
		k->ret->status = status;
		h0_http_content_type(k->http, k->ret->content_type, sizeof k->ret->content_type);
		k->ret->streamed = status / 100 == 2 && is_stream(k);
	}
	if (status / 100 != 2) { /* an error's message needs no more */
		size_t room = MAX_ERROR - k->body.len;
		h0_buf_add(&k->body, p, n < room ? n : room);
		return 0;
	}
	if (k->t->raw)
		return give(false, p, n, k);
	if (k->ret->streamed) {
		int rc = h0_sse_feed(&k->sse, p, n, k->e);
		k->failed = k->failed || rc < 0;
		return rc;
	}
	if (n > max - k->body.len) {
		h0_fail(k->e, H0_EXTERN, "%s %s: the answer is longer than %zu bytes", what(k), who(k), max);
		h0_err_code(k->e, "dispatch.upstream_failed");
		k->failed = true;
		return -1;
	}
	h0_buf_add(&k->body, p, n);
	return 0;
}

/* No HTTP answer, or not all of one. */
static int no_answer(struct talk *k, const struct h0_err *http)
{
	const struct h0_route *r = k->t->route;
	const char *host = r->upstream ? r->upstream->host : k->t->host ? k->t->host : "127.0.0.1";
	if (http->kind != H0_EXTERN || http->sys_errno == ELIBACC) {
		if (k->e)
			*k->e = *http;
		return -1;
	}
	if (http->sys_errno == ECONNREFUSED && !r->upstream) {
		h0_fail(k->e, H0_NO, "slot %s does not run (nothing listens on %s:%d): start it with: hal0 slot "
		        "start %s", who(k), host, r->port, who(k));
		h0_err_detail(k->e, "slot", "%s", who(k));
		h0_err_code(k->e, "slot.not_ready");
	} else if (k->ret->status) {
		const char *colon = strstr(http->msg, ": ");
		h0_fail(k->e, H0_EXTERN, "%s %s: the answer was cut off: %s", what(k), who(k), colon ? colon + 2 : http->msg);
		h0_err_code(k->e, "dispatch.upstream_failed");
	} else {
		const char *colon = strstr(http->msg, ": ");
		h0_fail(k->e, H0_EXTERN, "%s %s does not answer on %s:%d: %s", what(k), who(k), host, r->port,
		        colon ? colon + 2 : http->msg);
		h0_err_code(k->e, "dispatch.upstream_unavailable");
	}
	if (k->e)
		k->e->sys_errno = http->sys_errno;
	return -1;
}

/* An HTTP status that is no success. */
static int bad_status(struct talk *k, const struct h0_http_res *res)
{
	h0_autojson struct h0_json *o = NULL;
	struct h0_err ignored = {0};
	const char *text = h0_buf_str(&k->body), *message = NULL;
	if (h0_json_parse(text, k->body.len, "error", &o, &ignored) == 0)
		message = error_message(o);
	if (res->status == 503 && !k->t->url && message && strcasestr(message, "loading")) {
		h0_fail(k->e, H0_BUSY, "slot %s is still loading its model: try again in %d s", who(k),
		        res->retry_after_s > 0 ? res->retry_after_s : 15);
		h0_err_detail(k->e, "slot", "%s", who(k));
		h0_err_detail(k->e, "retry_after_s", "%d", res->retry_after_s > 0 ? res->retry_after_s : 15);
		return h0_err_code(k->e, "slot.loading");
	}
	if (res->status == 401 && !k->t->url && !(k->t->key && *k->t->key)) {
		h0_fail(k->e, H0_SYS, "slot %s wants its key, which only root can read: use sudo, or ask hal0 route "
		        "serve", who(k));
		k->failed = true;
	} else {
		refused(k, message ? message : text);
	}
	h0_wrap(k->e, "HTTP %d from %s", res->status, k->t->route->path);
	h0_err_detail(k->e, "status", "%d", res->status);
	return -1;
}

static int settle(struct talk *k)
{
	if (k->t->raw)
		return 0;
	if (!k->ret->streamed) {
		if (take_whole(k) != 0)
			return -1;
	} else if (!k->complete) {
		h0_fail(k->e, H0_EXTERN, "%s %s: the answer ended before it was complete", what(k), who(k));
		return h0_err_code(k->e, "dispatch.upstream_failed");
	}
	return h0_think_end(&k->think);
}

static void talk_done(struct talk *k)
{
	h0_sse_done(&k->sse);
	h0_buf_done(&k->body);
}

int h0_talk(struct h0_http_client *c, const struct h0_talk *t, struct h0_talked *ret,
            struct h0_err *e)
{
	h0_auto(talk_done) struct talk k = {.t = t, .ret = ret, .e = e, .http = c};
	h0_autofree char *url = t->url ? h0_strdup(t->url) :
		h0_asprintf("http://%s:%d%s", t->host ? t->host : "127.0.0.1", t->route->port, t->route->path);
	h0_autofree char *type = h0_asprintf("Content-Type: %s", t->content_type ? t->content_type
	                                                                         : "application/json");
	h0_autofree char *auth = t->key && *t->key ? h0_asprintf("Authorization: Bearer %s", t->key) : NULL;
	const char *headers[4] = {NULL};
	size_t n = 0;
	if (t->body)
		headers[n++] = type;
	if (auth)
		headers[n++] = auth;
	if (t->header)
		headers[n++] = t->header;
	struct h0_http_req req = {.url = url, .body = t->body, .body_len = t->body_len, .headers = headers,
		.idle_timeout_ms = t->idle_timeout_ms, .stop = t->stop, .on_data = on_data, .on_data_arg = &k};
	h0_autohttp struct h0_http_res res = {0};
	struct h0_err http = {0};
	*ret = (struct h0_talked){.prompt_tokens = -1, .tokens = -1};
	k.sse = (struct h0_sse){.on_event = on_event, .arg = &k};
	k.think = (struct h0_think){.on_text = give, .arg = &k};
	int rc = h0_http_do(c, &req, &res, &http);
	if (k.failed)
		return -1;
	if (rc < 0) {
		h0_think_end(&k.think);
		return k.failed ? -1 : no_answer(&k, &http);
	}
	ret->status = res.status;
	set_str(ret->content_type, sizeof ret->content_type, res.content_type);
	if (res.status / 100 != 2)
		return bad_status(&k, &res);
	return settle(&k);
}
