/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Setting values. Removing them: fmt/tomlcut.c.
 */
#include "fmt/tomledit.h"

#include <string.h>

#include "fmt/tomlsplice.h"
#include "fmt/tomltree.h"

/* ---- lines ---- */

size_t h0_toml_line_start(const char *text, size_t at)
{
	while (at && text[at - 1] != '\n')
		at--;
	if (at == 0 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		return 3;
	return at;
}

size_t h0_toml_line_end(const char *text, size_t len, size_t at)
{
	const char *nl = at < len ? memchr(text + at, '\n', len - at) : NULL;
	return nl ? (size_t)(nl - text) + 1 : len;
}

bool h0_toml_line_blank(const char *text, size_t len, size_t start)
{
	size_t end = h0_toml_line_end(text, len, start);
	return strspn(text + start, " \t\r\n") >= end - start;
}

/* The line ending in use at `at`: that line's own, else the file's first, else a line feed. */
static const char *eol_at(const char *text, size_t len, size_t at)
{
	size_t end = h0_toml_line_end(text, len, at);
	if (end == at || text[end - 1] != '\n')
		end = h0_toml_line_end(text, len, 0);
	return end >= 2 && text[end - 1] == '\n' && text[end - 2] == '\r' ? "\r\n" : "\n";
}

/* ---- the tree ---- */

const struct h0_toml_node *h0_toml_holder(const struct h0_toml_node *n)
{
	while (n->origin == H0_TOML_BY_DOTTED)
		n = n->parent;
	return n;
}

const struct h0_toml_node *h0_toml_last_expr(const struct h0_toml_node *table)
{
	const struct h0_toml_node *last = NULL;
	h0_toml_each(c, table) {
		const struct h0_toml_node *found = NULL;
		if (c->origin == H0_TOML_INLINE)
			found = c;
		else if (c->origin == H0_TOML_BY_DOTTED)
			found = h0_toml_last_expr(c);
		if (found && (!last || found->value_span.end > last->value_span.end))
			last = found;
	}
	return last;
}

/* Where the last byte of anything in this table stands. */
static size_t last_end(const struct h0_toml_node *n)
{
	size_t end = n->value_span.end;
	if (n->origin == H0_TOML_INLINE)
		return end;
	h0_toml_each(c, n) {
		size_t e = last_end(c);
		if (e > end)
			end = e;
	}
	return end;
}

/* ---- adding ---- */

struct addition {
	const char *text;
	size_t len;
	size_t at;               /* goes in front of this byte */
	struct h0_buf what;
};

static void add_path(struct h0_buf *b, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			h0_buf_addc(b, '.');
		h0_toml_key_text(keys[i], strlen(keys[i]), b);
	}
}

/* `a.b.` for the dotted table a.b of `holder`. */
static void add_prefix(struct h0_buf *b, const struct h0_toml_node *holder,
                       const struct h0_toml_node *n)
{
	if (n == holder)
		return;
	add_prefix(b, holder, n->parent);
	h0_toml_key_text(n->key, n->key_len, b);
	h0_buf_addc(b, '.');
}

/* The name of a table as its header has it: keys only, elements of arrays are not numbered. */
static void add_header_path(struct h0_buf *b, const struct h0_toml_node *n)
{
	if (!n->parent)
		return;
	add_header_path(b, n->parent);
	if (n->key) {
		h0_toml_key_text(n->key, n->key_len, b);
		h0_buf_addc(b, '.');
	}
}

/* Ends the line before the place of addition where the file's last line does not end. */
static void end_line_before(struct addition *a)
{
	size_t bom = h0_toml_line_start(a->text, 0);
	if (a->at > bom && a->text[a->at - 1] != '\n')
		h0_buf_adds(&a->what, eol_at(a->text, a->len, a->at));
}

static void add_indent(struct addition *a, size_t line_of)
{
	size_t start = h0_toml_line_start(a->text, line_of);
	h0_buf_add(&a->what, a->text + start, strspn(a->text + start, " \t"));
}

/* The root has no keys: above the first header and the comment directly on it, unless that
 * comment opens the file; without a header at the end. *ret_header: a header follows. */
