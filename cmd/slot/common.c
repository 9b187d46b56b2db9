/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/common.h"

#include "fmt/json.h"
#include "sys/loopback.h"

int slot_commit(struct h0_ctx *ctx, h0_plan_fn plan, void *arg, struct h0_changeset *ret_cs,
                bool *ret_changed, struct h0_err *e)
{
	struct h0_paths paths;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	struct h0_txn_opts o = {
		.etc = paths.etc,
		.command_line = ctx->command_line,
		.dry_run = ctx->dry_run,
	};
	return h0_txn_run(&o, plan, arg, ret_cs, ret_changed, e);
}

int slot_changed(struct h0_ctx *ctx, const char *name, const struct h0_changeset *cs, bool changed,
                 const char *done, const char *same, struct h0_err *e)
{
	h0_autobuf struct h0_buf diff = {0};
	struct h0_json *more = h0_json_object();
	h0_changeset_diff(cs, &diff);
	h0_json_set_bool(more, "changed", changed);
	if (ctx->dry_run) {
		h0_json_set_bool(more, "dry_run", true);
		h0_json_set_str(more, "diff", h0_buf_str(&diff));
	}
	if (ctx->dry_run && !ctx->json) {
		h0_json_free(more);
		return h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
	}
	struct h0_rec *r = h0_rec_new(slot_change_cols);
	h0_rec_row(r);
	h0_rec_str(r, CHANGE_NAME, name);
	h0_rec_bool(r, CHANGE_CHANGED, changed);
	h0_rec_str(r, CHANGE_MESSAGE, changed ? done : same);
	int rc = ctx->json || ctx->columns || ctx->format ? h0_out_rec(ctx, r, more, e) : 0;
	if (!ctx->json && !ctx->columns && !ctx->format) {
		h0_json_free(more);
		h0_say(ctx, "%s: %s", name, changed ? done : same);
	}
	h0_rec_free(r);
	return rc;
}

void slot_ports_look(struct slot_ports *p, int first, int last)
{
	*p = (struct slot_ports){.first = first};
	for (int port = first; port <= last && p->n < (int)H0_ARRAY_LEN(p->bound); port++)
		p->bound[p->n++] = h0_loopback_bound(port);
}

bool slot_port_bound(int port, const void *slot_ports)
{
	const struct slot_ports *p = slot_ports;
	return port >= p->first && port < p->first + p->n && p->bound[port - p->first];
}
