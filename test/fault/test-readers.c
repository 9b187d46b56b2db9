/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Readers against writers, without luck: a whole snapshot between any two operations of a writer,
 * a whole change between any two operations of a reader, and both taking turns at every pair of
 * points. That a reader without the overlay, or without the second look, sees a mix shows that
 * the test can see one.
 */
#include <fcntl.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include "base/mem.h"
#include "fault/explore.h"
#include "tap.h"

/* ---- a snapshot between any two operations of a writer ---- */

struct watch {
	const struct world *w;
	struct h0_ops ops; /* the same file system, without the hook */
	long snaps, mixed, backwards;
	bool seen_new;
};

static void watch_hook(struct crashfs *fs, void *arg)
{
	struct watch *wt = arg;
	void (*hook)(struct crashfs *, void *) = fs->hook;
	long n = fs->ops_n;
	const char *doing = fs->doing;
	fs->hook = NULL;
	enum view v = world_snap(wt->w, &fs->ops, NULL);
	fs->hook = hook;
	fs->ops_n = n;
	fs->doing = doing;
	wt->snaps++;
	wt->mixed += v == MIXED || v == FAILED;
	wt->backwards += v == OLD && wt->seen_new;
	wt->seen_new |= v == NEW;
}

static void snapshots_in_writer(const struct world *w)
{
	struct h0_err e;
	struct watch wt = {.w = w};
	autocrashfs struct crashfs *fs = world_new(w);
	fs->hook = watch_hook;
	fs->hook_arg = &wt;
	int rc = world_apply(w, fs, &e);
	ok(rc == 0 && wt.snaps > 40 && wt.seen_new && !wt.mixed && !wt.backwards,
	   "%s: a snapshot before each of a writer's %ld operations: %ld mixed, %ld went back", w->name,
	   wt.snaps, wt.mixed, wt.backwards);
}

/* ---- whole changes between any two operations of a reader ---- */

struct intruder {
	const struct world *w;
	long at, every; /* operation before which a change happens; and every so many after it */
	long changes;
	bool back;
};

static void intrude_hook(struct crashfs *fs, void *arg)
{
	struct intruder *in = arg;
	struct h0_err e;
	long n = fs->ops_n;
	if (n != in->at && !(in->every && n > in->at && (n - in->at) % in->every == 0))
		return;
	void (*hook)(struct crashfs *, void *) = fs->hook;
	const char *doing = fs->doing;
	fs->hook = NULL;
	if ((in->back ? world_revert(in->w, fs, &e) : world_apply(in->w, fs, &e)) < 0)
		abort();
	in->back = !in->back;
	in->changes++;
	fs->hook = hook;
	fs->ops_n = n;
	fs->doing = doing;
}

static void changes_in_reader(const struct world *w, long every)
{
	long mixed = 0, runs = 0, most = 0, busy = 0;
	for (long at = 0;; at++) {
		struct intruder in = {.w = w, .at = at, .every = every};
		autocrashfs struct crashfs *fs = world_new(w);
		fs->hook = intrude_hook;
		fs->hook_arg = &in;
		enum view v = world_snap(w, &fs->ops, NULL);
		if (!in.changes)
			break;
		runs++;
		most = in.changes > most ? in.changes : most;
		mixed += v == MIXED;
		busy += v == FAILED;
	}
	ok(runs && !mixed && (every ? busy < runs : !busy), "%s: a change before each of a reader's %ld "
	   "operations%s: %ld mixed, %ld gave up (%ld changes during one read)", w->name, runs,
	   every ? ", and more while it reads" : "", mixed, busy, most);
}

/* ---- reader and writer taking turns ---- */

/* The writer runs in a thread of its own and stops before every operation that readers can see,
 * until it is let on: exactly one of the two runs at any time. */
struct turns {
	const struct world *w;
	struct crashfs *fs;
	sem_t go, stopped;
	long stops;
	bool over;
	pthread_t thread;
};

static bool visible(const char *doing)
{
	return h0_starts(doing, "rename ") || h0_starts(doing, "exchange ") ||
	       h0_starts(doing, "unlink ") ||
	       h0_starts(doing, "create ");
}

/* Only the writer's table stops; the reader uses a copy of it that does not. */
static _Thread_local bool in_writer;

static void turn_hook(struct crashfs *fs, void *arg)
{
	struct turns *t = arg;
	if (!in_writer || !visible(fs->doing))
		return;
	const char *doing = fs->doing;
	t->stops++;
	sem_post(&t->stopped);
	sem_wait(&t->go);
	fs->doing = doing;
}

static void *writer_main(void *arg)
{
	struct turns *t = arg;
	struct h0_err e;
	in_writer = true;
	sem_wait(&t->go);
	if (world_apply(t->w, t->fs, &e) < 0 || world_revert(t->w, t->fs, &e) < 0)
		abort();
	t->over = true;
	sem_post(&t->stopped);
	return NULL;
}

static void writer_steps(struct turns *t, long n)
{
	for (; n > 0 && !t->over; n--) {
		sem_post(&t->go);
		sem_wait(&t->stopped);
	}
}

