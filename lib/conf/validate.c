/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/validate.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/names.h"

void h0_findings_done(struct h0_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].file);
		free(f->v[i].key);
		free(f->v[i].msg);
	}
	free(f->v);
	*f = (struct h0_findings){0};
}

/* Takes key and msg over. */
static void add(struct h0_findings *f, bool error, const char *file, int line, int col, char *key,
                char *msg)
{
	f->v = h0_grow(f->v, f->n + 1, &f->cap, sizeof *f->v);
	f->v[f->n++] = (struct h0_finding){
		.error = error,
		.line = line,
		.col = col,
		.file = h0_strdup(file),
		.key = key,
		.msg = msg,
	};
	f->errors += error;
}

H0_PRINTF(1, 0)
static char *vformat(const char *fmt, va_list ap)
{
	char *msg = NULL;
	if (vasprintf(&msg, fmt, ap) < 0)
		return h0_strdup("out of memory");
	return msg;
}

void h0_findings_add(struct h0_findings *f, bool error, const char *file,
                     const struct h0_toml_node *node, const char *fmt, ...)
{
	h0_autobuf struct h0_buf key = {0};
	va_list ap;
	va_start(ap, fmt);
	char *msg = vformat(fmt, ap);
	va_end(ap);
	if (node && node->parent)
		h0_toml_path_text(node, &key);
	add(f, error, file, node ? node->line : 0, node ? node->col : 0, h0_buf_take(&key), msg);
}

void h0_findings_add_err(struct h0_findings *f, const struct h0_err *e)
{
	add(f, true, e->file, e->line, e->col, h0_strdup(e->key), h0_strdup(e->msg));
}

int h0_findings_fail(const struct h0_findings *f, struct h0_err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct h0_finding *v = &f->v[i];
		if (v->error)
			return h0_fail_at(e, v->file, v->line, v->col, v->key, "%s", v->msg);
	}
	return 0;
}

/* ---- checking ---- */

struct check {
	const char *file;
	struct h0_findings *out;
};

/* At the key rather than the value: what is wrong is that it is there. */
static void at_key(struct check *c, bool error, const struct h0_toml_node *n, const char *fmt, ...)
    H0_PRINTF(4, 5);
static void at_key(struct check *c, bool error, const struct h0_toml_node *n, const char *fmt, ...)
{
	h0_autobuf struct h0_buf key = {0};
	va_list ap;
	va_start(ap, fmt);
	char *msg = vformat(fmt, ap);
	va_end(ap);
	h0_toml_path_text(n, &key);
	add(c->out, error, c->file, n->key_line, n->key_col, h0_buf_take(&key), msg);
}

/* A key that is missing in `table`, by its own dotted path. */
static void missing(struct check *c, const struct h0_toml_node *table, const struct h0_key *key)
{
	h0_autobuf struct h0_buf path = {0};
	if (table->parent) {
		h0_toml_path_text(table, &path);
		h0_buf_addc(&path, '.');
	}
	h0_buf_adds(&path, key->name);
	add(c->out, true, c->file, table->parent ? table->line : 0, table->parent ? table->col : 0,
	    h0_buf_take(&path), h0_asprintf("missing: %s required (%s)", h0_key_type_name(key->type), key->help));
}

static const struct h0_key *find_key(const struct h0_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

/* "table.key" when a table of `keys` knows `name`; NULL otherwise. */
static const struct h0_key *table_knowing(const struct h0_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (keys->sub && keys->type == H0_KEY_TABLE && find_key(keys->sub, name))
			return keys;
	return NULL;
}

static void unknown_key(struct check *c, const struct h0_key *keys, const struct h0_toml_node *n,
                        bool strict)
{
	const char *names[64];
	size_t count = 0;
	const struct h0_key *home = table_knowing(keys, n->key);
	for (const struct h0_key *k = keys; k->name && count + 1 < H0_ARRAY_LEN(names); k++)
		if (!(k->flags & (H0_KEY_IGNORED | H0_KEY_DEPRECATED)))
			names[count++] = k->name;
	names[count] = NULL;
	const char *near = h0_str_nearest(n->key, names);
	if (home)
		at_key(c, strict, n, "unknown key (did you mean %s.%s?)", home->name, n->key);
	else if (near)
		at_key(c, strict, n, "unknown key (did you mean %s?)", near);
	else
		at_key(c, strict, n, "unknown key%s", strict ? "" : ", without effect");
}

static void wrong_type(struct check *c, const struct h0_key *key, const struct h0_toml_node *n)
{
	h0_findings_add(c->out, true, c->file, n, "%s expected, found %s",
	                h0_key_type_name(key->type), h0_toml_type_name(n->type));
}

static void words(const char *const *choices, struct h0_buf *out)
{
	for (size_t i = 0; choices[i]; i++)
		h0_buf_addf(out, "%s%s", i ? ", " : "", choices[i]);
}

/* What a string of this format should have been, NULL when it is one. */
static const char *format_fault(enum h0_key_format format, const struct h0_toml_node *n)
{
	const char *s = n->str;
	int w, h, end = 0;
	switch (format) {
	case H0_FMT_NONE:
		return NULL;
	case H0_FMT_NAME:
		return h0_name_ok(s) ? NULL : "a name is 1 to 32 of a-z, 0-9, _ and -, first a letter or digit";
	case H0_FMT_ABSPATH:
		return !*s || *s == '/' ? NULL : "an absolute path is expected";
	case H0_FMT_URL:
		return h0_starts(s, "http://") || h0_starts(s, "https://")
		           ? NULL : "a URL that starts with http:// or https:// is expected";
	case H0_FMT_ENVVAR:
		if ((*s >= '0' && *s <= '9') || s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                                         "abcdefghijklmnopqrstuvwxyz0123456789_")])
			return "the name of an environment variable is expected, not its value";
		return NULL;
	case H0_FMT_NONBLANK:
		return s[strspn(s, " \t\r\n")] ? NULL : "must not be blank";
	case H0_FMT_IMAGE:
		if (!s[strspn(s, " \t\r\n")])
			return "must not be blank";
		return h0_image_name_ok(s) ? NULL : "an image reference such as HOST/PATH:TAG is expected";
	case H0_FMT_SIZE2D:
		return sscanf(s, "%5dx%5d%n", &w, &h, &end) == 2 && !s[end] && w > 0 && h > 0
		           ? NULL : "WIDTHxHEIGHT is expected, such as 1024x1024";
	}
	return NULL;
}

