/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP messages out of hostile bytes: whatever the pieces the bytes come in, the same messages are
 * seen. A reader that is led to another end of a message than its neighbour is what request
 * smuggling lives on. The first byte says whether requests or answers are read.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "serve/formscan.h"
#include "serve/parse.h"

struct seen {
	struct h0_parse p;
	struct h0_buf text;     /* what was seen, in order */
};

static int on_head(void *arg)
{
	struct seen *s = arg;
	const struct h0_head *h = &s->p.head;
	struct h0_line f;
	h0_buf_addf(&s->text, "[%s %d %s keep=%d length=%d,%llu chunked=%d", h->method ? h->method : "", h->status,
	            h0_head_target(h), h->keep_alive, h->has_length, (unsigned long long)h->length, h->chunked);
	H0_ASSERT(!(h->chunked && h->has_length));
	H0_ASSERT(!(h->twice & H0_FIELD_BIT(CONTENT_LENGTH)));
	for (const char *p = NULL; (p = h0_head_next(h, p, &f));) {
		H0_ASSERT(f.name_len == strlen(f.name) && f.value_len == strlen(f.value) && f.id < H0_NFIELDS);
		H0_ASSERT(!strpbrk(f.name, "\r\n: ") && !strpbrk(f.value, "\r\n"));
		H0_ASSERT(f.id == H0_FIELD_OTHER || h0_head_get(h, f.id));
		h0_buf_addf(&s->text, "|%d %s=%s", (int)f.id, f.name, f.value);
	}
	h0_buf_addc(&s->text, ']');
	return 0;
}

static int on_body(const char *p, size_t n, void *arg)
{
	struct seen *s = arg;
	h0_buf_add(&s->text, p, n);
	return 0;
}

static const struct h0_parse_calls calls = {on_head, on_body};

/* All messages of the text, in pieces of at most `most` bytes. */
static void look(struct seen *s, bool response, const char *text, size_t size, size_t most, uint32_t roll)
{
	enum h0_parse_state st = H0_PARSE_MORE;
	size_t at = 0;
	memset(s, 0, sizeof *s);
	h0_parse_init(&s->p, response, &calls, s);
	while (at < size && st == H0_PARSE_MORE) {
		size_t n = size - at, used = 0;
		roll = roll * 1103515245u + 12345u;
		size_t piece = most ? 1 + (roll >> 16) % most : n;
		n = piece < n ? piece : n;
		st = h0_parse_feed(&s->p, text + at, n, &used);
		H0_ASSERT(used <= n);
		at += used;
		if (st != H0_PARSE_DONE)
			continue;
		h0_buf_addf(&s->text, "<end %zu>", at);
		H0_ASSERT(s->text.len < 1u << 20);
		h0_parse_reset(&s->p);
		st = H0_PARSE_MORE;
	}
	if (st == H0_PARSE_MORE)
		st = h0_parse_eof(&s->p);
	h0_buf_addf(&s->text, "<%d>", (int)st); /* of two faults the one that is met first is told */
	H0_ASSERT(st != H0_PARSE_BAD || (s->p.why && s->p.why[0] && s->p.status >= 400));
}

static void forms(const char *text, size_t size, size_t most)
{
	struct h0_formscan a, b;
	if (!h0_form_init(&a, "multipart/form-data; boundary=b1", "model") ||
	    !h0_form_init(&b, "multipart/form-data; boundary=b1", "model"))
		return;
	h0_form_feed(&a, text, size);
	for (size_t at = 0; at < size; at += most)
		h0_form_feed(&b, text + at, size - at < most ? size - at : most);
	H0_ASSERT(a.found == b.found && a.cut == b.cut && a.begin == b.begin && a.end == b.end && a.len == b.len);
	H0_ASSERT(!a.found || (a.begin <= a.end && a.end <= size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t most[] = {1, 3, 40};
	if (size < 2)
		return 0;
	const char *text = (const char *)data + 1;
	struct seen whole, pieces;
	bool response = *data & 1;
	size--;
	look(&whole, response, text, size, 0, 0);
	for (size_t i = 0; i < H0_ARRAY_LEN(most); i++) {
		look(&pieces, response, text, size, most[i], (uint32_t)size);
		H0_ASSERT(whole.text.len == pieces.text.len && memcmp(whole.text.p, pieces.text.p, whole.text.len) == 0);
		h0_buf_done(&pieces.text);
		h0_parse_done(&pieces.p);
		forms(text, size, most[i]);
	}
	h0_buf_done(&whole.text);
	h0_parse_done(&whole.p);
	return 0;
}

static const char *const fuzz_words[] = {
	"\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ";", ",", "0\r\n\r\n", "5\r\nhello\r\n", "GET / HTTP/1.1\r\n",
	"HTTP/1.1 200 OK\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n",
	"Transfer-Encoding: gzip\r\n", "Connection: close\r\n", "Connection: keep-alive\r\n", "Upgrade: x\r\n", "Host: a\r\n",
	"Expect: 100-continue\r\n", "X: y\r\n", "HTTP/1.0", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 304 No\r\n",
	"ffffffffffffffff", "--b1\r\n", "--b1--", "name=\"model\"", "hello", NULL};

FUZZ_TARGET("http", 50000)
