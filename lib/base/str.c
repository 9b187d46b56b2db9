/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

bool h0_streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool h0_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool h0_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

size_t h0_utf8_len(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	size_t len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	/* the second byte's range keeps out overlong forms, surrogates and what is above 10ffff */
	unsigned low = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : 0x80;
	unsigned high = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : 0xbf;
	if (len > n || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

unsigned h0_char_steers(const char *p, size_t n, size_t *ret_len)
{
	const unsigned char *s = (const unsigned char *)p;
	*ret_len = 1;
	if (s[0] < 0x20 || s[0] == 0x7f)
		return s[0];
	if (n > 1 && s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) {
		*ret_len = 2;
		return s[1];
	}
	/* U+202A to U+202E, U+2066 to U+2069 */
	bool low = n > 2 && s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae;
	bool high = n > 2 && s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9;
	if (low || high) {
		*ret_len = 3;
		return 0x2000u | (s[1] & 3u) << 6 | (s[2] & 0x3fu);
	}
	return 0;
}

static void strv_push(struct h0_strv *l, char *owned)
{
	l->v = h0_grow(l->v, l->n + 1, &l->cap, sizeof *l->v);
	l->v[l->n++] = owned;
	l->v[l->n] = NULL;
}

void h0_strv_add(struct h0_strv *l, const char *s)
{
	strv_push(l, h0_strdup(s));
}

void h0_strv_addf(struct h0_strv *l, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	strv_push(l, s);
}

bool h0_strv_has(const struct h0_strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void h0_strv_sort(struct h0_strv *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof *l->v, by_bytes);
}

void h0_strv_done(struct h0_strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct h0_strv){0};
}

#define WORD_MAX 64

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;
	return m < c ? m : c;
}

int h0_str_distance(const char *a, const char *b)
{
	/* optimal string alignment over three rows */
	int rows[3][WORD_MAX + 1];
	size_t n = strnlen(a, WORD_MAX), m = strnlen(b, WORD_MAX);
	int *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= m; j++)
		above[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
			              above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		int *t = before;
		before = above;
		above = row;
		row = t;
	}
	return above[m];
}

const char *h0_str_nearest(const char *word, const char *const *choices)
{
	const char *best = NULL;
	int best_distance = 0;
	size_t n = strnlen(word, WORD_MAX);
	int limit = n <= 3 ? 1 : n <= 6 ? 2 : 3;
	for (; *choices; choices++) {
		int d = h0_str_distance(word, *choices);
		if (n >= 2 && d > 1 && h0_starts(*choices, word))
			d = 1; /* an unfinished word is as near as a slip of one letter */
		if (d <= limit && (!best || d < best_distance)) {
			best = *choices;
			best_distance = d;
		}
	}
	return best;
}
