/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request, from its head to the decision who answers it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "serve/inner.h"
#include "sys/clock.h"

#define SPARE_MAX  128u     /* of one loop */
#define SPARE_HEAD 4096u    /* bytes a spare one's head may keep */

static const char *const model_key[] = {"model", NULL};

/* ---- its memory ---- */

struct ask *h0_ask_new(struct client *c)
{
	struct h0_loop *l = c->loop;
	struct ask *a = l->spare;
	if (a) {
		l->spare = a->next;
		l->nspare--;
	} else {
		a = h0_malloc(sizeof *a);
		a->head = (struct h0_buf){0};
	}
	struct h0_buf head = a->head;
	memset(a, 0, offsetof(struct ask, id));
	a->head = head;
	a->id[0] = a->origin[0] = a->model[0] = '\0';
	h0_spool_init(&a->body, &l->core->held);
	a->began = l->now;
	a->began_us = (uint64_t)h0_now_ns() / 1000;
	return a;
}

static void release(struct h0_loop *l, struct ask *a)
{
	h0_spool_done(&a->body);
	h0_buf_done(&a->hold);
	h0_decision_unref(a->d);
	free(a->scan);
	free(a->form);
	if (a->head.cap > SPARE_HEAD)
		h0_buf_done(&a->head);
	h0_buf_reset(&a->head);
	if (l->nspare >= SPARE_MAX) {
		h0_buf_done(&a->head);
		free(a);
		return;
	}
	a->next = l->spare;
	l->spare = a;
	l->nspare++;
}

void h0_ask_forget_spare(struct h0_loop *l)
{
	while (l->spare) {
		struct ask *a = l->spare;
		l->spare = a->next;
		h0_buf_done(&a->head);
		free(a);
	}
	l->nspare = 0;
	free(h0_take(l->spare_scan));
}

void h0_ask_free(struct client *c)
{
	struct ask *a = h0_take(c->ask);
	if (!a)
		return;
	if (a->counted && a->d && a->d->peer) {
		struct h0_peer *p = a->d->peer;
		int class = a->answer_over && a->status < 600 ? a->status / 100 : 0;
		atomic_fetch_add_explicit(&p->requests[class], 1, memory_order_relaxed);
		atomic_fetch_sub(&p->in_flight, 1);
		h0_set(&p->touched);
		h0_stats_tokens(p, a->tail, a->tail_len);
	}
	release(c->loop, a);
}

/* ---- the head ---- */

static int refuse(struct client *c, int status, const char *why)
{
	c->refuse_status = status;
	c->refuse_code = NULL;
	c->refuse_why = why;
	return -1;
}

/* The path of "http://host/path", which proxies are asked with. */
static const char *target_of(const struct h0_head *h)
{
	const char *t = h0_head_target(h);
	if (strncasecmp(t, "http://", 7) != 0)
		return t;
	t += 7 + strcspn(t + 7, "/");
	return *t ? t : "/";
}

static bool good_id(const char *id)
{
	size_t n = id ? strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") : 0;
	return n && n <= 64 && !id[n];
}

static void give_id(struct client *c)
{
	const char *theirs = h0_head_get(&c->in.head, H0_FIELD_REQUEST_ID);
	struct h0_loop *l = c->loop;
	char *id = c->ask->id;
	if (good_id(theirs)) {
		memcpy(id, theirs, strlen(theirs) + 1);
		return;
	}
	/* which run of the server, which loop, which request */
	size_t n = strlen(l->core->id_prefix);
	memcpy(id, l->core->id_prefix, n);
	for (uint64_t v = ++l->next_id * MAX_LOOPS + l->index, shift = 64; shift; shift -= 4)
		if (v >> (shift - 4) || shift == 4)
			id[n++] = "0123456789abcdef"[v >> (shift - 4) & 15];
	id[n] = '\0';
}

