/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A probe of this machine: without Vulkan in time and memory, and with Vulkan beside
 * `vulkaninfo --summary`, turn by turn, from fork to exit.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdbool.h>
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
	return 0;
}
