/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP messages, good and hostile, whatever the pieces they come in.
 */
#include "tap.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/parse.h"

struct seen {
	struct h0_parse p;
	struct h0_buf body;
	int heads, messages, no_body;
	size_t used;
	enum h0_parse_state state;
};

static int on_head(void *arg)
{
	struct seen *s = arg;
	s->heads++;
	return s->no_body;
}

static int on_body(const char *p, size_t n, void *arg)
{
	struct seen *s = arg;
	h0_buf_add(&s->body, p, n);
	return 0;
}

static const struct h0_parse_calls calls = {on_head, on_body};

/* Each piece in memory of its own, so that the sanitizer sees a read past it. */
static void feed(struct seen *s, bool response, const char *text, size_t len, size_t piece, int no_body)
{
	memset(s, 0, sizeof *s);
	s->no_body = no_body;
	h0_parse_init(&s->p, response, &calls, s);
	for (size_t i = 0; i < len && s->state == H0_PARSE_MORE; i += piece) {
		size_t n = len - i < piece ? len - i : piece, used = 0;
		char *copy = h0_malloc(n);
		memcpy(copy, text + i, n);
		s->state = h0_parse_feed(&s->p, copy, n, &used);
		free(copy);
		s->used += used;
	}
}

static void done(struct seen *s)
{
	h0_parse_done(&s->p);
	h0_buf_done(&s->body);
}

static void good(const char *name, const char *text, const char *target, const char *body, size_t left)
{
	size_t len = strlen(text), pieces[] = {1, 3, 7, len};
	bool all = true;
	for (int i = 0; i < 4; i++) {
		struct seen s;
		feed(&s, false, text, len, pieces[i], 0);
		bool is = s.state == H0_PARSE_DONE && s.heads == 1 && strcmp(h0_head_target(&s.p.head), target) == 0 &&
		          strcmp(h0_buf_str(&s.body), body) == 0 && len - s.used == left;
		if (!is)
			printf("# pieces of %zu: state %d (%s), target %s, body '%s', used %zu of %zu\n", pieces[i], (int)s.state,
			       s.p.why ? s.p.why : "", h0_head_target(&s.p.head), h0_buf_str(&s.body), s.used, len);
		all = all && is;
		done(&s);
	}
	ok(all, "%s", name);
}

static void bad(const char *name, const char *text, size_t len, int status)
{
	size_t pieces[] = {1, 3, 7, len};
	bool all = true;
	for (int i = 0; i < 4; i++) {
		struct seen s;
		feed(&s, false, text, len, pieces[i], 0);
		if (s.state != H0_PARSE_BAD || s.p.status != status || !s.p.why || !*s.p.why) {
			printf("# pieces of %zu: state %d status %d heads %d body '%s'\n", pieces[i], (int)s.state, s.p.status,
			       s.heads, h0_buf_str(&s.body));
			all = false;
		}
		done(&s);
	}
	ok(all, "refused: %s", name);
}
#define BAD(name, text) bad(name, text, sizeof text - 1, 400)

/* The fields as "name=value/id;". */
static void walk(const struct h0_head *h, const char *want, const char *name)
{
	h0_autobuf struct h0_buf got = {0};
	struct h0_line f;
	for (const char *p = NULL; (p = h0_head_next(h, p, &f));) {
		h0_buf_addf(&got, "%s=%s/%d;", f.name, f.value, (int)f.id);
		if (f.name_len != strlen(f.name) || f.value_len != strlen(f.value))
			h0_buf_adds(&got, "wrong length");
	}
	is_str(h0_buf_str(&got), want, name);
}

static void test_names(void)
{
	static const char *const names[] = {
#define X(id, text) text,
		H0_FIELDS(X)
#undef X
	};
	h0_autobuf struct h0_buf b = {0};
	size_t wrong = 0;
	for (size_t i = 0; i < H0_ARRAY_LEN(names); i++) {
		struct seen s;
		h0_buf_reset(&b);
		h0_buf_addf(&b, "HTTP/1.1 200 OK\r\n%c%s: 7\r\n\r\n", names[i][0] & ~32, names[i] + 1);
		feed(&s, true, b.p, b.len, 1, 0);
		const char *v = h0_head_get(&s.p.head, (enum h0_field)(i + 1));
		if (!v || strcmp(v, "7") != 0) {
			printf("# %s is not found\n", names[i]);
			wrong++;
		}
		done(&s);
	}
	is_int((long long)wrong, 0, "each known name is found");
}

