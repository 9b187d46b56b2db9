/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lossless editing: exact results for the shapes people write, and for every valid case of the
 * suites, every key: set, unset and add change what they shall and no other byte.
 */
#include "tap.h"

#include "fmt/tomledit.h"
#include "toml-cases.h"
#include "toml-check.h"

/* ---- exact results ---- */

struct row {
	const char *name, *before, *path, *value, *after; /* value NULL: unset; after NULL: refused */
};

static const struct row rows[] = {
	{"value only, comment kept", "a = 1 # one\nb=2\n", "a", "10", "a = 10 # one\nb=2\n"},
	{"type may change", "a = [\n 1, # x\n]\n", "a", "true", "a = true\n"},
	{"after the last key", "a = 1\n# about b\nb = 2 # two\n\n# end\n", "c", "3",
	 "a = 1\n# about b\nb = 2 # two\nc = 3\n\n# end\n"},
	{"root above the first header", "# file\n\n# about t\n[t]\nx = 1\n", "a", "1",
	 "# file\n\na = 1\n\n# about t\n[t]\nx = 1\n"},
	{"a comment that opens the file stays first", "# file\n[t]\n", "a", "1",
	 "# file\na = 1\n\n[t]\n"},
	{"root after its keys though headers follow", "a = 1\n\n[t]\nx = 1\n", "b", "2",
	 "a = 1\nb = 2\n\n[t]\nx = 1\n"},
	{"root of comments only", "# nothing\n", "a", "1", "# nothing\na = 1\n"},
	{"empty file", "", "a", "1", "a = 1\n"},
	{"empty file with a byte order mark", "\xef\xbb\xbf", "a", "1", "\xef\xbb\xbf" "a = 1\n"},
	{"empty file, table", "", "t.u.a", "1", "[t.u]\na = 1\n"},
	{"no final newline", "a = 1", "b", "2", "a = 1\nb = 2\n"},
	{"no final newline, table", "a = 1", "t.b", "2", "a = 1\n\n[t]\nb = 2\n"},
	{"CRLF", "a = 1\r\n\r\n[t]\r\nx = 1\r\n", "t.y", "2",
	 "a = 1\r\n\r\n[t]\r\nx = 1\r\ny = 2\r\n"},
	{"CRLF, new table", "a = 1\r\n", "t.y", "2", "a = 1\r\n\r\n[t]\r\ny = 2\r\n"},
	{"CRLF, last line without", "a = 1\r\nb = 2", "c", "3", "a = 1\r\nb = 2\r\nc = 3\r\n"},
	{"empty table", "[t] # t\n\n[u]\n", "t.a", "1", "[t] # t\na = 1\n\n[u]\n"},
	{"indentation follows the last key", "[t]\n  a = 1\n[u]\n", "t.b", "2",
	 "[t]\n  a = 1\n  b = 2\n[u]\n"},
	{"behind a value of several lines", "[t]\na = [\n  1,\n]\n[u]\n", "t.b", "2",
	 "[t]\na = [\n  1,\n]\nb = 2\n[u]\n"},
	{"missing table goes to the end", "[t]\na = 1\n\n[u]\nb = 1\n", "t.v.w.c", "1",
	 "[t]\na = 1\n\n[u]\nb = 1\n\n[t.v.w]\nc = 1\n"},
	{"implied table gets its header", "[t.u]\na = 1\n", "t.b", "2",
	 "[t.u]\na = 1\n\n[t]\nb = 2\n"},
	{"dotted table grows dotted", "a.b.c = 1\nz = 1\n", "a.b.d", "2",
	 "a.b.c = 1\na.b.d = 2\nz = 1\n"},
	{"dotted table, two levels", "[t]\na.b = 1\nz = 1\n", "t.a.c.d", "2",
	 "[t]\na.b = 1\na.c.d = 2\nz = 1\n"},
	{"dotted and implied at once", "[a.b.c]\nx = 1\n[a]\nb.y = 1\n", "a.b.z", "2",
	 "[a.b.c]\nx = 1\n[a]\nb.y = 1\nb.z = 2\n"},
	{"array of tables, first element", "[[s]]\na = 1\n\n[[s]]\na = 2\n", "s.0.b", "9",
	 "[[s]]\na = 1\nb = 9\n\n[[s]]\na = 2\n"},
	{"array of tables, table in the first element", "[[s]]\na = 1\n\n[[s]]\na = 2\n", "s.0.t.b",
	 "9", "[[s]]\na = 1\n\n[s.t]\nb = 9\n\n[[s]]\na = 2\n"},
	{"array of tables, packed", "[[s]]\n[s.u]\nk = 1\n[[s]]\n", "s.0.t.b", "9",
	 "[[s]]\n[s.u]\nk = 1\n\n[s.t]\nb = 9\n\n[[s]]\n"},
	{"array of tables, empty element", "[[s]]\n[[s]]\n", "s.1.b", "9", "[[s]]\n[[s]]\nb = 9\n"},
	{"inline, empty", "t = {}\n", "t.a", "1", "t = { a = 1 }\n"},
	{"inline, empty with a blank", "t = { } # c\n", "t.a", "1", "t = { a = 1 } # c\n"},
	{"inline, one", "t = { a = 1 }\n", "t.b", "2", "t = { a = 1, b = 2 }\n"},
	{"inline, tight", "t={a=1}\n", "t.b", "2", "t={a=1, b = 2}\n"},
	{"inline, nested below", "t = { a = 1 }\n", "t.b.c", "2", "t = { a = 1, b.c = 2 }\n"},
	{"inline, dotted", "t = { a.b = 1, z = 2 }\n", "t.a.c", "2",
	 "t = { a.b = 1, a.c = 2, z = 2 }\n"},
	{"inline in an array", "t = [{ a = 1 }, {}]\n", "t.1.b", "2",
	 "t = [{ a = 1 }, { b = 2 }]\n"},
	{"array element", "t = [1, 2, 3]\n", "t.1", "\"x\"", "t = [1, \"x\", 3]\n"},
	{"key that needs quotes", "", "\"a b\".\"c.d\"", "1", "[\"a b\"]\n\"c.d\" = 1\n"},
	{"empty key", "a = 1\n", "\"\"", "1", "a = 1\n\"\" = 1\n"},
	{"quoted key is found", "'a b' = 1\n", "\"a b\"", "2", "'a b' = 2\n"},
	{"number as a key of a table", "[t]\n1 = 'x'\n", "t.1", "'y'", "[t]\n1 = 'y'\n"},
	{"same value, same bytes", "a = 0x10 # h\n", "a", "0x10", "a = 0x10 # h\n"},
	{"a table is not overwritten", "[t]\na = 1\n", "t", "1", NULL},
	{"an array of tables is not overwritten", "[[t]]\na = 1\n", "t", "1", NULL},
	{"an inline table is a value", "t = { a = 1 }\n", "t", "1", "t = 1\n"},
	{"no path through a value", "a = 1\n", "a.b", "1", NULL},
	{"no path past an array", "a = [1]\n", "a.1", "1", NULL},
	{"no word in an array", "a = [1]\n", "a.x", "1", NULL},
	{"two values are no value", "a = 1\n", "a", "1\nb = 2", NULL},
	{"a comment is no value", "a = 1\n", "a", "1 # x", NULL},
	{"a word is no value", "a = 1\n", "a", "word", NULL},
	{"nothing is no value", "a = 1\n", "a", "", NULL},
	{"a broken file is refused", "a = \n", "b", "1", NULL},

	{"unset: line and its comment", "a = 1\nb = 2 # two\nc = 3\n", "b", NULL, "a = 1\nc = 3\n"},
	{"unset: comment above stays", "# about a\na = 1\n", "a", NULL, "# about a\n"},
	{"unset: blank lines around a key stay", "a = 1\n\nb = 2\n\nc = 3\n", "b", NULL,
	 "a = 1\n\n\nc = 3\n"},
	{"unset: only key", "a = 1", "a", NULL, ""},
	{"unset: behind a byte order mark", "\xef\xbb\xbf" "a = 1\nb = 2\n", "a", NULL,
	 "\xef\xbb\xbf" "b = 2\n"},
	{"unset: last line without newline", "a = 1\nb = 2", "b", NULL, "a = 1\n"},
	{"unset: several lines", "a = [\n 1, # x\n]\nb = '''\nx\n'''\nc = 1\n", "b", NULL,
	 "a = [\n 1, # x\n]\nc = 1\n"},
	{"unset: CRLF", "a = 1\r\nb = 2\r\n", "a", NULL, "b = 2\r\n"},
	{"unset: header stays", "[t]\na = 1\n", "t.a", NULL, "[t]\n"},
	{"unset: dotted parent goes", "a.b = 1\nc = 1\n", "a.b", NULL, "c = 1\n"},
	{"unset: dotted, one of two", "a.b = 1\na.c = 2\n", "a.b", NULL, "a.c = 2\n"},
	{"unset: dotted table", "a.b = 1\nx = 1\na.c = 2\n", "a", NULL, "x = 1\n"},
	{"unset: table", "x = 1\n\n[t] # t\na = 1\n# in\nb = 2\n\n[u]\nc = 1\n", "t", NULL,
	 "x = 1\n\n[u]\nc = 1\n"},
	{"unset: first table", "[t]\na = 1\n\n[u]\nc = 1\n", "t", NULL, "[u]\nc = 1\n"},
	{"unset: table in parts", "[t]\na = 1\n[u]\nc = 1\n[t.v]\nd = 1\n", "t", NULL,
	 "[u]\nc = 1\n"},
	{"unset: implied table", "[t.a]\nx = 1\n[t.b]\n[u]\n", "t", NULL, "[u]\n"},
	{"unset: sub-table takes implied parent", "[t.a]\nx = 1\n[u]\n", "t.a", NULL, "[u]\n"},
	{"unset: element", "[[s]]\na = 1\n[s.t]\n[[s]]\na = 2\n[[s]]\na = 3\n", "s.0", NULL,
	 "[[s]]\na = 2\n[[s]]\na = 3\n"},
	{"unset: all elements", "[[s]]\na = 1\n[u]\n[[s]]\na = 2\n", "s", NULL, "[u]\n"},
	{"unset: inline, only", "t = { a = 1 } # c\n", "t.a", NULL, "t = { } # c\n"},
	{"unset: inline, only, tight", "t={a=1}\n", "t.a", NULL, "t={}\n"},
	{"unset: inline, first", "t = { a = 1, b = 2 }\n", "t.a", NULL, "t = { b = 2 }\n"},
	{"unset: inline, middle", "t = {a=1, b=2, c=3}\n", "t.b", NULL, "t = {a=1, c=3}\n"},
	{"unset: inline, last", "t = { a = 1, b = 2 }\n", "t.b", NULL, "t = { a = 1 }\n"},
	{"unset: inline, dotted", "t = { x = 0, a.b = 1, a.c = 2 }\n", "t.a", NULL, "t = { x = 0 }\n"},
	{"unset: inline, dotted apart", "t = { a.b = 1, x = 0, a.c = 2 }\n", "t.a", NULL,
	 "t = { x = 0 }\n"},
	{"unset: element of an array", "t = [1, 2, 3]\n", "t.1", NULL, "t = [1, 3]\n"},
	{"unset: last element", "t = [1, 2]\n", "t.1", NULL, "t = [1]\n"},
	{"unset: only element", "t = [ 1 ]\n", "t.0", NULL, "t = [ ]\n"},
	{"unset: element on a line", "t = [\n  1, # one\n  2, # two\n]\n", "t.0", NULL,
	 "t = [\n  2, # two\n]\n"},
	{"unset: last on a line, commented", "t = [\n  1, # one\n  2 # two\n]\n", "t.1", NULL,
	 "t = [\n  1, # one\n]\n"},
	{"unset: comma on another line", "t = [ 1 # one\n , 2 ]\n", "t.0", NULL,
	 "t = [  # one\n  2 ]\n"},
	{"unset: not there", "a = 1 # x", "b", NULL, "a = 1 # x"},
	{"unset: not there, through a value", "a = 1\n", "a.b", NULL, "a = 1\n"},
};

