/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

#include <errno.h>
#include <inttypes.h>

#include "base/mem.h"
#include "cli/stop.h"
#include "run/bench.h"
#include "sys/durable.h"

#define RUNS 3

struct results {
	struct h0_bench *v;     /* kept before */
	size_t n;
};

static void put_real(struct h0_rec *r, int col, double v)
{
	if (v >= 0)
		h0_rec_real(r, col, v);
}

static void put_int(struct h0_rec *r, int col, int64_t v)
{
	if (v >= 0)
		h0_rec_int(r, col, v);
}

static void put_text(struct h0_rec *r, int col, const char *s)
{
	h0_rec_str(r, col, *s ? s : NULL);
}

/* The three columns of a spread follow each other. */
static void put_spread(struct h0_rec *r, int col, struct h0_bench_spread s)
{
	put_real(r, col, s.median);
	put_real(r, col + 1, s.low);
	put_real(r, col + 2, s.high);
}

static void put_subject(struct h0_rec *r, const struct h0_bench *b)
{
	put_text(r, BENCH_MODEL, b->model);
	put_text(r, BENCH_QUANT, b->quant);
	put_text(r, BENCH_SHA256, b->sha256);
	put_text(r, BENCH_DEVICE, b->device);
	put_text(r, BENCH_HARDWARE, b->hardware);
	put_text(r, BENCH_DRIVER, b->driver);
	put_text(r, BENCH_KERNEL, b->kernel);
	put_text(r, BENCH_IMAGE, b->image);
	put_text(r, BENCH_DIGEST, b->digest);
	put_int(r, BENCH_BYTES, b->model_bytes);
	put_int(r, BENCH_BANDWIDTH, b->gb_per_s);
	put_int(r, BENCH_GFLOPS, b->gflops);
	put_text(r, BENCH_MATH, b->math);
	put_text(r, BENCH_FROM, b->roof_from);
}

/* Against one that was measured before it, among the n first. */
static void put(struct h0_rec *r, const struct h0_bench *b, const struct h0_bench *old, size_t n)
{
	const struct h0_bench *last = h0_bench_last(old, n, b);
	h0_autofree char *test = h0_asprintf("pp%" PRId64 " tg%" PRId64, b->prompt, b->tokens);
	h0_rec_row(r);
	h0_rec_str(r, BENCH_NAME, b->slot);
	h0_rec_str(r, BENCH_TEST, test);
	put_spread(r, BENCH_READ, b->read);
	put_spread(r, BENCH_WRITE, b->write);
	put_spread(r, BENCH_FIRST, b->first);
	put_spread(r, BENCH_TRIP, b->trip);
	put_real(r, BENCH_ROOF, b->write_roof);
	put_real(r, BENCH_READ_ROOF, b->read_roof);
	put_real(r, BENCH_SHARE, h0_bench_share(b->write.median, b->write_roof));
	put_real(r, BENCH_READ_SHARE, h0_bench_share(b->read.median, b->read_roof));
	if (last && b->write.median >= 0 && last->write.median > 0)
		h0_rec_real(r, BENCH_SINCE, h0_bench_share(b->write.median, last->write.median) - 100);
	if (last && b->read.median >= 0 && last->read.median > 0)
		h0_rec_real(r, BENCH_SINCE_READ, h0_bench_share(b->read.median, last->read.median) - 100);
	put_int(r, BENCH_RUNS, b->runs);
	put_int(r, BENCH_TOGETHER, b->together);
	put_int(r, BENCH_PROMPT, b->prompt);
	put_int(r, BENCH_TOKENS, b->tokens);
	put_int(r, BENCH_CONTEXT, b->context);
	put_int(r, BENCH_AT, b->at > 0 ? b->at : -1);
	put_subject(r, b);
}

static bool wanted(const struct h0_ctx *ctx, const struct h0_bench *b)
{
	for (int i = 0; i < ctx->argc; i++)
		if (h0_streq(ctx->argv[i], b->slot))
			return true;
	return ctx->argc == 0;
}

/* `old`: what was measured before them; NULL: they are the history, each follows the ones before. */
static int print(struct h0_ctx *ctx, const struct slot_bench_opts *o, const struct h0_bench *v,
                 size_t n, const struct results *old, struct h0_err *e)
{
	h0_autobuf struct h0_buf md = {0};
	if (o->markdown) {
		h0_bench_markdown(v, n, &md);
		return h0_out_text(ctx, h0_buf_str(&md), e);
	}
	struct h0_json *more = old ? h0_json_object() : NULL;
	if (old)
		h0_json_set_bool(more, "changed", true);
	if (ctx->dry_run && old)
		h0_json_set_bool(more, "dry_run", true);
	struct h0_rec *r = h0_rec_new(slot_bench_cols);
	for (size_t i = 0; i < n; i++)
		put(r, &v[i], old ? old->v : v, old ? old->n : i);
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}

static int plot(const char *path, const struct h0_paths *paths, struct h0_err *e)
{
	h0_autofree struct h0_bench *v = NULL;
	h0_autobuf struct h0_buf svg = {0};
	size_t n = 0;
	if (h0_bench_list(paths, &v, &n, e) < 0)
		return -1;
	h0_bench_svg(v, n, &svg);
	return h0_durable_write(path, svg.p, svg.len, 0644, e);
}

