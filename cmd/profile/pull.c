/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "base/words.h"
#include "fmt/json.h"
#include "profile/fetch.h"
#include "profile/targets.h"

struct pull {
	struct h0_ctx *ctx;
	struct h0_podman podman;
	struct h0_local_images local;
	struct h0_rec *rec;
	bool again, changed, failed;
	const char *ref;            /* being pulled */
	struct profile_fetch fetch;
	struct h0_err first;
};

static void pull_done(struct pull *p)
{
	profile_fetch_done(&p->fetch);
	h0_local_images_done(&p->local);
	if (p->rec)
		h0_rec_free(p->rec);
	p->rec = NULL;
}

static void put_row(struct pull *p, bool changed, const char *message)
{
	h0_rec_row(p->rec);
	h0_rec_str(p->rec, CHANGE_NAME, p->ref);
	h0_rec_bool(p->rec, CHANGE_CHANGED, changed);
	h0_rec_str(p->rec, CHANGE_MESSAGE, message);
	p->changed = p->changed || changed;
}

static void add_row(struct pull *p, bool changed, const char *message)
{
	put_row(p, changed, message);
	if (!p->ctx->json && !p->ctx->columns && !p->ctx->format && !p->ctx->dry_run)
		h0_say(p->ctx, "%s: %s", p->ref, message);
}

/* What is pinned and here cannot be newer elsewhere; a tag can, but is left alone unless asked. */
static bool needed(const struct pull *p, const struct profile_target *t)
{
	bool here = h0_local_has(&p->local, t->image.ref);
	return !here || (p->again && !t->image.pinned);
}

static int dry(struct pull *p, struct h0_err *e)
{
	h0_autostrv struct h0_strv argv = {0};
	h0_autobuf struct h0_buf line = {0};
	h0_image_pull_argv(&p->podman, p->ref, &argv);
	for (size_t i = 0; i < argv.n; i++) {
		h0_buf_adds(&line, i ? " " : "");
		h0_words_quote(argv.v[i], &line);
	}
	add_row(p, true, h0_buf_str(&line));
	h0_buf_addc(&line, '\n');
	return p->ctx->json ? 0 : h0_out_bytes(p->ctx, line.p, line.len, e);
}

static bool changed_by_pull(const struct pull *p, const struct h0_strv *before)
{
	h0_autolocal struct h0_local_images now = {0};
	h0_autostrv struct h0_strv after = {0};
	if (h0_local_images(&p->podman, &now, NULL) < 0)
		return true;
	h0_local_digests(&now, p->ref, &after);
	return !before->n || !after.n || !h0_strv_has(before, after.v[0]);
}

static int pull_one(struct pull *p, const struct profile_target *t, struct h0_err *e)
{
	struct h0_imageref r;
	h0_autostrv struct h0_strv before = {0};
	struct h0_err why = {0};
	p->ref = t->image.ref;
	if (!needed(p, t)) {
		add_row(p, false, "is here");
		return 0;
	}
	if (h0_imageref_parse(p->ref, &r, &why) == 0 && h0_imageref_is_local(&r)) {
		add_row(p, false, "was made on this machine and cannot be pulled");
		return 0;
	}
	if (p->ctx->dry_run)
		return dry(p, e);
	if (!t->image.pinned)
		h0_warn(p->ctx, "%s is taken by its tag, which may move: hal0 profile lock pins it", p->ref);
	h0_local_digests(&p->local, p->ref, &before);
	int rc = why.kind ? -1 : profile_fetch(&p->fetch, &p->podman, p->ref, &why);
	if (rc == 0) {
		bool changed = changed_by_pull(p, &before);
		add_row(p, changed, changed ? "pulled" : "is the newest");
		return 0;
	}
	put_row(p, false, why.msg);
	if (p->failed)
		h0_warn(p->ctx, "%s: %s", p->ref, why.msg);
	else
		p->first = why; /* printed at the end */
	p->failed = true;
	return 0;
}

int profile_pull(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct profile_pull_opts *o = opts;
	profile_autobox struct profile_box b = {0};
	profile_autotargets struct profile_targets t = {0};
	h0_auto(pull_done) struct pull p = {.ctx = ctx, .again = o->again};
	if (profile_box_open(&b, e) < 0 ||
	    profile_targets(&b, o->all, ctx->argv, ctx->argc, &t, e) < 0 ||
	    h0_podman_init(&p.podman, e) < 0 || h0_local_images(&p.podman, &p.local, e) < 0)
		return -1;
	p.rec = h0_rec_new(profile_change_cols);
	if (!ctx->dry_run && profile_fetch_open(&p.fetch, ctx, &b.paths, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++) {
		if (pull_one(&p, &t.v[i], e) < 0)
			return -1;
		if (!ctx->dry_run && *p.fetch.stop.signal) {
			pull_done(&p);
			h0_stop_die(&p.fetch.stop);
		}
	}
	if (!t.n)
		h0_say(ctx, "no slot uses an image: name a profile, or --all");
	struct h0_json *more = h0_json_object();
	h0_json_set_bool(more, "changed", p.changed);
	int rc = 0;
	if (ctx->json || ((ctx->columns || ctx->format) && !ctx->dry_run))
		rc = h0_out_rec(ctx, p.rec, more, e);
	else
		h0_json_free(more);
	if (rc == 0 && p.failed) {
		*e = p.first;
		return -1;
	}
	return rc;
}
