/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The structure of a TOML document: keys, tables, arrays, and the rules on defining them once.
 */
#include "fmt/toml.h"

#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "fmt/tomlscan.h"
#include "fmt/tomltree.h"

struct h0_toml {
	struct h0_arena arena;
	char *text, *pool, *file;
	size_t len;
	struct h0_toml_box root;
};

struct reader {
	struct h0_toml_scan s;
	struct h0_toml_node *table; /* the section that key lines go to */
	size_t nodes;
};

static int read_value(struct reader *r, struct h0_toml_node *parent, const struct h0_toml_key *key,
                      size_t expr_start, struct h0_toml_node **ret);

/* ---- nodes ---- */

static int count_node(struct reader *r)
{
	if (++r->nodes <= H0_TOML_MAX_NODES)
		return 0;
	h0_toml_scan_fail(&r->s, r->s.p, "more than %u values in one file", H0_TOML_MAX_NODES);
	return h0_err_code(r->s.e, H0_TOML_LIMIT);
}

static void set_key(const struct reader *r, struct h0_toml_node *n, const struct h0_toml_key *key)
{
	n->key = key->name.s;
	n->key_len = key->name.len;
	n->key_span = key->span;
	n->key_line = r->s.line;
	n->key_col = key->col;
}

/* A table or array below parent, not yet linked. It stands where the key stands. */
static int new_box(struct reader *r, struct h0_toml_node *parent, const struct h0_toml_key *key,
                   enum h0_toml_type type, enum h0_toml_origin origin, struct h0_toml_node **ret)
{
	unsigned depth = h0_toml_box(parent)->depth + 1;
	if (depth > H0_TOML_MAX_DEPTH) {
		h0_toml_scan_fail(&r->s, r->s.p, "nested deeper than %d levels", H0_TOML_MAX_DEPTH);
		return h0_err_code(r->s.e, H0_TOML_LIMIT);
	}
	if (count_node(r) < 0)
		return -1;
	struct h0_toml_box *b = h0_arena_alloc(r->s.arena, sizeof *b);
	b->depth = depth;
	b->n.type = type;
	b->n.origin = origin;
	b->n.line = r->s.line;
	if (key) {
		set_key(r, &b->n, key);
		b->n.value_span = key->span;
		b->n.col = key->col;
	}
	*ret = &b->n;
	return 0;
}

/* The dotted path of parent plus key, for messages. */
static const char *path_of(const struct h0_toml_node *parent, const struct h0_toml_key *key,
                           struct h0_buf *b)
{
	h0_toml_path_text(parent, b);
	if (b->len)
		h0_buf_addc(b, '.');
	h0_toml_key_text(key->name.s, key->name.len, b);
	return h0_buf_str(b);
}

/* What `old` is, said of a key or header that collides with it. */
static int collide(const struct reader *r, const struct h0_toml_key *key,
                   const struct h0_toml_node *old)
{
	h0_autobuf struct h0_buf path = {0};
	path_of(old->parent, key, &path);
	const char *what = "already defined";
	if (old->origin == H0_TOML_INLINE && old->type == H0_TOML_TABLE)
		what = "an inline table, which cannot be extended; it is defined";
	else if (old->origin == H0_TOML_INLINE && old->type == H0_TOML_ARRAY)
		what = "an array written as a value, which cannot be extended; it is defined";
	else if (old->type == H0_TOML_ARRAY)
		what = "an array of tables, started";
	else if (old->type == H0_TOML_TABLE)
		what = "a table that is already defined";
	else
		what = "already set";
	return h0_fail_at(r->s.e, r->s.file, r->s.line, key->col, h0_buf_str(&path),
	                  "this is %s in line %d", what, old->line);
}

/* ---- keys ---- */

/* Reads `a . b . c` and steps through all but the last, which goes to *ret_key. */
typedef int (*step_fn)(struct reader *r, struct h0_toml_node **table,
                       const struct h0_toml_key *key);

static int read_key(struct reader *r, struct h0_toml_node **table, step_fn step,
                    struct h0_toml_key *ret_key)
{
	for (;;) {
		if (h0_toml_scan_key(&r->s, ret_key) < 0)
			return -1;
		h0_toml_scan_blanks(&r->s);
		if (*r->s.p != '.')
			return 0;
		r->s.p++;
		if (step(r, table, ret_key) < 0)
			return -1;
		h0_toml_scan_blanks(&r->s);
	}
}

