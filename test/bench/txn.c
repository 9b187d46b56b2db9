/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A change of three files as a change set, beside the bare calls that make the same three files
 * durable one by one: stage, write, fsync, rename, fsync of the directory. Turn by turn in one
 * run, on the file system of TMPDIR. Further rows, without a bar of their own: the bare calls
 * without the directory's fsync (not durable), and a snapshot of a dozen files.
 */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/snapshot.h"
#include "conf/txn.h"

#define ROUNDS 200
#define SLOTS 10 /* files beside the three, as a box would have */

static const char *const paths[] = {"capabilities.toml", "slots/primary.toml", "slots/embed.toml"};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A slot file's worth of text that is another one every round. */
static size_t text_of(int round, char *dst, size_t size)
{
	size_t n = 0;
	for (int i = 0; i < 12; i++)
		n += (size_t)snprintf(dst + n, size - n, "key_%d = \"value %d of round %d\"\n", i, i,
		                      round);
	return n;
}

/* ---- the bare calls ---- */

struct dirs {
	int etc, slots;
};

static void bare_file(const struct dirs *d, const char *path, int round, int sync_dir)
{
	char text[2048], temp[64];
	const char *slash = strchr(path, '/'), *name = slash ? slash + 1 : path;
	int dir = slash ? d->slots : d->etc;
	size_t n = text_of(round, text, sizeof text);
	snprintf(temp, sizeof temp, ".%s.tmp", name);
	int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) < 0 || close(fd) < 0 ||
	    renameat(dir, temp, dir, name) < 0 || (sync_dir && fsync(dir) < 0))
		die(path);
}

static double bare(const struct dirs *d, int round, int sync_dir)
{
	double start = bench_ms();
	for (size_t i = 0; i < 3; i++)
		bare_file(d, paths[i], round, sync_dir);
	return bench_ms() - start;
}

/* ---- the change set ---- */

static int plan(const struct h0_snap *s, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	char text[2048];
	size_t n = text_of(*(int *)arg, text, sizeof text);
	for (size_t i = 0; i < 3; i++) {
		const struct h0_snap_file *f = h0_snap_get(s, paths[i]);
		h0_changeset_add(cs, paths[i], f ? f->text : NULL, f ? f->len : 0, text, n);
	}
	return 0;
}

static double change_set(const char *etc, int round)
{
	static const char *const argv[] = {"hal0-slot", "set", "primary", "port=8081", NULL};
	struct h0_txn_opts o = {.etc = etc, .command_line = argv};
	struct h0_err e = {0};
	bool changed = false;
	double start = bench_ms();
	if (h0_txn_run(&o, plan, &round, NULL, &changed, &e) < 0 || !changed) {
		fprintf(stderr, "bench-txn: %s\n", e.msg);
		exit(1);
	}
	return bench_ms() - start;
}

static double snapshot(const char *etc)
{
	struct h0_snap s;
	struct h0_err e;
	double start = bench_ms();
	if (h0_snap_open(etc, &s, &e) < 0 || s.n < SLOTS)
		exit(1);
	h0_snap_done(&s);
	return bench_ms() - start;
}

/* The same system calls without anything around them: open, fstat, read, close of each file. */
static double bare_reads(const struct dirs *d)
{
	double start = bench_ms();
	for (int i = 0; i < SLOTS + 3; i++) {
		char name[64], buf[4096];
		struct stat st;
		snprintf(name, sizeof name, "slots/s%d.toml", i);
		int fd = openat(d->etc, i < SLOTS ? name : paths[i - SLOTS], O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0 || read(fd, buf, sizeof buf) < 0)
			die(name);
		close(fd);
	}
	return bench_ms() - start;
}

int main(void)
{
	static double full[ROUNDS], no_dir[ROUNDS], ours[ROUNDS], snap[ROUNDS], reads[ROUNDS];
	static double ratio[ROUNDS], ratio_no_dir[ROUNDS];
	char root[256], path[400], note[200];
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/hal0-bench.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root))
		die(root);
	snprintf(path, sizeof path, "%s/slots", root);
	if (mkdir(path, 0755) < 0)
		die(path);
	struct dirs d = {open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	                 open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	for (int i = 0; i < SLOTS; i++) {
		snprintf(path, sizeof path, "slots/s%d.toml", i);
		bare_file(&d, path, i, 0);
	}
	change_set(root, -1);
	for (int i = 0; i < ROUNDS; i++) {
		full[i] = bare(&d, 3 * i, 1);
		ours[i] = change_set(root, 3 * i + 1);
		no_dir[i] = bare(&d, 3 * i + 2, 0);
		fsync(d.etc);
		fsync(d.slots);
	}
	for (int i = 0; i < ROUNDS; i++) {
		snap[i] = snapshot(root);
		reads[i] = bare_reads(&d);
	}
	for (int i = 0; i < ROUNDS; i++) {
		ratio[i] = ours[i] / full[i];
		ratio_no_dir[i] = ours[i] / no_dir[i];
	}
	double f = bench_median(full, ROUNDS), o = bench_median(ours, ROUNDS);
	double n = bench_median(no_dir, ROUNDS), s = bench_median(snap, ROUNDS);
	double r = bench_median(reads, ROUNDS);
	/* neighbours in time are compared: a busy disk slows both, and not evenly over the run */
	snprintf(note, sizeof note, "%.3f ms; bare write, fsync, rename, fsync of the directory %.3f ms; "
	         "without the directory, so not durable, %.3f ms (%.2f)", o, f, n,
	         bench_median(ratio_no_dir, ROUNDS));
	bench_row("change set of 3 files / bare", bench_median(ratio, ROUNDS), 1.2, "x", note);
	snprintf(note, sizeof note, "open, fstat, read, close of the same %d files: %.3f ms; ratio %.2f",
	         SLOTS + 3, r, s / r);
	bench_row("snapshot of 13 files", s, 2.5 * r, "ms", note);
	snprintf(path, sizeof path, "rm -rf '%s'", root);
	return system(path) != 0;
}
