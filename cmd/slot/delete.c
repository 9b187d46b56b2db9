/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A slot that is not there is not an error: deleting twice is fine. Its nearest neighbour is
 * named, in case the name was a slip.
 */
#include <string.h>

#include "base/mem.h"
#include "model/slot.h"
#include "run/slotkey.h"
#include "run/state.h"
#include "slot/common.h"

struct removal {
	const char *name;
	char message[160];          /* when there is nothing to remove */
};

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	struct removal *d = arg;
	h0_autoslots struct h0_slots slots = {0};
	const struct h0_slot *slot = NULL;
	struct h0_err missing = {0};
	if (h0_slots_load(snap, &slots, e) < 0)
		return -1;
	slot = h0_slots_get(&slots, d->name);
	if (!slot) {
		h0_slots_find(&slots, d->name, &slot, &missing);
		snprintf(d->message, sizeof d->message, "%s", missing.msg);
		return 0;
	}
	const struct h0_snap_file *f = h0_snap_get(snap, slot->file);
	h0_changeset_add(cs, slot->file, f->text, f->len, NULL, 0);
	return 0;
}

/* Whether there is such a slot, and the question that follows. */
static int ask(struct h0_ctx *ctx, struct removal *d, bool *ret_there, struct h0_err *e)
{
	struct h0_paths paths;
	h0_autosnap struct h0_snap snap = {0};
	h0_autochangeset struct h0_changeset cs = {0};
	if (h0_paths_init(&paths, e) < 0 || h0_snap_open(paths.etc, &snap, e) < 0 ||
	    plan(&snap, d, &cs, e) < 0)
		return -1;
	*ret_there = cs.n;
	if (cs.n && !h0_confirm(ctx, e, "Delete slot %s (%s/%s)?", d->name, paths.etc, cs.v[0].path))
		return -1;
	return 0;
}

static int end_container(struct h0_ctx *ctx, const char *name, bool force, struct h0_err *e)
{
	bool running = false;
	if (slot_container_end(name, !force || ctx->dry_run, &running, e) < 0)
		return -1;
	if (!running || force)
		return 0;
	return h0_fail(e, H0_CONFLICT, "slot '%s' is running: stop it first, or give --force", name);
}

int slot_delete(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_delete_opts *o = opts;
	struct removal d = {.name = ctx->argv[0]};
	h0_autochangeset struct h0_changeset cs = {0};
	bool there = false, changed = false;
	if (h0_name_check("slot name", d.name, e) < 0)
		return h0_err_code(e, "slot.config_error");
	if (ask(ctx, &d, &there, e) < 0 ||
	    (there && end_container(ctx, d.name, o->force, e) < 0) ||
	    slot_commit(ctx, plan, &d, &cs, &changed, e) < 0)
		return -1;
	struct h0_paths paths;
	if (changed && !ctx->dry_run && h0_paths_init(&paths, NULL) == 0) {
		h0_slot_key_forget(&paths, d.name);
		h0_state_forget(&paths, d.name);
	}
	return slot_changed(ctx, d.name, &cs, changed, "deleted", d.message, e);
}
