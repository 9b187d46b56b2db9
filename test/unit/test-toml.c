/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "toml-cases.h"
#include "toml-check.h"

/* A document as it came, for names of tests: control bytes as dots, cut. */
static const char *shown(const char *text, size_t len)
{
	static char name[64];
	size_t n = 0;
	for (; n < len && n < sizeof name - 1; n++)
		name[n] = (unsigned char)text[n] < ' ' || text[n] == '#' || (text[n] & 0x80) ? '.'
		                                                                            : text[n];
	name[n] = '\0';
	return name;
}

static void valid(const struct valid_case *c)
{
	h0_autotoml struct h0_toml *t = NULL;
	h0_autobuf struct h0_buf got = {0}, want = {0};
	struct h0_err e = {0};
	if (h0_toml_parse(c->text, c->len, "f", &t, &e) < 0) {
		ok(false, "valid: %s", shown(c->text, c->len));
		printf("# %d:%d: %s\n", e.line, e.col, e.msg);
		return;
	}
	h0_autojson struct h0_json *j = h0_toml_json(h0_toml_root(t), false), *w = NULL;
	h0_json_dump(j, 0, true, &got);
	for (const char *p = c->json; *p; p++)
		h0_buf_addc(&want, *p == '\'' ? '"' : *p == '`' ? '\'' : *p);
	if (h0_json_parse(h0_buf_str(&want), want.len, "want", &w, &e) < 0) {
		ok(false, "expectation of %s: %s", shown(c->text, c->len), e.msg);
		return;
	}
	h0_buf_reset(&want);
	h0_json_dump(w, 0, true, &want);
	is_str(h0_buf_str(&got), h0_buf_str(&want), shown(c->text, c->len));
}

static void invalid(const struct invalid_case *c)
{
	h0_autotoml struct h0_toml *t = NULL;
	struct h0_err e = {0};
	int rc = h0_toml_parse(c->text, c->len, "f", &t, &e);
	if (!ok(rc < 0 && e.kind == H0_CONFIG && e.line == c->line && e.col == c->col && e.msg[0],
	        "invalid: %s", shown(c->text, c->len)))
		printf("# got %d:%d, want %d:%d: %s\n", e.line, e.col, c->line, c->col, e.msg);
}

/* Cut anywhere, a document never reads past its end; and NUL is no end. */
static void every_prefix(void)
{
	size_t n = 0;
	for (size_t i = 0; i < H0_ARRAY_LEN(valid_cases); i++)
		for (size_t len = 0; len <= valid_cases[i].len; len++, n++) {
			h0_autotoml struct h0_toml *t = NULL;
			char *exact = h0_malloc(len ? len : 1);
			memcpy(exact, valid_cases[i].text, len);
			if (h0_toml_parse(exact, len, "f", &t, NULL) == 0)
				H0_ASSERT(h0_toml_root(t)->value_span.end == len);
			free(exact);
		}
	ok(n > 1000, "%zu prefixes", n);
}

static int parse(const char *text, struct h0_toml **ret, struct h0_err *e)
{
	return h0_toml_parse(text, strlen(text), "f.toml", ret, e);
}

static void lookup(void)
{
	h0_autotoml struct h0_toml *t = NULL;
	h0_autobuf struct h0_buf b = {0};
	struct h0_err e = {0};
	char msg[200];
	const char *const path[] = {"a", "d", "e", NULL}, *const second[] = {"s", "1", "n"};
	is_int(parse("top = 1\n[a]\nx = 'v'\nd.e = true\n[[s]]\nn = 1\n[[s]]\nn = 2\n", &t, &e), 0,
	       "parses");
	const struct h0_toml_node *root = h0_toml_root(t);
	ok(h0_toml_get_path(root, path)->boolean, "get_path");
	is_int(h0_toml_find(root, second, 3)->i64, 2, "find with an index");
	ok(!h0_toml_get(h0_toml_get(root, "no"), "way"), "absent is safe");
	ok(!h0_toml_get(h0_toml_get(root, "top"), "way"), "a value has no keys");
	h0_toml_path_text(h0_toml_find(root, second, 3), &b);
	is_str(h0_buf_str(&b), "s.1.n", "path text");
	h0_toml_fail(t, h0_toml_get_path(root, path), &e, "wrong %d", 7);
	h0_err_text(&e, msg, sizeof msg);
	is_str(msg, "f.toml:4:7: a.d.e: wrong 7", "failing at a node");
	h0_buf_reset(&b);
	h0_toml_write(t, root, &b);
	is_str(h0_buf_str(&b), "top = 1\na.x = 'v'\na.d.e = true\ns = [{ n = 1 }, { n = 2 }]\n",
	       "a table as lines");
}