static int edit(const char *text, size_t len, const char *const *path, const char *value,
                struct h0_buf *out, struct h0_err *e)
{
	bool found;
	return value ? h0_tomledit_set(text, len, "f.toml", path, value, out, e)
	             : h0_tomledit_unset(text, len, "f.toml", path, out, &found, e);
}

static void exact(void)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		h0_autostrv struct h0_strv path = {0};
		h0_autobuf struct h0_buf out = {0};
		struct h0_err e = {0};
		if (h0_toml_split_path(r->path, &path, &e) < 0) {
			ok(false, "%s: %s", r->name, e.msg);
			continue;
		}
		h0_buf_adds(&out, "before");
		int rc = edit(r->before, strlen(r->before), (const char *const *)path.v, r->value,
		              &out, &e);
		if (r->after)
			is_str(rc < 0 ? e.msg : h0_buf_str(&out), r->after, r->name);
		else
			ok(rc < 0 && (e.kind == H0_CONFIG || e.kind == H0_USAGE) &&
			   strcmp(out.p, "before") == 0, "%s", r->name);
	}
}

/* ---- properties ---- */

enum op { SET, UNSET, ADD };

struct trial {
	const char *name;
	const char *text;
	size_t len;
	const struct h0_toml_node *root;
	int trials, bad;
};

