/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Removing keys, elements and tables from TOML text.
 */
#include "fmt/tomledit.h"

#include <string.h>

#include "base/mem.h"
#include "fmt/tomlsplice.h"
#include "fmt/tomltree.h"

struct cuts {
	const char *text;
	size_t len;
	struct h0_span *v;
	size_t n, cap;
};

static void cut(struct cuts *c, size_t start, size_t end)
{
	c->v = h0_grow(c->v, c->n, &c->cap, sizeof *c->v);
	c->v[c->n++] = (struct h0_span){start, end};
}

static void cuts_done(struct cuts *c)
{
	free(c->v);
}

static int by_start(const void *a, const void *b)
{
	size_t x = ((const struct h0_span *)a)->start, y = ((const struct h0_span *)b)->start;
	return x < y ? -1 : x > y;
}

/* Sorts, and joins what touches or overlaps. */
static void tidy(struct cuts *c)
{
	size_t n = 0;
	qsort(c->v, c->n, sizeof *c->v, by_start);
	for (size_t i = 0; i < c->n; i++) {
		if (!n || c->v[i].start > c->v[n - 1].end)
			c->v[n++] = c->v[i];
		else if (c->v[i].end > c->v[n - 1].end)
			c->v[n - 1].end = c->v[i].end;
	}
	c->n = n;
}

static size_t skip_blanks(const struct cuts *c, size_t at)
{
	return at + strspn(c->text + at, " \t");
}

/* ---- sections ---- */

static void cut_lines(struct cuts *c, size_t first, size_t last)
{
	cut(c, h0_toml_line_start(c->text, first), h0_toml_line_end(c->text, c->len, last));
}

/* Everything of n that stands in sections: its headers with their keys, its own key lines. */
static void cut_section(struct cuts *c, const struct h0_toml_node *n)
{
	bool element = n->origin == H0_TOML_BY_ARRAY && n->type == H0_TOML_TABLE;
	if (n->origin == H0_TOML_INLINE) {
		cut_lines(c, n->expr_start, n->value_span.end);
		return;
	}
	if (n->origin == H0_TOML_BY_HEADER || element) {
		const struct h0_toml_node *last = h0_toml_last_expr(n);
		cut_lines(c, n->expr_start, last ? last->value_span.end : n->value_span.end);
	}
	h0_toml_each(child, n)
		cut_section(c, child);
}

/* Of the blank lines around a table that goes, those below go as well where some stay above. */
static void close_gaps(struct cuts *c)
{
	size_t bom = h0_toml_line_start(c->text, 0);
	for (size_t i = 0; i < c->n; i++) {
		struct h0_span *s = &c->v[i];
		size_t above = s->start > bom ? h0_toml_line_start(c->text, s->start - 1) : bom;
		if (s->start > bom && !h0_toml_line_blank(c->text, c->len, above))
			continue;
		while (s->end < c->len && h0_toml_line_blank(c->text, c->len, s->end))
			s->end = h0_toml_line_end(c->text, c->len, s->end);
	}
}

/* ---- inline tables ---- */

struct expr {
	struct h0_span span;
	bool goes;
};

struct exprs {
	struct expr *v;
	size_t n, cap;
};

/* The key-value pairs of an inline table, in the order of the tree. */
static void gather(struct exprs *x, const struct h0_toml_node *table,
                   const struct h0_toml_node *target, bool goes)
{
	h0_toml_each(c, table) {
		bool c_goes = goes || c == target;
		if (c->origin == H0_TOML_BY_DOTTED) {
			gather(x, c, target, c_goes);
			continue;
		}
		x->v = h0_grow(x->v, x->n, &x->cap, sizeof *x->v);
		x->v[x->n++] = (struct expr){{c->expr_start, c->value_span.end}, c_goes};
	}
}

/* A pair goes with all up to the next pair; the last pairs go with all from the last that stays. */
static void cut_pairs(struct cuts *c, const struct h0_toml_node *table,
                      const struct h0_toml_node *target)
{
	struct exprs x = {0};
	size_t stay = 0; /* one past the last pair that stays */
	gather(&x, table, target, false);
	if (x.n > 1)
		qsort(x.v, x.n, sizeof *x.v, by_start);
	for (size_t i = 0; i < x.n; i++)
		if (!x.v[i].goes)
			stay = i + 1;
	for (size_t i = 0; i < stay; i++)
		if (x.v[i].goes)
			cut(c, x.v[i].span.start, x.v[i + 1].span.start);
	if (stay == 0)
		cut(c, x.v[0].span.start, skip_blanks(c, x.v[x.n - 1].span.end));
	else if (stay < x.n)
		cut(c, x.v[stay - 1].span.end, x.v[x.n - 1].span.end);
	free(x.v);
}

/* ---- arrays ---- */

/* The next byte that is neither white space nor comment. *ret_comment: one was skipped. */
static size_t skip_to_mark(const struct cuts *c, size_t at, bool *ret_comment)
{
	for (;;) {
		at += strspn(c->text + at, " \t\r\n");
		if (at >= c->len || c->text[at] != '#')
			return at;
		*ret_comment = true;
		at = h0_toml_line_end(c->text, c->len, at);
	}
}

/* Cuts an element and what follows it up to `end`: its whole line with the comment when nothing
 * else stands there, else with the blanks that follow. */
