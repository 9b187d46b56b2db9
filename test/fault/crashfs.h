/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A file system in memory that behaves as badly as one may, behind the table of sys/ops.h:
 *  - data that was not fsynced may be absent, torn or whole after power loss;
 *  - of the names changed in a directory since its last fsync any subset may have survived, in
 *    whatever combination; fsync of a file says nothing about its name;
 *  - one rename is one such change: it happened or it did not.
 * A process that is killed leaves everything it did; power loss leaves one of the states that
 * crashfs_power_loss() enumerates.
 */
#ifndef CRASHFS_H
#define CRASHFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "sys/ops.h"

struct crashfs {
	struct h0_ops ops; /* hand this to the code under test; ops.ctx is the crashfs */

	/* what shall go wrong; crashfs_reset() clears it and the counters */
	long die_at;          /* this mutating operation and all later ones fail, without effect */
	long lie_at;          /* this fsync says it worked and does nothing */
	long fail_at;         /* this operation of any kind fails with fail_errno ... */
	int fail_errno;       /* ... 0: a short write, if it is one */
	bool fail_on;         /* ... and so do all mutating ones after it */
	bool no_rename_flags; /* a file system without RENAME_EXCHANGE */
	void (*hook)(struct crashfs *fs, void *arg); /* called before every operation */
	void *hook_arg;

	/* what happened, counted from 0 */
	long ops_n, mutations, fsyncs;
	bool failed;          /* fail_at was reached */
	const char *doing;    /* in a hook: the operation about to happen, "rename a b" */
	struct h0_strv log;   /* mutating operations, "rename .txn/journal.new journal" */
	struct h0_strv fsync_log; /* what each fsync synced */
	bool keep_log;

	struct crashfs_inode *root;
	struct crashfs_inode *all; /* every inode made, for the release */
	struct crashfs_file *files;
	size_t nfiles, files_cap;
	uint64_t next_ino;
	uint32_t randoms; /* drawn so far */
};

struct crashfs *crashfs_new(void);
/* A copy without open files and without faults. */
struct crashfs *crashfs_copy(const struct crashfs *fs);
void crashfs_free(struct crashfs *fs);
void crashfs_freep(struct crashfs **fs);
#define autocrashfs h0_auto(crashfs_freep)
void crashfs_reset(struct crashfs *fs);

/* Equal states have equal sums: names and data, what is live, what is durable, what is pending. */
uint64_t crashfs_sum(const struct crashfs *fs);
/* The number of states power loss may leave (an upper bound: some are alike), and the i-th.
 * Call both on a fresh copy, which holds no inodes that nothing leads to any more. */
uint64_t crashfs_losses(const struct crashfs *fs);
struct crashfs *crashfs_loss(const struct crashfs *fs, uint64_t i);

/* A person's hand, or the test's own setup: durable at once. text NULL removes the file.
 * crashfs_put replaces by rename as most editors do, crashfs_write_over keeps the inode. */
void crashfs_put(struct crashfs *fs, const char *path, const char *text);
void crashfs_write_over(struct crashfs *fs, const char *path, const char *text);
void crashfs_mkdir(struct crashfs *fs, const char *path, bool durable);
void crashfs_symlink(struct crashfs *fs, const char *path);
void crashfs_sync_all(struct crashfs *fs);
/* The live text, NULL when there is no such file. */
const char *crashfs_get(const struct crashfs *fs, const char *path);
/* Mode and owner as "640 1000:1000", into a static buffer; NULL when there is no such file. */
const char *crashfs_meta(const struct crashfs *fs, const char *path);
void crashfs_set_meta(struct crashfs *fs, const char *path, unsigned mode, unsigned owner);
/* Adds the paths of all live files below `path`. */
void crashfs_find(const struct crashfs *fs, const char *path, struct h0_strv *ret);
/* Everything there is, for a failing test's diagnosis. */
void crashfs_dump(const struct crashfs *fs, struct h0_buf *out);

#endif
