/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "fmt/json.h"
#include "slot/live.h"

struct view {
	struct h0_box box;
	const struct h0_slot **slots;
	struct h0_drift *v;
	size_t n;
};

static void view_done(struct view *w)
{
	if (w->v)
		h0_drifts_done(w->v, w->n);
	free(w->v);
	free(w->slots);
	h0_box_done(&w->box);
}

static int choose(struct h0_ctx *ctx, struct view *w, struct h0_err *e)
{
	const struct h0_slots *all = &w->box.slots;
	size_t named = (size_t)ctx->argc;
	w->slots = h0_calloc(named + all->n + 1, sizeof *w->slots);
	for (size_t i = 0; i < named; i++) {
		/* a broken file is told like every other reason why nothing can be said */
		const struct h0_slot *s = h0_slots_get(all, ctx->argv[i]);
		if (!s && h0_slots_find(all, ctx->argv[i], &s, e) < 0)
			return -1;
		w->slots[w->n++] = s;
	}
	for (size_t i = 0; !named && i < all->n; i++)
		w->slots[w->n++] = &all->v[i];
	w->v = h0_calloc(w->n + 1, sizeof *w->v);
	return 0;
}

static void from(const struct h0_drift *d, const struct h0_argv_diff *one, struct h0_buf *out)
{
	if (one->wanted)
		h0_argv_from(&d->spec.plan, one->source, one->key, out);
}

void slot_say_drift(struct h0_ctx *ctx, const struct h0_drift *d)
{
	for (size_t i = 0; i < d->diffs.n; i++) {
		h0_autobuf struct h0_buf what = {0}, where = {0};
		h0_argv_diff_say(&d->diffs.v[i], &what);
		from(d, &d->diffs.v[i], &where);
		h0_say(ctx, "%s: %s%s%s%s", d->slot->name, h0_buf_str(&what), where.len ? " (" : "",
		       h0_buf_str(&where), where.len ? ")" : "");
	}
}

static void put(struct h0_rec *r, const struct h0_drift *d)
{
	for (size_t i = 0; i < d->diffs.n; i++) {
		const struct h0_argv_diff *one = &d->diffs.v[i];
		h0_autobuf struct h0_buf what = {0}, where = {0};
		h0_argv_diff_say(one, &what);
		from(d, one, &where);
		h0_rec_row(r);
		h0_rec_str(r, DIFF_NAME, d->slot->name);
		h0_rec_str(r, DIFF_WHAT, h0_diff_kind_names[one->kind]);
		h0_rec_str(r, DIFF_KEY, one->key);
		h0_rec_str(r, DIFF_RUNNING, one->running);
		h0_rec_str(r, DIFF_WANTED, one->wanted);
		h0_rec_str(r, DIFF_SOURCE, one->wanted ? h0_argv_source_names[one->source] : NULL);
		h0_rec_str(r, DIFF_MESSAGE, h0_buf_str(&what));
		h0_rec_str(r, DIFF_FROM, where.len ? h0_buf_str(&where) : NULL);
	}
}

/* What is known of one slot, beside what differs. */
static struct h0_json *summary(const struct h0_drift *d)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "name", d->slot->name);
	h0_json_set_bool(o, "running", d->runs);
	if (d->runs && d->known)
		h0_json_set_bool(o, "drifted", d->diffs.n > 0);
	else
		h0_json_set_null(o, "drifted");
	return o;
}

struct verdict {
	bool differs, absent;   /* something does; a named slot does not run */
	size_t compared, failed;
	struct h0_err first;
};

static void judge(struct h0_ctx *ctx, const struct h0_drift *d, struct verdict *v)
{
	char text[1536];
	bool named = ctx->argc > 0;
	if (!d->known && (d->runs || named)) {
		if (v->failed++) {
			h0_err_text(&d->err, text, sizeof text);
			h0_warn(ctx, "%s", text); /* the first one is the verb's own */
		} else {
			v->first = d->err;
		}
	} else if (!d->runs && named) {
		h0_say(ctx, "%s: it does not run", d->slot->name);
		v->absent = true;
	} else if (d->runs) {
		v->compared++;
		v->differs |= d->diffs.n > 0;
	}
}

int slot_diff(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_auto(view_done) struct view w = {0};
	struct verdict v = {0};
	if (h0_box_open(&w.box, e) < 0 || choose(ctx, &w, e) < 0 ||
	    h0_drifts(&w.box, w.slots, w.n, w.v, e) < 0)
		return -1;
	struct h0_json *more = h0_json_object(), *slots = h0_json_array();
	struct h0_rec *r = h0_rec_new(slot_diff_cols);
	for (size_t i = 0; i < w.n; i++) {
		judge(ctx, &w.v[i], &v);
		put(r, &w.v[i]);
		h0_json_add(slots, summary(&w.v[i]));
	}
	h0_json_set_bool(more, "drifted", v.differs);
	h0_json_set(more, "slots", slots);
	bool quiet = !ctx->json && !ctx->columns && !ctx->format && !v.differs;
	if (quiet)
		h0_json_free(more);
	int rc = quiet ? 0 : h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	if (rc < 0)
		return -1;
	if (v.failed) {
		*e = v.first;
		return -1;
	}
	if (quiet && !v.absent)
		h0_say(ctx, v.compared ? "what runs is as the files say" : "no slot runs");
	return v.differs || v.absent ? H0_NO : 0;
}
