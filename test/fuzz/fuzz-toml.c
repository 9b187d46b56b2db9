/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The TOML reader on hostile bytes: a tree whose spans and links hold together, or a clear
 * refusal at a place inside the text.
 */
#include "fuzz.h"

#include "fmt/toml.h"
#include "fmt/tomljson.h"
#include "fmt/tomltree.h"

/* Every node knows its parent, lies inside the text and is found by its key. */
static void check(const struct h0_toml_node *n, size_t len)
{
	size_t count = 0;
	H0_ASSERT(n->value_span.start <= n->value_span.end && n->value_span.end <= len);
	H0_ASSERT(n->key_span.start <= n->key_span.end && n->key_span.end <= len);
	H0_ASSERT(n->line >= 1 && n->col >= 1);
	if (n->type == H0_TOML_STRING)
		H0_ASSERT(n->str[n->str_len] == '\0' && n->str_len < len);
	h0_toml_each(c, n) {
		H0_ASSERT(c->parent == n && (c->next || n->last == c));
		if (n->type == H0_TOML_TABLE && strlen(c->key) == c->key_len)
			H0_ASSERT(h0_toml_get(n, c->key) == c);
		check(c, len);
		count++;
	}
	H0_ASSERT(count == n->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	h0_autotoml struct h0_toml *t = NULL, *again = NULL;
	h0_autobuf struct h0_buf json = {0}, text = {0};
	struct h0_err e = {0};
	if (h0_toml_parse((const char *)data, size, "fuzz", &t, &e) < 0) {
		H0_ASSERT(e.kind == H0_CONFIG && e.msg[0] && e.line >= 1 && e.col >= 1);
		H0_ASSERT((size_t)e.line <= size + 1 && (size_t)e.col <= size + 1);
		return 0;
	}
	check(h0_toml_root(t), size);
	h0_autojson struct h0_json *j = h0_toml_json(h0_toml_root(t), true);
	h0_json_dump(j, 0, false, &json);
	/* what is written from the tree reads back to the same tree */
	h0_toml_write(t, h0_toml_root(t), &text);
	if (h0_toml_parse(h0_buf_str(&text), text.len, "again", &again, &e) < 0) {
		H0_ASSERT(strcmp(e.code, H0_TOML_LIMIT) == 0);
		return 0;
	}
	H0_ASSERT(h0_toml_equal(h0_toml_root(t), h0_toml_root(again)));
	return 0;
}

static const char *const fuzz_words[] = {
	"\"", "'", "\"\"\"", "'''", "[", "]", "[[", "]]", "{", "}", ",", "=", ".", "\n", "\r\n", "\r",
	"#", " ", "\t", "\\", "\\u00e9", "\\U0001F600", "\\\n", "_", "+", "-", "0x", "0b", "0", "1",
	"9", "e", "inf", "nan", "true", "1979-05-27", "07:32:00", ".5", "T", "Z", "a", "b", "a.b",
	"\n[a]\n", "\n[a.b]\n", "\n[[a]]\n", "\na = 1\n", "\nb.c = 2\n", "{ a = 1 }", "[1, 2]",
	"\xc3\xa9", "\xff", "\x7f", "\xef\xbb\xbf", NULL};

FUZZ_TARGET("toml", 50000)