static size_t root_place(const char *text, size_t len, bool *ret_header)
{
	size_t at = h0_toml_line_start(text, 0), block = at;
	bool in_comment = false;
	*ret_header = false;
	for (; at < len; at = h0_toml_line_end(text, len, at)) {
		size_t first = at + strspn(text + at, " \t");
		if (first < len && text[first] == '[') {
			*ret_header = true;
			return in_comment && block > h0_toml_line_start(text, 0) ? block : at;
		}
		bool comment = first < len && text[first] == '#';
		if (comment && !in_comment)
			block = at;
		in_comment = comment;
	}
	return at;
}

static void add_line(struct addition *a, const struct h0_toml_node *table,
                     const char *const *rest, size_t n, const char *value)
{
	const struct h0_toml_node *holder = h0_toml_holder(table);
	const struct h0_toml_node *last = h0_toml_last_expr(table);
	bool header_follows = false;
	size_t near = 0;
	if (last || holder->parent) {
		near = last ? last->value_span.end : holder->value_span.end;
		a->at = h0_toml_line_end(a->text, a->len, near);
	} else {
		a->at = root_place(a->text, a->len, &header_follows);
	}
	const char *eol = eol_at(a->text, a->len, near);
	end_line_before(a);
	if (last || holder->parent)
		add_indent(a, last ? last->expr_start : holder->expr_start);
	add_prefix(&a->what, holder, table);
	add_path(&a->what, rest, n);
	h0_buf_addf(&a->what, " = %s%s%s", value, eol, header_follows ? eol : "");
}

/* [table.rest] with one key. */
static void add_section(struct addition *a, const struct h0_toml_node *table,
                        const char *const *rest, size_t n, const char *value)
{
	const struct h0_toml_node *element = table;
	while (element && element->origin != H0_TOML_BY_ARRAY)
		element = element->parent;
	a->at = element ? h0_toml_line_end(a->text, a->len, last_end(element)) : a->len;
	const char *eol = eol_at(a->text, a->len, a->at ? a->at - 1 : 0);
	end_line_before(a);
	size_t bom = h0_toml_line_start(a->text, 0);
	size_t above = a->at > bom ? h0_toml_line_start(a->text, a->at - 1) : bom;
	if (a->at > bom && !h0_toml_line_blank(a->text, a->at, above))
		h0_buf_adds(&a->what, eol);
	h0_buf_addc(&a->what, '[');
	add_header_path(&a->what, table);
	if (n > 1)
		add_path(&a->what, rest, n - 1);
	else
		a->what.len--; /* the dot */
	h0_buf_addf(&a->what, "]%s", eol);
	add_path(&a->what, rest + n - 1, 1);
	h0_buf_addf(&a->what, " = %s%s", value, eol);
	if (a->at < a->len && !h0_toml_line_blank(a->text, a->len, a->at))
		h0_buf_adds(&a->what, eol);
}

static void add_inline(struct addition *a, const struct h0_toml_node *table,
                       const char *const *rest, size_t n, const char *value)
{
	const struct h0_toml_node *holder = h0_toml_holder(table);
	const struct h0_toml_node *last = h0_toml_last_expr(table);
	a->at = last ? last->value_span.end : table->value_span.start + 1;
	if (last)
		h0_buf_adds(&a->what, ", ");
	else if (a->text[a->at] != ' ')
		h0_buf_addc(&a->what, ' ');
	else
		a->at++;
	add_prefix(&a->what, holder, table);
	add_path(&a->what, rest, n);
	h0_buf_addf(&a->what, " = %s", value);
	if (!last)
		h0_buf_addc(&a->what, ' ');
}

static void add(struct addition *a, const struct h0_toml_node *table, const char *const *rest,
                size_t n, const char *value)
{
	if (h0_toml_holder(table)->origin == H0_TOML_INLINE)
		add_inline(a, table, rest, n, value);
	else if (table->origin == H0_TOML_BY_DOTTED ||
	         (n == 1 && table->origin != H0_TOML_IMPLICIT))
		add_line(a, table, rest, n, value);
	else
		add_section(a, table, rest, n, value);
}

/* ---- verifying ---- */

