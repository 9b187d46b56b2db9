/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Answers that come from the router itself.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"
#include "serve/inner.h"

/* The HTTP status of each stable code. Source: formats of the original hal0. */
static const struct {
	const char *code;
	int status;
} statuses[] = {
	{"dispatch.no_route", 404},
	{"dispatch.unknown_upstream", 400},
	{"dispatch.upstream_unavailable", 502},
	{"dispatch.upstream_failed", 502},
	{"npu.trio_unavailable", 503},
	{"request.invalid_json", 400},
	{"request.missing_model", 400},
	{"request.not_an_object", 400},
	{"slot.config_error", 400},
	{"slot.health_failed", 503},
	{"slot.loading", 503},
	{"slot.not_found", 404},
	{"slot.not_ready", 503},
	{"slot.npu_exclusivity_violation", 409},
	{"slot.spawn_failed", 500},
};

int h0_status_of_code(const char *code, enum h0_kind kind)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(statuses); i++)
		if (strcmp(statuses[i].code, code) == 0)
			return statuses[i].status;
	switch (kind) {
	case H0_USAGE:
		return 400;
	case H0_NO:
		return 404;
	case H0_CONFLICT:
		return 409;
	case H0_BUSY:
	case H0_NOHW:
		return 503;
	case H0_EXTERN:
		return 502;
	default:
		return 500;
	}
}