static void complain(struct trial *t, enum op op, const char *const *path, const char *why)
{
	static const char *const names[] = {"set", "unset", "add"};
	if (t->bad++ > 3)
		return;
	printf("# %s %s", t->name, names[op]);
	for (; *path; path++)
		printf(" / %s", *path);
	printf(": %s\n", why);
}

/* What the document shall be: `target` replaced, left out, or with one more key. NULL: nothing of
 * n is left. */
static struct h0_json *expect(const struct h0_toml_node *n, const struct h0_toml_node *target,
                              enum op op, const char *key, const struct h0_json *value)
{
	if (n == target && op == UNSET)
		return NULL;
	if (n == target && op == SET)
		return h0_json_copy(value);
	if (n->type != H0_TOML_TABLE && n->type != H0_TOML_ARRAY)
		return h0_toml_json(n, true);
	bool table = n->type == H0_TOML_TABLE, lost = false;
	struct h0_json *j = table ? h0_json_object() : h0_json_array();
	h0_toml_each(c, n) {
		struct h0_json *child = expect(c, target, op, key, value);
		lost |= !child;
		if (child && table)
			h0_json_setn(j, c->key, c->key_len, child);
		else if (child)
			h0_json_add(j, child);
	}
	if (n == target && op == ADD)
		h0_json_set(j, key, h0_json_copy(value));
	bool implied = n->origin == H0_TOML_BY_DOTTED || n->origin == H0_TOML_IMPLICIT ||
	               (n->origin == H0_TOML_BY_ARRAY && !table);
	if (!lost || !implied || h0_json_len(j))
		return j;
	h0_json_free(j);
	return NULL;
}

