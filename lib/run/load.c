/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/load.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/mem.h"
#include "run/act.h"
#include "run/ledger.h"
#include "run/flm.h"
#include "run/fits.h"
#include "run/log.h"
#include "run/slotlock.h"
#include "run/state.h"
#include "sys/clock.h"
#include "sys/io.h"
#include "sys/proc.h"

#define FIRST_MS    5       /* between two questions; grows to LAST_MS */
#define LAST_MS     25
#define PATIENCE_MS 100     /* for the first answer; doubled when none came, */
#define PATIENCE_MAX_MS 2000 /* up to this: a question that got stuck while the server came up
                             * must not hide that a new one would be answered */
#define WRONG_MS    2000    /* of serving another model, before that is believed */
#define SIGNS_MS    500     /* between two looks for signs of progress */
#define ANSWER_BYTES 1024   /* a server reads and logs for one of our questions, at most */
#define ANSWERS_PAGES 256   /* by which its memory wavers while it answers them */
#define EXIT_TRIES  20      /* for podman to learn how the server ended */
#define EXIT_PAUSE_MS 25
#define LOG_LINES   100000  /* the whole kept log: its first error counts */

/* ---- what to wait for ---- */
static pid_t launched_pid(const struct h0_spec *s)
{
	h0_autofree char *path = h0_asprintf("%s/pid", s->run_dir);
	return h0_proc_read_pid(path);
}

void h0_load_of(const struct h0_slot *slot, const struct h0_ctr *c, struct h0_load *load)
{
	*load = (struct h0_load){.slot = slot, .pid = c->pid, .provider = c->provider,
		.port = c->port ? c->port : slot->port};
	snprintf(load->container, sizeof load->container, "%s", c->id);
	const char *model = h0_ctr_expects(c);
	snprintf(load->model, sizeof load->model, "%s", model ? model : "");
}

void h0_load_of_launched(const struct h0_slot *slot, const struct h0_spec *s,
                             const struct h0_outcome *o, struct h0_load *load)
{
	struct h0_ctr mine = {.pid = launched_pid(s), .port = slot->port, .provider = s->plan.family,
		.model = s->model.id};
	memcpy(mine.id, o->container, sizeof mine.id);
	h0_load_of(slot, &mine, load);
	load->model_bytes = h0_spec_model_bytes(s);
}

/* Anything that changes while a model loads, and stands still when nothing happens. */
struct signs {
	int64_t log_bytes, read_bytes, rss_pages;
	enum h0_health health;
	int status;
};

/* Bytes a process has read: all of them, and those that came from the disk. */
static void read_so_far(pid_t pid, int64_t *ret_chars, int64_t *ret_disk)
{
	h0_autobuf struct h0_buf io = {0};
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	if (h0_read_file(path, 4096, &io, NULL) < 0)
		return;
	const char *p = strstr(h0_buf_str(&io), "read_bytes: ");
	sscanf(h0_buf_str(&io), "rchar: %" SCNd64, ret_chars);
	if (p)
		sscanf(p, "read_bytes: %" SCNd64, ret_disk);
}

static void look_for_signs(const struct h0_load *l, const char *log_path,
                           const struct h0_health_ask *ask, struct signs *ret)
{
	h0_autobuf struct h0_buf statm = {0};
	char path[64];
	struct stat st;
	*ret = (struct signs){.health = ask->health, .status = ask->status};
	if (stat(log_path, &st) == 0)
		ret->log_bytes = st.st_size;
	int64_t chars = 0, disk = 0;
	read_so_far(l->pid, &chars, &disk);
	ret->read_bytes = chars + disk;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)l->pid);
	if (h0_read_file(path, 256, &statm, NULL) == 0)
		sscanf(h0_buf_str(&statm), "%*d %" SCNd64, &ret->rss_pages);
}

/* Answering our questions is no progress: a server that writes each of them into its log would seem
 * to get on for ever. So what they can have left behind does not count. */
static bool same_signs(const struct signs *a, const struct signs *b, int answers)
{
	int64_t ours = (int64_t)answers * ANSWER_BYTES;
	return llabs(a->log_bytes - b->log_bytes) <= ours && llabs(a->read_bytes - b->read_bytes) <= ours &&
	       llabs(a->rss_pages - b->rss_pages) <= (answers ? ANSWERS_PAGES : 0) &&
	       a->health == b->health && a->status == b->status;
}

