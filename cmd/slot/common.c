/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/common.h"

#include <string.h>

#include "fmt/json.h"
#include "run/unit.h"
#include "sys/loopback.h"

int slot_follow(const struct h0_ctx *ctx, const char *name, bool *ret_changed, struct h0_err *e)
{
	struct h0_paths paths;
	h0_autosnap struct h0_snap snap = {0};
	h0_autoslots struct h0_slots slots = {0};
	*ret_changed = false;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	const struct h0_units units = h0_units_find(&paths);
	if (!units.systemctl)
		return 0;
	if (h0_snap_open(paths.etc, &snap, e) < 0 || h0_slots_load(&snap, &slots, e) < 0)
		return -1;
	const struct h0_slot *slot = h0_slots_get(&slots, name);
	if (slot && slot->broken)
		return 0;
	struct h0_unit_boot boot = {name, slot && h0_unit_boots(slot), false};
	if (h0_units_follow(&units, &boot, 1, ctx->dry_run, e) < 0)
		return h0_wrap(e, "slot %s: its file is as wanted, its unit is not", name);
	*ret_changed = boot.changed;
	return 0;
}

/* Of every slot file that was written. */
static int follow_all(const struct h0_ctx *ctx, const struct h0_changeset *cs, struct h0_err *e)
{
	for (size_t i = 0; i < cs->n; i++) {
		char name[H0_NAME_MAX + 1];
		bool changed;
		if (h0_slot_path_name(cs->v[i].path, name) && slot_follow(ctx, name, &changed, e) < 0)
			return -1;
	}
	return 0;
}

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
	if (h0_txn_run(&o, plan, arg, ret_cs, ret_changed, e) < 0)
		return -1;
	return *ret_changed && !ctx->dry_run ? follow_all(ctx, ret_cs, e) : 0;
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
