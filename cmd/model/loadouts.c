/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "fmt/json.h"
#include "model/common.h"
#include "model/loadout.h"
#include "run/fits.h"

#define SLOT_CTX 32768 /* a slot that says nothing gets no more */

struct want {
	int64_t need, size;         /* bytes: in memory, and of the files */
	bool measured;              /* every file is here and told what it needs */
	bool here;                  /* every file is here */
	enum h0_fit_verdict verdict;
	struct h0_fit_pool pool;
	char binding[64];           /* name of the limit, "" = not known */
	struct h0_strv models, missing;
};

static void want_done(struct want *w)
{
	h0_strv_done(&w->models);
	h0_strv_done(&w->missing);
}

/* One model's part: by its file where it is here, else by the table. */
static void weigh(struct h0_box *b, const struct h0_loadout_model *m, enum h0_device device,
                  struct want *w)
{
	h0_automodelfile struct h0_model_file file = {0};
	h0_autofits struct h0_fits f = {0};
	bool here = !m->file || h0_store_find(&b->paths, &b->snap, m->model, &file, NULL) == 0;
	int64_t size = m->mb * 1000000, need = size + h0_loadout_extra(m);
	h0_strv_add(&w->models, m->model);
	if (!here)
		h0_strv_add(&w->missing, m->model);
	if (m->file && here && h0_fits_file(file.path, NULL, &f, NULL) == 0) {
		f.run.device = device;
		f.run.ctx = f.gguf.context_length > 0 && f.gguf.context_length < SLOT_CTX
		                ? f.gguf.context_length : SLOT_CTX;
		h0_fits_judge(b, H0_FITS_MACHINE, NULL, &f);
		if (f.answer.need >= 0) {
			need = f.answer.need;
			size = f.fit.weights;
		}
	} else {
		w->measured = false;
	}
	w->here = w->here && here;
	w->need += need;
	w->size += size;
}

/* The same judgement as of one model, over the sum. */
static void judge(struct h0_box *b, enum h0_device device, struct want *w)
{
	h0_autofits struct h0_fits f = {0};
	struct h0_fit_answer a;
	h0_gguf_done(&f.gguf);
	f.model = (struct h0_fit_model){.gguf = &f.gguf, .weights = -1, .embd = -1, .expert = -1};
	h0_fit_run_default(&f.run, device);
	h0_fits_pool(b, H0_FITS_MACHINE, &f);
	const struct h0_fit sum = {.weights = w->size, .total = w->need, .device = w->need,
		.estimated = !w->measured};
	h0_fit_judge(&f.model, &f.run, &sum, &f.pool, &a);
	w->verdict = a.verdict;
	w->pool = f.pool;
	snprintf(w->binding, sizeof w->binding, "%s", f.pool.binding ? f.pool.binding : "");
	w->pool.binding = NULL; /* was the document's */
}

static bool is_of(const struct h0_loadout_model *m, const char *use, enum h0_tier tier)
{
	return h0_streq(m->use, use) && m->tier == tier;
}

/* false: the table has none for that use and tier. */
static bool look(struct h0_box *b, const char *use, enum h0_tier tier, enum h0_device device,
                 struct want *w)
{
	*w = (struct want){.measured = true, .here = true};
	for (size_t i = 0; i < h0_nloadouts; i++)
		if (is_of(&h0_loadouts[i], use, tier) && !h0_loadouts[i].other)
			weigh(b, &h0_loadouts[i], device, w);
	if (w->models.n)
		judge(b, device, w);
	return w->models.n;
}

static void say(const struct want *w, struct h0_buf *out)
{
	char need[32], pool[32];
	h0_num_human(w->need, need, sizeof need);
	if (w->pool.bytes < 0) {
		h0_buf_addf(out, "needs %s%s; how much memory there is is not known", w->measured ? "" : "about ",
		            need);
		return;
	}
	h0_num_human(w->pool.bytes, pool, sizeof pool);
	h0_buf_addf(out, "needs %s%s of %s", w->measured ? "" : "about ", need, pool);
	if (w->binding[0])
		h0_buf_addf(out, " (%s)", w->binding);
}

