/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The TOML editor on any document: the first line of the input says what to do, `OP NODE VALUE`
 * with one letter each, the rest is the document. OP: s sets a node that is there, a adds a key to
 * a table, u removes a node. Whatever the document: the edit changes what it shall and no other
 * byte, or says why not; it never finds that it would have gone wrong (H0_BUG).
 */
#include "fuzz.h"

#include "fmt/toml.h"
#include "fmt/tomledit.h"

static const char *const values[] = {"1", "\"text\"", "[1, 2]", "{ x = 1 }", "'''\na\n'''",
	"true", "1979-05-27", "[\n 1, # one\n]", "nan", "{}"};

struct pick {
	size_t left;                    /* nodes to pass by */
	const struct h0_toml_node *found;
};

/* The n-th node below n, around the end again; arrays and tables as well as values. */
static void pick(const struct h0_toml_node *n, struct pick *p)
{
	h0_toml_each(c, n) {
		if (!p->left--) {
			p->found = c;
			p->left = 0;
			return;
		}
		pick(c, p);
		if (p->found)
			return;
	}
}

/* false: a key on the way cannot be named, as it holds a NUL. */
static bool path_of(const struct h0_toml_node *n, struct h0_strv *path)
{
	if (!n->parent)
		return true;
	if (!path_of(n->parent, path) || (n->key && strlen(n->key) != n->key_len))
		return false;
	size_t i = 0;
	h0_toml_each(c, n->parent) {
		if (c == n)
			break;
		i++;
	}
	if (n->key)
		h0_strv_add(path, n->key);
	else
		h0_strv_addf(path, "%zu", i);
	return true;
}

static void not_a_bug(int rc, const struct h0_err *e)
{
	if (rc < 0 && e->kind == H0_BUG)
		fprintf(stderr, "%s\n", e->msg);
	H0_ASSERT(rc == 0 || e->kind != H0_BUG);
}

/* The whole document is there, and the rest stands in one place. */
static void only_grown(const char *text, size_t len, const struct h0_buf *out)
{
	size_t head = 0, tail = 0;
	while (head < len && text[head] == out->p[head])
		head++;
	while (tail < len - head && text[len - 1 - tail] == out->p[out->len - 1 - tail])
		tail++;
	H0_ASSERT(head + tail == len && out->len > len);
}

static void set(const char *text, size_t len, const struct h0_strv *path, const char *value,
                bool grows)
{
	h0_autobuf struct h0_buf out = {0}, again = {0};
	h0_autotoml struct h0_toml *t = NULL;
	struct h0_err e = {0};
	const char *const *p = (const char *const *)path->v;
	int rc = h0_tomledit_set(text, len, "fuzz", p, value, &out, &e);
	not_a_bug(rc, &e);
	if (rc < 0)
		return;
	if (grows)
		only_grown(text, len, &out);
	H0_ASSERT(h0_toml_parse(h0_buf_str(&out), out.len, "out", &t, &e) == 0);
	H0_ASSERT(h0_toml_find(h0_toml_root(t), p, path->n));
	H0_ASSERT(h0_tomledit_set(h0_buf_str(&out), out.len, "out", p, value, &again, &e) == 0);
	H0_ASSERT(again.len == out.len && memcmp(again.p, out.p, out.len) == 0);
}

static void unset(const char *text, size_t len, const struct h0_strv *path, bool element)
{
	h0_autobuf struct h0_buf out = {0};
	struct h0_err e = {0};
	bool found = false;
	const char *const *p = (const char *const *)path->v;
	int rc = h0_tomledit_unset(text, len, "fuzz", p, &out, &found, &e);
	not_a_bug(rc, &e);
	H0_ASSERT(rc == 0 && found && out.len < len);
	rc = h0_tomledit_unset(h0_buf_str(&out), out.len, "out", p, &out, &found, &e);
	H0_ASSERT(rc == 0 && (element || !found));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	h0_autotoml struct h0_toml *t = NULL;
	h0_autostrv struct h0_strv path = {0};
	struct h0_err e;
	const char *text = (const char *)data + 4;
	if (size < 4 || data[3] != '\n' || memchr(data, '\n', 3) ||
	    h0_toml_parse(text, size - 4, "fuzz", &t, &e) < 0)
		return 0;
	struct pick p = {.left = (size_t)(data[1] & 0x3f)};
	pick(h0_toml_root(t), &p);
	const struct h0_toml_node *n = p.found ? p.found : h0_toml_root(t);
	if (!path_of(n, &path))
		return 0;
	const char *value = values[data[2] % H0_ARRAY_LEN(values)];
	if (data[0] == 'a') {
		bool there = h0_toml_get(n, "new key") || n->type != H0_TOML_TABLE;
		if (data[2] & 0x20)
			h0_strv_add(&path, "sub");
		h0_strv_add(&path, "new key");
		set(text, size - 4, &path, value, !there);
	} else if (n->parent && data[0] == 's') {
		set(text, size - 4, &path, value, false);
	} else if (n->parent) {
		unset(text, size - 4, &path, !n->key);
	}
	return 0;
}

static const char *const fuzz_words[] = {
	"\"", "'", "[", "]", "[[", "]]", "{", "}", ",", "=", ".", "\n", "\r\n", "#", "# c\n", " ", "a",
	"b", "a.b", "\n[a]\n", "\n[a.b]\n", "\n[[a]]\n", "\n[[a.b]]\n", "\na = 1\n", "\nb.c = 2\n",
	"{ a = 1 }", "{ a.b = 1, c = 2 }", "[1, 2]", "[\n1, # one\n2\n]", "{}", "[]", "\xef\xbb\xbf",
	NULL};

FUZZ_TARGET("tomledit", 50000)
