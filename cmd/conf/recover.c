/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/list.h"
#include "conf/opts.h"
#include "conf/paths.h"
#include "conf/txn.h"

static int report(struct h0_ctx *ctx, const struct h0_recovery *r, struct h0_err *e)
{
	bool changed = r->generation || r->swept.n;
	h0_autobuf struct h0_buf diff = {0};
	h0_changeset_diff(&r->cs, &diff);
	if (!ctx->json && ctx->dry_run && diff.len)
		return h0_out_bytes(ctx, diff.p, diff.len, e);
	if (!ctx->json && !changed) {
		h0_say(ctx, "nothing to recover");
		return 0;
	}
	struct h0_json *more = h0_json_object();
	if (ctx->dry_run)
		h0_json_set_str(more, "diff", h0_buf_str(&diff));
	struct h0_rec *rec = h0_rec_new(conf_recover_cols);
	h0_rec_row(rec);
	h0_rec_bool(rec, RECOVER_CHANGED, changed);
	if (r->generation)
		h0_rec_int(rec, RECOVER_GENERATION, (int64_t)r->generation);
	h0_rec_json(rec, RECOVER_PUBLISHED, conf_list(&r->published));
	h0_rec_json(rec, RECOVER_CONFLICTS, conf_list(&r->conflicts));
	h0_rec_json(rec, RECOVER_SWEPT, conf_list(&r->swept));
	int rc = h0_out_one(ctx, rec, more, e);
	h0_rec_free(rec);
	return rc;
}

int conf_recover(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autorecovery struct h0_recovery r = {0};
	struct h0_paths paths;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	struct h0_txn_opts o = {.etc = paths.etc, .command_line = ctx->command_line,
	                        .dry_run = ctx->dry_run};
	int rc = h0_txn_recover(&o, &r, e);
	if (rc < 0 && !r.generation)
		return -1;
	/* with conflicts the recovery is complete, and both the report and the error are due */
	return report(ctx, &r, rc < 0 ? NULL : e) < 0 ? -1 : rc;
}