static void add_row(struct h0_rec *r, const char *use, enum h0_tier tier, const struct want *w)
{
	h0_autobuf struct h0_buf text = {0};
	struct h0_json *models = h0_json_array(), *missing = h0_json_array();
	for (size_t i = 0; i < w->models.n; i++)
		h0_json_add(models, h0_json_new_str(w->models.v[i]));
	for (size_t i = 0; i < w->missing.n; i++)
		h0_json_add(missing, h0_json_new_str(w->missing.v[i]));
	say(w, &text);
	h0_rec_row(r);
	h0_rec_str(r, LOADOUT_USE, use);
	h0_rec_str(r, LOADOUT_TIER, h0_tier_names[tier]);
	h0_rec_str(r, LOADOUT_FIT, w->verdict == H0_FIT_UNKNOWN ? NULL : h0_fit_verdicts[w->verdict]);
	h0_rec_int(r, LOADOUT_NEED, w->need);
	if (w->pool.bytes >= 0)
		h0_rec_int(r, LOADOUT_POOL, w->pool.bytes);
	h0_rec_int(r, LOADOUT_SIZE, w->size);
	h0_rec_bool(r, LOADOUT_HERE, w->here);
	h0_rec_bool(r, LOADOUT_ESTIMATED, !w->measured);
	h0_rec_json(r, LOADOUT_MODELS, models);
	h0_rec_json(r, LOADOUT_MISSING, missing);
	h0_rec_str(r, LOADOUT_MESSAGE, h0_buf_str(&text));
}

