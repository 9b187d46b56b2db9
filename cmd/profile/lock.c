/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lock and rollback. What is looked up is looked up first; then one change set writes it.
 */
#include <time.h>

#include "base/mem.h"
#include "profile/change.h"
#include "profile/targets.h"

struct lock {
	struct h0_ctx *ctx;
	struct h0_local_images local;
	struct h0_http_client *http;
	bool update;
	char now[32];
	struct h0_image_pins pins;
};

static void lock_done(struct lock *l)
{
	h0_local_images_done(&l->local);
	h0_http_close(l->http);
	h0_image_pins_done(&l->pins);
}

/* What is here is what was tried; the registry is asked for what is not here, or with --update. */
static int find_digest(struct lock *l, const char *ref, char digest[H0_SHA256_TEXT],
                       struct h0_err *e)
{
	h0_autostrv struct h0_strv here = {0};
	h0_local_digests(&l->local, ref, &here);
	if (here.n && !l->update) {
		snprintf(digest, H0_SHA256_TEXT, "%s", here.v[0]);
		return 0;
	}
	if (!l->http && h0_http_open(&l->http, e) < 0)
		return -1;
	if (h0_image_remote(l->http, ref, digest, e) < 0)
		return -1;
	if (!h0_strv_has(&here, digest))
		h0_say(l->ctx, "%s: locked to what its registry has; hal0 profile pull brings it", ref);
	return 0;
}

static int lock_one(struct lock *l, const struct profile_target *t, bool named, struct h0_err *e)
{
	char digest[H0_SHA256_TEXT];
	struct h0_imageref r;
	const char *ref = t->image.tag_ref;
	if (!ref && named)
		return h0_fail(e, H0_USAGE, "%s is given by %s and not subject to the lock", t->image.ref,
		               t->image.pinned ? "its digest" : t->image.source);
	if (!ref)
		return 0;
	if (h0_imageref_parse(ref, &r, e) < 0)
		return -1;
	if (h0_imageref_is_local(&r)) {
		h0_say(l->ctx, "%s: made on this machine, not locked", ref);
		return 0;
	}
	if (find_digest(l, ref, digest, e) < 0)
		return -1;
	h0_image_pins_put(&l->pins, ref, digest, l->now);
	return 0;
}

static int plan_lock(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                     struct h0_err *e)
{
	const struct lock *l = arg;
	return h0_images_lock(snap, &l->pins, cs, e);
}

int profile_lock(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct profile_lock_opts *o = opts;
	profile_autobox struct profile_box b = {0};
	profile_autotargets struct profile_targets t = {0};
	h0_auto(lock_done) struct lock l = {.ctx = ctx, .update = o->update};
	struct h0_podman podman;
	struct tm tm;
	time_t now = time(NULL);
	strftime(l.now, sizeof l.now, "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&now, &tm));
	if (profile_box_open(&b, e) < 0 ||
	    profile_targets(&b, o->all, ctx->argv, ctx->argc, &t, e) < 0 ||
	    h0_podman_init(&podman, e) < 0 || h0_local_images(&podman, &l.local, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++)
		if (lock_one(&l, &t.v[i], ctx->argc > 0, e) < 0)
			return -1;
	h0_autofree char *done = h0_asprintf("%zu image%s locked", l.pins.n, l.pins.n == 1 ? "" : "s");
	return profile_commit(ctx, H0_IMAGES_LOCK, plan_lock, &l, done,
	                      l.pins.n ? "says that already" : "nothing to lock", e);
}

static int plan_rollback(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                         struct h0_err *e)
{
	return h0_images_rollback(snap, cs, e);
}

int profile_rollback(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	return profile_commit(ctx, H0_IMAGES_LOCK, plan_rollback, NULL,
	                      "is the previous one again; restart the slots that shall follow",
	                      "has no previous one to go back to", e);
}
