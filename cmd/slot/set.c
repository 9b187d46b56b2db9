/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * set, and its two shorthands enable and disable.
 */
#include <string.h>

#include "base/mem.h"
#include "model/slot.h"
#include "slot/common.h"

struct set {
	const char *name;
	struct h0_edits edits;
	struct slot_ports ports;
};

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct set *s = arg;
	const struct h0_bound bound = {slot_port_bound, &s->ports};
	return h0_slot_edit(snap, s->name, &s->edits, &bound, cs, e);
}

static int read_edits(struct h0_ctx *ctx, const struct slot_set_opts *o, struct set *s,
                      struct h0_err *e)
{
	for (int i = 1; i < ctx->argc; i++)
		if (h0_edits_arg(&s->edits, ctx->argv[i], e) < 0)
			return -1;
	for (size_t i = 0; i < o->unset.n; i++)
		if (h0_edits_unset(&s->edits, o->unset.v[i], e) < 0)
			return -1;
	if (!s->edits.n)
		return h0_fail(e, H0_USAGE, "nothing to set: give KEY=VALUE or --unset KEY");
	return 0;
}

static int apply(struct h0_ctx *ctx, struct set *s, const char *done, const char *same,
                 struct h0_err *e)
{
	h0_autochangeset struct h0_changeset cs = {0};
	bool changed = false;
	const char *port = h0_edits_get(&s->edits, "port");
	if (port)
		slot_ports_look(&s->ports, atoi(port), atoi(port));
	if (slot_commit(ctx, plan, s, &cs, &changed, e) < 0)
		return -1;
	slot_warn_fit_written(ctx, &cs);
	if (changed && h0_edits_get(&s->edits, "model.default"))
		slot_warn_flm(ctx, s->name);
	return slot_changed(ctx, s->name, &cs, changed, done, same, e);
}

int slot_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct set s = {.name = ctx->argv[0], .edits = H0_SLOT_EDITS};
	h0_autofree char *done =
		h0_asprintf("changed; if it runs: hal0 slot restart %s", ctx->argv[0]);
	int rc = read_edits(ctx, opts, &s, e);
	if (rc == 0)
		rc = apply(ctx, &s, done, "has these settings already", e);
	h0_edits_done(&s.edits);
	return rc;
}

/* The default is on, so an absent key and `true` are the same. */
static int plan_enabled(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                        struct h0_err *e)
{
	const struct set *s = arg;
	h0_autoslots struct h0_slots slots = {0};
	const struct h0_slot *slot = NULL;
	bool want = strcmp(h0_edits_get(&s->edits, "enabled"), "true") == 0;
	if (h0_slots_load(snap, &slots, e) < 0 || h0_slots_find(&slots, s->name, &slot, e) < 0)
		return -1;
	return slot->enabled == want ? 0 : h0_slot_edit(snap, s->name, &s->edits, NULL, cs, e);
}

static int set_enabled(struct h0_ctx *ctx, bool on, struct h0_err *e)
{
	struct set s = {.name = ctx->argv[0], .edits = H0_SLOT_EDITS};
	h0_autochangeset struct h0_changeset cs = {0};
	bool changed = false;
	int rc = h0_edits_set(&s.edits, "enabled", on ? "true" : "false", e);
	if (rc == 0)
		rc = slot_commit(ctx, plan_enabled, &s, &cs, &changed, e);
	/* the file may say so already, and the unit not */
	bool booted = false;
	if (rc == 0 && !cs.n)
		rc = slot_follow(ctx, s.name, &booted, e);
	changed |= booted;
	if (rc == 0)
		rc = slot_changed(ctx, s.name, &cs, changed, on ? "enabled" : "disabled",
		                  on ? "is enabled already" : "is disabled already", e);
	h0_edits_done(&s.edits);
	return rc;
}

int slot_enable(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	return set_enabled(ctx, true, e);
}

int slot_disable(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	return set_enabled(ctx, false, e);
}