static void is_span(const struct h0_toml *t, struct h0_span s, const char *want, const char *name)
{
	h0_autofree char *got = h0_strndup(h0_toml_text(t, NULL) + s.start, s.end - s.start);
	is_str(got, want, name);
}

static void places(void)
{
	h0_autotoml struct h0_toml *t = NULL;
	struct h0_err e = {0};
	is_int(parse("\xef\xbb\xbf" "k.l = [1,\n  'x']\n [ t . u ] # c\n'q r'  = '''\n\n'''\nz = 0x1\n",
	             &t, &e), 0, "parses");
	const struct h0_toml_node *root = h0_toml_root(t), *k = h0_toml_get(root, "k");
	const struct h0_toml_node *l = h0_toml_get(k, "l"), *x = l->first->next;
	const struct h0_toml_node *u = h0_toml_get(h0_toml_get(root, "t"), "u");
	const struct h0_toml_node *q = u->first, *z = q->next;
	is_span(t, l->value_span, "[1,\n  'x']", "span of an array");
	is_span(t, l->key_span, "l", "span of a dotted key's last part");
	is_span(t, (struct h0_span){l->expr_start, l->key_span.end}, "k.l", "where its parts start");
	is_span(t, x->value_span, "'x'", "span of an element");
	is_span(t, u->value_span, "[ t . u ]", "span of a header");
	is_span(t, u->key_span, "u", "span of a header's last part");
	is_span(t, q->key_span, "'q r'", "span of a quoted key");
	is_span(t, q->value_span, "'''\n\n'''", "span of lines");
	is_span(t, root->value_span, h0_toml_text(t, NULL), "span of the root");
	ok(l->line == 1 && l->col == 7 && l->key_col == 3, "a byte order mark is no column");
	ok(x->line == 2 && x->col == 3, "line and column in an array");
	ok(u->line == 3 && u->col == 2, "line and column of a header");
	ok(z->line == 7 && z->key_line == 7 && z->col == 5, "line after a string of lines");
	ok(k->origin == H0_TOML_BY_DOTTED && u->origin == H0_TOML_BY_HEADER &&
	   u->parent->origin == H0_TOML_IMPLICIT && l->origin == H0_TOML_INLINE, "origins");
}

/* Nested n deep by `open`, closed by `close`. */
static int nested(const char *open, const char *close, int n, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autotoml struct h0_toml *t = NULL;
	h0_buf_adds(&b, "a = ");
	for (int i = 0; i < n; i++)
		h0_buf_adds(&b, open);
	h0_buf_adds(&b, "1");
	for (int i = 0; i < n; i++)
		h0_buf_adds(&b, close);
	return h0_toml_parse(b.p, b.len, "f", &t, e);
}

static void bounds(void)
{
	struct h0_err e = {0};
	h0_autobuf struct h0_buf b = {0};
	h0_autotoml struct h0_toml *t = NULL;
	is_int(nested("[", "]", H0_TOML_MAX_DEPTH, &e), 0, "deep arrays");
	is_int(nested("[", "]", H0_TOML_MAX_DEPTH + 1, &e), -1, "too deep arrays");
	is_str(e.code, H0_TOML_LIMIT, "are told as a limit");
	is_int(nested("[", "]", 100000, &e), -1, "very deep arrays");
	is_int(nested("{ b = ", "}", H0_TOML_MAX_DEPTH, &e), 0, "deep inline tables");
	is_int(nested("{ b = ", "}", 100000, &e), -1, "too deep inline tables");
	for (int i = 0; i < 50000; i++)
		h0_buf_adds(&b, "a.");
	h0_buf_adds(&b, "a = 1");
	is_int(h0_toml_parse(b.p, b.len, "f", &t, &e), -1, "too deep dotted keys");
	h0_buf_reset(&b);
	h0_buf_adds(&b, "a = [");
	while (b.len < 2 * H0_TOML_MAX_NODES + 10)
		h0_buf_adds(&b, "1,");
	is_int(h0_toml_parse(b.p, b.len, "f", &t, &e), -1, "too many values");
	is_str(e.code, H0_TOML_LIMIT, "are told as a limit");
	h0_buf_reset(&b);
	memset(h0_buf_room(&b, H0_TOML_MAX_BYTES + 1), ' ', H0_TOML_MAX_BYTES + 1);
	b.len = H0_TOML_MAX_BYTES + 1;
	is_int(h0_toml_parse(b.p, b.len, "f", &t, &e), -1, "too large a file");
	is_int(h0_toml_parse(b.p, b.len - 1, "f", &t, &e), 0, "just not too large a file");
}