/* One step of a dotted key: tables made by dotted keys, or so far only implied, may grow. */
static int step_dotted(struct reader *r, struct h0_toml_node **table,
                       const struct h0_toml_key *key)
{
	struct h0_toml_node *n = h0_toml_child(*table, key->name.s, key->name.len);
	if (!n) {
		if (new_box(r, *table, key, H0_TOML_TABLE, H0_TOML_BY_DOTTED, &n) < 0)
			return -1;
		n->expr_start = key->span.start;
		h0_toml_link(*table, n, r->s.arena);
	} else if (n->type != H0_TOML_TABLE ||
	           (n->origin != H0_TOML_BY_DOTTED && n->origin != H0_TOML_IMPLICIT)) {
		return collide(r, key, n);
	}
	n->origin = H0_TOML_BY_DOTTED;
	*table = n;
	return 0;
}

/* One step of a header: any table but an inline one, and the last element of an array of them. */
static int step_header(struct reader *r, struct h0_toml_node **table,
                       const struct h0_toml_key *key)
{
	struct h0_toml_node *n = h0_toml_child(*table, key->name.s, key->name.len);
	if (!n) {
		if (new_box(r, *table, key, H0_TOML_TABLE, H0_TOML_IMPLICIT, &n) < 0)
			return -1;
		h0_toml_link(*table, n, r->s.arena);
	}
	if ((n->type != H0_TOML_TABLE && n->type != H0_TOML_ARRAY) || n->origin == H0_TOML_INLINE)
		return collide(r, key, n);
	*table = n->type == H0_TOML_ARRAY ? n->last : n;
	return 0;
}

/* key = value, in a section or an inline table. */
static int read_pair(struct reader *r, struct h0_toml_node *table)
{
	struct h0_toml_key key;
	struct h0_toml_node *n;
	size_t expr_start = (size_t)(r->s.p - r->s.text);
	if (read_key(r, &table, step_dotted, &key) < 0)
		return -1;
	if (*r->s.p != '=')
		return h0_toml_scan_fail(&r->s, r->s.p, "expected '=' after the key");
	r->s.p++;
	struct h0_toml_node *old = h0_toml_child(table, key.name.s, key.name.len);
	if (old)
		return collide(r, &key, old);
	h0_toml_scan_blanks(&r->s);
	if (read_value(r, table, &key, expr_start, &n) < 0)
		return -1;
	h0_toml_link(table, n, r->s.arena);
	return 0;
}

/* ---- values ---- */

/* Blanks, newlines and comments inside an array. */
static int skip_lines(struct reader *r)
{
	for (;;) {
		h0_toml_scan_blanks(&r->s);
		if (h0_toml_scan_comment(&r->s) < 0)
			return -1;
		if (!h0_toml_at_newline(&r->s))
			return 0;
		h0_toml_scan_newline(&r->s);
	}
}

static int not_closed(struct reader *r, const char *what, char close)
{
	struct h0_toml_scan *s = &r->s;
	if (s->p >= s->end)
		return h0_toml_scan_fail(s, s->p, "the file ends inside %s", what);
	return h0_toml_scan_fail(s, s->p, "expected ',' or '%c' in %s", close, what);
}

/* p is behind the [. */
static int read_array(struct reader *r, struct h0_toml_node *array)
{
	struct h0_toml_node *n;
	for (;;) {
		if (skip_lines(r) < 0)
			return -1;
		if (*r->s.p == ']')
			break;
		if (read_value(r, array, NULL, (size_t)(r->s.p - r->s.text), &n) < 0)
			return -1;
		h0_toml_link(array, n, r->s.arena);
		if (skip_lines(r) < 0)
			return -1;
		if (*r->s.p == ']')
			break;
		if (*r->s.p != ',')
			return not_closed(r, "an array", ']');
		r->s.p++;
	}
	r->s.p++;
	return 0;
}

/* p is behind the {. */
static int read_inline_table(struct reader *r, struct h0_toml_node *table)
{
	struct h0_toml_scan *s = &r->s;
	h0_toml_scan_blanks(s);
	bool more = *s->p != '}';
	while (more) {
		if (h0_toml_at_newline(s))
			return h0_toml_scan_fail(s, s->p, "an inline table must stay on one line");
		if (*s->p == '}')
			return h0_toml_scan_fail(s, s->p, "no comma may end an inline table");
		if (read_pair(r, table) < 0)
			return -1;
		h0_toml_scan_blanks(s);
		if (h0_toml_at_newline(s))
			return h0_toml_scan_fail(s, s->p, "an inline table must stay on one line");
		if (*s->p != ',' && *s->p != '}')
			return not_closed(r, "an inline table", '}');
		more = *s->p == ',';
		if (more) {
			s->p++;
			h0_toml_scan_blanks(s);
		}
	}
	s->p++;
	return 0;
}

