/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "fmt/json.h"

static struct h0_json *parse(const char *s, struct h0_err *e)
{
	struct h0_json *j = NULL;
	return h0_json_parse(s, strlen(s), "x.json", &j, e) == 0 ? j : NULL;
}

int main(void)
{
	struct h0_err e;
	h0_autojson struct h0_json *j = parse("{\"b\":1,\"a\":[true,null,2.5,\"x\"]}", &e);
	ok(j, "parses");
	is_int(h0_json_int(h0_json_get(j, "b"), -1), 1, "integer");
	const struct h0_json *a = h0_json_get(j, "a");
	is_int((long long)h0_json_len(a), 4, "array length");
	ok(h0_json_bool(h0_json_at(a, 0), false), "bool");
	is_str(h0_json_str(h0_json_at(a, 3)), "x", "string");
	is_str(h0_json_str(h0_json_get(h0_json_get(j, "no"), "way")), NULL, "absent is safe");
	ok(!parse("{\"a\":1,\n \"a\":2}", &e) && e.line == 2 && e.kind == H0_CONFIG, "duplicate keys refused");
	ok(!parse("", &e), "empty text refused");
	h0_autobuf struct h0_buf b = {0};
	h0_json_dump(j, 0, true, &b);
	is_str(h0_buf_str(&b), "{\"a\":[true,null,2.5,\"x\"],\"b\":1}", "dump sorted");
	h0_autojson struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "s", "a\xff" "b");
	h0_json_set_str(o, "n", NULL);
	h0_json_set(o, "nan", h0_json_new_real(0.0 / 0.0));
	h0_buf_reset(&b);
	h0_json_dump(o, 0, false, &b);
	is_str(h0_buf_str(&b), "{\"s\":\"a?b\",\"n\":null,\"nan\":null}", "what JSON cannot say");
	h0_autojson struct h0_json *deep = NULL;
	char nest[4001];
	memset(nest, '[', 4000);
	nest[4000] = '\0';
	deep = parse(nest, &e);
	ok(!deep, "deep nesting refused, not a crash");
	return tap_done();
}
