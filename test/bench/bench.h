/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For the benchmarks: a clock, medians, and the line that scripts/bench reads:
 *     NAME <tab> FIGURE <tab> BAR <tab> UNIT <tab> NOTE
 * The figure holds when it is at most the bar, or at least where the bar begins with ">="; "-" is a
 * figure that was not measured this time, or a bar that there is not. Both come from the same run, side by side, where
 * the bar is relative (twice what toml++ takes, 1.2 times the bare calls).
 */
#ifndef BENCH_H
#define BENCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* Runs a program with stdout (and stderr, when quiet) thrown away: from fork to exit, and its peak
 * memory. Exit codes other than 0 end the benchmark: what failed early is no measure. */
__attribute__((unused)) static void bench_run(char *const *argv, int quiet, double *ret_ms,
                                              double *ret_mib)
{
	struct rusage use;
	int status;
	double start = bench_ms();
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		if (quiet)
			dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &use) != pid || status != 0) {
		fprintf(stderr, "%s: exit status %d\n", argv[0], status);
		exit(1);
	}
	*ret_ms = bench_ms() - start;
	*ret_mib = (double)use.ru_maxrss / 1024;
}

__attribute__((unused)) static void bench_row(const char *name, double figure, double bar,
                                              const char *unit, const char *note)
{
	printf("%s\t%.4g\t%.4g\t%s\t%s\n", name, figure, bar, unit, note);
	fflush(stdout);
}

#endif
