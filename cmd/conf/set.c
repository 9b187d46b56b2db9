/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/file.h"
#include "conf/opts.h"
#include "conf/value.h"
#include "fmt/toml.h"
#include "fmt/tomledit.h"

struct set {
	const char *key, *value;
	bool string;
	struct h0_strv path;
};

/* VALUE as TOML text. */
static int literal(const struct conf_file *f, const struct set *s, struct h0_buf *ret,
                   struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	const struct h0_key *key =
		f->schema ? h0_schema_key(f->schema, (const char *const *)s->path.v) : NULL;
	if (s->string)
		h0_toml_lit_str(&text, s->value);
	else
		h0_buf_adds(&text, s->value);
	if (key)
		return h0_value_from_arg(key, s->key, h0_buf_str(&text), ret, e);
	if (s->string || h0_toml_is_value(s->value))
		h0_buf_add(ret, text.p, text.len);
	else
		h0_toml_lit_str(ret, s->value);
	return 0;
}

static int edit(const struct conf_file *f, const char *text, size_t len, void *arg,
                struct h0_buf *ret, struct h0_err *e)
{
	const struct set *s = arg;
	h0_autobuf struct h0_buf value = {0};
	if (literal(f, s, &value, e) < 0)
		return -1;
	return h0_tomledit_set(text, len, f->name, (const char *const *)s->path.v,
	                       h0_buf_str(&value), ret, e);
}

int conf_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct conf_set_opts *o = opts;
	struct set s = {.key = ctx->argv[1], .value = ctx->argv[2], .string = o->string};
	if (h0_toml_split_path(s.key, &s.path, e) < 0)
		return -1;
	int rc = conf_file_edit(ctx, ctx->argv[0], s.key, true, edit, &s, e);
	h0_strv_done(&s.path);
	return rc;
}
