/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An image whose tag moved: pulled, tried beside a slot, then locked; or left alone.
 */
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "conf/txn.h"
#include "fmt/json.h"
#include "profile/fetch.h"
#include "profile/targets.h"
#include "run/trial.h"

struct upgrade {
	struct h0_ctx *ctx;
	const struct profile_upgrade_opts *opts;
	struct h0_box box;
	struct h0_local_images local;
	struct h0_http_client *http;
	struct profile_fetch fetch;
	struct h0_rec *rec;
	struct h0_buf lines;            /* of --dry-run */
	bool changed, failed;
	struct h0_err first;
};

static void upgrade_done(struct upgrade *u)
{
	profile_fetch_done(&u->fetch);
	h0_local_images_done(&u->local);
	h0_http_close(u->http);
	h0_box_done(&u->box);
	h0_buf_done(&u->lines);
	if (u->rec)
		h0_rec_free(u->rec);
	u->rec = NULL;
}

static void put_row(struct upgrade *u, const char *ref, bool changed, const char *message)
{
	h0_rec_row(u->rec);
	h0_rec_str(u->rec, CHANGE_NAME, ref);
	h0_rec_bool(u->rec, CHANGE_CHANGED, changed);
	h0_rec_str(u->rec, CHANGE_MESSAGE, message);
	u->changed = u->changed || changed;
}

static void add_row(struct upgrade *u, const char *ref, bool changed, const char *message)
{
	put_row(u, ref, changed, message);
	if (!u->ctx->json && !u->ctx->columns && !u->ctx->format)
		h0_say(u->ctx, "%s: %s", ref, message);
}

static void tell(const char *slot, const char *doing, const char *text, void *arg)
{
	struct upgrade *u = arg;
	h0_progress(u->ctx, doing, "%s: %s", slot, text);
}

static struct h0_wait waiting(struct upgrade *u)
{
	return (struct h0_wait){
		.stall_s = (int)u->opts->timeout_s,
		.signal_fd = u->fetch.stop.fd,
		.tell = tell,
		.tell_arg = u,
	};
}

/* ---- the lock ---- */

struct move {
	const char *tag_ref, *digest;   /* digest NULL: back to the previous lock */
	char now[32];
};

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct move *m = arg;
	h0_autopins struct h0_image_pins pins = {0};
	if (!m->digest)
		return h0_images_rollback(snap, cs, e);
	h0_image_pins_put(&pins, m->tag_ref, m->digest, m->now);
	return h0_images_lock(snap, &pins, cs, e);
}