/* ---- failure ---- */
static void flag_source(const struct h0_box *b, const struct h0_slot *slot, const char *flag,
                        char *dst, size_t size)
{
	struct h0_err e;
	struct h0_spec s;
	dst[0] = '\0';
	if (h0_spec_make(&b->paths, &b->snap, &b->profiles, &b->podman, slot, H0_ARGV_DETACHED, &s, &e) == 0)
		for (size_t i = 0; i < s.argv.n; i++) {
			const struct h0_argv_item *it = &s.argv.items[i];
			if (it->at < s.argv.server_at || !h0_streq(s.argv.words.v[it->at], flag))
				continue;
			const char *profile = s.plan.profile ? s.plan.profile->name : NULL;
			if (it->source == H0_ARGV_PROFILE && profile)
				snprintf(dst, size, " (from profile %s)", profile);
			else
				snprintf(dst, size, " (from %s)", h0_argv_source_names[it->source]);
		}
	h0_spec_done(&s);
}

static void cause_of_end(const struct h0_box *b, const struct h0_load *l, int exit_code,
                         const char *run_dir, const char *log_path, struct h0_err *e)
{
	h0_autobuf struct h0_buf log = {0};
	struct h0_log_cause cause;
	char oom[1300], source[128] = "";
	(void)h0_log_tail(log_path, LOG_LINES, &log, NULL); /* without a log: no cause from it */
	h0_log_cause(h0_buf_str(&log), &cause);
	snprintf(oom, sizeof oom, "%s/oom", run_dir);
	if (access(oom, F_OK) == 0) {
		h0_fail(e, H0_EXTERN, "slot %s did not start: the kernel killed its server for want of "
		        "memory", l->slot->name);
	} else if (cause.text[0]) {
		if (cause.flag[0])
			flag_source(b, l->slot, cause.flag, source, sizeof source);
		h0_fail(e, cause.kind, "slot %s did not start: %s%s", l->slot->name, cause.text, source);
		if (cause.code)
			h0_err_code(e, cause.code);
	} else if (exit_code == 137) {
		h0_fail(e, H0_EXTERN, "slot %s did not start: its server was killed while it loaded (by "
		        "somebody, or by the kernel for want of memory: see dmesg)", l->slot->name);
	} else if (exit_code >= 0) {
		h0_fail(e, H0_EXTERN, "slot %s did not start: its server ended with exit code %d and no "
		        "word why", l->slot->name, exit_code);
	} else {
		h0_fail(e, H0_EXTERN, "slot %s did not start: its server is gone", l->slot->name);
	}
	if (e && !e->code[0])
		h0_err_code(e, "slot.spawn_failed");
	h0_err_detail(e, "log", "%s", log_path);
}

/* podman hears of the end a moment after the kernel does. -1: it cannot say. */
static int exit_code_of(const struct h0_box *b, const char *id)
{
	for (int i = 0; i < EXIT_TRIES; i++) {
		bool running;
		int code;
		if (h0_podman_exit(&b->podman, id, &running, &code, NULL) < 0)
			return -1;
		if (!running)
			return code;
		h0_sleep_ms(EXIT_PAUSE_MS);
	}
	return -1;
}

/* Somebody else has dealt with it already: what did they say? false: nobody has. */
static bool told_already(const struct h0_load *l, const struct h0_state_file *last,
                         const char *log_path, struct h0_err *e)
{
	bool same = h0_streq(last->container, l->container);
	if (same && last->state == H0_STATE_ERROR) {
		h0_fail(e, last->exit_code ? (enum h0_kind)last->exit_code : H0_EXTERN, "%s", last->message);
		h0_err_code(e, last->code);
		h0_err_detail(e, "log", "%s", log_path);
		return true;
	}
	if ((same && (last->state == H0_STATE_OFFLINE || last->state == H0_STATE_UNLOADING)) ||
	    (!same && last->container[0])) {
		h0_fail(e, H0_CONFLICT, "slot %s was %s by another command while it was loading",
		        l->slot->name, same ? "stopped" : "restarted");
		h0_err_code(e, "slot.not_ready");
		return true;
	}
	return false;
}

/* The end of a load that did not succeed: the server ended, or `why` says what it did instead.
 * Returns -1. */
