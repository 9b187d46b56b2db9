/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/file.h"
#include "conf/opts.h"
#include "fmt/toml.h"
#include "fmt/tomledit.h"

static int edit(const struct conf_file *f, const char *text, size_t len, void *arg,
                struct h0_buf *ret, struct h0_err *e)
{
	const struct h0_strv *path = arg;
	bool found;
	return h0_tomledit_unset(text, len, f->name, (const char *const *)path->v, ret, &found, e);
}

int conf_unset(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autostrv struct h0_strv path = {0};
	if (h0_toml_split_path(ctx->argv[1], &path, e) < 0)
		return -1;
	return conf_file_edit(ctx, ctx->argv[0], ctx->argv[1], false, edit, &path, e);
}