static void check_string(struct check *c, const struct h0_key *key, const struct h0_toml_node *n)
{
	if (strlen(n->str) != n->str_len) {
		h0_findings_add(c->out, true, c->file, n, "must not hold a NUL character");
		return;
	}
	if (!n->str_len && (key->choices || key->format == H0_FMT_NAME))
		return; /* "" is how others write "not set" */
	const char *fault = format_fault(key->format, n);
	if (fault && key->format == H0_FMT_ENVVAR) {
		h0_findings_add(c->out, true, c->file, n, "%s", fault); /* it may be a secret */
		return;
	}
	if (fault) {
		h0_findings_add(c->out, true, c->file, n, "%s, not '%.64s'", fault, n->str);
		return;
	}
	if (!key->choices || h0_word_index(key->choices, n->str) >= 0)
		return;
	const char *near = h0_str_nearest(n->str, key->choices);
	h0_autobuf struct h0_buf list = {0};
	words(key->choices, &list);
	if (near)
		h0_findings_add(c->out, true, c->file, n, "unknown %s '%.64s' (did you mean %s?)",
		                key->name, n->str, near);
	else
		h0_findings_add(c->out, true, c->file, n, "unknown %s '%.64s' (one of %s)", key->name,
		                n->str, h0_buf_str(&list));
}

static void check_int(struct check *c, const struct h0_key *key, const struct h0_toml_node *n)
{
	if ((key->min || key->max) && (n->i64 < key->min || n->i64 > key->max))
		h0_findings_add(c->out, true, c->file, n,
		                "%lld is out of range: %lld to %lld is allowed", (long long)n->i64,
		                (long long)key->min, (long long)key->max);
}

static void check_keys(struct check *c, const struct h0_key *keys, const struct h0_toml_node *table,
                       unsigned flags);

/* The tables of a map ({x = {...}}) or of an array ([[x]]). */
static void check_many(struct check *c, const struct h0_key *key, const struct h0_toml_node *n)
{
	h0_toml_each(child, n) {
		if (child->type != H0_TOML_TABLE) {
			h0_findings_add(c->out, true, c->file, child, "table expected, found %s",
			                h0_toml_type_name(child->type));
			continue;
		}
		if (key->type == H0_KEY_MAP && key->format == H0_FMT_NAME && !h0_name_ok(child->key))
			at_key(c, true, child,
			       "a name is 1 to 32 of a-z, 0-9, _ and -, first a letter or digit");
		check_keys(c, key->sub, child, key->flags);
	}
}

