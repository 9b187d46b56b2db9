/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cap/change.h"
#include "conf/txn.h"

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	struct h0_strv *warnings = arg;
	h0_autocapplan struct h0_capplan p = {0};
	if (h0_capplan_seed(snap, &p, e) < 0)
		return -1;
	h0_strv_done(warnings);
	*warnings = p.warnings;
	p.warnings = (struct h0_strv){0};
	*cs = p.cs;
	p.cs = (struct h0_changeset){0};
	return 0;
}

static const char *what(const struct h0_changeset *cs)
{
	for (size_t i = 0; i < cs->n; i++)
		if (h0_streq(cs->v[i].path, "capabilities.toml"))
			return cs->v[i].before ? "brought up to date; the old one is capabilities.toml.v1.bak"
			                       : "made from the slots that are there";
	return "is there and up to date";
}

int cap_seed(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct h0_paths paths;
	h0_autochangeset struct h0_changeset cs = {0};
	h0_autostrv struct h0_strv warnings = {0};
	h0_autobuf struct h0_buf diff = {0};
	bool changed = false;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	const struct h0_txn_opts o = {.etc = paths.etc, .command_line = ctx->command_line,
	                              .dry_run = ctx->dry_run};
	if (h0_txn_run(&o, plan, &warnings, &cs, &changed, e) < 0)
		return -1;
	for (size_t i = 0; i < warnings.n; i++)
		h0_warn(ctx, "%s", warnings.v[i]);
	h0_changeset_diff(&cs, &diff);
	if (ctx->dry_run && !ctx->json)
		return h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
	if (!ctx->json && !ctx->columns && !ctx->format) {
		h0_say(ctx, "capabilities.toml: %s", what(&cs));
		return 0;
	}
	struct h0_json *more = h0_json_object();
	if (ctx->dry_run) {
		h0_json_set_bool(more, "dry_run", true);
		h0_json_set_str(more, "diff", h0_buf_str(&diff));
	}
	struct h0_rec *r = h0_rec_new(cap_seed_cols);
	h0_rec_row(r);
	h0_rec_bool(r, SEED_CHANGED, changed);
	h0_rec_str(r, SEED_MESSAGE, what(&cs));
	int rc = h0_out_one(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}
