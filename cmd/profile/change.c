/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * clone, set, delete.
 */
#include "profile/change.h"

#include "base/mem.h"
#include "conf/paths.h"
#include "fmt/json.h"
#include "model/profileedit.h"

static int report(struct h0_ctx *ctx, const char *name, const struct h0_changeset *cs, bool changed,
                  const char *message, struct h0_err *e)
{
	h0_autobuf struct h0_buf diff = {0};
	h0_changeset_diff(cs, &diff);
	if (ctx->dry_run && !ctx->json)
		return h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
	if (!ctx->json && !ctx->columns && !ctx->format) {
		h0_say(ctx, "%s: %s", name, message);
		return 0;
	}
	struct h0_json *more = h0_json_object();
	h0_json_set_bool(more, "changed", changed);
	if (ctx->dry_run) {
		h0_json_set_bool(more, "dry_run", true);
		h0_json_set_str(more, "diff", h0_buf_str(&diff));
	}
	struct h0_rec *r = h0_rec_new(profile_change_cols);
	h0_rec_row(r);
	h0_rec_str(r, CHANGE_NAME, name);
	h0_rec_bool(r, CHANGE_CHANGED, changed);
	h0_rec_str(r, CHANGE_MESSAGE, message);
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}

int profile_commit(struct h0_ctx *ctx, const char *name, h0_plan_fn plan, void *arg,
                   const char *done, const char *same, struct h0_err *e)
{
	struct h0_paths paths;
	h0_autochangeset struct h0_changeset cs = {0};
	bool changed = false;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	const struct h0_txn_opts o = {
		.etc = paths.etc,
		.command_line = ctx->command_line,
		.dry_run = ctx->dry_run,
	};
	if (h0_txn_run(&o, plan, arg, &cs, &changed, e) < 0)
		return -1;
	return report(ctx, name, &cs, changed, changed ? done : same, e);
}

struct change {
	const char *name, *from;
	struct h0_edits edits;
};

static int read_edits(struct h0_ctx *ctx, int first, const struct h0_strv *unset, struct change *c,
                      struct h0_err *e)
{
	for (int i = first; i < ctx->argc; i++)
		if (h0_edits_arg(&c->edits, ctx->argv[i], e) < 0)
			return -1;
	for (size_t i = 0; unset && i < unset->n; i++)
		if (h0_edits_unset(&c->edits, unset->v[i], e) < 0)
			return -1;
	return 0;
}

static int plan_clone(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                      struct h0_err *e)
{
	const struct change *c = arg;
	return h0_profile_clone(snap, c->from, c->name, &c->edits, cs, e);
}

int profile_clone(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct change c = {.from = ctx->argv[0], .name = ctx->argv[1], .edits = H0_PROFILE_EDITS};
	h0_autofree char *done = h0_asprintf("made from %s", c.from);
	int rc = read_edits(ctx, 2, NULL, &c, e);
	if (rc == 0)
		rc = profile_commit(ctx, c.name, plan_clone, &c, done, "is there, just so", e);
	h0_edits_done(&c.edits);
	return rc;
}

static int plan_set(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct change *c = arg;
	return h0_profile_edit(snap, c->name, &c->edits, cs, e);
}

int profile_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct profile_set_opts *o = opts;
	struct change c = {.name = ctx->argv[0], .edits = H0_PROFILE_EDITS};
	int rc = read_edits(ctx, 1, &o->unset, &c, e);
	if (rc == 0 && !c.edits.n)
		rc = h0_fail(e, H0_USAGE, "nothing to set: give KEY=VALUE or --unset KEY");
	if (rc == 0)
		rc = profile_commit(ctx, c.name, plan_set, &c,
		                    "changed; slots that run keep the old settings until restarted",
		                    "has these settings already", e);
	h0_edits_done(&c.edits);
	return rc;
}

static int plan_delete(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                       struct h0_err *e)
{
	const struct change *c = arg;
	return h0_profile_remove(snap, c->name, cs, e);
}

/* Asks only where there is something to delete and nothing against it. */
static int ask(struct h0_ctx *ctx, const struct change *c, struct h0_err *e)
{
	struct h0_paths paths;
	h0_autosnap struct h0_snap snap = {0};
	h0_autochangeset struct h0_changeset cs = {0};
	if (h0_paths_init(&paths, e) < 0 || h0_snap_open(paths.etc, &snap, e) < 0 ||
	    h0_profile_remove(&snap, c->name, &cs, e) < 0)
		return -1;
	return cs.n && !h0_confirm(ctx, e, "Delete profile %s?", c->name) ? -1 : 0;
}

int profile_delete(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct change c = {.name = ctx->argv[0]};
	if (ask(ctx, &c, e) < 0)
		return -1;
	return profile_commit(ctx, c.name, plan_delete, &c, "deleted", "is not there", e);
}