static void cut_element(struct cuts *c, size_t start, size_t end)
{
	size_t line = h0_toml_line_start(c->text, start), rest = skip_blanks(c, end);
	char next = rest < c->len ? c->text[rest] : '\n';
	bool alone = skip_blanks(c, line) == start &&
	             (next == '\n' || next == '\r' || next == '#');
	if (alone)
		cut(c, line, h0_toml_line_end(c->text, c->len, end));
	else
		cut(c, start, next == '#' || next == '\n' || next == '\r' ? end : rest);
}

static void cut_from_array(struct cuts *c, const struct h0_toml_node *n)
{
	bool comment = false, before = false;
	size_t start = n->value_span.start, end = n->value_span.end;
	size_t mark = skip_to_mark(c, end, &comment);
	if (c->text[mark] == ',') {
		bool same_line = h0_toml_line_end(c->text, c->len, end) > mark;
		if (!same_line)
			cut(c, mark, mark + 1);
		cut_element(c, start, same_line ? mark + 1 : end);
		return;
	}
	const struct h0_toml_node *prev = NULL;
	for (const struct h0_toml_node *p = n->parent->first; p != n; p = p->next)
		prev = p;
	size_t comma = prev ? skip_to_mark(c, prev->value_span.end, &before) : 0;
	if (prev)
		skip_to_mark(c, comma + 1, &before);
	if (prev && !before)
		cut(c, comma, end); /* a trailing comma is allowed, but would be news here */
	else
		cut_element(c, start, end);
}

/* ---- unset ---- */

static void cut_node(struct cuts *c, const struct h0_toml_node *n)
{
	const struct h0_toml_node *holder = h0_toml_holder(n->parent);
	if (holder->origin != H0_TOML_INLINE) {
		cut_section(c, n);
		tidy(c);
		if (n->origin != H0_TOML_INLINE)
			close_gaps(c);
	} else if (holder->type == H0_TOML_ARRAY) {
		cut_from_array(c, n);
	} else {
		cut_pairs(c, holder, n);
	}
	tidy(c);
}

/* Nothing but what path leads to is in here. */
static bool only_holds(const struct h0_toml_node *n, const char *const *path)
{
	for (; *path; path++) {
		if (n->count != 1)
			return false;
		n = h0_toml_find(n, path, 1);
		if (!n)
			return false;
	}
	return true;
}

/* `now` is `old` without what path leads to. */
static bool only_unset(const struct h0_toml_node *old, const struct h0_toml_node *now,
                       const char *const *path)
{
	const struct h0_toml_node *was = h0_toml_find(old, path, 1);
	if (!was || old->type != now->type)
		return false;
	bool last = !path[1];
	if (old->type == H0_TOML_ARRAY) {
		bool gone = now->count + 1 == old->count;
		if (gone ? !last && !only_holds(was, path + 1) : last || now->count != old->count)
			return false;
		const struct h0_toml_node *c = now->first;
		h0_toml_each(o, old) {
			if (o == was && gone)
				continue;
			if (!c || (o == was ? !only_unset(o, c, path + 1) : !h0_toml_equal(o, c)))
				return false;
			c = c->next;
		}
		return !c;
	}
	const struct h0_toml_node *is = h0_toml_child(now, was->key, was->key_len);
	if (now->count + !is != old->count || (last && is))
		return false;
	h0_toml_each(o, old) {
		const struct h0_toml_node *same = h0_toml_child(now, o->key, o->key_len);
		if (o != was && (!same || !h0_toml_equal(o, same)))
			return false;
	}
	return is ? only_unset(was, is, path + 1) : only_holds(was, path + 1);
}

static void apply(const struct cuts *c, struct h0_buf *out)
{
	size_t at = 0;
	for (size_t i = 0; i < c->n; i++) {
		h0_buf_add(out, c->text + at, c->v[i].start - at);
		at = c->v[i].end;
	}
	h0_buf_add(out, c->text + at, c->len - at);
}

int h0_tomledit_unset(const char *text, size_t len, const char *file, const char *const *path,
                      struct h0_buf *ret, bool *ret_found, struct h0_err *e)
{
	h0_autotoml struct h0_toml *old = NULL, *now = NULL;
	h0_autobuf struct h0_buf out = {0};
	h0_auto(cuts_done) struct cuts c = {0};
	struct h0_err why;
	size_t n = 0;
	while (path[n])
		n++;
	if (!n)
		return h0_fail(e, H0_USAGE, "the key path is empty");
	if (h0_toml_parse(text, len, file, &old, e) < 0)
		return -1;
	c.text = h0_toml_text(old, &c.len);
	const struct h0_toml_node *node = h0_toml_find(h0_toml_root(old), path, n);
	if (node)
		cut_node(&c, node);
	apply(&c, &out);
	if (node && h0_toml_parse(h0_buf_str(&out), out.len, file, &now, &why) < 0)
		return h0_fail(e, H0_BUG, "%s: the edited text would not parse: %d:%d: %s", file,
		               why.line, why.col, why.msg);
	if (node && !only_unset(h0_toml_root(old), h0_toml_root(now), path))
		return h0_fail(e, H0_BUG, "%s: the edit would change more than '%s'", file, path[0]);
	h0_buf_done(ret);
	*ret = out;
	out = (struct h0_buf){0};
	*ret_found = node != NULL;
	return 0;
}
