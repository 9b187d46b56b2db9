/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * set, on, off: one capability.
 */
#include "cap/change.h"
#include "model/capplan.h"

static int plan(struct h0_box *now, void *arg, struct h0_capplan *ret, struct h0_err *e)
{
	struct h0_cap_wish *wish = arg;
	const struct h0_wishes wishes = {.caps = wish, .ncaps = 1};
	struct h0_cap_world world;
	h0_converge_world(now, &world);
	return h0_capplan_make(&now->snap, &wishes, &world, ret, e);
}

static int change(struct h0_ctx *ctx, const struct cap_set_opts *o, enum h0_tri enabled,
                  struct h0_err *e)
{
	struct h0_cap_wish wish = {.enabled = enabled, .model = o->model, .device = o->device,
	                           .provider = o->provider};
	if (h0_cap_find(ctx->argv[0], &wish.cap, e) < 0)
		return -1;
	return cap_change(ctx, &o->how, plan, &wish, NULL, e);
}

int cap_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct cap_set_opts *o = opts;
	if (!o->model && !o->device && !o->provider)
		return h0_fail(e, H0_USAGE, "nothing to set: give --model, --device or --provider");
	return change(ctx, o, H0_TRI_ABSENT, e);
}

int cap_on(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	return change(ctx, opts, H0_TRI_TRUE, e);
}

int cap_off(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct cap_change_opts *o = opts;
	const struct cap_set_opts off = {.how = *o};
	return change(ctx, &off, H0_TRI_FALSE, e);
}
