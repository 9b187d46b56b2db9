/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A probe of this machine: without Vulkan in time and memory, and with Vulkan beside
 * `vulkaninfo --summary`, turn by turn, from fork to exit; and the processes it makes, counted by
 * strace where that is.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 60

struct cost {
	double ms[ROUNDS], mib[ROUNDS];
};

static void run(char *const *argv, struct cost *c, int i)
{
	bench_run(argv, 1, &c->ms[i], &c->mib[i]);
}

/* -1: nobody counts. */
static int children(const char *probe, const char *option)
{
	char line[512], path[] = "/tmp/hal0-bench.XXXXXX";
	int n = 0, fd = mkstemp(path);
	snprintf(line, sizeof line, "strace -f -qq -e trace=fork,vfork,clone,clone3 -o %s '%s' show %s "
	         ">/dev/null 2>&1", path, probe, option);
	bool ran = fd >= 0 && system(line) == 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	while (f && fgets(line, sizeof line, f))
		n += strstr(line, "clone") || strstr(line, "fork");
	if (f)
		fclose(f);
	unlink(path);
	return ran ? n : -1;
}

int main(int argc, char **argv)
{
	static struct cost plain, full, other;
	if (argc != 2) {
		fprintf(stderr, "usage: bench-probe HAL0-PROBE\n");
		return 1;
	}
	char *const bare[] = {argv[1], (char[]){"show"}, (char[]){"--no-vulkan"}, NULL};
	char *const all[] = {argv[1], (char[]){"show"}, NULL};
	char *const info[] = {(char[]){"vulkaninfo"}, (char[]){"--summary"}, NULL};
	bool there = access("/usr/bin/vulkaninfo", X_OK) == 0;
	for (int i = 0; i < ROUNDS; i++) {
		run(bare, &plain, i);
		run(all, &full, i);
		if (there)
			run(info, &other, i);
	}
	bench_row("probe, time", bench_median(plain.ms, ROUNDS), 10, "ms", "without Vulkan");
	bench_row("probe, memory", bench_median(plain.mib, ROUNDS), 8, "MiB", "without Vulkan");
	if (there)
		bench_row("probe with Vulkan, time", bench_median(full.ms, ROUNDS),
		          bench_median(other.ms, ROUNDS), "ms", "vulkaninfo --summary");
	int without = children(argv[1], "--no-vulkan"), with = children(argv[1], "");
	if (without >= 0)
		bench_row("probe, processes it makes", without, 0, "", "without Vulkan");
	if (with >= 0)
		bench_row("probe with Vulkan, processes", with, 1, "", "the one that asks the drivers");
	return 0;
}