static int read_box(struct reader *r, struct h0_toml_node *parent, const struct h0_toml_key *key,
                    struct h0_toml_node **ret)
{
	struct h0_toml_scan *s = &r->s;
	struct h0_toml_node *n;
	bool array = *s->p == '[';
	if (new_box(r, parent, key, array ? H0_TOML_ARRAY : H0_TOML_TABLE, H0_TOML_INLINE, &n) < 0)
		return -1;
	n->col = (int)(s->p - s->line_start) + 1;
	n->value_span.start = (size_t)(s->p - s->text);
	n->parent = parent; /* linked later, but messages from inside name its path */
	s->p++;
	if ((array ? read_array(r, n) : read_inline_table(r, n)) < 0)
		return -1;
	n->value_span.end = (size_t)(s->p - s->text);
	*ret = n;
	return 0;
}

static int read_value(struct reader *r, struct h0_toml_node *parent, const struct h0_toml_key *key,
                      size_t expr_start, struct h0_toml_node **ret)
{
	struct h0_toml_node *n = NULL;
	if (*r->s.p == '[' || *r->s.p == '{') {
		if (read_box(r, parent, key, &n) < 0)
			return -1;
	} else {
		if (count_node(r) < 0)
			return -1;
		n = h0_arena_alloc(r->s.arena, sizeof *n);
		n->origin = H0_TOML_INLINE;
		if (key)
			set_key(r, n, key);
		if (h0_toml_scan_scalar(&r->s, n) < 0)
			return -1;
	}
	n->expr_start = expr_start;
	*ret = n;
	return 0;
}

/* ---- headers ---- */

static void place_header(struct h0_toml_node *n, const struct h0_toml_node *at)
{
	n->value_span = at->value_span;
	n->expr_start = at->value_span.start;
	n->line = at->line;
	n->col = at->col;
}

/* [a.b] with `key` its last segment. */
static int define_table(struct reader *r, struct h0_toml_node *parent,
                        const struct h0_toml_key *key, const struct h0_toml_node *at)
{
	struct h0_toml_node *n = h0_toml_child(parent, key->name.s, key->name.len);
	if (n && (n->type != H0_TOML_TABLE || n->origin != H0_TOML_IMPLICIT))
		return collide(r, key, n);
	if (!n) {
		if (new_box(r, parent, key, H0_TOML_TABLE, H0_TOML_BY_HEADER, &n) < 0)
			return -1;
		h0_toml_link(parent, n, r->s.arena);
	}
	n->origin = H0_TOML_BY_HEADER;
	set_key(r, n, key);
	place_header(n, at);
	r->table = n;
	return 0;
}

/* [[a.b]] */
static int define_element(struct reader *r, struct h0_toml_node *parent,
                          const struct h0_toml_key *key, const struct h0_toml_node *at)
{
	struct h0_toml_node *array = h0_toml_child(parent, key->name.s, key->name.len), *n = NULL;
	if (array && (array->type != H0_TOML_ARRAY || array->origin != H0_TOML_BY_ARRAY))
		return collide(r, key, array);
	if (!array) {
		if (new_box(r, parent, key, H0_TOML_ARRAY, H0_TOML_BY_ARRAY, &array) < 0)
			return -1;
		place_header(array, at);
		h0_toml_link(parent, array, r->s.arena);
	}
	if (new_box(r, array, NULL, H0_TOML_TABLE, H0_TOML_BY_ARRAY, &n) < 0)
		return -1;
	n->key_span = key->span;
	n->key_line = at->line;
	n->key_col = key->col;
	place_header(n, at);
	h0_toml_link(array, n, r->s.arena);
	r->table = n;
	return 0;
}

/* p is at the [. */
static int read_header(struct reader *r, struct h0_toml *t)
{
	struct h0_toml_scan *s = &r->s;
	struct h0_toml_node at = {.line = s->line, .col = (int)(s->p - s->line_start) + 1,
	                          .value_span.start = (size_t)(s->p - s->text)};
	bool element = s->p[1] == '[';
	struct h0_toml_node *table = &t->root.n;
	struct h0_toml_key key;
	s->p += element ? 2 : 1;
	h0_toml_scan_blanks(s);
	if (read_key(r, &table, step_header, &key) < 0)
		return -1;
	if (*s->p != ']' || (element && s->p[1] != ']'))
		return h0_toml_scan_fail(s, s->p, "expected '%s' after the table's name",
		                         element ? "]]" : "]");
	s->p += element ? 2 : 1;
	at.value_span.end = (size_t)(s->p - s->text);
	if ((element ? define_element : define_table)(r, table, &key, &at) < 0)
		return -1;
	return h0_toml_scan_line_end(s, "a table header");
}

