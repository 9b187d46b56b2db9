/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "toml-check.h"

static void lookup(void)
{
	static const char text[] = "top = 1\n[a]\nx = 'v'\nd.e = true\n[[s]]\nn = 1\n[[s]]\nn = 2\n";
	h0_autotoml struct h0_toml *t = NULL;
	struct h0_err e;
	is_int(h0_toml_parse(text, strlen(text), "f.toml", &t, &e), 0, "parses");
	const struct h0_toml_node *root = h0_toml_root(t);
	const char *const path[] = {"a", "d", "e", NULL}, *const second[] = {"s", "1", "n"};
	ok(h0_toml_get_path(root, path)->boolean, "get_path");
	is_int(h0_toml_find(root, second, 3)->i64, 2, "find with an index");
	ok(!h0_toml_get(h0_toml_get(root, "no"), "way"), "absent is safe");
	h0_autobuf struct h0_buf b = {0};
	h0_toml_path_text(h0_toml_find(root, second, 3), &b);
	is_str(h0_buf_str(&b), "s.1.n", "path text");
	h0_toml_fail(t, h0_toml_get_path(root, path), &e, "wrong %d", 7);
	char msg[200];
	h0_err_text(&e, msg, sizeof msg);
	is_str(msg, "f.toml:4:7: a.d.e: wrong 7", "failing at a node");
}

int main(void)
{
	lookup();
	return tap_done();
}