static int give_up(const struct h0_box *b, const struct h0_load *l, struct h0_err *given,
                   struct h0_err *e)
{
	struct h0_state_file last = {.state = H0_STATE_OFFLINE};
	char run_dir[1200], log_path[1200];
	struct h0_err found = {0}, *why = given ? given : &found;
	h0_slot_dirs(&b->paths, l->slot->name, run_dir, log_path);
	h0_autofd int lock = h0_slotlock_take(b, l->slot->name, H0_ACT_LOCK_MS, e);
	if (lock < 0)
		return -1;
	(void)h0_state_read(&b->paths, l->slot->name, &last, NULL);
	if (told_already(l, &last, log_path, e))
		return -1;
	if (given)
		h0_err_detail(why, "log", "%s", log_path);
	else
		cause_of_end(b, l, exit_code_of(b, l->container), run_dir, log_path, why);
	struct h0_ctr c = {.pid = l->pid};
	memcpy(c.id, l->container, sizeof c.id);
	snprintf(c.slot, sizeof c.slot, "%s", l->slot->name);
	h0_podman_end(&b->podman, &c, 0, NULL);
	h0_act_record(b, l->slot->name, l->port, l->model, l->container, H0_STATE_ERROR, why, NULL);
	h0_ledger_forget(&b->paths, l->slot->name);
	if (e)
		*e = *why;
	return -1;
}

/* ---- success ---- */
static int succeed(const struct h0_box *b, const struct h0_load *l, struct h0_outcome *ret)
{
	struct h0_state_file last = {.state = H0_STATE_OFFLINE};
	char run_dir[1200], log_path[1200];
	ret->state = H0_STATE_READY;
	/* the slot works; who holds the lock now will see that and write it down */
	h0_autofd int lock = h0_slotlock_take(b, l->slot->name, 0, NULL);
	if (lock < 0 || h0_state_read(&b->paths, l->slot->name, &last, NULL) < 0)
		return 0;
	bool known = h0_streq(last.container, l->container) && h0_state_serves(last.state);
	if (known)
		return 0;
	ret->unrecorded = h0_act_record(b, l->slot->name, l->port, l->model[0] ? l->model : NULL,
	                                 l->container, H0_STATE_READY, NULL, NULL) < 0;
	h0_slot_dirs(&b->paths, l->slot->name, run_dir, log_path);
	h0_fits_learn(l->slot->name, log_path);
	return 0;
}

/* ---- waiting ---- */
struct watch {
	int wake[2];            /* the server's end, the caller's signal */
	size_t n;
	int64_t began, changed, looked, told, wrong;
	struct signs signs;
	int answers;            /* to our questions, since the signs changed */
	enum h0_health last;
	int pause, patience;
};

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	return fd >= 0 && poll(&p, 1, timeout_ms) > 0;
}

/* By the pidfd; where there can be none, by the process id. */
static bool lives(const struct h0_load *l, const struct watch *t)
{
	if (t->wake[0] >= 0)
		return !readable(t->wake[0], 0);
	return l->pid > 0 && (kill(l->pid, 0) == 0 || errno == EPERM);
}

/* How much of the model's file it has read; nothing when the file is mapped. */
static int percent(const struct h0_load *l, enum h0_health health)
{
	int64_t chars = 0, disk = 0;
	if (l->model_bytes <= 0 || health == H0_HEALTH_READY || health == H0_HEALTH_WRONG)
		return 0;
	read_so_far(l->pid, &chars, &disk);
	return chars >= l->model_bytes ? 100 : (int)(chars / (l->model_bytes / 100 + 1));
}

static void tell(const struct h0_load *l, const struct h0_wait *w, struct watch *t,
                 enum h0_health health)
{
	char text[96];
	int64_t now = h0_now_ms();
	if (!w->tell || now - t->began < 1000 || (health == t->last && now - t->told < 1000))
		return;
	t->last = health;
	t->told = now;
	int done = percent(l, health);
	const char *doing = done >= 100 && health == H0_HEALTH_LOADING ? "warming up" : h0_health_word(health);
	if (done > 0 && done < 100)
		snprintf(text, sizeof text, "%s, %d %% (%lld s)", doing, done, (long long)(now - t->began) / 1000);
	else
		snprintf(text, sizeof text, "%s (%lld s)", doing, (long long)(now - t->began) / 1000);
	w->tell(l->slot->name, doing, text, w->tell_arg);
}

