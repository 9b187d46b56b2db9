/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/file.h"
#include "conf/opts.h"
#include "fmt/toml.h"
#include "fmt/tomljson.h"

int conf_dump(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct conf_dump_opts *o = opts;
	conf_autofile struct conf_file f = {0};
	h0_autobuf struct h0_buf text = {0};
	h0_autotoml struct h0_toml *t = NULL;
	if (conf_file_init(&f, ctx->argv[0], e) < 0 || conf_file_read(&f, &text, e) < 0 ||
	    h0_toml_parse(h0_buf_str(&text), text.len, f.name, &t, e) < 0)
		return -1;
	return h0_out_json(ctx, h0_toml_json(h0_toml_root(t), o->tagged), e);
}
