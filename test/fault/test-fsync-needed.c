/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every fsync must earn its place: with the k-th one doing nothing, some state must show a mix, a
 * lost commit or an undone edit. That guards against a missing sync and against one that is
 * there for luck, and it shows that the explorer can see what it looks for.
 */
#include "fault/explore.h"
#include "tap.h"

static bool writer_needs(const struct world *w, long k, uint64_t *states)
{
	struct explore x = {.w = w, .lie_at = -1, .stop_at_first = true};
	explore_writer(&x, k);
	*states = x.states;
	explore_done(&x);
	return x.violations > 0;
}

static bool recovery_needs(const struct world *w, long k, uint64_t *states)
{
	struct explore x = {.w = w, .depth = 1, .max_losses = 64, .lie_at = k, .stop_at_first = true};
	explore_writer(&x, -1);
	*states = x.states;
	explore_done(&x);
	return x.violations > 0;
}

/* The fsyncs of a whole run, or of recovery after the commit. */
static void fsyncs_of(const struct world *w, bool recovery, struct h0_strv *ret)
{
	struct h0_err e;
	autocrashfs struct crashfs *fs = recovery ? world_after_commit(w) : world_new(w);
	fs->keep_log = true;
	if (recovery)
		world_recover(fs, &e);
	else
		world_apply(w, fs, &e);
	for (size_t i = 0; i < fs->fsync_log.n; i++)
		h0_strv_add(ret, fs->fsync_log.v[i]);
}

static void try_all(const struct world *w, bool recovery)
{
	h0_autostrv struct h0_strv syncs = {0};
	fsyncs_of(w, recovery, &syncs);
	for (size_t k = 0; k < syncs.n; k++) {
		uint64_t states;
		bool needed = recovery ? recovery_needs(w, (long)k, &states)
		                       : writer_needs(w, (long)k, &states);
		ok(needed, "%s, %s: without fsync %zu of %zu (%s) something breaks (%llu states)",
		   w->name, recovery ? "recovery" : "writer", k + 1, syncs.n, syncs.v[k],
		   (unsigned long long)states);
	}
}

/* A writer died between the retiring rename and its fsync. Whoever then says "nothing to do"
 * must make that rename durable: otherwise the journal comes back and undoes later edits. */
static void nothing_to_do(const char *who, bool recovery, long lie_at, bool want)
{
	const struct world *w = &world_steady;
	struct h0_err e;
	struct explore x = {.w = w, .lie_at = -1};
	autocrashfs struct crashfs *fs = world_new(w);
	fs->keep_log = true;
	world_apply(w, fs, &e);
	long last = (long)fs->log.n - 1;
	autocrashfs struct crashfs *died = world_new(w);
	died->die_at = last;
	world_apply(w, died, &e);
	crashfs_reset(died);
	died->lie_at = lie_at;
	int rc = recovery ? world_recover(died, &e) : world_apply(w, died, &e);
	long syncs = died->fsyncs;
	crashfs_reset(died);
	explore_revert(&x, died);
	ok(rc == 0 && syncs == 1 && (x.violations > 0) == want, "%s with nothing to do: %s", who,
	   want ? "without its one fsync a later edit is undone" : "one fsync, later edits hold");
	explore_done(&x);
}

int main(void)
{
	nothing_to_do("recovery", true, -1, false);
	nothing_to_do("recovery", true, 0, true);
	nothing_to_do("a writer", false, -1, false);
	nothing_to_do("a writer", false, 0, true);
	for (const struct world *const *w = worlds; *w; w++) {
		try_all(*w, false);
		try_all(*w, true);
	}
	return tap_done();
}