static size_t common_start(const char *a, size_t na, const char *b, size_t nb)
{
	size_t i = 0;
	while (i < na && i < nb && a[i] == b[i])
		i++;
	return i;
}

static size_t common_end(const char *a, size_t na, const char *b, size_t nb)
{
	size_t i = 0;
	while (i < na && i < nb && a[na - 1 - i] == b[nb - 1 - i])
		i++;
	return i;
}

/* Bytes were removed, none came. */
static bool only_less(const char *text, size_t len, const struct h0_buf *out)
{
	size_t at = 0;
	for (size_t i = 0; i < len && at < out->len; i++)
		at += text[i] == out->p[at];
	return at == out->len;
}

/* The change is one splice (an element and its comma may stand apart); for a set exactly of the value, for an unset within its lines. */
static bool splice_ok(const struct trial *t, enum op op, const struct h0_toml_node *n,
                      const char *value, const struct h0_buf *out)
{
	struct h0_span v = n->value_span;
	if (op == SET) {
		size_t m = strlen(value), tail = t->len - v.end;
		return out->len == v.start + m + tail && memcmp(out->p, t->text, v.start) == 0 &&
		       memcmp(out->p + v.start, value, m) == 0 &&
		       memcmp(out->p + v.start + m, t->text + v.end, tail) == 0;
	}
	size_t head = common_start(t->text, t->len, h0_buf_str(out), out->len);
	size_t tail = common_end(t->text, t->len, h0_buf_str(out), out->len);
	if (op == ADD)
		return head + tail >= t->len;
	/* what is gone lies in the lines of the key; for an element, of its array */
	const struct h0_toml_node *lines = n->key ? n : n->parent;
	size_t first = lines->expr_start, last = lines->value_span.end;
	while (first && t->text[first - 1] != '\n')
		first--;
	while (last < t->len && t->text[last++] != '\n')
		;
	if (out->len < first + (t->len - last) || head < first || tail < t->len - last)
		return false;
	return n->key ? head + tail >= out->len : only_less(t->text, t->len, out);
}

