/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/words.h"

#include <string.h>

struct splitter {
	const char *p, *text;
	struct h0_buf word;
	bool in_word;           /* "" is a word of no characters */
};

static void splitter_done(struct splitter *s)
{
	h0_buf_done(&s->word);
}

static int unclosed(const struct splitter *s, const char *at, const char *what, struct h0_err *e)
{
	return h0_fail(e, H0_USAGE, "%s at character %d and not closed", what, (int)(at - s->text) + 1);
}

static int quoted(struct splitter *s, struct h0_err *e)
{
	const char *open = s->p++;
	for (; *s->p && *s->p != *open; s->p++) {
		if (*open == '"' && *s->p == '\\' && (s->p[1] == '"' || s->p[1] == '\\'))
			s->p++;
		h0_buf_addc(&s->word, *s->p);
	}
	if (!*s->p)
		return unclosed(s, open, *open == '"' ? "a \" is opened" : "a ' is opened", e);
	s->p++;
	return 0;
}

static int one_char(struct splitter *s, struct h0_err *e)
{
	s->in_word = true;
	if (*s->p == '\'' || *s->p == '"')
		return quoted(s, e);
	if (*s->p == '\\' && !*++s->p)
		return unclosed(s, s->p - 1, "a \\ stands", e);
	h0_buf_addc(&s->word, *s->p++);
	return 0;
}

int h0_words_split(const char *text, struct h0_strv *ret, struct h0_err *e)
{
	h0_auto(splitter_done) struct splitter s = {.p = text, .text = text};
	h0_autostrv struct h0_strv words = {0};
	while (*s.p || s.in_word) {
		if (!*s.p || strchr(" \t\r\n", *s.p)) {
			if (s.in_word)
				h0_strv_add(&words, h0_buf_str(&s.word));
			h0_buf_reset(&s.word);
			s.in_word = false;
			s.p += *s.p != '\0';
		} else if (one_char(&s, e) < 0) {
			return -1;
		}
	}
	for (size_t i = 0; i < words.n; i++)
		h0_strv_add(ret, words.v[i]);
	return 0;
}

void h0_words_quote(const char *word, struct h0_buf *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                            "%+,-./:=@_";
	if (*word && !word[strspn(word, plain)]) {
		h0_buf_adds(out, word);
		return;
	}
	h0_buf_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			h0_buf_adds(out, "'\\''");
		else
			h0_buf_addc(out, *word);
	}
	h0_buf_addc(out, '\'');
}