/* A reader that lets the writer take steps[i] steps before its operation at[i]. */
struct schedule {
	struct turns *t;
	struct h0_ops ops;
	long n, at[3], steps[3];
	int omit; /* 0: the real reader; 1: finds no journal; 2: its second look shows the first */
	int journal_opens;
};

static void before(const struct h0_ops *o)
{
	struct schedule *s = o->ctx;
	for (int i = 0; i < 3; i++)
		if (s->steps[i] && s->n == s->at[i])
			writer_steps(s->t, s->steps[i]);
	s->n++;
}

static const struct h0_ops *under(const struct h0_ops *o)
{
	return &((struct schedule *)o->ctx)->t->fs->ops;
}

static int s_open(const struct h0_ops *o, int dirfd, const char *path, int flags, unsigned mode)
{
	struct schedule *s = o->ctx;
	before(o);
	if (h0_starts(path, ".txn/") && s->omit) {
		bool first = s->journal_opens++ < 2;
		if (s->omit == 1 || !first) {
			errno = ENOENT; /* the pair always reads (none, none) */
			return -1;
		}
	}
	return under(o)->open(under(o), dirfd, path, flags, mode);
}

static void s_close(const struct h0_ops *o, int fd)
{
	under(o)->close(under(o), fd);
}

static ssize_t s_read(const struct h0_ops *o, int fd, void *buf, size_t n)
{
	before(o);
	return under(o)->read(under(o), fd, buf, n);
}

static int s_fstat(const struct h0_ops *o, int fd, struct stat *ret)
{
	return under(o)->fstat(under(o), fd, ret);
}

static int s_list(const struct h0_ops *o, int dirfd, struct h0_strv *ret)
{
	before(o);
	return under(o)->list(under(o), dirfd, ret);
}

static void s_sleep(const struct h0_ops *o, int ms)
{
}

static enum view one_schedule(const struct world *w, const struct crashfs *start,
                              const struct schedule *plan, long *ret_reader_ops,
                              long *ret_writer_stops)
{
	autocrashfs struct crashfs *fs = crashfs_copy(start);
	struct turns t = {.w = w, .fs = fs};
	struct schedule s = *plan;
	s.t = &t;
	s.ops = (struct h0_ops){.ctx = &s, .open = s_open, .close = s_close, .read = s_read,
	                        .fstat = s_fstat, .list = s_list, .sleep_ms = s_sleep};
	fs->hook = turn_hook;
	fs->hook_arg = &t;
	sem_init(&t.go, 0, 0);
	sem_init(&t.stopped, 0, 0);
	pthread_create(&t.thread, NULL, writer_main, &t);
	enum view v = world_snap(w, &s.ops, NULL);
	writer_steps(&t, 1000000);
	pthread_join(t.thread, NULL);
	sem_destroy(&t.go);
	sem_destroy(&t.stopped);
	if (ret_reader_ops) {
		*ret_reader_ops = s.n;
		*ret_writer_stops = t.stops;
	}
	return v;
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void taking_turns(const struct world *w, int omit, long random_runs)
{
	autocrashfs struct crashfs *start = world_new(w);
	long reader, stops, runs = 0, mixed = 0, failed = 0;
	one_schedule(w, start, &(struct schedule){.omit = omit}, &reader, &stops);
	for (long at = 0; at < reader; at++)
		for (long n = 1; n <= stops; n++, runs++) {
			struct schedule s = {.at = {at}, .steps = {n}, .omit = omit};
			enum view v = one_schedule(w, start, &s, NULL, NULL);
			mixed += v == MIXED;
			failed += v == FAILED;
		}
	uint64_t r = 2463534242u;
	for (long i = 0; i < random_runs; i++, runs++) {
		struct schedule s = {.omit = omit};
		long left = stops;
		for (int k = 0; k < 3; k++) {
			s.at[k] = (long)(next_random(&r) % (uint64_t)reader);
			s.steps[k] = 1 + (long)(next_random(&r) % (uint64_t)(left > 2 ? left / 2 : 1));
			left -= s.steps[k];
		}
		enum view v = one_schedule(w, start, &s, NULL, NULL);
		mixed += v == MIXED;
		failed += v == FAILED;
	}
	const char *who[] = {"the reader", "without the overlay", "without the second look"};
	ok(omit ? mixed > 0 : !mixed && !failed, "%s, %s, two changes of %ld visible steps taking turns: "
	   "%ld schedules, %ld mixed, %ld gave up", w->name, who[omit], stops, runs, mixed, failed);
}

int main(void)
{
	for (const struct world *const *w = worlds; *w; w++) {
		snapshots_in_writer(*w);
		changes_in_reader(*w, 0);
		changes_in_reader(*w, 31);
	}
	taking_turns(&world_steady, 0, 5000);
	taking_turns(&world_first, 0, 1000);
	taking_turns(&world_steady, 1, 0);
	taking_turns(&world_steady, 2, 0);
	return tap_done();
}
