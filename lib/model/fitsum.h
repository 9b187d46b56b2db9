/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sums and products of amounts nobody vouches for: negative is unknown, and so is what overflows
 * or comes from something unknown.
 */
#ifndef H0_MODEL_FITSUM_H
#define H0_MODEL_FITSUM_H

#include <stdint.h>

static inline int64_t h0_sum(int64_t a, int64_t b)
{
	int64_t r;
	return a < 0 || b < 0 || __builtin_add_overflow(a, b, &r) ? -1 : r;
}

static inline int64_t h0_times(int64_t a, int64_t b)
{
	int64_t r;
	return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &r) ? -1 : r;
}

static inline int64_t h0_sum_of(uint64_t v)
{
	return v > INT64_MAX ? -1 : (int64_t)v;
}

#endif
