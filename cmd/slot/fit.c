/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"
#include "slot/common.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/words.h"
#include "model/fitsum.h"
#include "model/serverargs.h"
#include "run/fithist.h"
#include "run/fits.h"

static int from_model(struct h0_box *b, const struct slot_fit_opts *o, struct h0_fits *f,
                      struct h0_model_file *file, struct h0_err *e)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	h0_autofree char *path = strchr(o->model, '/') ? realpath(o->model, NULL) : NULL;
	if (h0_store_find_named(&b->paths, &b->snap, path ? path : o->model, file, e) < 0 ||
	    h0_fits_file(file->path, o->mmproj, f, e) < 0)
		return -1;
	f->run.cache_ram = h0_server_cache_ram_mib(pages > 0 && page > 0 ? (int64_t)pages * page : -1) << 20;
	return 0;
}

static void override(const struct slot_fit_opts *o, struct h0_fit_run *r)
{
	if (o->ctx)
		r->ctx = o->ctx;
	if (o->batch)
		r->batch = o->batch;
	if (o->ubatch)
		r->ubatch = o->ubatch;
	if (o->parallel)
		r->parallel = o->parallel;
	if (o->ctk)
		h0_fit_cache_type(o->ctk, &r->k_type);
	if (o->ctv)
		h0_fit_cache_type(o->ctv, &r->v_type);
	if (o->fa)
		r->flash = strcmp(o->fa, "off") != 0;
	if (!o->device)
		return;
	r->device = (enum h0_device)h0_word_index(h0_device_names, o->device);
	r->weights_on_host = false;
}

static void put(struct h0_rec *r, int col, int64_t bytes)
{
	if (bytes >= 0)
		h0_rec_int(r, col, bytes);
}

static void fill(struct h0_rec *r, const char *name, const char *path, const struct h0_fits *f)
{
	const struct h0_fit *t = &f->fit;
	const struct h0_fit_answer *a = &f->answer;
	h0_autobuf struct h0_buf why = {0};
	h0_fits_say(f, &why);
	h0_rec_row(r);
	h0_rec_str(r, FIT_NAME, name);
	h0_rec_str(r, FIT_VERDICT, a->verdict == H0_FIT_UNKNOWN ? NULL : h0_fit_verdicts[a->verdict]);
	h0_rec_str(r, FIT_WHY, h0_buf_str(&why));
	h0_rec_str(r, FIT_PATH, path);
	h0_rec_str(r, FIT_DEVICE, h0_device_names[f->run.device]);
	put(r, FIT_CONTEXT, t->ctx);
	put(r, FIT_WEIGHTS, t->weights);
	put(r, FIT_MMPROJ, t->mmproj);
	put(r, FIT_KV, t->kv);
	put(r, FIT_COMPUTE, t->compute);
	put(r, FIT_OUTPUT, t->output);
	put(r, FIT_TOTAL, t->total);
	put(r, FIT_HOST, t->total < 0 || f->run.device == H0_DEVICE_CPU ? -1 : t->total - t->device);
	put(r, FIT_CACHE, t->cache_ram);
	put(r, FIT_POOL, f->pool.bytes);
	h0_rec_str(r, FIT_BINDING, f->pool.binding);
	put(r, FIT_OTHERS, f->pool.others);
	put(r, FIT_FREE, f->pool.free);
	if (a->headroom != INT64_MIN)
		h0_rec_int(r, FIT_HEADROOM, a->headroom);
	put(r, FIT_LARGEST, a->largest_ctx);
	if (a->ceiling >= 0)
		h0_rec_real(r, FIT_CEILING, a->ceiling);
	h0_rec_bool(r, FIT_ESTIMATED, t->estimated);
	h0_rec_bool(r, FIT_MEASURED, t->measured);
}

static int64_t whole(const struct h0_fit_buffers *b)
{
	return h0_sum(h0_sum(b->weights, b->kv), h0_sum(b->compute, b->output));
}

