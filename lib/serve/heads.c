/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a head becomes on its way: the request's towards the slot, the answer's towards the client.
 */
#include "base/str.h"
#include "serve/inner.h"

#define BIT H0_FIELD_BIT
/* About one connection alone, or told anew. */
#define HOP (BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(TE) | BIT(TRAILER) | BIT(TRANSFER_ENCODING) | \
	     BIT(UPGRADE) | BIT(CONTENT_LENGTH) | BIT(REQUEST_ID))

/* Fields of a request that stay here: they are about this connection, about who asks, or would
 * change how the answer comes. */
static const uint64_t dropped_asked = HOP | BIT(HOST) | BIT(EXPECT) | BIT(ACCEPT_ENCODING) |
	BIT(AUTHORIZATION) | BIT(API_KEY) | BIT(PROXY_AUTHORIZATION) | BIT(PROXY_CONNECTION) | BIT(COOKIE) |
	BIT(ORIGIN) | BIT(REFERER) | BIT(HAL0_SLOT) | BIT(SEC_FETCH_SITE) | BIT(SEC);
static const uint64_t dropped_answered = HOP | BIT(PROXY_AUTHENTICATE) | BIT(PROXY_AUTH_INFO) |
	BIT(SERVER) | BIT(SET_COOKIE) | BIT(CORS);

static void put_fields(struct h0_buf *b, const struct h0_head *h, uint64_t dropped)
{
	const char *connection = h0_head_get(h, H0_FIELD_CONNECTION);
	struct h0_line f;
	for (const char *p = NULL; (p = h0_head_next(h, p, &f));) {
		if ((dropped >> f.id & 1) || (connection && h0_head_lists(connection, f.name)))
			continue;
		h0_buf_add(b, f.name, f.name_len);
		h0_buf_add(b, ": ", 2);
		h0_buf_add(b, f.value, f.value_len);
		h0_buf_add(b, "\r\n", 2);
	}
}

void h0_heads_request(struct client *c)
{
	struct ask *a = c->ask;
	const struct h0_head *h = &c->in.head;
	struct h0_buf *b = &a->head;
	h0_buf_reset(b);
	h0_buf_room(b, h->text.len + HEAD_ROOM);
	h0_buf_adds(b, h->method);
	h0_buf_adds(b, a->d->request);
	put_fields(b, h, dropped_asked);
	if (h->has_length || h->chunked) {
		h0_buf_adds(b, "Content-Length: ");
		h0_put_number(b, h0_spool_out_size(&a->out));
		h0_buf_add(b, "\r\n", 2);
	}
	if (a->d->key[0]) {
		h0_buf_adds(b, "Authorization: Bearer ");
		h0_buf_adds(b, a->d->key);
		h0_buf_add(b, "\r\n", 2);
	}
	h0_put_field(b, "X-Request-Id", a->id);
	h0_buf_add(b, "\r\n", 2);
}

static void choose_framing(struct client *c, const struct h0_head *h)
{
	struct ask *a = c->ask;
	if (a->is_head || h->status == 204 || h->status == 304)
		a->framing = FRAME_NONE;
	else if (h->has_length)
		a->framing = FRAME_LENGTH;
	else
		a->framing = c->in.head.minor ? FRAME_CHUNKED : FRAME_CLOSE;
	c->keep = c->keep && a->framing != FRAME_CLOSE;
}

void h0_heads_answer(struct client *c, const struct h0_head *h)
{
	struct ask *a = c->ask;
	struct h0_buf *b = &a->head;
	choose_framing(c, h);
	h0_buf_reset(b);
	h0_buf_adds(b, "HTTP/1.1 ");
	h0_put_number(b, (uint64_t)h->status);
	h0_buf_addc(b, ' ');
	h0_buf_adds(b, h0_status_text(h->status));
	h0_buf_add(b, "\r\n", 2);
	put_fields(b, h, dropped_answered);
	if (h->has_length && (a->framing == FRAME_LENGTH || a->is_head)) {
		h0_buf_adds(b, "Content-Length: ");
		h0_put_number(b, h->length);
		h0_buf_add(b, "\r\n", 2);
	}
	if (a->framing == FRAME_CHUNKED)
		h0_buf_adds(b, "Transfer-Encoding: chunked\r\n");
	if (a->origin[0])
		h0_buf_addf(b, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", a->origin);
	if (!c->keep || c->in.head.minor == 0)
		h0_buf_addf(b, "Connection: %s\r\n", c->keep ? "keep-alive" : "close");
	h0_put_field(b, "X-Request-Id", a->id);
	h0_buf_add(b, "\r\n", 2);
}
