/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "fmt/sse.h"

struct log {
	struct h0_buf b;
	int n, stop_at;
};

static int note(const char *name, const char *data, size_t len, void *arg, struct h0_err *e)
{
	struct log *l = arg;
	h0_buf_addf(&l->b, "<%s|%s>", name, data);
	if (strlen(data) != len)
		h0_buf_adds(&l->b, "!");
	return ++l->n == l->stop_at ? h0_fail(e, H0_NO, "enough") : 0;
}

static void check(const char *name, const char *in, const char *want)
{
	for (size_t piece = 1; piece < 20; piece++) {
		h0_auto(h0_sse_done) struct h0_sse s = {.on_event = note};
		struct log l = {0};
		s.arg = &l;
		for (size_t i = 0, n = strlen(in); i < n; i += piece)
			h0_sse_feed(&s, in + i, n - i < piece ? n - i : piece, NULL);
		bool good = strcmp(h0_buf_str(&l.b), want) == 0;
		if (!good || piece == 19)
			is_str(h0_buf_str(&l.b), want, name);
		h0_buf_done(&l.b);
		if (!good)
			return;
	}
}

int main(void)
{
	check("one event", "data: {\"a\":1}\n\n", "<|{\"a\":1}>");
	check("no space, two events", "data:a\n\ndata: b\n\n", "<|a><|b>");
	check("only one space goes", "data:  a \n\n", "<| a >");
	check("CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", "<|a><|b>");
	check("CR", "data: a\r\rdata: b\r\r", "<|a><|b>");
	check("mixed line ends", "data: a\r\n\ndata: b\n\r\n", "<|a><|b>");
	check("joined lines", "data: a\ndata: b\ndata\n\n", "<|a\nb\n>");
	check("names and comments", ": hi\nevent: error\ndata: x\nid: 7\nretry: 1\n\n", "<error|x>");
	check("a name without data is no event", "event: ping\n\ndata: x\n\n", "<|x>");
	check("byte order mark", "\xef\xbb\xbf" "data: x\n\n", "<|x>");
	check("UTF-8 cut anywhere", "data: \xe2\x82\xac\xf0\x9f\x98\x80\n\n", "<|\xe2\x82\xac\xf0\x9f\x98\x80>");
	check("the cut-off event is dropped", "data: a\n\ndata: b\n", "<|a>");
	check("unknown fields", "dat: no\ndatax: no\ndata: yes\n\n", "<|yes>");

	struct log l = {.stop_at = 1};
	struct h0_err e = {0};
	struct h0_sse s = {.on_event = note, .arg = &l, .max = 100};
	ok(h0_sse_feed(&s, "data: a\n\ndata: b\n\n", 18, &e) == -1 && e.kind == H0_NO && l.n == 1, "the reader ends it");
	h0_sse_done(&s);
	h0_buf_done(&l.b);

	s = (struct h0_sse){.on_event = note, .arg = &l, .max = 100};
	l = (struct log){0};
	int rc = 0, fed = 0;
	for (; rc == 0 && fed < 1000; fed++)
		rc = h0_sse_feed(&s, "x", 1, &e);
	ok(rc == -1 && e.kind == H0_EXTERN && fed == 101, "a line without end is refused");
	h0_sse_done(&s);

	s = (struct h0_sse){.on_event = note, .arg = &l, .max = 100};
	for (rc = fed = 0; rc == 0 && fed < 1000; fed++)
		rc = h0_sse_feed(&s, "data: 12345678\n", 15, &e);
	ok(rc == -1 && fed < 14, "so is an event of endless lines");
	h0_sse_done(&s);
	return tap_done();
}
