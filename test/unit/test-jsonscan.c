/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The member scanner against a table, and against the JSON parser on random documents: whatever
 * the pieces, both must see the same "model".
 */
#include "tap.h"

#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "fmt/jsonscan.h"

static const char *const names[] = {"model", "stream", NULL};

/* xorshift: the same documents in every run */
static uint64_t seed = 88172645463325252ull;
static unsigned rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

/* Every piece is its own allocation, so that the sanitizer sees a read past it. */
static void scan_pieces(struct h0_scan *s, const char *p, size_t n, size_t piece)
{
	h0_scan_init(s, names);
	for (size_t i = 0; i < n;) {
		size_t k = piece ? piece : 1 + rnd(16);
		if (k > n - i)
			k = n - i;
		char *copy = h0_malloc(k);
		memcpy(copy, p + i, k);
		h0_scan_feed(s, copy, k);
		free(copy);
		i += k;
	}
}

static void test_table(void)
{
	static const struct {
		const char *text;
		enum h0_scan_state state;
		unsigned count;
		const char *model; /* NULL: no string */
	} t[] = {
		{"{\"model\":\"a\"}", H0_SCAN_DONE, 1, "a"},
		{"{}", H0_SCAN_DONE, 0, NULL},
		{" \r\n{ \"x\" : 1 , \"model\" :\t\"primary\" } \n", H0_SCAN_DONE, 1, "primary"},
		{"{\"messages\":[{\"model\":\"no\"}],\"model\":\"yes\"}", H0_SCAN_DONE, 1, "yes"},
		{"{\"m\":\"{\\\"model\\\":\\\"no\\\"}\",\"model\":\"yes\"}", H0_SCAN_DONE, 1, "yes"},
		{"{\"x\":\"\\\\\",\"model\":\"a\\\\b\\\"c\"}", H0_SCAN_DONE, 1, "a\\b\"c"},
		{"{\"x\":\"\\\\\\\\\\\"\",\"model\":\"q\"}", H0_SCAN_DONE, 1, "q"},
		{"{\"mod\\u0065l\":\"esc\"}", H0_SCAN_DONE, 1, "esc"},
		{"{\"model\":\"\\u00fc\\ud83d\\ude00\\n\"}", H0_SCAN_DONE, 1, "\xc3\xbc\xf0\x9f\x98\x80\n"},
		{"{\"model\":\"\\ud83d\"}", H0_SCAN_DONE, 1, NULL},
		{"{\"model\":\"\\u0000\"}", H0_SCAN_DONE, 1, NULL},
		{"{\"model\":\"\\q\"}", H0_SCAN_DONE, 1, NULL},
		{"{\"model\":\"\xff\"}", H0_SCAN_DONE, 1, NULL},
		{"{\"model\":null}", H0_SCAN_DONE, 1, NULL},
		{"{\"model\":7}", H0_SCAN_DONE, 1, NULL},
		{"{\"model\":[\"a\"]}", H0_SCAN_DONE, 1, NULL},
		{"{\"model\":\"a\",\"model\":\"b\"}", H0_SCAN_DONE, 2, "b"},
		{"{\"models\":\"a\",\"mode\":\"b\"}", H0_SCAN_DONE, 0, NULL},
		{"{\"model\":\"a\"", H0_SCAN_MORE, 1, "a"},
		{"{\"model\":\"a", H0_SCAN_MORE, 1, NULL},
		{"", H0_SCAN_MORE, 0, NULL},
		{"[{\"model\":\"a\"}]", H0_SCAN_NOT_OBJECT, 0, NULL},
		{"\"model\"", H0_SCAN_NOT_OBJECT, 0, NULL},
		{"{\"model\":\"a\"} x", H0_SCAN_BAD, 1, "a"},
		{"{\"model\":\"a\",}", H0_SCAN_BAD, 1, "a"},
		{"{model:\"a\"}", H0_SCAN_BAD, 0, NULL},
		{"{\"model\"=\"a\"}", H0_SCAN_BAD, 0, NULL},
		{"{\"model\":}", H0_SCAN_BAD, 1, NULL},
		{"{\"model\":'a'}", H0_SCAN_BAD, 1, NULL},
		{"{\"x\":1 2}", H0_SCAN_BAD, 0, NULL},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		size_t pieces[] = {1, 2, 7, 1000};
		bool good = true;
		char got[64];
		for (int k = 0; k < 4; k++) {
			struct h0_scan s;
			scan_pieces(&s, t[i].text, strlen(t[i].text), pieces[k]);
			bool is = h0_scan_string(&s.val[0], got, sizeof got);
			good = good && s.state == t[i].state && (t[i].state == H0_SCAN_BAD || s.val[0].count == t[i].count);
			good = good && is == (t[i].model != NULL) && (!is || strcmp(got, t[i].model) == 0);
		}
		ok(good, "case %zu: %s", i, i == 2 ? "spaces" : t[i].text);
	}
}