/* Where the model's name is looked for. */
static void look_for_model(struct h0_loop *l, struct ask *a, const struct h0_head *h)
{
	const char *type = h0_head_get(h, H0_FIELD_CONTENT_TYPE);
	if (type && strncasecmp(type, "multipart/", 10) == 0) {
		a->form = h0_malloc(sizeof *a->form);
		if (h0_form_init(a->form, type, model_key[0]))
			return;
		free(h0_take(a->form));
	} else if (!a->endpoint || a->endpoint->body == H0_BODY_JSON) {
		a->scan = l->spare_scan ? h0_take(l->spare_scan) : h0_malloc(sizeof *a->scan);
		h0_scan_init(a->scan, model_key);
	}
}

static int expect(struct client *c, const char *value)
{
	static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec v = {(void *)(uintptr_t)go, sizeof go - 1};
	if (strcasecmp(value, "100-continue") != 0)
		return refuse(c, 417, "the only expectation known here is 100-continue");
	if (c->in.head.minor == 0 || !(c->in.head.has_length || c->in.head.chunked))
		return 0;
	return h0_client_write(c, &v, 1) < 0 ? refuse(c, 400, "the client has gone") : 0;
}

int h0_ask_head(struct client *c)
{
	const struct h0_serve_conf *conf = c->loop->core->conf;
	const struct h0_head *h = &c->in.head;
	struct ask *a = c->ask;
	char path[1024];
	c->keep = h->keep_alive && !atomic_load(&c->loop->core->draining);
	give_id(c);
	switch (h0_guard_check(conf->guard, h)) {
	case H0_GUARD_HOST:
		return refuse(c, 421, "the Host is none of this server: allow it with --host");
	case H0_GUARD_ORIGIN:
		return refuse(c, 403, "a web page of another origin asks: allow it with --origin");
	case H0_GUARD_KEY:
		return refuse(c, 401, "a key is needed: Authorization: Bearer KEY");
	case H0_GUARD_OK:
		break;
	}
	const char *origin = h0_guard_origin(conf->guard, h);
	if (origin)
		snprintf(a->origin, sizeof a->origin, "%s", origin);
	if (!h0_path_ok(target_of(h)) && strcmp(h->method, "OPTIONS") != 0)
		return refuse(c, 400, "the target is no path");
	if (h->length > conf->max_body)
		return refuse(c, 413, "the body is longer than this server takes");
	a->is_head = strcmp(h->method, "HEAD") == 0;
	a->endpoint = h0_endpoint_find(target_of(h), path, sizeof path);
	if (h->has_length || h->chunked)
		look_for_model(c->loop, a, h);
	const char *wants = h0_head_get(h, H0_FIELD_EXPECT);
	return wants ? expect(c, wants) : 0;
}

int h0_ask_body(struct client *c, const char *p, size_t n)
{
	const struct h0_serve_conf *conf = c->loop->core->conf;
	struct ask *a = c->ask;
	struct h0_err e = {0};
	if (a->body.size + n > conf->max_body)
		return refuse(c, 413, "the body is longer than this server takes");
	if (a->scan)
		h0_scan_feed(a->scan, p, n);
	if (a->form)
		h0_form_feed(a->form, p, n);
	if (h0_spool_add(&a->body, conf->spool_dir, p, n, &e) == 0)
		return 0;
	if (conf->note)
		conf->note(e.msg, conf->arg);
	return refuse(c, 500, "no room for the body");
}

/* ---- the whole request ---- */

static void error_out(struct client *c, int status, const char *code, const char *message)
{
	char own[32];
	snprintf(own, sizeof own, "system.http_%d", status);
	h0_answer_error(c, status, code ? code : own, message, NULL, -1);
}

/* The model a JSON body names; false: answered with an error. */
static bool json_model(struct client *c)
{
	struct ask *a = c->ask;
	const struct h0_scan_value *v = &a->scan->val[0];
	bool strict = a->endpoint && a->endpoint->body == H0_BODY_JSON;
	if (strict && a->scan->state == H0_SCAN_NOT_OBJECT)
		error_out(c, 400, "request.not_an_object", "the body is not a JSON object");
	else if (strict && a->scan->state != H0_SCAN_DONE)
		error_out(c, 400, "request.invalid_json", "the body is not JSON");
	else if (strict && v->count > 1)
		error_out(c, 400, "request.invalid_json", "the body names two models");
	else if (v->count && !h0_scan_string(v, a->model, sizeof a->model) && strict &&
	         !(v->len == 4 && memcmp(v->raw, "null", 4) == 0))
		error_out(c, 400, "request.missing_model", "\"model\" is not a name");
	else {
		a->model_from = v->count == 1 ? v->begin : 0;
		a->model_to = v->count == 1 ? v->end : 0;
		return true;
	}
	return false;
}