/* Has it gone on for too long without progress, or with another model? Fills *why. */
static bool hopeless(const struct h0_load *l, const struct h0_wait *w, struct watch *t,
                     const char *log_path, const struct h0_health_ask *ask, struct h0_err *why)
{
	struct signs s;
	int64_t now = h0_now_ms();
	int limit = w->stall_s > 0 ? w->stall_s : H0_STALL_S;
	bool refused = ask->status == 401 && ask->key[0];
	t->wrong = ask->health != H0_HEALTH_WRONG && !refused ? 0 : t->wrong ? t->wrong : now;
	t->answers += ask->status ? 2 : 0;
	if (t->wrong && now - t->wrong >= WRONG_MS && refused) {
		h0_fail(why, H0_EXTERN, "slot %s did not start: its server does not know its key, which was changed "
		        "after it started", l->slot->name);
		h0_err_code(why, "slot.health_failed");
		return true;
	}
	if (t->wrong && now - t->wrong >= WRONG_MS) {
		h0_fail(why, H0_EXTERN, "slot %s did not start: port %d lists model '%s', not '%s'",
		        l->slot->name, l->port, ask->listed, l->model);
		h0_err_code(why, "slot.health_failed");
		return true;
	}
	if (now - t->looked < SIGNS_MS)
		return false;
	t->looked = now;
	look_for_signs(l, log_path, ask, &s);
	if (!same_signs(&s, &t->signs, t->answers)) {
		t->signs = s;
		t->changed = now;
		t->answers = 0;
	}
	if ((now - t->changed) / 1000 < limit)
		return false;
	h0_fail(why, H0_EXTERN, "slot %s did not start: no sign of progress for %d s (it is %s)",
	        l->slot->name, limit, h0_health_word(ask->health));
	h0_err_code(why, "slot.health_failed");
	return true;
}

/* Sleeps until the next question, unless one of the descriptors speaks first. */
static void rest(struct watch *t)
{
	struct pollfd p[2] = {{t->wake[0], POLLIN, 0}, {t->wake[1], POLLIN, 0}};
	poll(p, 2, t->pause);
	t->pause = t->pause * 5 / 4 + 1 < LAST_MS ? t->pause * 5 / 4 + 1 : LAST_MS;
}

int h0_load_wait(const struct h0_box *b, const struct h0_load *l, const struct h0_wait *w,
                 struct h0_outcome *ret, struct h0_err *e)
{
	char run_dir[1200], log_path[1200];
	h0_autofd int pidfd = l->pid > 0 ? (int)syscall(SYS_pidfd_open, l->pid, 0) : -1;
	struct watch t = {.wake = {pidfd, w->signal_fd}, .n = 2, .began = h0_now_ms(), .pause = FIRST_MS,
		.patience = PATIENCE_MS, .last = H0_HEALTH_UNASKED};
	h0_slot_dirs(&b->paths, l->slot->name, run_dir, log_path);
	t.changed = t.told = t.began;
	for (int asked = 0;; asked++) {
		struct h0_health_ask ask = {.port = l->port, .provider = l->provider,
			.model = l->model[0] ? l->model : NULL};
		h0_slot_key_try(&b->paths, l->slot->name, ask.key);
		if (!lives(l, &t))
			return give_up(b, l, NULL, e);
		h0_health_ask(&ask, 1, t.patience, t.wake, t.n);
		if (ask.health == H0_HEALTH_SILENT)
			t.patience = t.patience * 2 < PATIENCE_MAX_MS ? t.patience * 2 : PATIENCE_MAX_MS;
		if (readable(w->signal_fd, 0)) {
			ret->interrupted = true;
			return 0;
		}
		if (ask.health == H0_HEALTH_READY && lives(l, &t)) {
			struct h0_err bad = {0};
			if (l->provider == H0_PROVIDER_FLM && h0_flm_check_loaded(log_path, l->slot->name, &bad) < 0)
				return give_up(b, l, &bad, e);
			ret->joined = !ret->changed && asked > 0;
			return succeed(b, l, ret);
		}
		tell(l, w, &t, ask.health);
		struct h0_err why = {0};
		if (hopeless(l, w, &t, log_path, &ask, &why))
			return give_up(b, l, &why, e);
		if (ask.health != H0_HEALTH_SILENT) /* then there was time enough to rest */
			rest(&t);
	}
}