static void tell(int64_t run, int64_t runs, void *arg)
{
	h0_autofree char *key = h0_asprintf("%" PRId64, run);
	if (run < 0)
		h0_progress(arg, key, "looking what the processors can do");
	else if (run)
		h0_progress(arg, key, "run %" PRId64 " of %" PRId64, run, runs);
	else
		h0_progress(arg, key, "warming up");
}

static int seats(struct h0_ctx *ctx, struct h0_box *b, struct h0_bench_seat *v, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_slot *slot;
	for (int i = 0; i < ctx->argc; i++) {
		if (h0_slots_find(&b->slots, ctx->argv[i], &slot, e) < 0)
			return -1;
		for (int k = 0; k < i; k++)
			if (h0_streq(ctx->argv[i], ctx->argv[k]))
				return h0_fail(e, H0_USAGE, "slot %s is named twice", ctx->argv[i]);
	}
	if (h0_podman_ps(&b->podman, &ctrs, e) < 0)
		return -1;
	for (int i = 0; i < ctx->argc; i++)
		if (h0_slots_find(&b->slots, ctx->argv[i], &slot, e) < 0 ||
		    h0_bench_seat(b, &ctrs, slot, &v[i], e) < 0)
			return -1;
	return 0;
}

static int measure(struct h0_ctx *ctx, struct h0_box *b, const struct slot_bench_opts *o,
                   struct h0_bench_seat *v, struct h0_err *e)
{
	struct h0_stop stop = h0_stop_catch();
	struct h0_bench_how how = {.runs = o->runs ? o->runs : RUNS, .stop = stop.signal, .tell = tell,
		.arg = ctx};
	if (seats(ctx, b, v, e) < 0)
		return -1;
	int rc = ctx->dry_run ? h0_bench_prepare(v, (size_t)ctx->argc, stop.signal, e)
	                      : h0_bench_measure(v, (size_t)ctx->argc, &how, e);
	h0_progress(ctx, "", "%s", "");
	if (*stop.signal)
		h0_stop_die(&stop);
	for (int i = 0; rc == 0 && i < ctx->argc; i++)
		if (v[i].result.prompt < H0_BENCH_PROMPT)
			h0_say(ctx, "%s: its context is %" PRId64 " tokens: measured with %" PRId64 " and %" PRId64,
			       v[i].slot->name, v[i].result.context, v[i].result.prompt, v[i].result.tokens);
	return rc;
}

/* What would be asked, and what would be written. */
static int show(struct h0_ctx *ctx, const struct h0_box *b, const struct slot_bench_opts *o,
                const struct h0_bench *v, size_t n, const struct results *old, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	if (ctx->json || ctx->columns || ctx->format)
		return print(ctx, &(struct slot_bench_opts){0}, v, n, old, e);
	for (size_t i = 0; i < n; i++)
		h0_buf_addf(&text, "would measure %s: pp%" PRId64 " tg%" PRId64 ", %" PRId64 " times\n", v[i].slot,
		            v[i].prompt, v[i].tokens, o->runs ? o->runs : RUNS);
	h0_buf_addf(&text, "would add to %s/bench.jsonl: %zu line%s\n", b->paths.var, n, n == 1 ? "" : "s");
	if (o->plot)
		h0_buf_addf(&text, "would write %s\n", o->plot);
	return h0_out_text(ctx, h0_buf_str(&text), e);
}

static int history(struct h0_ctx *ctx, const struct slot_bench_opts *o, const struct results *old,
                   struct h0_err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < old->n; i++)
		if (wanted(ctx, &old->v[i]))
			old->v[n++] = old->v[i];
	return print(ctx, o, old->v, n, NULL, e);
}

int slot_bench(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_bench_opts *o = opts;
	h0_autobox struct h0_box b = {0};
	h0_autofree struct h0_bench *kept = NULL, *now = NULL;
	struct results old = {0};
	if (!ctx->argc && !o->history)
		return h0_fail(e, H0_USAGE, "name a slot that runs, or give --history");
	if (h0_box_open(&b, e) < 0 || h0_bench_list(&b.paths, &kept, &old.n, e) < 0)
		return -1;
	old.v = kept;
	if (o->history)
		return history(ctx, o, &old, e) < 0 || (o->plot && !ctx->dry_run && plot(o->plot, &b.paths, e) < 0) ? -1 : 0;
	size_t n = (size_t)ctx->argc;
	struct h0_bench_seat *v = h0_calloc(n, sizeof *v);
	int rc = measure(ctx, &b, o, v, e);
	now = h0_calloc(n, sizeof *now);
	for (size_t i = 0; i < n; i++)
		now[i] = v[i].result;
	h0_bench_seats_done(v, n);
	if (rc == 0 && ctx->dry_run)
		return show(ctx, &b, o, now, n, &old, e);
	if (rc < 0 || h0_bench_keep(&b.paths, now, n, e) < 0 || print(ctx, o, now, n, &old, e) < 0)
		return -1;
	return o->plot ? plot(o->plot, &b.paths, e) : 0;
}
