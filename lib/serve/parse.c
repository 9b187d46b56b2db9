/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/parse.h"

#include <string.h>
#include <strings.h>

#include <llhttp.h>

#include "base/attr.h"
#include "base/err.h"

#define MAX_EXTENSIONS 4096u    /* bytes of chunk extensions of one message */

_Static_assert(sizeof(llhttp_t) <= sizeof((struct h0_parse *)0)->priv, "room for the parser");

static llhttp_t *raw(struct h0_parse *p)
{
	return (llhttp_t *)(void *)p->priv;
}

static struct h0_parse *self(llhttp_t *l)
{
	return l->data;
}

static int refuse(struct h0_parse *p, int status, const char *why)
{
	p->status = status;
	p->why = why;
	return -1;
}

/* ---- what the parser finds ---- */

static int collect(struct h0_parse *p, const char *at, size_t n)
{
	p->head_bytes += n;
	if (p->head_bytes > p->head_max)
		return refuse(p, 431, "the head is too long");
	if (memchr(at, '\0', n))
		return refuse(p, 400, "a NUL in the head");
	if (p->in_head)
		h0_buf_add(&p->head.text, at, n);
	return 0;
}

static int end_string(struct h0_parse *p)
{
	if (p->in_head)
		h0_buf_addc(&p->head.text, '\0');
	return 0;
}

static int on_url(llhttp_t *l, const char *at, size_t n)
{
	return collect(self(l), at, n);
}

static int on_field(llhttp_t *l, const char *at, size_t n)
{
	struct h0_parse *p = self(l);
	if (p->in_head && !p->in_field) {
		if (++p->lines > H0_HEAD_LINES)
			return refuse(p, 431, "the head has too many fields");
		p->field = p->head.text.len;
		p->in_field = true;
		h0_buf_addc(&p->head.text, '\0'); /* the id */
	}
	return collect(p, at, n);
}

static enum h0_field field_of(const char *name, size_t n)
{
	static const struct {
		unsigned char len, first;
		const char *name;
	} known[] = {
#define X(id, text) [H0_FIELD_##id] = {sizeof text - 1, (unsigned char)(text)[0], text},
		H0_FIELDS(X)
#undef X
	};
	unsigned first = (unsigned char)*name | 32u;
	for (size_t i = 1; i < H0_ARRAY_LEN(known) && known[i].len <= n; i++)
		if (known[i].len == n && known[i].first == first && strncasecmp(known[i].name, name, n) == 0)
			return (enum h0_field)i;
	if (first == 's' && strncasecmp(name, "sec-", 4) == 0)
		return H0_FIELD_SEC;
	return first == 'a' && strncasecmp(name, "access-control-", 15) == 0 ? H0_FIELD_CORS : H0_FIELD_OTHER;
}

static int on_field_end(llhttp_t *l)
{
	struct h0_parse *p = self(l);
	struct h0_buf *b = &p->head.text;
	if (!p->in_head)
		return 0;
	end_string(p);
	p->in_field = false;
	if (b->len - p->field == 2)
		return refuse(p, 400, "a field without a name");
	p->id = field_of(b->p + p->field + 1, b->len - p->field - 2);
	b->p[p->field] = (char)p->id;
	if (p->head.has >> p->id & 1) {
		p->head.twice |= UINT64_C(1) << p->id;
	} else if (p->id != H0_FIELD_OTHER) {
		p->head.has |= UINT64_C(1) << p->id;
		p->head.at[p->id] = (uint32_t)b->len;
	}
	return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t n)
{
	return collect(self(l), at, n);
}

static int on_string_end(llhttp_t *l)
{
	return end_string(self(l));
}

/* Chunked and nothing else, said once: what else is done to the bytes would be lost on the way. */
static bool coding_is_plain(const struct h0_head *h)
{
	return h->chunked && !h->has_length && !(h->twice & H0_FIELD_BIT(TRANSFER_ENCODING)) &&
	       strcasecmp(h0_head_get(h, H0_FIELD_TRANSFER_ENCODING), "chunked") == 0;
}

/* Trailing white space is no part of a value. */
static int on_value_end(llhttp_t *l)
{
	struct h0_parse *p = self(l);
	struct h0_buf *b = &p->head.text;
	while (p->in_head && b->len && (b->p[b->len - 1] == ' ' || b->p[b->len - 1] == '\t'))
		b->len--;
	return end_string(p);
}

static int on_headers(llhttp_t *l)
{
	struct h0_parse *p = self(l);
	struct h0_head *h = &p->head;
	p->in_head = false;
	h->minor = l->http_minor;
	h->method = l->type == HTTP_REQUEST ? llhttp_method_name((llhttp_method_t)l->method) : NULL;
	h->status = l->type == HTTP_RESPONSE ? l->status_code : 0;
	h->keep_alive = llhttp_should_keep_alive(l);
	h->chunked = (l->flags & F_CHUNKED) != 0;
	h->has_length = (l->flags & F_CONTENT_LENGTH) != 0;
	h->length = h->has_length ? l->content_length : 0;
	l->upgrade = 0; /* no other protocol is spoken here */
	if (l->http_major != 1 || l->http_minor > 1)
		return refuse(p, 505, "only HTTP/1.0 and 1.1 are spoken here");
	if (l->type == HTTP_RESPONSE && (h->status < 100 || h->status > 999))
		return refuse(p, 502, "a status that is none");
	if ((l->flags & F_TRANSFER_ENCODING) && !coding_is_plain(h))
		return refuse(p, 400, "a transfer coding that is not chunked alone");
	int rc = p->calls->on_head(p->arg);
	if (rc < 0)
		p->stopped = true;
	return rc;
}