/* Whether all line ends are CRLF (2), all bare (1), or there are both (3). */
static int endings(const char *text, size_t len)
{
	int kinds = 0;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			kinds |= i && text[i - 1] == '\r' ? 2 : 1;
	return kinds;
}

/* Line endings stay of one kind. */
static bool endings_ok(const struct trial *t, const struct h0_buf *out)
{
	int before = endings(t->text, t->len);
	return before == 0 || before == 3 || endings(out->p, out->len) == before;
}

static void try_one(struct trial *t, enum op op, const struct h0_toml_node *n,
                    const char *const *path, const char *key)
{
	static const char value[] = "'hal0 \"changed\"'";
	h0_autobuf struct h0_buf out = {0};
	struct h0_err e;
	t->trials++;
	if (edit(t->text, t->len, path, op == UNSET ? NULL : value, &out, &e) < 0) {
		complain(t, op, path, e.msg);
		return;
	}
	h0_autotoml struct h0_toml *now = NULL;
	if (h0_toml_parse(h0_buf_str(&out), out.len, t->name, &now, &e) < 0) {
		complain(t, op, path, "does not parse");
		return;
	}
	struct h0_json *v = h0_json_object();
	h0_json_set_str(v, "type", "string");
	h0_json_set_str(v, "value", "hal0 \"changed\"");
	h0_autojson H0_UNUSED struct h0_json *keep = v;
	h0_autojson struct h0_json *want = expect(t->root, n, op, key, v);
	h0_autojson struct h0_json *got = h0_toml_json(h0_toml_root(now), true);
	h0_autobuf struct h0_buf w = {0}, g = {0};
	h0_json_dump(want, 0, true, &w);
	h0_json_dump(got, 0, true, &g);
	if (strcmp(h0_buf_str(&w), h0_buf_str(&g)) != 0)
		complain(t, op, path, "another document");
	if (!splice_ok(t, op, n, value, &out))
		complain(t, op, path, "other bytes changed");
	if (op == ADD && !endings_ok(t, &out))
		complain(t, op, path, "line endings mixed");
}

#define DEEPEST 32

static void walk(struct trial *t, const struct h0_toml_node *n, const char **path, size_t depth)
{
	char number[24];
	size_t i = 0;
	if (n->type == H0_TOML_TABLE) {
		static const char *const keys[] = {"zz_new", "new key", ""};
		for (size_t k = 0; k < H0_ARRAY_LEN(keys); k++) {
			path[depth] = keys[k];
			path[depth + 1] = NULL;
			if (!h0_toml_get(n, keys[k]))
				try_one(t, ADD, n, path, keys[k]);
		}
	}
	h0_toml_each(c, n) {
		snprintf(number, sizeof number, "%zu", i++);
		path[depth] = c->key ? c->key : number;
		path[depth + 1] = NULL;
		if (c->key && strlen(c->key) != c->key_len)
			continue; /* cannot be named */
		if (c->origin == H0_TOML_INLINE) {
			try_one(t, SET, c, path, NULL);
			try_one(t, UNSET, c, path, NULL);
		}
		if (depth + 2 < DEEPEST)
			walk(t, c, path, depth + 1);
	}
}