static int move_lock(struct upgrade *u, const char *tag_ref, const char *digest,
                     struct h0_changeset *cs, struct h0_err *e)
{
	struct move m = {.tag_ref = tag_ref, .digest = digest};
	struct tm tm;
	time_t now = time(NULL);
	strftime(m.now, sizeof m.now, "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&now, &tm));
	const struct h0_txn_opts o = {
		.etc = u->box.paths.etc,
		.command_line = u->ctx->command_line,
		.dry_run = u->ctx->dry_run,
	};
	return h0_txn_run(&o, plan, &m, cs, NULL, e);
}

/* ---- the trial ---- */

static bool runs(const struct h0_ctrs *ctrs, const struct h0_box *b, const char *slot)
{
	const struct h0_ctr *c = h0_ctrs_get(ctrs, slot);
	return c && !h0_live_foreign(b, c) && c->state == H0_CTR_RUNNING && h0_ctr_alive(c);
}

/* A slot to try the image with: one that runs if there is one. */
static const struct h0_slot *choose_slot(const struct upgrade *u, const struct profile_target *t,
                                         const struct h0_ctrs *ctrs)
{
	const struct h0_slot *slot = NULL;
	for (size_t i = 0; i < t->slots.n; i++) {
		const struct h0_slot *s = h0_slots_get(&u->box.slots, t->slots.v[i]);
		if (s && (!slot || runs(ctrs, &u->box, s->name)))
			slot = s;
	}
	return slot;
}

/* The old one's answer is only asked for where there is one to ask. */
static int compare(struct upgrade *u, const struct h0_slot *slot, bool running,
                   const struct h0_trial *trial, struct h0_err *e)
{
	h0_autobuf struct h0_buf old = {0};
	if (!running || h0_trial_ask(&u->box, u->http, slot, &old, NULL) < 0 || !h0_trial_knows(&old) ||
	    h0_trial_knows(&trial->answer))
		return 0;
	return h0_fail(e, H0_EXTERN, "it answers '%.80s' where the old one knew better",
	               h0_buf_str(&trial->answer));
}

static int try_it(struct upgrade *u, const struct h0_slot *slot, const char *ref, bool running,
                  struct h0_err *e)
{
	h0_autotrial struct h0_trial trial = {0};
	const struct h0_wait wait = waiting(u);
	if (h0_trial_slot(&u->box, slot, ref, &trial, e) < 0)
		return -1;
	h0_say(u->ctx, "trying it with slot %s on port %d", slot->name, trial.slot.port);
	int rc = h0_trial_run(&u->box, u->http, &wait, &trial, e);
	h0_progress(u->ctx, "", "%s", "");
	return rc == 0 ? compare(u, slot, running, &trial, e) : -1;
}

/* ---- the switch ---- */

static int restart(struct upgrade *u, const char *name, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	const struct h0_slot *slot = NULL;
	struct h0_outcome outcome;
	const struct h0_wait wait = waiting(u);
	if (h0_box_open(&b, e) < 0 || h0_slots_find(&b.slots, name, &slot, e) < 0)
		return -1;
	int rc = h0_life_restart(&b, slot, &(struct h0_how){.wait = &wait}, &outcome, e);
	h0_progress(u->ctx, "", "%s", "");
	return rc;
}

/* Restarts what ran before; if one does not come up, the lock goes back and so do those before it. */
static int switch_slots(struct upgrade *u, const struct profile_target *t,
                        const struct h0_ctrs *ctrs, struct h0_err *e)
{
	h0_autochangeset struct h0_changeset cs = {0};
	h0_autostrv struct h0_strv ran = {0};
	for (size_t i = 0; i < t->slots.n; i++)
		if (runs(ctrs, &u->box, t->slots.v[i]))
			h0_strv_add(&ran, t->slots.v[i]);
	size_t i = 0;
	while (i < ran.n && restart(u, ran.v[i], e) == 0)
		i++;
	if (i == ran.n)
		return 0;
	if (move_lock(u, t->image.tag_ref, NULL, &cs, NULL) < 0)
		return h0_wrap(e, "and the lock could not be moved back (hal0 profile rollback)");
	for (size_t back = 0; back <= i; back++)
		if (restart(u, ran.v[back], NULL) < 0)
			h0_warn(u->ctx, "slot %s does not come back with the old image: see hal0 slot status",
			        ran.v[back]);
	return -1;
}

/* ---- one image ---- */

static int dry(struct upgrade *u, const struct profile_target *t, const char *ref,
               const char *digest, const struct h0_slot *slot, struct h0_err *e)
{
	h0_autochangeset struct h0_changeset cs = {0};
	h0_autotrial struct h0_trial trial = {0};
	if (h0_trial_slot(&u->box, slot, ref, &trial, e) < 0 ||
	    move_lock(u, t->image.tag_ref, digest, &cs, e) < 0)
		return -1;
	h0_buf_addf(&u->lines, "# pull %s, try it with slot %s on port %d, then\n", ref, slot->name,
	            trial.slot.port);
	h0_changeset_diff(&cs, &u->lines);
	add_row(u, t->image.tag_ref, true, "has moved");
	return 0;
}

static int move_on(struct upgrade *u, const struct profile_target *t, const char *digest,
                   struct h0_err *e)
{
	h0_autofree char *ref = h0_imageref_pin(t->image.tag_ref, digest);
	h0_autochangeset struct h0_changeset cs = {0};
	h0_autoctrs struct h0_ctrs ctrs = {0};
	if (h0_podman_ps(&u->box.podman, &ctrs, e) < 0)
		return -1;
	const struct h0_slot *slot = choose_slot(u, t, &ctrs);
	if (!slot)
		return h0_fail(e, H0_USAGE, "no slot runs it, so there is nothing to try it with: hal0 "
		               "profile lock --update moves on without");
	if (u->ctx->dry_run)
		return dry(u, t, ref, digest, slot, e);
	if ((!h0_local_has(&u->local, ref) &&
	     profile_fetch(&u->fetch, &u->box.podman, ref, e) < 0) ||
	    try_it(u, slot, ref, runs(&ctrs, &u->box, slot->name), e) < 0 ||
	    move_lock(u, t->image.tag_ref, digest, &cs, e) < 0 ||
	    (!u->opts->no_restart && switch_slots(u, t, &ctrs, e) < 0))
		return -1;
	h0_autofree char *done = h0_asprintf("moved on to %.19s", digest);
	add_row(u, t->image.tag_ref, true, done);
	return 0;
}

/* The digest that would run now. */
static void current(const struct upgrade *u, const struct profile_target *t, char *dst)
{
	h0_autostrv struct h0_strv here = {0};
	const char *at = strchr(t->image.ref, '@');
	h0_local_digests(&u->local, t->image.ref, &here);
	snprintf(dst, H0_SHA256_TEXT, "%s", at ? at + 1 : here.n ? here.v[0] : "");
}

static int one(struct upgrade *u, const struct profile_target *t, struct h0_err *e)
{
	char now[H0_SHA256_TEXT], next[H0_SHA256_TEXT];
	struct h0_imageref r;
	if (!t->image.tag_ref) {
		add_row(u, t->image.ref, false, "stays: it is not subject to the lock");
		return 0;
	}
	if (h0_imageref_parse(t->image.tag_ref, &r, e) < 0)
		return -1;
	if (h0_imageref_is_local(&r)) {
		add_row(u, t->image.ref, false, "stays: it was made on this machine");
		return 0;
	}
	if (h0_image_remote(u->http, t->image.tag_ref, next, e) < 0)
		return -1;
	current(u, t, now);
	if (strcmp(now, next) == 0) {
		add_row(u, t->image.tag_ref, false, "is the newest");
		return 0;
	}
	return move_on(u, t, next, e);
}

static int all(struct upgrade *u, const struct profile_targets *t, struct h0_err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		struct h0_err why = {0};
		if (one(u, &t->v[i], &why) < 0) {
			const struct h0_image_choice *image = &t->v[i].image;
			const char *ref = image->tag_ref ? image->tag_ref : image->ref;
			h0_wrap(&why, "%s stays as it was", ref);
			put_row(u, ref, false, why.msg);
			if (u->failed)
				h0_warn(u->ctx, "%s", why.msg);
			else
				u->first = why; /* printed at the end */
			u->failed = true;
		}
		if (!u->ctx->dry_run && *u->fetch.stop.signal) {
			struct h0_stop stop = u->fetch.stop;
			upgrade_done(u);
			h0_stop_die(&stop);
		}
	}
	return 0;
}