/* ---- the document ---- */

static int read_document(struct reader *r, struct h0_toml *t)
{
	struct h0_toml_scan *s = &r->s;
	while (s->p < s->end) {
		h0_toml_scan_blanks(s);
		if (*s->p == '[') {
			if (read_header(r, t) < 0)
				return -1;
			continue;
		}
		bool empty = *s->p == '#' || h0_toml_at_newline(s) || s->p >= s->end;
		if (!empty && read_pair(r, r->table) < 0)
			return -1;
		if (h0_toml_scan_line_end(s, "the value") < 0)
			return -1;
	}
	return 0;
}

static int parse(struct h0_toml *t, struct h0_err *e)
{
	struct reader r = {
		.s = {.p = t->text, .end = t->text + t->len, .text = t->text, .line = 1,
		      .pool = t->pool, .arena = &t->arena, .file = t->file, .e = e},
		.table = &t->root.n,
	};
	if (t->len >= 3 && memcmp(t->text, "\xef\xbb\xbf", 3) == 0)
		r.s.p += 3;
	r.s.line_start = r.s.p;
	if (h0_toml_scan_utf8(&r.s) < 0)
		return -1;
	return read_document(&r, t);
}

int h0_toml_parse(const char *text, size_t len, const char *file, struct h0_toml **ret,
                  struct h0_err *e)
{
	if (len > H0_TOML_MAX_BYTES) {
		h0_fail_at(e, file, 1, 1, NULL, "larger than %u bytes", H0_TOML_MAX_BYTES);
		return h0_err_code(e, H0_TOML_LIMIT);
	}
	h0_autotoml struct h0_toml *t = h0_calloc(1, sizeof *t);
	t->text = h0_malloc(len + 1);
	if (len)
		memcpy(t->text, text, len);
	t->text[len] = '\0';
	t->len = len;
	t->pool = h0_malloc(len + 1);
	t->file = h0_strdup(file);
	t->root.n = (struct h0_toml_node){.type = H0_TOML_TABLE, .origin = H0_TOML_BY_HEADER,
	                                  .line = 1, .col = 1, .value_span = {0, len}};
	if (parse(t, e) < 0)
		return -1;
	*ret = h0_take(t);
	return 0;
}

void h0_toml_free(struct h0_toml *t)
{
	if (!t)
		return;
	h0_arena_done(&t->arena);
	free(t->text);
	free(t->pool);
	free(t->file);
	free(t);
}

const struct h0_toml_node *h0_toml_root(const struct h0_toml *t)
{
	return &t->root.n;
}

const char *h0_toml_text(const struct h0_toml *t, size_t *ret_len)
{
	if (ret_len)
		*ret_len = t->len;
	return t->text;
}

int h0_toml_fail(const struct h0_toml *t, const struct h0_toml_node *n, struct h0_err *e,
                 const char *fmt, ...)
{
	h0_autobuf struct h0_buf path = {0};
	char msg[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	h0_toml_path_text(n, &path);
	return h0_fail_at(e, t->file, n->line, n->col, h0_buf_str(&path), "%s", msg);
}

int h0_toml_split_path(const char *dotted, struct h0_strv *ret, struct h0_err *e)
{
	size_t len = strlen(dotted);
	h0_autofree char *pool = h0_malloc(len + 1);
	struct h0_err why;
	struct h0_toml_scan s = {.p = dotted, .end = dotted + len, .text = dotted, .line = 1,
	                         .line_start = dotted, .pool = pool, .file = "", .e = &why};
	h0_autostrv struct h0_strv list = {0};
	struct h0_toml_key key;
	for (;;) {
		h0_toml_scan_blanks(&s);
		if (h0_toml_scan_utf8(&s) < 0 || h0_toml_scan_key(&s, &key) < 0)
			return h0_fail(e, H0_USAGE, "key path '%s', column %d: %s", dotted, why.col,
			               why.msg);
		if (strlen(key.name.s) != key.name.len)
			return h0_fail(e, H0_USAGE, "key path '%s': a key with a NUL cannot be named",
			               dotted);
		h0_strv_add(&list, key.name.s);
		h0_toml_scan_blanks(&s);
		if (s.p >= s.end)
			break;
		if (*s.p++ != '.')
			return h0_fail(e, H0_USAGE, "key path '%s', column %d: expected '.' between keys",
			               dotted, (int)(s.p - dotted));
	}
	*ret = list;
	list = (struct h0_strv){0};
	return 0;
}