static void test_requests(void)
{
	good("a plain request", "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "/a?b=c", "", 0);
	good("a body by length", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "/", "hello", 0);
	good("what follows is not touched", "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\n", "/", "hi", 16);
	good("chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nX: y\r\n\r\nrest",
	     "/", "hello!", 4);
	good("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "/", "", 0);
	good("upgrade is not taken up", "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "/", "", 0);
	struct seen s;
	const char *text = "GET / HTTP/1.1\r\nA:  one \t\r\nhost:\r\nConnection: Keep-Alive,  close\r\nHOST: two\r\n"
		"Sec-Fetch-Mode: x\r\nAccess-Control-Max-Age: y\r\nHos: z\r\n\r\n";
	feed(&s, false, text, strlen(text), 5, 0);
	walk(&s.p.head, "A=one/0;host=/2;Connection=Keep-Alive,  close/11;HOST=two/2;Sec-Fetch-Mode=x/26;"
	     "Access-Control-Max-Age=y/27;Hos=z/0;", "values without white space around, an empty one, prefixes");
	is_str(h0_head_get(&s.p.head, H0_FIELD_HOST), "", "the first one of a field that comes twice");
	ok(s.p.head.twice == H0_FIELD_BIT(HOST) && !h0_head_get(&s.p.head, H0_FIELD_ORIGIN), "twice, and not at all");
	ok(!s.p.head.keep_alive && h0_head_lists(h0_head_get(&s.p.head, H0_FIELD_CONNECTION), "close"), "a list of words");
	ok(!h0_head_lists("closed, un close", "close") && h0_head_lists(" , CLOSE", "close"), "whole words");
	done(&s);
}

static void test_hostile(void)
{
	BAD("length and chunked", "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	BAD("chunked and length", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n");
	BAD("two lengths", "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!");
	BAD("two equal lengths", "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello");
	BAD("a list of lengths", "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello");
	BAD("a signed length", "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello");
	BAD("a negative length", "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello");
	BAD("a hexadecimal length", "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\nhello");
	BAD("a length beyond 64 bits", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n");
	BAD("another coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n");
	BAD("chunked not last", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n");
	BAD("chunked misspelt", "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n");
	BAD("a space before the colon", "POST / HTTP/1.1\r\nContent-Length : 5\r\n\r\nhello");
	BAD("a bare LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n");
	BAD("a bare LF between fields", "GET / HTTP/1.1\r\nA: b\nHost: x\r\n\r\n");
	BAD("a bare LF at the end", "GET / HTTP/1.1\r\nA: b\r\n\n");
	BAD("a bare CR in a value", "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n");
	BAD("a folded line", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n");
	BAD("a NUL in a value", "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n");
	BAD("a NUL in the target", "GET /\0 HTTP/1.1\r\n\r\n");
	BAD("a bad chunk size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
	BAD("a chunk size beyond 64 bits", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n");
	BAD("a chunk longer than its size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n");
	BAD("a bare LF in chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n");
	BAD("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
	BAD("no method", "/ HTTP/1.1\r\n\r\n");
	BAD("a response", "HTTP/1.1 200 OK\r\n\r\n");
	bad("HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", 18, 505);
	h0_autobuf struct h0_buf b = {0};
	h0_buf_adds(&b, "GET / HTTP/1.1\r\nA: ");
	while (b.len < H0_HEAD_MAX + 100)
		h0_buf_addc(&b, 'x');
	bad("a head without end", b.p, b.len, 431);
	h0_buf_reset(&b);
	h0_buf_adds(&b, "GET / HTTP/1.1\r\n");
	for (unsigned i = 0; i <= H0_HEAD_LINES; i++)
		h0_buf_adds(&b, "a:\r\n");
	bad("a head of too many fields", b.p, b.len, 431);
	h0_buf_reset(&b);
	h0_buf_adds(&b, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;");
	while (b.len < 8000)
		h0_buf_addc(&b, 'x');
	bad("a chunk extension without end", b.p, b.len, 400);
}

static void test_responses(void)
{
	struct seen s;
	const char *text = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi";
	feed(&s, true, text, strlen(text), 4, 0);
	ok(s.state == H0_PARSE_DONE && s.p.head.status == 200 && s.p.head.has_length && s.p.head.keep_alive, "a response");
	is_str(h0_head_get(&s.p.head, H0_FIELD_CONTENT_TYPE), "a/b", "its fields");
	done(&s);
	text = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
	feed(&s, true, text, strlen(text), 4, 0);
	ok(s.state == H0_PARSE_MORE && h0_parse_eof(&s.p) == H0_PARSE_DONE, "a body that ends with the connection");
	is_str(h0_buf_str(&s.body), "until the end", "whole");
	done(&s);
	text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort";
	feed(&s, true, text, strlen(text), 4, 0);
	ok(s.state == H0_PARSE_MORE && h0_parse_eof(&s.p) == H0_PARSE_BAD, "a body that ends early");
	done(&s);
	text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
	feed(&s, true, text, strlen(text), 100, 1);
	ok(s.state == H0_PARSE_DONE && s.used == 38, "an answer to HEAD has no body");
	done(&s);
	text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
	feed(&s, true, text, strlen(text), 100, 0);
	ok(s.state == H0_PARSE_DONE && s.p.head.status == 100 && s.used == 25, "an interim answer ends by itself");
	done(&s);
	text = "SSH-2.0\r\n";
	feed(&s, true, text, strlen(text), 1, 0);
	ok(s.state == H0_PARSE_BAD, "something else");
	done(&s);
}

static void test_sequence(void)
{
	struct seen s = {0};
	const char *text = "GET /1 HTTP/1.1\r\nA: b\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\n\r\n";
	size_t at = 0, used;
	h0_autobuf struct h0_buf got = {0};
	h0_parse_init(&s.p, false, &calls, &s);
	ok(h0_parse_eof(&s.p) == H0_PARSE_MORE, "the end before a message is no error");
	h0_parse_reset(&s.p);
	for (int i = 0; i < 3; i++) {
		enum h0_parse_state st = h0_parse_feed(&s.p, text + at, strlen(text + at), &used);
		at += used;
		h0_buf_addf(&got, "%d %s %s;", (int)st, s.p.head.method, h0_head_target(&s.p.head));
		h0_parse_reset(&s.p);
	}
	is_str(h0_buf_str(&got), "1 GET /1;1 POST /2;1 GET /3;", "pipelined requests one after the other");
	done(&s);
}

int main(void)
{
	test_requests();
	test_names();
	test_hostile();
	test_responses();
	test_sequence();
	return tap_done();
}