static int list(struct h0_ctx *ctx, struct h0_box *b, const struct model_loadouts_opts *o,
                enum h0_device device, struct h0_err *e)
{
	struct h0_rec *r = h0_rec_new(model_loadout_cols);
	for (const char *const *use = h0_loadout_uses; *use; use++) {
		for (int t = 0; t < H0_TIER_N; t++) {
			h0_auto(want_done) struct want w = {0};
			if ((o->tier && !h0_streq(o->tier, h0_tier_names[t])) ||
			    !look(b, *use, (enum h0_tier)t, device, &w))
				continue;
			if (o->all || h0_streq(*use, H0_LOADOUT_CEILING) || w.verdict != H0_FIT_NOT)
				add_row(r, *use, (enum h0_tier)t, &w);
		}
	}
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

static int show(struct h0_ctx *ctx, struct h0_box *b, const char *use, enum h0_device device,
                struct h0_err *e)
{
	struct h0_rec *r = h0_rec_new(model_loadout_model_cols);
	for (size_t i = 0; i < h0_nloadouts; i++) {
		const struct h0_loadout_model *m = &h0_loadouts[i];
		h0_auto(want_done) struct want w = {.measured = true, .here = true};
		if (!h0_streq(m->use, use))
			continue;
		weigh(b, m, device, &w);
		judge(b, device, &w);
		h0_rec_row(r);
		h0_rec_str(r, ITEM_TIER, h0_tier_names[m->tier]);
		h0_rec_str(r, ITEM_ROLE, m->role);
		h0_rec_str(r, ITEM_MODEL, m->model);
		h0_rec_bool(r, ITEM_OTHER, m->other);
		h0_rec_int(r, ITEM_SIZE, w.size);
		h0_rec_int(r, ITEM_NEED, w.need);
		h0_rec_str(r, ITEM_FIT, w.verdict == H0_FIT_UNKNOWN ? NULL : h0_fit_verdicts[w.verdict]);
		if (m->file)
			h0_rec_bool(r, ITEM_HERE, w.here);
	}
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

/* The largest tier that fits, or the wanted one. -1: does not fit, or there is none. */
static int choose(struct h0_box *b, const char *use, const char *tier, enum h0_device device,
                  struct want *ret, enum h0_tier *ret_tier, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	bool any = false;
	for (int t = H0_TIER_N; t-- > 0;) {
		struct want w;
		if ((tier && !h0_streq(tier, h0_tier_names[t])) || !look(b, use, (enum h0_tier)t, device, &w))
			continue;
		any = true;
		if (w.verdict != H0_FIT_NOT) {
			*ret = w;
			*ret_tier = (enum h0_tier)t;
			return 0;
		}
		h0_buf_reset(&text);
		say(&w, &text);
		want_done(&w);
	}
	if (!any)
		return h0_fail(e, H0_USAGE, "%s has no %s loadout", use, tier ? tier : "");
	h0_fail(e, H0_NO, "%s does not fit this machine: it %s", use, h0_buf_str(&text));
	return h0_err_code(e, "slot.does_not_fit");
}

static int plan(struct h0_ctx *ctx, struct h0_box *b, const char *use,
                const struct model_loadouts_opts *o, enum h0_device device, struct h0_err *e)
{
	h0_auto(want_done) struct want w = {0};
	h0_autobuf struct h0_buf intro = {0}, doc = {0};
	enum h0_tier tier = H0_TIER_SMALL;
	if (choose(b, use, o->tier, device, &w, &tier, e) < 0)
		return -1;
	h0_buf_addf(&intro, "%s, %s: ", use, h0_tier_names[tier]);
	say(&w, &intro);
	for (size_t i = 0; i < w.missing.n; i++) {
		h0_buf_addf(&intro, "\nnot here yet: %s", w.missing.v[i]);
		h0_warn(ctx, "%s is not here yet: hal0 model pull, or add", w.missing.v[i]);
	}
	h0_loadout_doc(use, tier, device, h0_buf_str(&intro), &doc);
	if (!ctx->json)
		return h0_out_bytes(ctx, h0_buf_str(&doc), doc.len, e);
	struct h0_json *j = h0_json_object(), *missing = h0_json_array();
	for (size_t i = 0; i < w.missing.n; i++)
		h0_json_add(missing, h0_json_new_str(w.missing.v[i]));
	h0_json_set_int(j, "schema", 1);
	h0_json_set_str(j, "use", use);
	h0_json_set_str(j, "tier", h0_tier_names[tier]);
	h0_json_set_int(j, "need_bytes", w.need);
	h0_json_set(j, "missing", missing);
	h0_json_set_str(j, "document", h0_buf_str(&doc));
	return h0_out_json(ctx, j, e);
}

static int check_use(const char *use, bool ceiling, struct h0_err *e)
{
	if (!ceiling && h0_streq(use, H0_LOADOUT_CEILING))
		return h0_fail(e, H0_USAGE, "ceiling is what does not fit: there is nothing to plan");
	for (const char *const *u = h0_loadout_uses; *u; u++)
		if (h0_streq(*u, use))
			return 0;
	const char *near = h0_str_nearest(use, h0_loadout_uses);
	return h0_fail(e, H0_USAGE, "there is no loadout '%s'%s%s%s", use, near ? " (did you mean " : "",
	               near ? near : "", near ? "?)" : "");
}

int model_loadouts(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct model_loadouts_opts *o = opts;
	h0_autobox struct h0_box b = {0};
	const char *action = ctx->argc ? ctx->argv[0] : NULL, *use = ctx->argc > 1 ? ctx->argv[1] : NULL;
	bool shows = h0_streq(action, "show");
	if (action && !shows && !h0_streq(action, "plan"))
		return h0_fail(e, H0_USAGE, "loadouts show USE or loadouts plan USE, not '%s'", action);
	if (action && !use)
		return h0_fail(e, H0_USAGE, "loadouts %s wants a use: coding, chat, voice...", action);
	if ((use && check_use(use, shows, e) < 0) || h0_box_open(&b, e) < 0)
		return -1;
	enum h0_device device = h0_usual_device(&b.paths);
	if (!action)
		return list(ctx, &b, o, device, e);
	return shows ? show(ctx, &b, use, device, e) : plan(ctx, &b, use, o, device, e);
}
