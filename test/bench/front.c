/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a call costs that only reads: `hal0 conf get FILE KEY`, `hal0 profile list`, beside an empty
 * process (/bin/true), turn by turn. Time from fork to exit and peak memory (maximum resident set), both
 * as differences of medians.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 200

struct cost {
	double ms[ROUNDS], mib[ROUNDS];
};

static void run(char *const *argv, struct cost *c, int i)
{
	bench_run(argv, 1, &c->ms[i], &c->mib[i]);
}

static const char *write_file(const char *dir)
{
	static char path[64];
	snprintf(path, sizeof path, "%s/hal0.toml", dir);
	FILE *f = fopen(path, "w");
	if (!f || fputs("[slots]\nidle_timeout_s = 600\n", f) < 0 || fclose(f) != 0)
		exit(1);
	return path;
}

int main(int argc, char **argv)
{
	static struct cost base, front, verb, list;
	char dir[] = "/tmp/hal0-bench.XXXXXX", note[64];
	if (argc != 2 || !mkdtemp(dir)) {
		fprintf(stderr, "usage: bench-front HAL0\n");
		return 1;
	}
	const char *file = write_file(dir);
	char *const nothing[] = {(char[]){"/bin/true"}, NULL};
	char *const version[] = {argv[1], (char[]){"--version"}, NULL};
	char *const get[] = {argv[1], (char[]){"conf"}, (char[]){"get"}, (char *)(uintptr_t)file,
	                     (char[]){"slots.idle_timeout_s"}, NULL};
	char *const profiles[] = {argv[1], (char[]){"profile"}, (char[]){"list"}, NULL};
	setenv("HAL0_HOME", dir, 1);
	for (int i = 0; i < ROUNDS; i++) {
		run(nothing, &base, i);
		run(version, &front, i);
		run(get, &verb, i);
		run(profiles, &list, i);
	}
	double ms = bench_median(base.ms, ROUNDS), mib = bench_median(base.mib, ROUNDS);
	snprintf(note, sizeof note, "above /bin/true: %.2f ms, %.1f MiB", ms, mib);
	bench_row("front alone, time", bench_median(front.ms, ROUNDS) - ms, 5, "ms", note);
	bench_row("front and verb, time", bench_median(verb.ms, ROUNDS) - ms, 5, "ms", note);
	bench_row("front and verb, memory", bench_median(verb.mib, ROUNDS) - mib, 6, "MiB", note);
	bench_row("profile list, time", bench_median(list.ms, ROUNDS) - ms, 5, "ms", "as shipped, through the front");
	return unlink(file) || rmdir(dir);
}
