/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sys/durable.h on the crash file system: a single file is old or new whatever happens, new once
 * success was reported, and both fsyncs are necessary.
 */
#include "fault/crashfs.h"
#include "fault/world.h"
#include "sys/durable.h"
#include "tap.h"

#define FILE_ "/var/state.json"
static const char old_text[] = "{\"state\": \"old\"}", new_text[] = "{\"state\": \"new\", \"longer\": true}";

static struct crashfs *start(bool exists)
{
	struct crashfs *fs = crashfs_new();
	crashfs_mkdir(fs, "/var", true);
	if (exists)
		crashfs_put(fs, FILE_, old_text);
	return fs;
}

static int write_new(struct crashfs *fs)
{
	struct h0_err e;
	return h0_durable_write_ops(&fs->ops, FILE_, new_text, strlen(new_text), 0600, &e);
}

/* Counts the states after which the file is neither, or is old though success was reported. */
static long bad_states(const struct crashfs *fs, bool exists, bool done, long *ret_states)
{
	autocrashfs struct crashfs *base = crashfs_copy(fs);
	uint64_t n = crashfs_losses(base);
	long bad = 0;
	for (uint64_t i = 0; i < n; i++) {
		autocrashfs struct crashfs *lost = crashfs_loss(base, i);
		const char *now = crashfs_get(lost, FILE_);
		bool is_new = h0_streq(now, new_text) && h0_streq(crashfs_meta(lost, FILE_),
		                                                   exists ? "644 0:0" : "600 0:0");
		bool is_old = h0_streq(now, exists ? old_text : NULL);
		bad += !is_new && (done || !is_old);
		/* whoever comes next succeeds, whatever was left */
		bad += write_new(lost) < 0 || !h0_streq(crashfs_get(lost, FILE_), new_text);
		++*ret_states;
	}
	return bad;
}

static long explore(bool exists, long lie_at, long *ret_states)
{
	long bad = 0;
	for (long k = 0;; k++) {
		autocrashfs struct crashfs *fs = start(exists);
		fs->die_at = k;
		fs->lie_at = lie_at;
		int rc = write_new(fs);
		bool died = fs->mutations > k;
		bad += bad_states(fs, exists, !died && rc == 0, ret_states) + (!died && rc < 0);
		if (!died)
			return bad;
	}
}

int main(void)
{
	for (int exists = 0; exists < 2; exists++) {
		long states = 0;
		long bad = explore(exists, -1, &states);
		ok(bad == 0, "%s: %ld states, %ld bad", exists ? "replaced" : "created", states, bad);
		for (long k = 0; k < 2; k++)
			ok(explore(exists, k, &states) > 0, "without fsync %ld something breaks", k + 1);
	}
	return tap_done();
}
