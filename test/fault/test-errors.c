/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every operation of a change and of recovery fails once, with each error a file system gives;
 * and from then on for good, as when it turns read-only. Whatever is reported, the files are old
 * or new, also after power loss right then, and the next command finishes the job.
 */
#include <errno.h>

#include "fault/explore.h"
#include "tap.h"

static const struct {
	int err;
	const char *name;
} errors[] = {
	{EIO, "EIO"}, {ENOSPC, "ENOSPC"}, {EDQUOT, "EDQUOT"}, {EROFS, "EROFS"},
	{EINTR, "EINTR"}, {ENOMEM, "ENOMEM"}, {0, "short write"},
};

struct tally {
	long runs, failed, bad;
	char first[1800];
};

static void bad(struct tally *t, const struct crashfs *fs, long op, const char *what)
{
	h0_autobuf struct h0_buf b = {0};
	if (t->bad++)
		return;
	crashfs_dump(fs, &b);
	snprintf(t->first, sizeof t->first, "operation %ld: %s\n%s", op, what, h0_buf_str(&b));
}

static bool committed(const struct crashfs *fs)
{
	return crashfs_get(fs, ETC "/.txn/journal") || crashfs_get(fs, ETC "/.txn/applied");
}

/* What must hold after the faulty run, whatever it said. */
static void judge(const struct world *w, struct crashfs *fs, int rc, const struct h0_err *e,
                  bool cleaned, long op, struct tally *t)
{
	struct h0_err e2;
	enum view v;
	crashfs_reset(fs);
	v = world_snap(w, &fs->ops, NULL);
	if (v != OLD && v != NEW)
		bad(t, fs, op, "the snapshot is neither old nor new");
	if (rc == 0 && (v != NEW || world_files(w, fs) != NEW || world_leftovers(fs)))
		bad(t, fs, op, "success, and not done");
	if (rc < 0 && (e->kind != H0_SYS || !e->msg[0]))
		bad(t, fs, op, "failure of the wrong kind");
	if (rc < 0 && cleaned && v == OLD && world_leftovers(fs))
		bad(t, fs, op, "nothing was changed, and something was left behind");
	struct explore x = {.w = w, .max_losses = 4, .lie_at = -1};
	explore_crash(&x, fs, MIXED);
	if (x.violations)
		bad(t, fs, op, x.first);
	explore_done(&x);
	if (world_apply(w, fs, &e2) < 0 || world_files(w, fs) != NEW || world_leftovers(fs))
		bad(t, fs, op, "the next command does not finish the job");
}

static void one_error(const struct world *w, const struct crashfs *start, bool recovery, size_t k,
                      bool for_good)
{
	struct tally t = {0};
	for (long n = 0;; n++) {
		struct h0_err e = {0};
		autocrashfs struct crashfs *fs = crashfs_copy(start);
		fs->fail_at = n;
		fs->fail_errno = errors[k].err;
		fs->fail_on = for_good;
		int rc = recovery ? world_recover(fs, &e) : world_apply(w, fs, &e);
		if (fs->ops_n <= n)
			break;
		if (!fs->failed)
			continue; /* this one is no write */
		t.runs++;
		t.failed += rc < 0;
		judge(w, fs, rc, &e, !for_good && !recovery, n, &t);
	}
	ok(t.runs && !t.bad, "%s, %s, %s%s: %ld faults, %ld reported, %ld wrong", w->name,
	   recovery ? "recovery" : "writer", errors[k].name, for_good ? " for good" : "", t.runs,
	   t.failed, t.bad);
	if (t.bad)
		printf("# %s\n", t.first);
}

int main(void)
{
	const struct world *const tried[] = {&world_steady, &world_first, &world_modprobe};
	for (size_t i = 0; i < H0_ARRAY_LEN(tried); i++) {
		autocrashfs struct crashfs *fresh = world_new(tried[i]);
		autocrashfs struct crashfs *half = world_after_commit(tried[i]);
		for (size_t k = 0; k < H0_ARRAY_LEN(errors); k++) {
			one_error(tried[i], fresh, false, k, false);
			if (errors[k].err && errors[k].err != EINTR)
				one_error(tried[i], fresh, false, k, true);
			one_error(tried[i], half, true, k, false);
		}
		ok(committed(half), "%s: recovery had something to recover", tried[i]->name);
	}
	return tap_done();
}