static bool find_model(struct client *c)
{
	struct ask *a = c->ask;
	const char *slot = h0_head_get(&c->in.head, H0_FIELD_HAL0_SLOT);
	if (a->scan && a->body.size && !json_model(c))
		return false;
	if (!a->form && !a->body.size && a->endpoint && a->endpoint->body == H0_BODY_JSON) {
		error_out(c, 400, "request.invalid_json", "the request has no body");
		return false;
	}
	if (a->form && a->form->found && !a->form->cut) {
		snprintf(a->model, sizeof a->model, "%s", a->form->value);
		a->model_from = a->form->begin;
		a->model_to = a->form->end;
	}
	if (slot && *slot)
		snprintf(a->model, sizeof a->model, "%s", slot);
	return true;
}

/* The name the slot knows its model by goes where the client's stood. */
static void rewrite_model(struct ask *a)
{
	a->out = (struct h0_spool_out){.spool = &a->body};
	if (!a->d->model || a->model_from == a->model_to)
		return;
	a->out.text = a->scan ? a->d->model_json : a->d->model;
	a->out.text_len = strlen(a->out.text);
	a->out.cut = a->model_from;
	a->out.resume = a->model_to;
}

static void preflight(struct client *c)
{
	h0_answer(c, 204, "", "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n"
	          "Access-Control-Allow-Headers: Authorization, Content-Type, X-Api-Key, X-Request-Id, "
	          "X-Hal0-Slot\r\nAccess-Control-Max-Age: 600\r\n", "", 0);
}

static bool method_is_wrong(struct client *c)
{
	const struct ask *a = c->ask;
	const char *method = c->in.head.method;
	char more[64], text[128];
	if (!a->endpoint || strcmp(method, a->endpoint->method) == 0)
		return false;
	if (a->is_head && strcmp(a->endpoint->method, "GET") == 0)
		return false;
	snprintf(more, sizeof more, "Allow: %s\r\n", a->endpoint->method);
	snprintf(text, sizeof text, "{\"error\":{\"code\":\"system.http_405\",\"message\":\"%s takes %s\","
	         "\"type\":\"invalid_request_error\",\"details\":{}}}\n", a->endpoint->path, a->endpoint->method);
	h0_answer(c, 405, "application/json", more, text, strlen(text));
	return true;
}

/* Larger than the rest of a request, and of no more use while it waits for its answer. */
static void drop_scans(struct h0_loop *l, struct ask *a)
{
	free(h0_take(a->form));
	if (l->spare_scan)
		free(h0_take(a->scan));
	else
		l->spare_scan = h0_take(a->scan);
}

void h0_ask_begin(struct client *c)
{
	struct ask *a = c->ask;
	const char *target = target_of(&c->in.head);
	if (strcmp(c->in.head.method, "OPTIONS") == 0) {
		if (a->origin[0])
			preflight(c);
		else
			h0_answer(c, 204, "", "Allow: GET, POST, OPTIONS\r\n", "", 0);
		return;
	}
	if (method_is_wrong(c) || !find_model(c))
		return;
	a->d = h0_decide(c->loop, target, a->model[0] ? a->model : NULL);
	if (a->d->status)
		h0_answer_error(c, a->d->status, h0_err_name(&a->d->err), a->d->err.msg, &a->d->err, -1);
	else if (!a->d->peer)
		h0_answer_local(c, a->endpoint);
	else {
		rewrite_model(a);
		drop_scans(c->loop, a);
		h0_relay_begin(c);
	}
}
