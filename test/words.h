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

/* Words as a shell would make them, up to the first operator. false: an open quote. */
static bool words_split(const char *s, struct h0_strv *words)
{
	while (*s) {
		h0_autobuf struct h0_buf w = {0};
		bool any = false;
		while (*s == ' ')
			s++;
		if (!*s || strchr("|><;&", *s))
			return true;
		while (*s && *s != ' ') {
			char q = *s == '\'' || *s == '"' ? *s : 0;
			any = true;
			if (!q) {
				h0_buf_addc(&w, *s++);
				continue;
			}
			const char *end = strchr(++s, q);
			if (!end)
				return false;
			h0_buf_add(&w, s, (size_t)(end - s));
			s = end + 1;
		}
		if (any)
			h0_strv_add(words, h0_buf_str(&w));
	}
	return true;
}

#endif