static void test_span(void)
{
	const char *text = "{\"stream\": true, \"model\" : \"old\" ,\"x\":{}}";
	struct h0_scan s;
	scan_pieces(&s, text, strlen(text), 3);
	struct h0_scan_value *v = &s.val[0];
	ok(v->end - v->begin == 5 && memcmp(text + v->begin, "\"old\"", 5) == 0, "where the value stands");
	h0_autobuf struct h0_buf b = {0};
	char name[64];
	h0_buf_adds(&b, "{\"model\":\"");
	while (b.len < 5000)
		h0_buf_addc(&b, 'm');
	h0_buf_adds(&b, "\"}");
	scan_pieces(&s, b.p, b.len, 0);
	ok(s.state == H0_SCAN_DONE && v->cut && !h0_scan_string(v, name, sizeof name), "a name without end is cut");
	is_int((long long)(v->end - v->begin), 4992, "but its span is known");
	b.p[60] = '"';
	b.p[61] = '}';
	h0_scan_init(&s, names);
	h0_scan_feed(&s, b.p, 62);
	ok(h0_scan_string(v, name, 51) && !h0_scan_string(v, name, 50), "what does not fit is no answer");
}

static struct h0_json *random_value(int depth)
{
	static const char *const strs[] = {"", "model", "a\\\"b", "\\", "\"", "{\"model\":\"x\"}", "\xc3\xa9\xe2\x82\xac",
		"\xf0\x9f\x98\x80 end", "tab\there\n", "}}]],,::", "stream"};
	switch (rnd(depth > 3 ? 5 : 7)) {
	case 0:
		return h0_json_new_int((int64_t)rnd(1u << 30) - (1 << 29));
	case 1:
		return h0_json_new_bool(rnd(2));
	case 2:
		return h0_json_new_null();
	case 3:
		return h0_json_new_real(rnd(1000) / 7.0);
	case 4:
		return h0_json_new_str(strs[rnd(sizeof strs / sizeof *strs)]);
	case 5: {
		struct h0_json *a = h0_json_array();
		for (unsigned i = rnd(4); i; i--)
			h0_json_add(a, random_value(depth + 1));
		return a;
	}
	default: {
		struct h0_json *o = h0_json_object();
		for (unsigned i = rnd(6); i; i--)
			h0_json_set(o, strs[rnd(sizeof strs / sizeof *strs)], random_value(depth + 1));
		return o;
	}
	}
}

static void test_random(void)
{
	int wrong = 0, with = 0;
	for (int i = 0; i < 4000; i++) {
		h0_autojson struct h0_json *o = h0_json_object();
		for (unsigned k = rnd(6); k; k--)
			h0_json_set(o, rnd(3) ? "other" : "key", random_value(1));
		if (rnd(4))
			h0_json_set(o, "model", random_value(2));
		for (unsigned k = rnd(4); k; k--)
			h0_json_set(o, rnd(2) ? "more" : "stream", random_value(1));
		h0_autobuf struct h0_buf b = {0};
		h0_json_dump(o, rnd(3), false, &b);
		struct h0_scan s;
		char got[256];
		scan_pieces(&s, b.p, b.len, 0);
		const char *want = h0_json_str(h0_json_get(o, "model"));
		bool is = h0_scan_string(&s.val[0], got, sizeof got);
		with += is;
		wrong += s.state != H0_SCAN_DONE || is != (want != NULL) || (is && strcmp(got, want) != 0);
	}
	ok(wrong == 0 && with > 200, "4000 random documents, %d with a model, agree with the parser", with);
}

/* Broken bytes: no crash, and the pieces make no difference. */
static void test_mutated(void)
{
	int differ = 0;
	for (int i = 0; i < 20000; i++) {
		char text[] = "{\"a\":[1,{\"model\":\"no\\\\\"}],\"model\":\"yes\\u00e9\\\"\",\"stream\":true}";
		size_t n = sizeof text - 1;
		for (unsigned k = 1 + rnd(4); k; k--)
			text[rnd((unsigned)n)] = "\"\\{}[],:\0\xff u0a"[rnd(15)];
		struct h0_scan a, b;
		scan_pieces(&a, text, n, n);
		scan_pieces(&b, text, n, 0);
		char x[64] = "", y[64] = "";
		bool sx = h0_scan_string(&a.val[0], x, sizeof x), sy = h0_scan_string(&b.val[0], y, sizeof y);
		differ += a.state != b.state || a.val[0].count != b.val[0].count || sx != sy || strcmp(x, y) != 0;
	}
	is_int(differ, 0, "20000 broken documents: the pieces make no difference");
}

int main(void)
{
	test_table();
	test_span();
	test_random();
	test_mutated();
	return tap_done();
}