static int report(struct upgrade *u, struct h0_err *e)
{
	struct h0_json *more = h0_json_object();
	int rc = 0;
	h0_json_set_bool(more, "changed", u->changed);
	if (u->ctx->dry_run)
		h0_json_set_bool(more, "dry_run", true);
	if (u->ctx->json || u->ctx->columns || u->ctx->format) {
		rc = h0_out_rec(u->ctx, u->rec, more, e);
	} else {
		h0_json_free(more);
		rc = h0_out_bytes(u->ctx, h0_buf_str(&u->lines), u->lines.len, e);
	}
	if (rc == 0 && u->failed) {
		*e = u->first;
		return -1;
	}
	return rc;
}

int profile_upgrade(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(upgrade_done) struct upgrade u = {.ctx = ctx, .opts = opts};
	profile_autobox struct profile_box b = {0};
	profile_autotargets struct profile_targets t = {0};
	if (profile_box_open(&b, e) < 0 ||
	    profile_targets(&b, false, ctx->argv, ctx->argc, &t, e) < 0 || h0_box_open(&u.box, e) < 0 ||
	    h0_local_images(&u.box.podman, &u.local, e) < 0 || h0_http_open(&u.http, e) < 0 ||
	    (!ctx->dry_run && profile_fetch_open(&u.fetch, ctx, &b.paths, e) < 0))
		return -1;
	u.rec = h0_rec_new(profile_change_cols);
	return all(&u, &t, e) < 0 ? -1 : report(&u, e);
}
