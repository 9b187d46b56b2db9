/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "base/buf.h"
#include "fmt/think.h"

struct two {
	struct h0_buf answer, reasoning;
};

static int take(bool reasoning, const char *p, size_t n, void *arg)
{
	struct two *t = arg;
	h0_buf_add(reasoning ? &t->reasoning : &t->answer, p, n);
	return 0;
}

static int refuse(bool reasoning, const char *p, size_t n, void *arg)
{
	(void)reasoning, (void)p, (void)n, (void)arg;
	return 7;
}

static void check(const char *in, const char *reasoning, const char *answer)
{
	size_t len = strlen(in);
	bool good = true;
	for (size_t piece = 1; good && piece <= len + 1; piece++) {
		struct two t = {0};
		struct h0_think th = {.on_text = take, .arg = &t};
		for (size_t i = 0; i < len; i += piece)
			h0_think_feed(&th, in + i, len - i < piece ? len - i : piece);
		h0_think_end(&th);
		good = strcmp(h0_buf_str(&t.answer), answer) == 0 && strcmp(h0_buf_str(&t.reasoning), reasoning) == 0;
		if (!good)
			printf("# pieces of %zu: reasoning '%s', answer '%s'\n", piece, h0_buf_str(&t.reasoning),
			       h0_buf_str(&t.answer));
		h0_buf_done(&t.answer);
		h0_buf_done(&t.reasoning);
	}
	ok(good, "reasoning '%s', answer '%s'", reasoning, answer);
}

int main(void)
{
	check("Hello.", "", "Hello.");
	check("", "", "");
	check("<think>why</think>Yes.", "why", "Yes.");
	check(" \t<think>a < b, </thin> <<b></think> \t Yes <think>no</think>", "a < b, </thin> <<b>",
	      "Yes <think>no</think>");
	check("<think>never closed", "never closed", "");
	check("<think>cut </thi", "cut </thi", "");
	check("<think></think>x", "", "x");
	check("<thinking>no tag", "", "<thinking>no tag");
	check("<thi", "", "<thi");
	check("< think>", "", "< think>");
	check("</think>x", "", "</think>x");
	check("<think>\xe2\x82\xac<</think>\xf0\x9f\x98\x80", "\xe2\x82\xac<", "\xf0\x9f\x98\x80");
	struct h0_think t = {.on_text = refuse};
	ok(h0_think_feed(&t, "abc", 3) == 7, "the reader ends it");
	return tap_done();
}