static void check_value(struct check *c, const struct h0_key *key, const struct h0_toml_node *n)
{
	static const enum h0_toml_type want[] = {
		[H0_KEY_BOOL] = H0_TOML_BOOL,     [H0_KEY_INT] = H0_TOML_INT,
		[H0_KEY_REAL] = H0_TOML_FLOAT,    [H0_KEY_STR] = H0_TOML_STRING,
		[H0_KEY_STRINGS] = H0_TOML_ARRAY, [H0_KEY_TABLE] = H0_TOML_TABLE,
		[H0_KEY_MAP] = H0_TOML_TABLE,     [H0_KEY_TABLES] = H0_TOML_ARRAY,
	};
	switch (key->type) {
	case H0_KEY_ANY:
		return;
	case H0_KEY_STR_OR_TABLE:
		if (n->type == H0_TOML_STRING)
			return check_string(c, key, n);
		if (n->type == H0_TOML_TABLE)
			return check_keys(c, key->sub, n, key->flags);
		return wrong_type(c, key, n);
	case H0_KEY_REAL:
		if (n->type != H0_TOML_FLOAT && n->type != H0_TOML_INT)
			return wrong_type(c, key, n);
		if (n->type == H0_TOML_FLOAT ? !(n->f64 >= (double)key->min) : n->i64 < key->min)
			h0_findings_add(c->out, true, c->file, n, "must be at least %lld",
			                (long long)key->min);
		return;
	default:
		break;
	}
	if (n->type != want[key->type])
		return wrong_type(c, key, n);
	if (key->type == H0_KEY_INT)
		check_int(c, key, n);
	else if (key->type == H0_KEY_STR)
		check_string(c, key, n);
	else if (key->type == H0_KEY_TABLE && key->sub)
		check_keys(c, key->sub, n, key->flags);
	else if (key->type == H0_KEY_MAP || key->type == H0_KEY_TABLES)
		check_many(c, key, n);
	else if (key->type == H0_KEY_STRINGS)
		h0_toml_each(item, n)
			if (item->type != H0_TOML_STRING)
				h0_findings_add(c->out, true, c->file, item, "string expected, found %s",
				                h0_toml_type_name(item->type));
}

static void check_one(struct check *c, const struct h0_key *keys, const struct h0_toml_node *table,
                      const struct h0_toml_node *n, bool strict)
{
	const struct h0_key *key = strlen(n->key) == n->key_len ? find_key(keys, n->key) : NULL;
	if (!key) {
		unknown_key(c, keys, n, strict);
		return;
	}
	bool replaced = key->alias_of && h0_toml_get(table, key->alias_of);
	if (key->flags & H0_KEY_DEPRECATED && !replaced)
		at_key(c, false, n, "deprecated%s%s", key->alias_of ? ": use " : "",
		       key->alias_of ? key->alias_of : "");
	if (!(key->flags & H0_KEY_IGNORED))
		check_value(c, key, n);
}

static void check_keys(struct check *c, const struct h0_key *keys, const struct h0_toml_node *table,
                       unsigned flags)
{
	h0_toml_each(n, table)
		check_one(c, keys, table, n, flags & H0_KEY_STRICT);
	for (const struct h0_key *k = keys; !(flags & H0_KEY_PARTIAL) && k->name; k++)
		if (k->flags & H0_KEY_REQUIRED && !h0_toml_get(table, k->name))
			missing(c, table, k);
}

/* The top level of a file whose keys may also stand in the table `inner`, which wins. */
static void check_two_shapes(struct check *c, const struct h0_schema *s,
                             const struct h0_toml_node *root, const struct h0_toml_node *inner)
{
	bool strict = s->flags & H0_KEY_STRICT;
	h0_toml_each(n, root) {
		if (n == inner)
			continue;
		if (h0_toml_get(inner, n->key) && n->type != H0_TOML_TABLE)
			at_key(c, false, n, "without effect: it stands in [%s] too", s->inner);
		check_one(c, s->keys, root, n, strict);
	}
	h0_toml_each(n, inner)
		check_one(c, s->keys, inner, n, strict);
	for (const struct h0_key *k = s->keys; k->name; k++)
		if (k->flags & H0_KEY_REQUIRED && !h0_toml_get(inner, k->name) &&
		    !h0_toml_get(root, k->name))
			missing(c, inner, k);
}

void h0_validate(const struct h0_schema *s, const struct h0_toml *doc, const char *file,
                 struct h0_findings *ret)
{
	struct check c = {.file = file, .out = ret};
	const struct h0_toml_node *root = h0_toml_root(doc);
	const struct h0_toml_node *inner = s->inner ? h0_toml_get(root, s->inner) : NULL;
	if (inner && inner->type == H0_TOML_TABLE)
		check_two_shapes(&c, s, root, inner);
	else if (inner)
		h0_findings_add(ret, true, file, inner, "table expected, found %s",
		                h0_toml_type_name(inner->type));
	else
		check_keys(&c, s->keys, root, s->flags);
}

void h0_validate_text(const struct h0_schema *s, const char *text, size_t len, const char *file,
                      struct h0_findings *ret, struct h0_toml **ret_doc)
{
	h0_autotoml struct h0_toml *doc = NULL;
	struct h0_err e = {0};
	if (ret_doc)
		*ret_doc = NULL;
	if (h0_toml_parse(text, len, file, &doc, &e) < 0) {
		h0_findings_add_err(ret, &e);
		return;
	}
	h0_validate(s, doc, file, ret);
	if (ret_doc)
		*ret_doc = h0_take(doc);
}

void h0_validate_value(const struct h0_key *key, const struct h0_toml_node *node, const char *file,
                       struct h0_findings *ret)
{
	struct check c = {.file = file, .out = ret};
	if (!(key->flags & H0_KEY_IGNORED))
		check_value(&c, key, node);
}
