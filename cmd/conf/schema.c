/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"
#include "conf/jsonschema.h"
#include "conf/opts.h"

static int list(struct h0_ctx *ctx, struct h0_err *e)
{
	struct h0_rec *r = h0_rec_new(conf_schema_cols);
	for (const struct h0_schema *const *s = h0_schemas; *s; s++) {
		h0_rec_row(r);
		h0_rec_str(r, SCHEMA_NAME, (*s)->name);
		h0_rec_str(r, SCHEMA_FILE, (*s)->path);
		h0_rec_str(r, SCHEMA_ABOUT, (*s)->summary);
	}
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

int conf_schema(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	if (!ctx->argc)
		return list(ctx, e);
	const struct h0_schema *s = h0_schema_by_name(ctx->argv[0]);
	if (!s)
		s = h0_schema_for_path(ctx->argv[0]);
	if (s)
		return h0_out_json(ctx, h0_jsonschema(s), e);
	h0_autostrv struct h0_strv names = {0};
	for (const struct h0_schema *const *p = h0_schemas; *p; p++)
		h0_strv_add(&names, (*p)->name);
	const char *near = h0_str_nearest(ctx->argv[0], (const char *const *)names.v);
	return h0_fail(e, H0_USAGE, "no schema '%.64s'%s%s%s", ctx->argv[0],
	               near ? " (did you mean " : ": see hal0 conf schema", near ? near : "",
	               near ? "?)" : "");
}
