/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sys/fileset.h on the crash file system: whenever the writer dies, what the first file names is there
 * and as it was meant with it; the next write puts all in order; each fsync is necessary or harmless.
 */
#include <errno.h>

#include "base/mem.h"
#include "fault/crashfs.h"
#include "fault/world.h"
#include "sys/fileset.h"
#include "tap.h"

#define DIR "/etc/hal0/haproxy"
#define A   "set-00000000000a"
#define B   "set-00000000000b"
#define C   "set-00000000000c"

struct version {
	const char *set;
	struct h0_fileset_file v[3];
};
#define VERSION(s, text) {s, {{"main", "reads " DIR "/" s "/map", sizeof("reads " DIR "/" s "/map") - 1, 0644}, \
	{"map", "map " text, sizeof("map " text) - 1, 0644}, {"secret", "key " text, sizeof("key " text) - 1, 0600}}}
static const struct version versions[] = {VERSION(A, "old"), VERSION(B, "new, longer"), VERSION(C, "newest")};

static int put(struct crashfs *fs, const struct version *v)
{
	struct h0_err e;
	return h0_fileset_write(&fs->ops, DIR, v->set, v->v, 3, &e);
}

/* The version that is in force: its number, -1: none, -2: a mix. */
static int in_force(const struct crashfs *fs)
{
	const char *first = crashfs_get(fs, DIR "/main");
	for (int i = 0; first && i < 3; i++) {
		const struct version *v = &versions[i];
		bool whole = h0_streq(first, v->v[0].text);
		for (int k = 1; whole && k < 3; k++) { /* (its copy of the first file is for later) */
			h0_autofree char *path = h0_asprintf(DIR "/%s/%s", v->set, v->v[k].name);
			whole = h0_streq(crashfs_get(fs, path), v->v[k].text) &&
			        h0_starts(crashfs_meta(fs, path), k == 2 ? "600 " : "644 ");
		}
		if (whole)
			return i;
	}
	return first ? -2 : -1;
}

/* How many versions there were before: 0, or 1 (A), or 2 (A, then B). The next one is written. */
static struct crashfs *start(int versions_before)
{
	struct crashfs *fs = crashfs_new();
	crashfs_mkdir(fs, "/etc", true);
	crashfs_mkdir(fs, "/etc/hal0", true);
	for (int i = 0; i < versions_before; i++)
		if (put(fs, &versions[i]) < 0)
			abort();
	crashfs_sync_all(fs);
	crashfs_reset(fs);
	return fs;
}

/* Whoever goes back now, with `now` in force, comes to the one before it, or nowhere. */
static bool leads_back(const struct crashfs *fs, int now)
{
	autocrashfs struct crashfs *there = crashfs_copy(fs);
	h0_autobuf struct h0_buf old = {0}, new = {0};
	struct h0_err e;
	if (h0_fileset_back(&there->ops, DIR, "main", 0644, false, &old, &new, &e) < 0)
		return e.kind == H0_NO && in_force(there) == now;
	return now > 0 && in_force(there) == now - 1;
}

static long bad_states(const struct crashfs *fs, int before, bool done, long *ret_states)
{
	autocrashfs struct crashfs *base = crashfs_copy(fs);
	uint64_t n = crashfs_losses(base);
	long bad = 0;
	for (uint64_t i = 0; i < n && i < 4000; i++) {
		autocrashfs struct crashfs *lost = crashfs_loss(base, i);
		int now = in_force(lost);
		h0_autostrv struct h0_strv left = {0};
		bad += now != before && (done || now != before - 1);
		bad += !leads_back(lost, now);
		bad += put(lost, &versions[before]) < 0 || in_force(lost) != before;
		crashfs_find(lost, DIR, &left);
		/* two sets of three and the first file; what was committed already leaves the rest of an older
		 * set to the next change */
		bad += now == before ? left.n > 9 : left.n != (before ? 7u : 4u);
		++*ret_states;
	}
	return bad;
}

static long explore(int before, long lie_at, long *ret_states)
{
	long bad = 0;
	for (long k = 0;; k++) {
		autocrashfs struct crashfs *fs = start(before);
		fs->die_at = k;
		fs->lie_at = lie_at;
		int rc = put(fs, &versions[before]);
		bool died = fs->mutations > k;
		bad += bad_states(fs, before, !died && rc == 0, ret_states) + (!died && rc < 0);
		if (!died)
			return bad;
	}
}

/* Without an error said, nothing has failed; with one, what was there stays. */
static long faults(int before, long *ret_n)
{
	long bad = 0;
	for (long k = 0;; k++) {
		autocrashfs struct crashfs *fs = start(before);
		fs->fail_at = k;
		fs->fail_errno = ENOSPC;
		int rc = put(fs, &versions[before]);
		int now = in_force(fs);
		bad += rc == 0 ? now != before : now != before - 1 && now != before;
		if (!fs->failed)
			return bad;
		++*ret_n;
	}
}

static void back(void)
{
	autocrashfs struct crashfs *fs = start(2);
	h0_autobuf struct h0_buf old = {0}, new = {0};
	struct h0_err e;
	is_int(in_force(fs), 1, "the second of two is in force");
	ok(h0_fileset_back(&fs->ops, DIR, "main", 0644, true, &old, &new, &e) == 0 && in_force(fs) == 1,
	   "the way back can be seen without going it");
	ok(h0_fileset_back(&fs->ops, DIR, "main", 0644, false, &old, &new, &e) == 0, "back");
	is_int(in_force(fs), 0, "is the first");
	is_str(h0_buf_str(&new), versions[0].v[0].text, "its text");
	ok(h0_fileset_back(&fs->ops, DIR, "main", 0644, false, &old, &new, &e) == 0 && in_force(fs) == 1, "and forward");
	autocrashfs struct crashfs *one = start(1), *none = start(0);
	ok(h0_fileset_back(&one->ops, DIR, "main", 0644, false, &old, &new, &e) < 0 && e.kind == H0_NO, "the first has none before it");
	ok(h0_fileset_back(&none->ops, DIR, "main", 0644, false, &old, &new, &e) < 0 && e.kind == H0_NO, "nor has nothing");
}

int main(void)
{
	static const char *const what[] = {"the first", "the second", "the third"};
	for (int before = 0; before < 3; before++) {
		long states = 0, n = 0;
		long bad = explore(before, -1, &states);
		ok(bad == 0, "%s: %ld states, %ld bad", what[before], states, bad);
		bad = faults(before, &n);
		ok(bad == 0, "%s: %ld faults, %ld bad", what[before], n, bad);
	}
	long states = 0, needed = 0;
	for (long k = 0; k < 12; k++)
		needed += explore(1, k, &states) > 0;
	ok(needed >= 6, "of its fsyncs %ld are found to be needed", needed);
	back();
	return tap_done();
}
