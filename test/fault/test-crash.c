/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The writer dies at every operation; then power fails or not; then recovery dies at every
 * operation, and the recovery of that. No state may show a mix or lose a committed change.
 * test-crash DEPTH LOSSES explores as far as one likes (LOSSES 0: every power-loss state).
 */
#include "fault/explore.h"
#include "tap.h"

static void explore(const struct world *w, int depth, uint64_t max_losses)
{
	struct explore x = {.w = w, .depth = depth, .max_losses = max_losses, .lie_at = -1};
	explore_writer(&x, -1);
	char how[64] = "every power-loss state";
	if (max_losses)
		snprintf(how, sizeof how, "at most %llu power-loss states per crash",
		         (unsigned long long)max_losses);
	ok(x.violations == 0, "%s, recovery crashed %d deep, %s: %llu states, %llu violations",
	   w->name, depth, how, (unsigned long long)x.states, (unsigned long long)x.violations);
	if (x.violations)
		printf("# %s\n", x.first);
	explore_done(&x);
}

/* A writer dies, the next one (which has to recover first, and then makes another change) dies
 * as well, both anywhere. */
static void explore_two(const struct world *w, uint64_t max_losses)
{
	struct explore x = {.w = w, .max_losses = max_losses, .lie_at = -1};
	for (long k = 0, died = 1; died; k++) {
		struct h0_err e;
		autocrashfs struct crashfs *first = world_new(w);
		first->die_at = k;
		world_apply(w, first, &e);
		died = first->mutations > k;
		for (long l = 0, died2 = 1; died2; l++) {
			autocrashfs struct crashfs *fs = crashfs_copy(first);
			fs->die_at = l;
			int rc = world_revert(w, fs, &e);
			died2 = fs->mutations > l;
			explore_crash(&x, fs, !died2 && rc == 0 ? OLD : MIXED);
		}
	}
	ok(x.violations == 0, "%s, two writers die in turn, %llu power-loss states per crash: "
	   "%llu states, %llu violations", w->name, (unsigned long long)max_losses,
	   (unsigned long long)x.states, (unsigned long long)x.violations);
	if (x.violations)
		printf("# %s\n", x.first);
	explore_done(&x);
}

int main(int argc, char **argv)
{
#ifdef __SANITIZE_ADDRESS__
	const uint64_t sampled = 8;
#else
	const uint64_t sampled = 12;
#endif
	for (const struct world *const *w = worlds; *w; w++) {
		if (argc > 2) {
			explore(*w, atoi(argv[1]), strtoull(argv[2], NULL, 10));
			continue;
		}
		explore(*w, 1, 0);
		explore(*w, 2, sampled);
	}
	explore_two(&world_steady, sampled / 2);
	return tap_done();
}