/* Every key of a table of n, by name; a table that big is hashed. */
static void big_table(const char *before, const char *after, const char *table, int n)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autotoml struct h0_toml *t = NULL;
	struct h0_err e = {0};
	int found = 0;
	for (int i = 0; i < n; i++)
		h0_buf_addf(&b, "%skey%d%s\n", before, i, after);
	if (h0_toml_parse(b.p, b.len, "f", &t, &e) == 0)
		for (int i = 0; i < n; i++) {
			char key[24];
			snprintf(key, sizeof key, "key%d", i);
			const struct h0_toml_node *in = h0_toml_root(t);
			if (table)
				in = h0_toml_get(in, table);
			found += h0_toml_get(in, key) != NULL;
		}
	is_int(found, n, "all keys of a big table are found");
	h0_buf_addf(&b, "%skey%d%s\n", before, n / 2, after);
	h0_autotoml struct h0_toml *twice = NULL;
	ok(h0_toml_parse(b.p, b.len, "f", &twice, &e) < 0, "and a double one is refused");
}

static void paths(void)
{
	static const struct { const char *text, *want; } rows[] = {
		{"a", "a"}, {"a.b.c", "a|b|c"}, {" a . b ", "a|b"}, {"\"a.b\".c", "a.b|c"},
		{"'x y'.\"\\u0041\"", "x y|A"}, {"\"\"", ""}, {"1.2", "1|2"},
		{"", NULL}, {".", NULL}, {"a.", NULL}, {".a", NULL}, {"a..b", NULL}, {"a b", NULL},
		{"a=1", NULL}, {"\"a", NULL}, {"\"\\u0000\"", NULL}, {"a\n", NULL}, {"\xc3\xa9", NULL},
		{"'\xff'", NULL}, {"a#", NULL}, {"a]", NULL},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++) {
		h0_autostrv struct h0_strv l = {0};
		h0_autobuf struct h0_buf b = {0};
		struct h0_err e = {0};
		int rc = h0_toml_split_path(rows[i].text, &l, &e);
		for (size_t k = 0; k < l.n; k++)
			h0_buf_addf(&b, "%s%s", k ? "|" : "", l.v[k]);
		if (rows[i].want)
			is_str(h0_buf_str(&b), rows[i].want, "key path");
		else
			ok(rc < 0 && e.kind == H0_USAGE && !l.n, "no key path: %s",
			   shown(rows[i].text, strlen(rows[i].text)));
	}
}

static void values(void)
{
	static const char *const good[] = {"1", "'x'", "[1, 2]", "{ a = 1 }", "1979-05-27",
		"1979-05-27 07:32:00", "\"\"\"\nx\"\"\"", "[\n1 # c\n]", "true", "-inf"};
	static const char *const bad[] = {"", " ", "x", "1 ", " 1", "1 # c", "1\nb = 2", "1\n",
		"[1", "#", "a = 1", "1, 2", "\"", "\xff"};
	for (size_t i = 0; i < H0_ARRAY_LEN(good); i++)
		ok(h0_toml_is_value(good[i]), "a value");
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++)
		ok(!h0_toml_is_value(bad[i]), "no value: %s", shown(bad[i], strlen(bad[i])));
}

static void messages(void)
{
	static const struct { const char *text, *want; } rows[] = {
		{"device = gpu-vulkan\n", "f.toml:1:10: not a TOML value: 'gpu-vulkan' (a string needs quotes)"},
		{"[a]\nb = 1\n\n[a]\n", "f.toml:4:2: a: this is a table that is already defined in line 1"},
		{"[a]\nb.c = 1\nb.c = 2\n", "f.toml:3:3: a.b.c: this is already set in line 2"},
		{"a = { b = 1,\n c = 2 }", "f.toml:1:13: an inline table must stay on one line"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++) {
		h0_autotoml struct h0_toml *t = NULL;
		struct h0_err e = {0};
		char msg[400] = "";
		if (parse(rows[i].text, &t, &e) < 0)
			h0_err_text(&e, msg, sizeof msg);
		is_str(msg, rows[i].want, "message");
	}
}

int main(void)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(valid_cases); i++)
		valid(&valid_cases[i]);
	for (size_t i = 0; i < H0_ARRAY_LEN(invalid_cases); i++)
		invalid(&invalid_cases[i]);
	every_prefix();
	lookup();
	places();
	bounds();
	big_table("", " = 1", NULL, 50000);
	big_table("[", "]\nx = 1", NULL, 20000);
	big_table("t.", " = 1", "t", 20000);
	paths();
	values();
	messages();
	return tap_done();
}
