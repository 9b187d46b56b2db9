/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What would run, what is pinned, what is here; with --check also what the registry has.
 */
#include <string.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "profile/targets.h"

struct look {
	struct h0_local_images local;
	struct h0_http_client *http;    /* NULL without --check */
	bool amiss;
};

static void look_done(struct look *l)
{
	h0_local_images_done(&l->local);
	h0_http_close(l->http);
}

static struct h0_json *names(const struct h0_strv *l)
{
	struct h0_json *j = h0_json_array();
	for (size_t i = 0; i < l->n; i++)
		h0_json_add(j, h0_json_new_str(l->v[i]));
	return j;
}

/* The registry's answer against what should run: the pin, else what is here. */
static const char *compare(struct look *l, const struct profile_target *t,
                           const struct h0_strv *here, char remote[H0_SHA256_TEXT],
                           struct h0_err *why)
{
	const char *ask = t->image.tag_ref ? t->image.tag_ref : t->image.ref;
	const char *at = strchr(t->image.ref, '@');
	struct h0_imageref r;
	if (h0_imageref_parse(ask, &r, why) < 0)
		return "unreachable";
	if (h0_imageref_is_local(&r))
		return "local";
	if (h0_image_remote(l->http, ask, remote, why) < 0)
		return h0_streq(why->code, "image.not_found") ? "gone" : "unreachable";
	if (at)
		return h0_streq(at + 1, remote) ? "same" : "moved";
	return h0_strv_has(here, remote) ? "same" : here->n ? "moved" : "not here";
}

static void add_row(struct h0_rec *r, struct look *l, const struct profile_target *t)
{
	h0_autostrv struct h0_strv here = {0};
	bool there = h0_local_has(&l->local, t->image.ref);
	struct h0_err why = {0};
	char remote[H0_SHA256_TEXT] = "";
	h0_local_digests(&l->local, t->image.ref, &here);
	h0_rec_row(r);
	h0_rec_str(r, IMAGE_REF, t->image.ref);
	h0_rec_str(r, IMAGE_SOURCE, t->image.source);
	h0_rec_bool(r, IMAGE_PINNED, t->image.pinned);
	h0_rec_bool(r, IMAGE_HERE, there);
	h0_rec_json(r, IMAGE_SLOTS, names(&t->slots));
	h0_rec_json(r, IMAGE_PROFILES, names(&t->profiles));
	h0_rec_str(r, IMAGE_TAG, t->image.tag_ref);
	h0_rec_str(r, IMAGE_DIGEST, here.n ? here.v[0] : NULL);
	if (t->slots.n && !there)
		l->amiss = true;
	if (!l->http)
		return;
	const char *verdict = compare(l, t, &here, remote, &why);
	h0_rec_str(r, IMAGE_REGISTRY, verdict);
	h0_rec_str(r, IMAGE_REMOTE, remote[0] ? remote : NULL);
	h0_rec_str(r, IMAGE_WHY, why.msg[0] ? why.msg : NULL);
	if (h0_streq(verdict, "moved") || h0_streq(verdict, "gone"))
		l->amiss = true;
}

int profile_images(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct profile_images_opts *o = opts;
	profile_autobox struct profile_box b = {0};
	profile_autotargets struct profile_targets t = {0};
	h0_auto(look_done) struct look l = {0};
	struct h0_podman podman;
	if (profile_box_open(&b, e) < 0 ||
	    profile_targets(&b, !o->used, ctx->argv, ctx->argc, &t, e) < 0 ||
	    h0_podman_init(&podman, e) < 0 || h0_local_images(&podman, &l.local, e) < 0 ||
	    (o->check && h0_http_open(&l.http, e) < 0))
		return -1;
	struct h0_rec *r = h0_rec_new(o->check ? profile_image_check_cols : profile_image_cols);
	for (size_t i = 0; i < t.n; i++)
		add_row(r, &l, &t.v[i]);
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc == 0 && o->check && l.amiss ? H0_NO : rc;
}
