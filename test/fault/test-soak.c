/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Four readers and two writers on the real file system, each in a process of its own, and the
 * writers are killed and started again all the time. Every file holds the same number: a reader
 * that finds two different ones has seen a mix, one that finds a smaller one has seen the past.
 * test-soak SECONDS
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "conf/snapshot.h"
#include "conf/txn.h"
#include "tap.h"

#define READERS 4
#define WRITERS 2

static const char *const paths[] = {"capabilities.toml", "profiles.toml", "slots/a.toml",
                                    "slots/b.toml"};

struct counts {
	long reads, mixed, backwards, busy, failed; /* readers */
	long changes, refused;                      /* writers */
	int64_t last;
	char why[256];
};

static int64_t number_of(const struct h0_snap *s, const char *path)
{
	const struct h0_snap_file *f = h0_snap_get(s, path);
	return f ? strtoll(f->text + strlen("n = "), NULL, 10) : 0;
}

static int plan_next(const struct h0_snap *s, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	int64_t next = number_of(s, paths[0]) + 1;
	for (size_t i = 0; i < H0_ARRAY_LEN(paths); i++) {
		const struct h0_snap_file *f = h0_snap_get(s, paths[i]);
		char text[3000];
		int n = snprintf(text, sizeof text, "n = %lld\n%*s\n", (long long)next,
		                 (int)(next * 37 % 2000), "#");
		h0_changeset_add(cs, paths[i], f ? f->text : NULL, f ? f->len : 0, text, (size_t)n);
	}
	return 0;
}

static void writer(const char *etc, struct counts *c)
{
	struct h0_txn_opts o = {.etc = etc};
	struct h0_err e = {0};
	for (;;) {
		if (h0_txn_run(&o, plan_next, NULL, NULL, NULL, &e) == 0) {
			c->changes++;
		} else {
			c->refused++;
			h0_err_text(&e, c->why, sizeof c->why);
		}
	}
}

static void reader(const char *etc, struct counts *c)
{
	for (;;) {
		h0_autosnap struct h0_snap s = {0};
		struct h0_err e = {0};
		if (h0_snap_open(etc, &s, &e) < 0) {
			c->busy += e.kind == H0_BUSY;
			c->failed += e.kind != H0_BUSY;
			h0_err_text(&e, c->why, sizeof c->why);
			continue;
		}
		int64_t n = number_of(&s, paths[0]);
		for (size_t i = 1; i < H0_ARRAY_LEN(paths); i++)
			if (number_of(&s, paths[i]) != n)
				c->mixed++;
		c->backwards += n < c->last;
		c->last = n;
		c->reads++;
	}
}

static pid_t start(void (*what)(const char *, struct counts *), const char *etc, struct counts *c)
{
	pid_t p = fork();
	if (p < 0)
		abort();
	if (p == 0) {
		what(etc, c);
		_exit(0);
	}
	return p;
}

static void end(pid_t p)
{
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long changes(const struct counts *c)
{
	long n = 0;
	for (int i = READERS; i < READERS + WRITERS; i++)
		n += c[i].changes;
	return n;
}

static void report(const struct counts *c, long kills)
{
	struct counts sum = {0};
	for (int i = 0; i < READERS + WRITERS; i++) {
		sum.reads += c[i].reads;
		sum.mixed += c[i].mixed;
		sum.backwards += c[i].backwards;
		sum.busy += c[i].busy;
		sum.failed += c[i].failed;
		sum.changes += c[i].changes;
		sum.refused += c[i].refused;
		if (c[i].why[0])
			printf("# %s\n", c[i].why);
	}
	ok(sum.reads > 100 && !sum.mixed, "%ld snapshots, %ld mixed", sum.reads, sum.mixed);
	ok(!sum.backwards, "%ld went back in time", sum.backwards);
	ok(!sum.failed, "%ld failed, %ld gave up because writers never paused", sum.failed, sum.busy);
	ok(sum.busy * 4 <= sum.reads, "few gave up");
	ok(sum.changes > 5 && !sum.refused, "%ld changes, %ld refused, %ld writers killed",
	   sum.changes, sum.refused, kills);
}

int main(int argc, char **argv)
{
	char root[256], etc[300], cmd[400];
	double seconds = argc > 1 ? atof(argv[1]) : 8;
	snprintf(root, sizeof root, "%s/hal0-soak.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(root))
		return 1;
	snprintf(etc, sizeof etc, "%s/etc/hal0", root);
	struct counts *c = mmap(NULL, sizeof *c * (READERS + WRITERS), PROT_READ | PROT_WRITE,
	                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t p[READERS + WRITERS];
	long kills = 0;
	if (c == MAP_FAILED)
		return 1;
	for (int i = 0; i < READERS + WRITERS; i++)
		p[i] = start(i < READERS ? reader : writer, etc, &c[i]);
	/* on a busy machine few changes end between two kills: some writers get more time, and all get
	 * longer */
	double from = now();
	for (; now() < from + seconds || (changes(c) <= 5 && now() < from + 30 * seconds); kills++) {
		int i = READERS + (int)(kills % WRITERS);
		usleep((3000 + (unsigned)(kills * 7919 % 120000)) * (kills % 9 == 8 ? 10 : 1));
		end(p[i]);
		p[i] = start(writer, etc, &c[i]);
	}
	for (int i = 0; i < READERS + WRITERS; i++)
		end(p[i]);
	report(c, kills);

	struct h0_txn_opts o = {.etc = etc};
	h0_autorecovery struct h0_recovery r = {0};
	struct h0_err e = {0};
	ok(h0_txn_recover(&o, &r, &e) == 0, "recovery after the last kill");
	snprintf(cmd, sizeof cmd, "find '%s' -name '*~' -o -name 'journal*' | grep .", root);
	ok(system(cmd) != 0, "nothing is left over");
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", root);
	return system(cmd) != 0 ? 1 : tap_done();
}
