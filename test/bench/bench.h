/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For the benchmarks: a clock, medians, and the line that scripts/bench reads:
 *     NAME <tab> FIGURE <tab> BAR <tab> UNIT <tab> NOTE
 * The figure holds when it is at most the bar. Both come from the same run, side by side, where
 * the bar is relative (twice what toml++ takes, 1.2 times the bare calls).
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Milliseconds on the monotonic clock. */
__attribute__((unused)) static double bench_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int bench_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Sorts v. */
__attribute__((unused)) static double bench_median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, bench_cmp);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

__attribute__((unused)) static void bench_row(const char *name, double figure, double bar,
                                              const char *unit, const char *note)
{
	printf("%s\t%.4g\t%.4g\t%s\t%s\n", name, figure, bar, unit, note);
	fflush(stdout);
}

#endif