static int on_body(llhttp_t *l, const char *at, size_t n)
{
	struct h0_parse *p = self(l);
	if (p->calls->on_body(at, n, p->arg) == 0)
		return 0;
	p->stopped = true;
	return -1;
}

static int on_extension(llhttp_t *l, const char *at, size_t n)
{
	struct h0_parse *p = self(l);
	(void)at;
	p->extension_bytes += n;
	return p->extension_bytes > MAX_EXTENSIONS ? refuse(p, 400, "endless chunk extensions") : 0;
}

static int on_message(llhttp_t *l)
{
	(void)l;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_chunk_extension_name = on_extension,
	.on_chunk_extension_value = on_extension,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_message,
	.on_url_complete = on_string_end,
	.on_header_field_complete = on_field_end,
	.on_header_value_complete = on_value_end,
};

/* ---- the parser ---- */

static void begin(struct h0_parse *p)
{
	p->head_bytes = p->extension_bytes = 0;
	p->lines = 0;
	p->head.has = p->head.twice = 0;
	p->in_head = true;
	p->in_field = p->stopped = p->lines_begun = p->lines_over = false;
	p->line = 0;
	p->last = '\0';
	h0_buf_reset(&p->head.text);
	if (raw(p)->type == HTTP_RESPONSE)
		h0_buf_addc(&p->head.text, '\0'); /* no target */
}

void h0_parse_init(struct h0_parse *p, bool response, const struct h0_parse_calls *calls, void *arg)
{
	*p = (struct h0_parse){.calls = calls, .arg = arg, .head_max = H0_HEAD_MAX};
	llhttp_init(raw(p), response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
	raw(p)->data = p;
	begin(p);
}

void h0_parse_reset(struct h0_parse *p)
{
	llhttp_reset(raw(p));
	begin(p);
}

/* The head's lines end with CR LF and do not go on in the next one; older versions of the parser
 * let both pass in places. */
static bool lines_are_clean(struct h0_parse *p, const char *data, size_t n)
{
	for (const char *at = data, *end = data + n; at < end && !p->lines_over;) {
		if (p->line == 0 && p->lines_begun && (*at == ' ' || *at == '\t'))
			return false;
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf ? lf : end) - at);
		p->line += len;
		p->last = len ? at[len - 1] : p->last;
		if (!lf)
			return true;
		if (p->line == 0 || p->last != '\r')
			return false;
		p->lines_over = p->line == 1 && p->lines_begun;
		p->lines_begun = p->lines_begun || p->line > 1;
		p->line = 0;
		at = lf + 1;
	}
	return true;
}

enum h0_parse_state h0_parse_feed(struct h0_parse *p, const char *data, size_t n, size_t *ret_used)
{
	*ret_used = 0;
	if (p->in_head && !lines_are_clean(p, data, n)) {
		refuse(p, 400, "a line of the head that does not end with CR LF, or that is folded");
		return H0_PARSE_BAD;
	}
	llhttp_errno_t rc = llhttp_execute(raw(p), data, n);
	*ret_used = n;
	if (rc == HPE_OK)
		return H0_PARSE_MORE;
	const char *at = llhttp_get_error_pos(raw(p));
	*ret_used = at >= data && at <= data + n ? (size_t)(at - data) : n;
	if (rc == HPE_PAUSED) {
		llhttp_resume(raw(p));
		return H0_PARSE_DONE;
	}
	if (p->stopped)
		return H0_PARSE_STOPPED;
	if (!p->why)
		refuse(p, 400, llhttp_get_error_reason(raw(p)));
	return H0_PARSE_BAD;
}

enum h0_parse_state h0_parse_eof(struct h0_parse *p)
{
	bool begun = p->head_bytes > 0 || !p->in_head;
	llhttp_errno_t rc = llhttp_finish(raw(p));
	if (rc == HPE_PAUSED)
		return H0_PARSE_DONE;
	if (rc == HPE_OK && !begun)
		return H0_PARSE_MORE;
	refuse(p, 400, "the connection ended in the middle of a message");
	return H0_PARSE_BAD;
}

void h0_parse_done(struct h0_parse *p)
{
	h0_head_done(&p->head);
}

/* ---- heads ---- */

const char *h0_head_target(const struct h0_head *h)
{
	return h0_buf_str(&h->text);
}

const char *h0_head_next(const struct h0_head *h, const char *at, struct h0_line *ret)
{
	const char *end = h->text.p + h->text.len;
	at = at ? at : h0_head_target(h) + strlen(h0_head_target(h)) + 1;
	if (!h->text.p || at >= end)
		return NULL;
	ret->id = (enum h0_field)*at;
	ret->name = at + 1;
	ret->name_len = strlen(ret->name);
	ret->value = ret->name + ret->name_len + 1;
	if (ret->value >= end)
		return NULL;
	ret->value_len = strlen(ret->value);
	return ret->value + ret->value_len + 1;
}

bool h0_head_lists(const char *value, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = value; p && *p;) {
		p += strspn(p, " \t,");
		size_t n = strcspn(p, ",");
		size_t used = n;
		while (used && (p[used - 1] == ' ' || p[used - 1] == '\t'))
			used--;
		if (used == len && strncasecmp(p, word, len) == 0)
			return true;
		p += n;
	}
	return false;
}

void h0_head_done(struct h0_head *h)
{
	h0_buf_done(&h->text);
}
