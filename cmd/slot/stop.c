/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

#include <errno.h>

static int grace_of(const struct slot_stop_opts *o)
{
	int64_t s = o->timeout_s;
	return s <= 0 ? H0_GRACE_S : s > 3600 ? 3600 : (int)s;
}

/* A name to stop need not have a slot file: its container may have outlived it. A broken file
 * must not keep anybody from stopping what runs. */
static int find(const struct h0_box *b, const char *name, const struct h0_ctrs *ctrs, int *ret_port,
                struct h0_err *e)
{
	const struct h0_slot *slot = h0_slots_get(&b->slots, name);
	*ret_port = slot ? slot->port : 0;
	if (slot || h0_ctrs_get(ctrs, name))
		return 0;
	return h0_slots_find(&b->slots, name, &slot, e);
}

static int stop_one(struct h0_box *b, const char *name, const struct h0_ctrs *ctrs, int grace_s,
                    struct slot_report *r, struct h0_err *e)
{
	struct h0_outcome o;
	int port;
	if (find(b, name, ctrs, &port, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(ctrs, name);
	if (r->ctx->dry_run) {
		if (c && h0_live_check_owner(b, c, e) < 0)
			return -1;
		bool there = c && !h0_live_foreign(b, c);
		slot_report_add(r, name, there, H0_STATE_OFFLINE, there ? "would stop" : "does not run");
		if (there)
			slot_report_removal(r, name, b, name, grace_s);
		return 0;
	}
	if (h0_life_stop(b, name, port, grace_s, &o, e) < 0)
		return -1;
	slot_warn_unrecorded(r->ctx, name, &o);
	slot_report_add(r, name, o.changed, o.state, o.changed ? "stopped" : "it did not run");
	return 0;
}

int slot_stop(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	h0_autoctrs struct h0_ctrs ctrs = {0};
	struct slot_report r;
	if (h0_box_open(&b, e) < 0 || h0_podman_ps(&b.podman, &ctrs, e) < 0)
		return -1;
	slot_report_begin(&r, ctx);
	for (int i = 0; i < ctx->argc; i++) {
		struct h0_err why = {0};
		if (stop_one(&b, ctx->argv[i], &ctrs, grace_of(opts), &r, &why) < 0)
			slot_report_fail(&r, ctx->argv[i], &why);
	}
	return slot_report_end(&r, e);
}

int slot_container_end(const char *name, bool only_ask, bool *ret_running, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	h0_autoctrs struct h0_ctrs ctrs = {0};
	struct h0_outcome o;
	struct h0_err why = {0};
	if (ret_running)
		*ret_running = false;
	if (h0_box_open(&b, e) < 0)
		return -1;
	if (h0_podman_ps(&b.podman, &ctrs, &why) < 0) {
		if (why.kind == H0_NOHW)
			return 0; /* no podman, so nothing runs */
		*e = why;
		return -1;
	}
	const struct h0_ctr *c = h0_ctrs_get(&ctrs, name);
	if (!c || h0_live_foreign(&b, c))
		return 0;
	if (ret_running)
		*ret_running = h0_ctr_alive(c);
	return only_ask ? 0 : h0_life_stop(&b, name, c->port, H0_GRACE_S, &o, e);
}
