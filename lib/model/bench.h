/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How fast a slot is: what was measured, as a record that is kept, a row of Markdown, a picture.
 * Pure. Tokens per second and milliseconds; negative = unknown. A record holds no heap.
 */
#ifndef H0_MODEL_BENCH_H
#define H0_MODEL_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "fmt/json.h"

#define H0_BENCH_PROMPT 512             /* tokens read and written, where the context has room */
#define H0_BENCH_TOKENS 128
#define H0_BENCH_RUNS_MAX 100

/* Of several runs: the middle one, the worst and the best. */
struct h0_bench_spread {
	double median, low, high;
};
struct h0_bench_spread h0_bench_spread(const double *v, size_t n);

/* How many tokens fit a sequence of n_ctx tokens (0 or less: unknown, taken for enough), a quarter
 * of them for the answer. false: not even a few. */
bool h0_bench_size(int64_t n_ctx, int64_t *ret_prompt, int64_t *ret_tokens);

struct h0_bench {
	char slot[64], model[256], quant[32], device[32];
	char sha256[80];                /* of the model's first file; "" = nobody recorded it */
	int64_t model_bytes;            /* all tensors */
	char image[256], digest[80];    /* the reference that runs; "" = none known */
	char hardware[160], driver[128], kernel[128];
	int64_t at;                     /* seconds since 1970 */
	int64_t prompt, tokens, runs, context;
	int64_t together;               /* slots that were asked at once */
	struct h0_bench_spread read, write;     /* tokens/s: the prompt, the answer */
	struct h0_bench_spread first, trip;     /* ms: to the first token, a whole smallest request */
	int64_t gb_per_s;               /* the memory's, 10^9 bytes/s */
	int64_t gflops;                 /* the arithmetic's, 10^9 operations/s */
	char math[16];                  /* of which kind: "fp32", "int8", ... */
	char roof_from[16];             /* where both are from: "measured" or "device-table" */
	double write_roof;              /* tokens/s the memory allows at most */
	double read_roof;               /* tokens/s the arithmetic allows at most */
};

/* Percent of b that a is; -1 when either is unknown. */
double h0_bench_share(double a, double b);
/* The latest of n that was measured alike: slot, model, device, sizes and company. NULL: none. */
const struct h0_bench *h0_bench_last(const struct h0_bench *v, size_t n, const struct h0_bench *b);

struct h0_json *h0_bench_json(const struct h0_bench *b);
/* false: it makes no sense. */
bool h0_bench_read(const struct h0_json *j, struct h0_bench *ret);
/* A table with its head. */
void h0_bench_markdown(const struct h0_bench *v, size_t n, struct h0_buf *ret);
/* Two bars for each, with the roof where it is known. */
void h0_bench_svg(const struct h0_bench *v, size_t n, struct h0_buf *ret);

#endif
