/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <math.h>

#include "base/mem.h"
#include "fmt/json.h"

static struct h0_json *parse(const char *s, struct h0_err *e)
{
	struct h0_json *j = NULL;
	return h0_json_parse(s, strlen(s), "x.json", &j, e) == 0 ? j : NULL;
}

/* Takes j. */
static void dumps(struct h0_json *j, int indent, bool sorted, const char *want, const char *name)
{
	h0_autojson struct h0_json *own = j;
	h0_autobuf struct h0_buf b = {0};
	h0_json_dump(own, indent, sorted, &b);
	is_str(h0_buf_str(&b), want, name);
}

static void reading(void)
{
	struct h0_err e;
	h0_autojson struct h0_json *j = parse("{\"b\":1,\"a\":[true,null,2.5,\"x\"]}", &e);
	ok(j, "parses");
	is_int(h0_json_int(h0_json_get(j, "b"), -1), 1, "integer");
	const struct h0_json *a = h0_json_get(j, "a");
	is_int((long long)h0_json_len(a), 4, "array length");
	is_int((long long)h0_json_len(j), 2, "object length");
	ok(h0_json_bool(h0_json_at(a, 0), false), "bool");
	is_str(h0_json_str(h0_json_at(a, 3)), "x", "string");
	ok(h0_json_num(h0_json_at(a, 2), 0) == 2.5 && h0_json_num(h0_json_get(j, "b"), 0) == 1, "number");
	is_int(h0_json_int(h0_json_at(a, 2), -7), -7, "a real is no integer");
	is_str(h0_json_str(h0_json_get(h0_json_get(j, "no"), "way")), NULL, "absent is safe");
	is_str(h0_json_str(h0_json_get(a, "b")), NULL, "an array has no keys");
	ok(!h0_json_at(j, 0) && !h0_json_at(a, 4), "no such element");
	is_int(h0_json_type(NULL), H0_JSON_NULL, "absent is null");
	h0_autojson struct h0_json *big = parse("[9223372036854775807,-9223372036854775808]", &e);
	ok(h0_json_int(h0_json_at(big, 0), 0) == INT64_MAX &&
	   h0_json_int(h0_json_at(big, 1), 0) == INT64_MIN, "integers are exact");
}

