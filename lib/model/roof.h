/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How fast a model can be at most: decoding by the memory's bandwidth, reading a prompt by the
 * arithmetic. Pure. Tokens per second; negative = unknown.
 */
#ifndef H0_MODEL_ROOF_H
#define H0_MODEL_ROOF_H

#include <stdbool.h>

#include "fmt/json.h"
#include "model/fit.h"

enum h0_math { H0_MATH_FP32, H0_MATH_BF16, H0_MATH_FP16, H0_MATH_INT8, H0_MATH_N };
extern const char *const h0_math_names[]; /* "fp32", "bf16", "fp16", "int8" */

struct h0_roof {
	double gb_per_s;                /* 10^9 bytes/s */
	double gflops[H0_MATH_N];       /* 10^9 operations/s, a multiplication and an addition are two */
	bool measured;                  /* else what the table of devices says (model/gpuid.h) */
};
void h0_roof_unknown(struct h0_roof *r);
/* Of the first GPU that hardware.json names. false: it names none. */
bool h0_roof_gpu(const struct h0_json *doc, struct h0_roof *ret);

/* Operations for one of `tokens` tokens of a prompt: the layers' matrices, and attention to what
 * came before. The vocabulary's matrix is left out: only the last token needs it. */
double h0_roof_operations(const struct h0_fit_model *m, int64_t tokens);
/* The fastest arithmetic a server may use for such weights: whole numbers for quantised ones.
 * H0_MATH_N: none is known. */
enum h0_math h0_roof_math(const struct h0_roof *r, const struct h0_gguf *g);

#endif
