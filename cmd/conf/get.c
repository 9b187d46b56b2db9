/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/file.h"
#include "conf/opts.h"
#include "fmt/json.h"
#include "fmt/toml.h"
#include "fmt/tomljson.h"

static int as_json(struct h0_ctx *ctx, const char *key, const struct h0_toml_node *n,
                   struct h0_err *e)
{
	struct h0_json *j = h0_json_object();
	h0_json_set_int(j, "schema", 1);
	h0_json_set_str(j, "key", key);
	h0_json_set_str(j, "type", n ? h0_toml_type_name(n->type) : NULL);
	h0_json_set(j, "value", n ? h0_toml_json(n, false) : h0_json_new_null());
	return h0_out_json(ctx, j, e);
}

static int as_text(struct h0_ctx *ctx, const struct h0_toml *t, const struct h0_toml_node *n,
                   struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	if (n->type == H0_TOML_TABLE || n->type == H0_TOML_ARRAY)
		h0_toml_write(t, n, &b);
	else
		h0_toml_scalar_text(n, &b);
	if (n->type != H0_TOML_TABLE || n->origin == H0_TOML_INLINE)
		h0_buf_addc(&b, '\n');
	return h0_out_bytes(ctx, h0_buf_str(&b), b.len, e);
}

int conf_get(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	conf_autofile struct conf_file f = {0};
	h0_autostrv struct h0_strv path = {0};
	h0_autobuf struct h0_buf text = {0};
	h0_autotoml struct h0_toml *t = NULL;
	const char *key = ctx->argv[1];
	if (h0_toml_split_path(key, &path, e) < 0 || conf_file_init(&f, ctx->argv[0], e) < 0 ||
	    conf_file_read(&f, &text, e) < 0 ||
	    h0_toml_parse(h0_buf_str(&text), text.len, f.name, &t, e) < 0)
		return -1;
	const struct h0_toml_node *n =
		h0_toml_find(h0_toml_root(t), (const char *const *)path.v, path.n);
	if (ctx->json && as_json(ctx, key, n, e) < 0)
		return -1;
	if (!n)
		return H0_NO;
	return ctx->json ? 0 : as_text(ctx, t, n, e);
}