static void refused(void)
{
	static const struct { const char *text; int line, col; const char *name; } rows[] = {
		{"", 1, 1, "empty text"},
		{" \n ", 2, 1, "blanks only"},
		{"{\"a\":1,\n \"a\":2}", 2, 4, "duplicate keys"},
		{"[1,]", 1, 4, "trailing comma"},
		{"[1] x", 1, 5, "something after the value"},
		{"{\"\xc3\xa9\xc3\xa9\": x}", 1, 10, "columns count bytes"},
		{"[1e400]", 1, 6, "a real beyond a double"},
		{"[9223372036854775808]", 1, 20, "an integer beyond 64 bits"},
		{"[\"\xff\"]", 1, 3, "not UTF-8"},
		{"[\"\\ud800\"]", 1, 9, "half a surrogate pair"},
		{"{\"a\\u0000\":1}", 1, 10, "NUL in a key"},
		{"[\"a\nb\"]", 1, 3, "a newline in a string"},
		{"[NaN]", 1, 4, "NaN"},
		{"{\"token\": \"hunter2\" 1}", 1, 21, "a missing comma"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++) {
		struct h0_err e = {0};
		h0_autojson struct h0_json *j = parse(rows[i].text, &e);
		if (!ok(!j && e.kind == H0_CONFIG && e.line == rows[i].line && e.col == rows[i].col,
		        "refused: %s", rows[i].name))
			printf("# %d:%d: %s\n", e.line, e.col, e.msg);
		ok(!strstr(e.msg, "hunter2") && !strstr(e.msg, "near '"), "the text is not quoted");
	}
}

static void nested(int n, bool good)
{
	struct h0_err e = {0};
	h0_autobuf struct h0_buf b = {0}, out = {0};
	struct h0_json *j = NULL;
	for (int i = 0; i < n; i++)
		h0_buf_addc(&b, '[');
	for (int i = 0; i < n; i++)
		h0_buf_addc(&b, ']');
	int rc = h0_json_parse(b.p, b.len, "x.json", &j, &e);
	h0_autojson struct h0_json *own = j;
	ok((rc == 0) == good, "%d levels are %s", n, good ? "read" : "refused, no crash");
	if (rc < 0)
		return;
	h0_json_dump(own, 0, false, &out);
	ok(out.len == b.len && memcmp(out.p, b.p, b.len) == 0, "and written");
}

/* A NUL in a string must not make it another, shorter string. */
static void nul(void)
{
	struct h0_err e;
	size_t n = 0;
	h0_autojson struct h0_json *j = parse("[\"chat\\u0000x\"]", &e);
	const struct h0_json *s = h0_json_at(j, 0);
	is_int(h0_json_type(s), H0_JSON_STRING, "a string with a NUL is read");
	ok(!h0_json_str(s), "but is no C string");
	ok(h0_json_strn(s, &n) && n == 6 && memcmp(h0_json_strn(s, &n), "chat\0x", 6) == 0,
	   "all of it is there");
	ok(!h0_json_strn(j, &n) && n == 0, "strn of what is no string");
	struct h0_json *o = h0_json_object();
	h0_json_setn(o, "a\0b", 3, h0_json_new_strn("c\0d", 3));
	dumps(o, 0, false, "{\"a\\u0000b\":\"c\\u0000d\"}", "NUL in a key and a string");
}

/* The byte itself is nowhere allowed; jansson does not see it after a number or a word. */
static void nul_byte(void)
{
	static const char text[] = "{\n\"a\":true\0,\"b\":1}";
	struct h0_err e = {0};
	h0_autojson struct h0_json *j = NULL;
	is_int(h0_json_parse(text, sizeof text - 1, "x.json", &j, &e), -1, "a NUL byte between values");
	ok(e.kind == H0_CONFIG && e.line == 2 && e.col == 9, "where it is");
}

static void writing(void)
{
	struct h0_err e;
	dumps(parse("{\"b\":1,\"a\":[true,null,2.5,\"x\"],\"aa\":{},\"\":[]}", &e), 0, true,
	      "{\"\":[],\"a\":[true,null,2.5,\"x\"],\"aa\":{},\"b\":1}", "sorted");
	dumps(parse("{\"b\":1,\"a\":[true,{\"c\":null}],\"e\":{},\"f\":[]}", &e), 2, false,
	      "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    {\n      \"c\": null\n    }\n  ],\n"
	      "  \"e\": {},\n  \"f\": []\n}", "indented, in order");
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "s", "a\xff" "b");
	h0_json_set_str(o, "n", NULL);
	h0_json_set(o, "nan", h0_json_new_real(NAN));
	h0_json_set(o, "inf", h0_json_new_real(-INFINITY));
	dumps(o, 0, false, "{\"s\":\"a?b\",\"n\":null,\"nan\":null,\"inf\":null}", "what JSON cannot say");
	o = h0_json_object();
	h0_json_set_str(o, "k\xc3", "\xc3\xa9\x7f \xed\xa0\x80 \xf0\x9f\x98\x80 \xe2\x82");
	dumps(o, 0, false, "{\"k?\":\"\xc3\xa9\\u007F ??? \xf0\x9f\x98\x80 ??\"}",
	      "only the bytes that are no UTF-8 are replaced");
	dumps(h0_json_new_str("\xc2\x9b" "2J\xe2\x80\xae\xe2\x81\xa9\xe2\x80\x94\xc2\xa0"), 0, false,
	      "\"\\u009B2J\\u202E\\u2069\xe2\x80\x94\xc2\xa0\"", "what drives a terminal");
	dumps(h0_json_new_str("\b\t\n\f\r\"\\/\x01\x1f"), 0, false,
	      "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001F\"", "escapes");
	dumps(NULL, 0, false, "null", "absent");
	o = h0_json_object();
	h0_json_set_int(o, "a", 1);
	h0_json_set_int(o, "b", 2);
	h0_json_set_int(o, "a", 3);
	h0_json_del(o, "b");
	h0_json_del(o, "none");
	dumps(o, 0, false, "{\"a\":3}", "set again, and deleted");
}

static void reals(void)
{
	static const struct { double v; const char *want; } rows[] = {
		{0.1, "0.1"}, {1, "1.0"}, {-0.0, "-0.0"}, {2.5, "2.5"}, {1e22, "1e+22"},
		{1e15, "1e+15"}, {123456789.125, "123456789.125"}, {0.1 + 0.2, "0.30000000000000004"},
		{1.7976931348623157e308, "1.7976931348623157e+308"}, {1.0 / 3, "0.3333333333333333"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++) {
		struct h0_err e;
		dumps(h0_json_new_real(rows[i].v), 0, false, rows[i].want, "a real");
		h0_autojson struct h0_json *j = parse(rows[i].want, &e);
		ok(h0_json_type(j) == H0_JSON_REAL && h0_json_num(j, 7) == rows[i].v, "and back");
	}
}

static void values(void)
{
	struct h0_err e;
	h0_autojson struct h0_json *a = parse("{\"x\":[1,2],\"y\":\"z\"}", &e);
	h0_autojson struct h0_json *b = parse("{\"y\":\"z\",\"x\":[1,2]}", &e);
	h0_autojson struct h0_json *c = h0_json_copy(a), *null = h0_json_copy(NULL);
	ok(h0_json_equal(a, b) && h0_json_equal(a, c), "equal in any order");
	h0_json_set_int(c, "y", 1);
	ok(!h0_json_equal(a, c) && !h0_json_equal(a, NULL) && h0_json_equal(NULL, NULL), "unequal");
	is_int(h0_json_type(null), H0_JSON_NULL, "a copy of nothing");
	h0_autobuf struct h0_buf order = {0};
	const char *key;
	const struct h0_json *val;
	for (void *it = NULL; (it = h0_json_next(b, it, &key, &val));)
		h0_buf_addf(&order, "%s%zu ", key, h0_json_key_len(it));
	is_str(h0_buf_str(&order), "y1 x1 ", "keys in their order");
}

int main(void)
{
	reading();
	refused();
	nested(2000, true);
	nested(100000, false);
	nul();
	nul_byte();
	writing();
	reals();
	values();
	return tap_done();
}
