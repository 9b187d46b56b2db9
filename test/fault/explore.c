/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fault/explore.h"

#include <stdarg.h>
#include <string.h>

static void violation(struct explore *x, const struct crashfs *fs, const char *fmt, ...)
	H0_PRINTF(3, 4);
static void violation(struct explore *x, const struct crashfs *fs, const char *fmt, ...)
{
	if (x->violations++)
		return;
	h0_autobuf struct h0_buf b = {0};
	char what[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	crashfs_dump(fs, &b);
	snprintf(x->first, sizeof x->first, "%s in world '%s'\n%s", what, x->w->name, h0_buf_str(&b));
}

static bool enough(const struct explore *x)
{
	return x->stop_at_first && x->violations;
}

/* Recovery in peace: I1, I2, I3, I6. */
static void settle(struct explore *x, const struct crashfs *state, enum view must)
{
	struct h0_err e;
	autocrashfs struct crashfs *fs = crashfs_copy(state);
	if (world_recover(fs, &e) < 0) {
		violation(x, state, "I1: recovery failed: %.150s", e.msg);
		return;
	}
	enum view v = world_files(x->w, fs);
	if (v == MIXED)
		violation(x, state, "I1: a mix after recovery");
	if (must != MIXED && v != must)
		violation(x, state, "I2: %s after recovery, must be %s", view_name[v], view_name[must]);
	if (world_leftovers(fs))
		violation(x, fs, "I3: leftovers after recovery");
	autocrashfs struct crashfs *twice = crashfs_copy(fs);
	if (world_recover(twice, &e) < 0 || !world_same_files(fs, twice))
		violation(x, fs, "I6: a second recovery changed something");
	if (v == NEW)
		explore_revert(x, fs);
}

/* The command is given again on what the crash left: it says done, and that holds. */
static void retry(struct explore *x, const struct crashfs *state)
{
	struct h0_err e;
	autocrashfs struct crashfs *fs = crashfs_copy(state);
	if (world_apply(x->w, fs, &e) < 0 || world_files(x->w, fs) != NEW) {
		violation(x, state, "the change cannot be made again: %.150s", e.msg);
		return;
	}
	autocrashfs struct crashfs *base = crashfs_copy(fs);
	uint64_t n = crashfs_losses(base);
	for (uint64_t i = 0; i < n && !enough(x); i++) {
		autocrashfs struct crashfs *lost = crashfs_loss(base, i);
		if (world_snap(x->w, &lost->ops, NULL) != NEW)
			violation(x, lost, "I2: done was said again, and is not durable");
	}
	explore_revert(x, fs);
}

/* Recovery, dying at every operation of it. */
static void recover_crashing(struct explore *x, const struct crashfs *state, enum view must)
{
	for (long k = 0;; k++) {
		struct h0_err e;
		autocrashfs struct crashfs *fs = crashfs_copy(state);
		fs->die_at = k;
		fs->lie_at = x->lie_at;
		int rc = world_recover(fs, &e);
		bool died = fs->mutations > k;
		if (!died && rc == 0 && x->lie_at >= 0 && world_files(x->w, fs) == NEW)
			explore_revert(x, fs); /* recovery said it was done */
		if (!died || enough(x))
			return;
		x->depth--;
		explore_crash(x, fs, must);
		x->depth++;
	}
}

static void one_state(struct explore *x, struct crashfs *state, enum view must, bool power_lost)
{
	uint64_t sum = crashfs_sum(state) * 31 + (uint64_t)x->depth * 7 + (uint64_t)must;
	if (enough(x) || !seen_add(&x->seen, sum))
		return;
	x->states++;
	enum view v = world_snap(x->w, &state->ops, NULL);
	if (v == MIXED || v == FAILED)
		violation(x, state, "I7: snapshot %s", view_name[v]);
	else if (must != MIXED && v != must)
		violation(x, state, "I7: snapshot %s, must be %s", view_name[v], view_name[must]);
	/* what survived power loss is decided */
	if (power_lost && must == MIXED && v != FAILED)
		must = v;
	settle(x, state, must);
	if (x->lie_at < 0)
		retry(x, state);
	if (x->depth > 0)
		recover_crashing(x, state, must);
}

/* A fixed sequence, so that a run can be repeated. */
static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

void explore_crash(struct explore *x, const struct crashfs *fs, enum view must)
{
	autocrashfs struct crashfs *killed = crashfs_copy(fs);
	if (!seen_add(&x->seen, crashfs_sum(killed) * 31 + (uint64_t)x->depth * 7 + (uint64_t)must + 500))
		return;
	uint64_t n = crashfs_losses(killed), random = 88172645463325252u;
	bool all = !x->max_losses || n <= x->max_losses;
	one_state(x, killed, must, false);
	for (uint64_t i = 0; i < (all ? n : x->max_losses) && !enough(x); i++) {
		autocrashfs struct crashfs *lost = crashfs_loss(killed, all ? i : next_random(&random) % n);
		one_state(x, lost, must, true);
	}
}

void explore_revert(struct explore *x, const struct crashfs *done)
{
	struct h0_err e;
	autocrashfs struct crashfs *fs = crashfs_copy(done);
	for (const struct file *f = x->w->files; f->path; f++) {
		h0_autofree char *p = world_path(f->path);
		crashfs_write_over(fs, p, f->before);
	}
	autocrashfs struct crashfs *base = crashfs_copy(fs);
	uint64_t n = crashfs_losses(base);
	for (uint64_t i = 0; i < n && !enough(x); i++) {
		autocrashfs struct crashfs *lost = crashfs_loss(base, i);
		if (!seen_add(&x->seen, crashfs_sum(lost) * 31 + 999))
			continue;
		x->states++;
		autocrashfs struct crashfs *after = crashfs_copy(lost);
		if (world_recover(after, &e) < 0 || world_files(x->w, after) != OLD)
			violation(x, lost, "I5: a person's later edit was undone");
	}
}

void explore_writer(struct explore *x, long lie_at)
{
	for (long k = 0; !enough(x); k++) {
		struct h0_err e;
		autocrashfs struct crashfs *fs = world_new(x->w);
		fs->die_at = k;
		fs->lie_at = lie_at;
		fs->keep_log = true;
		int rc = world_apply(x->w, fs, &e);
		bool died = fs->mutations > k;
		/* between the commit's rename and the end of the fsync after it, both may be */
		enum view must = OLD;
		for (size_t i = 0; i < fs->log.n && (long)i < (died ? k : fs->mutations); i++) {
			if (h0_streq(fs->log.v[i], "rename journal.new journal"))
				must = MIXED;
			if (must == MIXED && h0_streq(fs->log.v[i], "fsync " ETC "/.txn"))
				must = NEW;
		}
		if (!died && (rc < 0 || must != NEW))
			violation(x, fs, "the change failed without a fault: %.150s", e.msg);
		if (died && rc == 0 && must != NEW)
			violation(x, fs, "success reported before it was durable (died at %ld)", k);
		explore_crash(x, fs, must);
		if (!died) {
			explore_revert(x, fs);
			return;
		}
	}
}

void explore_done(struct explore *x)
{
	seen_done(&x->seen);
}
