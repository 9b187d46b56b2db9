/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The examples of the tables as words, for the tests that run or parse them.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* One word as a shell would make it; *ps moves behind it. false: an open quote. */
static bool words_one(const char **ps, struct h0_buf *w)
{
	const char *s = *ps;
	while (*s && *s != ' ') {
		char q = *s == '\'' || *s == '"' ? *s : 0;
		if (!q) {
			h0_buf_addc(w, *s++);
			continue;
		}
		const char *end = strchr(++s, q);
		if (!end)
			return false;
		h0_buf_add(w, s, (size_t)(end - s));
		s = end + 1;
	}
	*ps = s;
	return true;
}

/* The words of the first command that is one of ours, in a line that may have pipes, lists and
 * redirections around it. false: an open quote. */
static bool words_split(const char *s, struct h0_strv *words)
{
	while (*s) {
		h0_autobuf struct h0_buf w = {0};
		s += strspn(s, " ");
		if (*s && strchr("|><;&", *s)) {
			if (words->n && h0_starts(words->v[0], "hal0"))
				return true;
			h0_strv_done(words);
			s += strspn(s, "|><;&");
			continue;
		}
		if (!words_one(&s, &w))
			return false;
		bool before = words->n == 0 && (strchr(h0_buf_str(&w), '=') ||
		                                h0_streq(h0_buf_str(&w), "sudo"));
		if (!before && (w.len || *s))
			h0_strv_add(words, h0_buf_str(&w));
	}
	return true;
}

#endif
