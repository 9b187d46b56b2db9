/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/list.h"
#include "conf/opts.h"
#include "conf/paths.h"
#include "conf/txn.h"

int conf_undo(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autochangeset struct h0_changeset cs = {0};
	h0_autobuf struct h0_buf diff = {0};
	struct h0_paths paths;
	bool changed;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	struct h0_txn_opts o = {.etc = paths.etc, .command_line = ctx->command_line,
	                        .dry_run = ctx->dry_run};
	if (h0_txn_undo(&o, &cs, &changed, e) < 0)
		return -1;
	h0_changeset_diff(&cs, &diff);
	if (ctx->dry_run && !ctx->json)
		return h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
	struct h0_rec *r = h0_rec_new(conf_undo_cols);
	struct h0_json *more = h0_json_object();
	h0_rec_row(r);
	h0_rec_bool(r, UNDO_CHANGED, changed);
	h0_rec_json(r, UNDO_FILES, conf_list_paths(&cs));
	if (ctx->dry_run)
		h0_json_set_str(more, "diff", h0_buf_str(&diff));
	int rc = h0_out_one(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}