/* `now` is `old` (NULL: was not there) but for the value at path, which is `value`. */
static bool only_set(const struct h0_toml_node *old, const struct h0_toml_node *now,
                     const char *const *path, const struct h0_toml_node *value)
{
	if (!now)
		return false;
	if (!*path)
		return h0_toml_equal(now, value);
	if (now->type == H0_TOML_ARRAY) {
		size_t at = 0, i = 0;
		if (!old || old->type != now->type || old->count != now->count ||
		    !h0_toml_index(*path, &at))
			return false;
		const struct h0_toml_node *o = old->first;
		for (const struct h0_toml_node *c = now->first; c; c = c->next, o = o->next, i++)
			if (i == at ? !only_set(o, c, path + 1, value) : !h0_toml_equal(o, c))
				return false;
		return at < now->count;
	}
	if (now->type != H0_TOML_TABLE || (old && old->type != H0_TOML_TABLE))
		return false;
	const struct h0_toml_node *was = old ? h0_toml_get(old, *path) : NULL;
	const struct h0_toml_node *is = h0_toml_get(now, *path);
	if (now->count != (old ? old->count : 0) + !was)
		return false;
	h0_toml_each(c, old) {
		const struct h0_toml_node *same = h0_toml_child(now, c->key, c->key_len);
		if (c != was && (!same || !h0_toml_equal(c, same)))
			return false;
	}
	return only_set(was, is, path + 1, value);
}

/* ---- setting ---- */

/* The deepest node on the path that exists; *ret_depth keys lead to it. */
static const struct h0_toml_node *deepest(const struct h0_toml_node *root, const char *const *path,
                                          size_t *ret_depth)
{
	size_t depth = 0;
	while (path[depth]) {
		const struct h0_toml_node *n = h0_toml_find(root, path + depth, 1);
		if (!n)
			break;
		root = n;
		depth++;
	}
	*ret_depth = depth;
	return root;
}

static int splice(const struct h0_toml *t, const char *const *path, const char *value,
                  const struct h0_toml_node *wanted, struct h0_buf *ret, struct h0_err *e)
{
	size_t depth, n = 0, len;
	const char *text = h0_toml_text(t, &len);
	const struct h0_toml_node *at = deepest(h0_toml_root(t), path, &depth);
	while (path[n])
		n++;
	if (depth == n && at->origin != H0_TOML_INLINE)
		return h0_toml_fail(t, at, e, "a table stands there: its keys can be set one by one");
	if (depth < n && at->type == H0_TOML_ARRAY)
		return h0_toml_fail(t, at, e, "the array has %zu elements and no element '%s'",
		                    at->count, path[depth]);
	if (depth < n && at->type != H0_TOML_TABLE)
		return h0_toml_fail(t, at, e, "this is %s, so it has no key '%s'",
		                    h0_toml_type_name(at->type), path[depth]);
	struct addition a = {.text = text, .len = len, .at = at->value_span.start};
	size_t skip = at->value_span.end;
	if (depth == n && h0_toml_equal(at, wanted)) {
		skip = a.at;
	} else if (depth == n) {
		h0_buf_adds(&a.what, value);
	} else {
		add(&a, at, path + depth, n - depth, value);
		skip = a.at;
	}
	h0_buf_add(ret, text, a.at);
	h0_buf_add(ret, a.what.p, a.what.len);
	h0_buf_add(ret, text + skip, len - skip);
	h0_buf_done(&a.what);
	return 0;
}

int h0_tomledit_set(const char *text, size_t len, const char *file, const char *const *path,
                    const char *value, struct h0_buf *ret, struct h0_err *e)
{
	h0_autotoml struct h0_toml *old = NULL, *now = NULL, *wanted = NULL;
	h0_autobuf struct h0_buf out = {0};
	struct h0_err why;
	if (!path[0])
		return h0_fail(e, H0_USAGE, "the key path is empty");
	if (h0_toml_parse_value(value, &wanted, e) < 0 || h0_toml_parse(text, len, file, &old, e) < 0 ||
	    splice(old, path, value, h0_toml_root(wanted)->first, &out, e) < 0)
		return -1;
	if (h0_toml_parse(h0_buf_str(&out), out.len, file, &now, &why) < 0 &&
	    strcmp(why.code, H0_TOML_LIMIT) == 0)
		return h0_fail_at(e, file, why.line, why.col, NULL, "cannot be set: %s", why.msg);
	if (!now)
		return h0_fail(e, H0_BUG, "%s: the edited text would not parse: %d:%d: %s", file,
		               why.line, why.col, why.msg);
	if (!only_set(h0_toml_root(old), h0_toml_root(now), path, h0_toml_root(wanted)->first))
		return h0_fail(e, H0_BUG, "%s: the edit would change more than '%s'", file, path[0]);
	h0_buf_done(ret);
	*ret = out;
	out = (struct h0_buf){0};
	return 0;
}
