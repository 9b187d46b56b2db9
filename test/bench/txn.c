/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A change of three files as a change set, beside the bare calls that make the same three files
 * durable one by one: stage, write, fsync, rename, fsync of the directory. Turn by turn in one
 * run, on the file system of TMPDIR, which WHERE names. The note tells what the change set's time
 * went into, call by call. Without WHERE also: a snapshot of a dozen files.
 *   txn [WHERE BAR]
 */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/snapshot.h"
#include "conf/txn.h"
#include "sys/ops.h"

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

static void bare_file(const struct dirs *d, const char *path, int round)
{
	char text[2048], temp[64];
	const char *slash = strchr(path, '/'), *name = slash ? slash + 1 : path;
	int dir = slash ? d->slots : d->etc;
	size_t n = text_of(round, text, sizeof text);
	snprintf(temp, sizeof temp, ".%s.tmp", name);
	int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) < 0 || close(fd) < 0 ||
	    renameat(dir, temp, dir, name) < 0 || fsync(dir) < 0)
		die(path);
}

static double bare(const struct dirs *d, int round)
{
	double start = bench_ms();
	for (size_t i = 0; i < 3; i++)
		bare_file(d, paths[i], round);
	return bench_ms() - start;
}

/* ---- the change set, with the calls that wait for the disk, or do not, under a clock ---- */

static struct {
	double sync_ms, names_ms, rest_ms; /* fsync; rename and unlink; all others */
	int syncs, waits, names, rest;     /* waits: fsyncs at the same time are one */
} spent;

#define REAL (&h0_ops_real)
/* A call of the table, counted among WHAT. */
#define TIMED(what, type, name, parameters, arguments)                     \
	static type timed_##name parameters                                \
	{                                                                  \
		(void)o;                                                   \
		double start = bench_ms();                                 \
		type rc = REAL->name arguments;                            \
		spent.what##_ms += bench_ms() - start;                     \
		spent.what++;                                              \
		return rc;                                                 \
	}
typedef const struct h0_ops *ops;
TIMED(rest, int, open, (ops o, int d, const char *p, int f, unsigned m), (REAL, d, p, f, m))
TIMED(rest, ssize_t, read, (ops o, int d, void *p, size_t n), (REAL, d, p, n))
TIMED(rest, int, fstat, (ops o, int d, struct stat *s), (REAL, d, s))
TIMED(rest, int, statx, (ops o, int d, const char *p, int f, struct statx *s), (REAL, d, p, f, s))
TIMED(rest, ssize_t, write, (ops o, int d, const void *p, size_t n), (REAL, d, p, n))
TIMED(names, int, rename, (ops o, int d, const char *p, const char *q, unsigned f), (REAL, d, p, q, f))
TIMED(names, int, unlink, (ops o, int d, const char *p, int f), (REAL, d, p, f))

static int timed_fsync_all(ops o, const int *fds, size_t n)
{
	(void)o;
	double start = bench_ms();
	int rc = REAL->fsync_all(REAL, fds, n);
	spent.sync_ms += bench_ms() - start;
	spent.syncs += (int)n;
	spent.waits++;
	return rc;
}

static int timed_fsync(ops o, int fd)
{
	return timed_fsync_all(o, &fd, 1);
}

static struct h0_ops timed_ops(void)
{
	struct h0_ops o = h0_ops_real;
	o.open = timed_open;
	o.read = timed_read;
	o.fstat = timed_fstat;
	o.statx = timed_statx;
	o.write = timed_write;
	o.rename = timed_rename;
	o.unlink = timed_unlink;
	o.fsync = timed_fsync;
	o.fsync_all = timed_fsync_all;
	return o;
}

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
	const struct h0_ops timed = timed_ops();
	struct h0_txn_opts o = {.etc = etc, .ops = &timed, .command_line = argv};
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

static void bench_snapshot(const char *root, const struct dirs *d)
{
	static double snap[ROUNDS], reads[ROUNDS];
	char note[200];
	for (int i = 0; i < ROUNDS; i++) {
		snap[i] = snapshot(root);
		reads[i] = bare_reads(d);
	}
	double s = bench_median(snap, ROUNDS), r = bench_median(reads, ROUNDS);
	snprintf(note, sizeof note, "open, fstat, read, close of the same %d files: %.3f ms; ratio %.2f",
	         SLOTS + 3, r, s / r);
	bench_row("snapshot of 13 files", s, 2.5 * r, "ms", note);
}

static void bench_change(const char *root, const struct dirs *d, const char *where, const char *bar)
{
	static double full[ROUNDS], ours[ROUNDS], ratio[ROUNDS];
	char name[100], note[300];
	change_set(root, -1);
	memset(&spent, 0, sizeof spent);
	for (int i = 0; i < ROUNDS; i++) {
		full[i] = bare(d, 2 * i);
		ours[i] = change_set(root, 2 * i + 1);
		/* neighbours in time are compared: a busy disk slows both, and not evenly over the run */
		ratio[i] = ours[i] / full[i];
	}
	snprintf(name, sizeof name, "change set of 3 files / bare%s%s", where ? ", " : "", where ? where : "");
	snprintf(note, sizeof note, "%.3f ms; %d fsyncs in %d waits %.2f, %d renames and unlinks %.2f, %d other "
	         "calls %.2f; bare, 6 fsyncs in 6 waits: %.3f ms",
	         bench_median(ours, ROUNDS), spent.syncs / ROUNDS, spent.waits / ROUNDS, spent.sync_ms / ROUNDS,
	         spent.names / ROUNDS, spent.names_ms / ROUNDS, spent.rest / ROUNDS, spent.rest_ms / ROUNDS,
	         bench_median(full, ROUNDS));
	printf("%s\t%.4g\t%s\tx\t%s\n", name, bench_median(ratio, ROUNDS), bar, note);
}

int main(int argc, char **argv)
{
	char root[256], path[400];
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
		bare_file(&d, path, i);
	}
	bench_change(root, &d, argc == 3 ? argv[1] : NULL, argc == 3 ? argv[2] : "1.2");
	if (argc == 1)
		bench_snapshot(root, &d);
	snprintf(path, sizeof path, "rm -rf '%s'", root);
	return system(path) != 0;
}
