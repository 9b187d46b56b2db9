/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Longest common subsequence of the lines between the common head and the common tail, by the
 * quadratic table: configuration files are short, and beyond TABLE_MAX cells the middle counts
 * as wholly replaced.
 */
#include "conf/diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define CONTEXT 3
#define TABLE_MAX (4u << 20)

struct line {
	const char *p;
	size_t n; /* with its newline, if it has one */
};

struct text {
	struct line *v;
	size_t n, cap;
};

static void text_done(struct text *t)
{
	free(t->v);
}

static void split(const char *p, size_t len, struct text *ret)
{
	const char *end = p ? p + len : NULL;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) + 1 : (size_t)(end - p);
		ret->v = h0_grow(ret->v, ret->n, &ret->cap, sizeof *ret->v);
		ret->v[ret->n++] = (struct line){p, n};
		p += n;
	}
}

static bool same(struct line a, struct line b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The edit script: one char per output line, ' ' both, '-' only in a, '+' only in b. */
static void script_middle(const struct line *a, size_t n, const struct line *b, size_t m,
                          struct h0_buf *ret)
{
	if (n && m && n + 1 < TABLE_MAX / (m + 1)) {
		/* t[i][j]: common lines of a[i..] and b[j..] */
		h0_autofree uint32_t *t = h0_calloc((n + 1) * (m + 1), sizeof *t);
		for (size_t i = n; i-- > 0;)
			for (size_t j = m; j-- > 0;) {
				uint32_t down = t[(i + 1) * (m + 1) + j], right = t[i * (m + 1) + j + 1];
				t[i * (m + 1) + j] = same(a[i], b[j]) ? t[(i + 1) * (m + 1) + j + 1] + 1
				                   : down > right     ? down
				                                      : right;
			}
		size_t i = 0, j = 0;
		while (i < n && j < m) {
			bool eq = same(a[i], b[j]);
			bool drop = !eq && t[(i + 1) * (m + 1) + j] >= t[i * (m + 1) + j + 1];
			h0_buf_addc(ret, eq ? ' ' : drop ? '-' : '+');
			i += eq || drop;
			j += eq || !drop;
		}
		a += i, n -= i, b += j, m -= j;
	}
	while (n--)
		h0_buf_addc(ret, '-');
	while (m--)
		h0_buf_addc(ret, '+');
}

static void make_script(const struct text *a, const struct text *b, struct h0_buf *ret)
{
	size_t head = 0, tail = 0, min = a->n < b->n ? a->n : b->n;
	while (head < min && same(a->v[head], b->v[head]))
		head++;
	while (tail < min - head && same(a->v[a->n - 1 - tail], b->v[b->n - 1 - tail]))
		tail++;
	for (size_t i = 0; i < head; i++)
		h0_buf_addc(ret, ' ');
	script_middle(a->v + head, a->n - head - tail, b->v + head, b->n - head - tail, ret);
	for (size_t i = 0; i < tail; i++)
		h0_buf_addc(ret, ' ');
}

static void add_range(struct h0_buf *out, char sign, size_t start, size_t n)
{
	/* an empty range names the line before it */
	h0_buf_addf(out, n == 1 ? "%c%zu" : "%c%zu,%zu", sign, n ? start + 1 : start, n);
}

static void add_line(struct h0_buf *out, char sign, struct line l)
{
	h0_buf_addc(out, sign);
	h0_buf_add(out, l.p, l.n);
	if (l.p[l.n - 1] != '\n')
		h0_buf_adds(out, "\n\\ No newline at end of file\n");
}

/* One hunk: script[from..to), whose first lines are a->v[i] and b->v[j]. */
static void add_hunk(const struct text *a, size_t i, const struct text *b, size_t j,
                     const char *script, size_t from, size_t to, struct h0_buf *out)
{
	size_t n = 0, m = 0;
	for (size_t k = from; k < to; k++) {
		n += script[k] != '+';
		m += script[k] != '-';
	}
	h0_buf_adds(out, "@@ ");
	add_range(out, '-', i, n);
	h0_buf_addc(out, ' ');
	add_range(out, '+', j, m);
	h0_buf_adds(out, " @@\n");
	for (size_t k = from; k < to; k++) {
		add_line(out, script[k], script[k] == '+' ? b->v[j] : a->v[i]);
		i += script[k] != '+';
		j += script[k] != '-';
	}
}

/* Where the hunk that starts with the change at k ends: after CONTEXT lines that no other
 * change's own context touches. */
static size_t hunk_end(const char *script, size_t k, size_t n)
{
	size_t last = k;
	for (; k < n && k - last <= 2 * CONTEXT + 1; k++)
		if (script[k] != ' ')
			last = k;
	size_t end = last + 1 + CONTEXT;
	return end < n ? end : n;
}

void h0_diff(const char *name, const char *a_text, size_t a_len, const char *b_text, size_t b_len,
             struct h0_buf *out)
{
	h0_auto(text_done) struct text a = {0}, b = {0};
	h0_autobuf struct h0_buf script = {0};
	split(a_text, a_len, &a);
	split(b_text, b_len, &b);
	make_script(&a, &b, &script);
	if (!!a_text == !!b_text && !memchr(h0_buf_str(&script), '-', script.len) &&
	    !memchr(h0_buf_str(&script), '+', script.len))
		return;
	h0_buf_addf(out, "--- %s%s\n", a_text ? "a/" : "", a_text ? name : "/dev/null");
	h0_buf_addf(out, "+++ %s%s\n", b_text ? "b/" : "", b_text ? name : "/dev/null");
	size_t i = 0, j = 0, from = 0;
	for (size_t k = 0; k < script.len; k++) {
		if (script.p[k] == ' ')
			continue;
		size_t lead = k - from < CONTEXT ? k - from : CONTEXT;
		size_t start = k - lead, end = hunk_end(script.p, k, script.len);
		i += start - from; /* only common lines in between */
		j += start - from;
		add_hunk(&a, i, &b, j, script.p, start, end, out);
		for (size_t l = start; l < end; l++) {
			i += script.p[l] != '+';
			j += script.p[l] != '-';
		}
		from = end;
		k = end - 1;
	}
}
