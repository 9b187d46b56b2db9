/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Answers that come from the router itself.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/envelope.h"
#include "serve/inner.h"

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
		{501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
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
	h0_autobuf struct h0_buf body = {0};
	char more[160] = "";
	h0_envelope_print(status, code, message, details, retry_after_s, &body);
	if (status == 503 && retry_after_s >= 0)
		snprintf(more, sizeof more, "Retry-After: %d\r\n", retry_after_s);
	else if (status == 401)
		snprintf(more, sizeof more, "WWW-Authenticate: Bearer\r\n");
	h0_answer(c, status, "application/json", more, body.p, body.len);
}

void h0_answer_local(struct client *c, const struct h0_endpoint *ep)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_core *core = c->loop->core;
	if (strcmp(ep->path, "/v1/models") == 0) {
		h0_envelope_models(&c->loop->image->slots, &c->loop->image->upstreams, &c->loop->image->look, &b);
		h0_answer(c, 200, "application/json", NULL, b.p, b.len);
	} else if (strcmp(ep->path, "/metrics") == 0) {
		h0_stats_print(core, &b);
		h0_answer(c, 200, "text/plain; version=0.0.4", NULL, b.p, b.len);
	} else {
		bool leaving = atomic_load(&core->draining);
		h0_buf_addf(&b, "{\"status\":\"%s\"}\n", leaving ? "draining" : "ok");
		h0_answer(c, leaving ? 503 : 200, "application/json", NULL, b.p, b.len);
	}
}