/* A whole table can be unset as well: the rest of the document stays. */
static void walk_tables(struct trial *t, const struct h0_toml_node *n, const char **path,
                        size_t depth)
{
	char number[24];
	size_t i = 0;
	h0_toml_each(c, n) {
		snprintf(number, sizeof number, "%zu", i++);
		path[depth] = c->key ? c->key : number;
		path[depth + 1] = NULL;
		if (c->origin == H0_TOML_INLINE || (c->key && strlen(c->key) != c->key_len))
			continue;
		h0_autobuf struct h0_buf out = {0};
		struct h0_err e;
		h0_autotoml struct h0_toml *now = NULL;
		t->trials++;
		if (edit(t->text, t->len, path, NULL, &out, &e) < 0 ||
		    h0_toml_parse(h0_buf_str(&out), out.len, t->name, &now, &e) < 0) {
			complain(t, UNSET, path, e.msg);
			continue;
		}
		h0_autojson struct h0_json *want = expect(t->root, c, UNSET, NULL, NULL);
		h0_autojson struct h0_json *got = h0_toml_json(h0_toml_root(now), true);
		if (!h0_json_equal(want, got))
			complain(t, UNSET, path, "another document");
		if (depth + 2 < DEEPEST)
			walk_tables(t, c, path, depth + 1);
	}
}

static int trials;

static void variant(const char *path, const char *what, const struct h0_buf *text)
{
	h0_autotoml struct h0_toml *doc = NULL;
	const char *keys[DEEPEST + 1];
	if (h0_toml_parse(h0_buf_str(text), text->len, path, &doc, NULL) < 0)
		return;
	struct trial t = {.name = path, .text = h0_buf_str(text), .len = text->len,
	                  .root = h0_toml_root(doc)};
	walk(&t, t.root, keys, 0);
	walk_tables(&t, t.root, keys, 0);
	trials += t.trials;
	ok(t.bad == 0, "%s%s: %d edits", path, what, t.trials);
}

static void each_variant(const char *path, const struct h0_buf *text)
{
	h0_autobuf struct h0_buf v = {0};
	variant(path, "", text);
	if (text->len && text->p[text->len - 1] == '\n') {
		h0_buf_add(&v, text->p, text->len - 1);
		variant(path, " without its last newline", &v);
	}
	h0_buf_reset(&v);
	for (size_t i = 0; i < text->len; i++) {
		if (text->p[i] == '\n' && (i == 0 || text->p[i - 1] != '\r'))
			h0_buf_addc(&v, '\r');
		h0_buf_addc(&v, text->p[i]);
	}
	variant(path, " with CRLF", &v);
	h0_buf_reset(&v);
	if (text->len < 3 || memcmp(text->p, "\xef\xbb\xbf", 3) != 0) {
		h0_buf_adds(&v, "\xef\xbb\xbf");
		h0_buf_add(&v, text->p, text->len);
		variant(path, " with a byte order mark", &v);
	}
}

static void properties(void)
{
	const char *suite = suite_dir();
	h0_autobuf struct h0_buf dir = {0};
	for (size_t i = 0; i < H0_ARRAY_LEN(valid_cases); i++) {
		h0_autobuf struct h0_buf text = {0};
		h0_autofree char *name = h0_asprintf("own case %zu", i);
		h0_buf_add(&text, valid_cases[i].text, valid_cases[i].len);
		each_variant(name, &text);
	}
	h0_buf_addf(&dir, "%s/valid", suite ? suite : "/nonexistent");
	each_case(h0_buf_str(&dir), ".toml", each_variant);
	printf("# %d edits%s\n", trials, suite ? "" : " (the public suite is not here)");
}

static void literals(void)
{
	h0_autobuf struct h0_buf b = {0};
	h0_toml_lit_str(&b, "a\"b\\c\n\t\x01\x7f\xc3\xa4");
	is_str(h0_buf_str(&b), "\"a\\\"b\\\\c\\n\\t\\u0001\\u007F\xc3\xa4\"", "string literal");
}

int main(void)
{
	exact();
	literals();
	properties();
	return tap_done();
}