static void put_past(struct h0_rec *r, const struct h0_fithist *h)
{
	char at[32] = "";
	time_t t = (time_t)h->at;
	struct tm tm;
	if (gmtime_r(&t, &tm))
		strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
	int64_t want = whole(&h->estimate), got = whole(&h->measured);
	h0_rec_row(r);
	h0_rec_str(r, PAST_PATH, h->model);
	h0_rec_str(r, PAST_IMAGE, h->image);
	h0_rec_str(r, PAST_DEVICE, h->device);
	put(r, PAST_CONTEXT, h->context);
	h0_rec_str(r, PAST_CTK, h->k_type);
	h0_rec_str(r, PAST_CTV, h->v_type);
	put(r, PAST_UBATCH, h->ubatch);
	put(r, PAST_PARALLEL, h->parallel);
	put(r, PAST_WEIGHTS, h->measured.weights);
	put(r, PAST_KV, h->measured.kv);
	put(r, PAST_COMPUTE, h->measured.compute);
	put(r, PAST_OUTPUT, h->measured.output);
	put(r, PAST_EST_WEIGHTS, h->estimate.weights);
	put(r, PAST_EST_KV, h->estimate.kv);
	put(r, PAST_EST_COMPUTE, h->estimate.compute);
	put(r, PAST_EST_OUTPUT, h->estimate.output);
	put(r, PAST_ESTIMATE, want);
	put(r, PAST_MEASURED, got);
	if (want >= 0 && got > 0)
		h0_rec_real(r, PAST_ERROR, 100 * ((double)want - (double)got) / (double)got);
	if (h->estimate.compute >= 0 && h->measured.compute > 0)
		h0_rec_real(r, PAST_COMPUTE_ERROR, 100 * ((double)h->estimate.compute -
		            (double)h->measured.compute) / (double)h->measured.compute);
	h0_rec_str(r, PAST_AT, at);
}

/* With a slot: what was measured with its model. */
static int history(struct h0_ctx *ctx, const struct h0_box *b, const char *path, struct h0_err *e)
{
	struct h0_fithist *v = NULL;
	size_t n = 0;
	if (h0_fithist_list(&b->paths, &v, &n, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(slot_past_cols);
	for (size_t i = 0; i < n; i++) {
		if (!path || h0_streq(path, v[i].model))
			put_past(r, &v[i]);
		h0_fithist_done(&v[i]);
	}
	free(v);
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

static int gather(struct h0_ctx *ctx, const struct slot_fit_opts *o, struct h0_box *b,
                  struct h0_fits *f, struct h0_model_file *file, struct h0_err *e)
{
	const struct h0_slot *slot = NULL;
	if (!o->model == !ctx->argc)
		return h0_fail(e, H0_USAGE, "%s", o->model ? "either a slot or --model, not both"
		                                           : "name a slot, or give --model MODEL");
	if (o->model)
		return from_model(b, o, f, file, e);
	if (h0_slots_find(&b->slots, ctx->argv[0], &slot, e) < 0 || h0_fits_slot(b, slot, f, e) < 0)
		return -1;
	return h0_store_find(&b->paths, &b->snap, slot->model, file, e);
}

int slot_fit(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_fit_opts *o = opts;
	h0_autobox struct h0_box b = {0};
	h0_autofits struct h0_fits f = {0};
	h0_automodelfile struct h0_model_file file = {0};
	if (h0_box_open(&b, e) < 0)
		return -1;
	if (o->history && !o->model && !ctx->argc)
		return history(ctx, &b, NULL, e);
	if (gather(ctx, o, &b, &f, &file, e) < 0)
		return -1;
	if (o->history)
		return history(ctx, &b, file.path, e);
	override(o, &f.run);
	h0_fits_recall(&b, &f);
	h0_fits_judge(&b, H0_FITS_NOW, ctx->argc ? ctx->argv[0] : NULL, &f);
	if (f.unseen[0])
		h0_warn(ctx, "what other slots use is not counted: %s", f.unseen);
	if (f.guessed[0])
		h0_warn(ctx, "nobody can say what these slots need, what they have by now is counted: %s", f.guessed);
	struct h0_rec *r = h0_rec_new(slot_fit_cols);
	fill(r, ctx->argc ? ctx->argv[0] : NULL, file.path, &f);
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc < 0 ? -1 : f.answer.verdict == H0_FIT_NOT ? H0_NO : 0;
}

void slot_warn_fit(struct h0_ctx *ctx, const struct h0_slot *slot)
{
	h0_autobox struct h0_box b = {0};
	h0_autofits struct h0_fits f = {0};
	h0_autobuf struct h0_buf why = {0};
	struct h0_err not = {0};
	if (slot->broken || !*slot->model || slot->device == H0_DEVICE_NPU || h0_box_open(&b, NULL) < 0)
		return;
	if (h0_fits_slot(&b, slot, &f, &not) < 0) {
		char text[1700];
		h0_err_text(&not, text, sizeof text);
		if (not.kind == H0_CONFIG)
			h0_warn(ctx, "%s", text);
		return;
	}
	h0_fits_judge(&b, H0_FITS_MACHINE, slot->name, &f);
	if (f.answer.verdict != H0_FIT_NOT)
		return;
	h0_fits_say(&f, &why);
	h0_warn(ctx, "%s does not fit: %s", slot->name, h0_buf_str(&why));
}

void slot_warn_fit_written(struct h0_ctx *ctx, const struct h0_changeset *cs)
{
	h0_auto(h0_slot_done) struct h0_slot slot = {0};
	if (!cs->n || !cs->v[0].after)
		return;
	h0_slot_parse(cs->v[0].path, cs->v[0].after, cs->v[0].after_len, &slot);
	slot_warn_fit(ctx, &slot);
}