const char *h0_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} t[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {400, "Bad Request"},
		{401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
		{408, "Request Timeout"}, {409, "Conflict"}, {413, "Content Too Large"},
		{415, "Unsupported Media Type"}, {417, "Expectation Failed"}, {421, "Misdirected Request"},
		{422, "Unprocessable Content"}, {429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"}};
	for (size_t i = 0; i < H0_ARRAY_LEN(t); i++)
		if (t[i].status == status)
			return t[i].text;
	return status < 400 ? "OK" : "Error";
}

void h0_put_number(struct h0_buf *b, uint64_t v)
{
	char text[20];
	size_t at = sizeof text;
	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	h0_buf_add(b, text + at, sizeof text - at);
}

void h0_put_field(struct h0_buf *b, const char *name, const char *value)
{
	h0_buf_adds(b, name);
	h0_buf_add(b, ": ", 2);
	h0_buf_adds(b, value);
	h0_buf_add(b, "\r\n", 2);
}

void h0_answer(struct client *c, int status, const char *type, const char *more, const char *body, size_t n)
{
	struct h0_loop *l = c->loop;
	const struct ask *a = c->ask;
	h0_autobuf struct h0_buf head = {0};
	bool no_body = status == 204 || status == 304;
	h0_buf_addf(&head, "HTTP/1.1 %d %s\r\n", status, h0_status_text(status));
	if (!no_body)
		h0_buf_addf(&head, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, n);
	h0_buf_addf(&head, "%s", more ? more : "");
	if (a && a->id[0])
		h0_buf_addf(&head, "X-Request-Id: %s\r\n", a->id);
	if (a && a->origin[0])
		h0_buf_addf(&head, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", a->origin);
	if (!c->keep || c->in.head.minor == 0)
		h0_buf_addf(&head, "Connection: %s\r\n", c->keep ? "keep-alive" : "close");
	h0_buf_adds(&head, "\r\n");
	struct iovec v[2] = {{head.p, head.len}, {(void *)(uintptr_t)body, n}};
	(void)l;
	c->state = C_FLUSH;
	if (h0_client_write(c, v, no_body || (a && a->is_head) || !n ? 1 : 2) < 0)
		h0_client_close(c);
	else if (!h0_client_is_full(c))
		h0_client_finish(c);
}

void h0_answer_error(struct client *c, int status, const char *code, const char *message,
                     const struct h0_err *details, int retry_after_s)
{
	h0_autojson struct h0_json *o = h0_json_object();
	struct h0_json *err = h0_json_object(), *d = h0_json_object();
	h0_autobuf struct h0_buf body = {0};
	char more[160] = "";
	if (details)
		h0_json_set_details(d, details);
	if (retry_after_s >= 0)
		h0_json_set_int(d, "retry_after_s", retry_after_s);
	h0_json_set_str(err, "code", code);
	h0_json_set_str(err, "message", message);
	h0_json_set_str(err, "type", status < 500 ? "invalid_request_error" : "server_error");
	h0_json_set(err, "details", d);
	h0_json_set(o, "error", err);
	h0_json_dump(o, 0, false, &body);
	h0_buf_addc(&body, '\n');
	if (status == 503 && retry_after_s >= 0)
		snprintf(more, sizeof more, "Retry-After: %d\r\n", retry_after_s);
	else if (status == 401)
		snprintf(more, sizeof more, "WWW-Authenticate: Bearer\r\n");
	h0_answer(c, status, "application/json", more, body.p, body.len);
}

/* ---- /v1/models ---- */

static void add_model(struct h0_json *list, struct h0_strv *seen, const char *id, const struct h0_slot *s)
{
	if (!*id || h0_strv_has(seen, id))
		return;
	h0_strv_add(seen, id);
	struct h0_json *m = h0_json_object();
	h0_json_set_str(m, "id", id);
	h0_json_set_str(m, "object", "model");
	h0_json_set_int(m, "created", 0);
	h0_json_set_str(m, "owned_by", "hal0");
	h0_json_set_str(m, "slot", s->name);
	h0_json_set_str(m, "type", h0_type_names[s->type]);
	h0_json_add(list, m);
}

/* A virtual name is listed when it leads somewhere. */
static void add_virtual(struct h0_json *list, struct h0_strv *seen, const struct h0_slots *slots, const char *name)
{
	char id[H0_NAME_MAX + 8];
	h0_autoroute struct h0_route r = {0};
	snprintf(id, sizeof id, "hal0/%s", name);
	struct h0_route_ask ask = {.slots = slots, .model = id};
	if (h0_route_find(&ask, &r, NULL) == 0 && r.slot)
		add_model(list, seen, id, r.slot);
}

static void answer_models(struct client *c)
{
	const struct h0_slots *slots = &c->loop->image->slots;
	h0_autojson struct h0_json *o = h0_json_object();
	struct h0_json *list = h0_json_array();
	h0_autostrv struct h0_strv seen = {0};
	h0_autobuf struct h0_buf body = {0};
	char id[512];
	for (size_t i = 0; i < slots->n; i++) {
		const struct h0_slot *s = &slots->v[i];
		if (s->broken || !s->enabled)
			continue;
		add_model(list, &seen, s->name, s);
		add_model(list, &seen, h0_route_model_id(s, id, sizeof id), s);
	}
	for (size_t i = 0; i < h0_route_nchains; i++)
		add_virtual(list, &seen, slots, h0_route_chains[i].name);
	for (size_t i = 0; i < slots->n; i++)
		if (!slots->v[i].broken && slots->v[i].enabled)
			add_virtual(list, &seen, slots, slots->v[i].name);
	h0_json_set_str(o, "object", "list");
	h0_json_set(o, "data", list);
	h0_json_dump(o, 0, false, &body);
	h0_answer(c, 200, "application/json", NULL, body.p, body.len);
}

void h0_answer_local(struct client *c, const struct h0_endpoint *ep)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_core *core = c->loop->core;
	if (strcmp(ep->path, "/v1/models") == 0) {
		answer_models(c);
	} else if (strcmp(ep->path, "/metrics") == 0) {
		h0_stats_print(core, &b);
		h0_answer(c, 200, "text/plain; version=0.0.4", NULL, b.p, b.len);
	} else {
		bool leaving = atomic_load(&core->draining);
		h0_buf_addf(&b, "{\"status\":\"%s\"}\n", leaving ? "draining" : "ok");
		h0_answer(c, leaving ? 503 : 200, "application/json", NULL, b.p, b.len);
	}
}
