/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A change set of several files on a crashfs, and what is true of it at any time.
 */
#ifndef WORLD_H
#define WORLD_H

#include "base/err.h"
#include "conf/snapshot.h"
#include "conf/txn.h"
#include "fault/crashfs.h"

#define ETC "/etc/hal0"

struct file {
	const char *path, *before, *after; /* NULL: not there */
	const char *meta;                  /* mode and owner before and after; NULL: not looked at */
};

struct world {
	const char *name;
	const struct file *files; /* ends with {0} */
	/* Makes the state "before" on an empty file system. */
	void (*setup)(const struct world *w, struct crashfs *fs);
};

/* steady: both directories, a change, a removal, a creation, earlier generations.
 * first: there is no /etc. slots_only: one new file in a slots/ somebody has just made.
 * by_hand: /etc/hal0 made by hand a moment ago, nothing in it. beside: modprobe.d's file changes
 * too. modprobe: that file alone, and neither it nor its directory was there. */
extern const struct world world_steady, world_first, world_slots_only, world_by_hand, world_beside,
    world_modprobe;
extern const struct world *const worlds[]; /* ends with NULL */

/* Where a file of the world is, absolute; the caller owns it. */
char *world_path(const char *path);
/* Both directories and another slot are there, and earlier generations. */
void world_setup_steady(const struct world *w, struct crashfs *fs);

struct crashfs *world_new(const struct world *w);

/* The change set itself, through the real code. */
int world_apply(const struct world *w, struct crashfs *fs, struct h0_err *e);
/* Died right after the commit: everything is still to be published. */
struct crashfs *world_after_commit(const struct world *w);
/* The reverse of it (before and after swapped). */
int world_revert(const struct world *w, struct crashfs *fs, struct h0_err *e);
int world_recover(struct crashfs *fs, struct h0_err *e);

enum view { OLD, NEW, MIXED, FAILED };
extern const char *const view_name[];
/* What the plain files say. */
enum view world_files(const struct world *w, const struct crashfs *fs);
/* What a snapshot says, taken through `ops`. *ret_generation may be NULL. */
enum view world_snap(const struct world *w, const struct h0_ops *ops, uint64_t *ret_generation);
/* Staged files, journal.new or journal: what must not be left after recovery. */
bool world_leftovers(const struct crashfs *fs);
/* The paths below /etc without .txn and their bytes are the same in both. */
bool world_same_files(const struct crashfs *a, const struct crashfs *b);

/* A set of 64-bit sums. */
struct seen {
	uint64_t *v;
	size_t n, cap;
};
/* false: it was in there already. */
bool seen_add(struct seen *s, uint64_t sum);
void seen_done(struct seen *s);

#endif
