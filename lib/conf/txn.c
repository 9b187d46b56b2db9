/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/txn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "conf/journal.h"
#include "conf/publish.h"
#include "conf/survey.h"

#define LOCK_TIMEOUT_MS 10000

/* ---- several staged files, one disk commit ---- */

struct staged {
	const struct h0_ops *o;
	struct h0_opfd v[H0_JOURNAL_MAX_ENTRIES + 1];
	size_t n;
};

static void staged_done(struct staged *s)
{
	while (s->n)
		h0_opfd_done(&s->v[--s->n]);
}

static void staged_add(struct staged *s, int fd)
{
	if (fd >= 0)
		s->v[s->n++] = (struct h0_opfd){s->o, fd};
}

/* All data has been started on its way (flush_hint) before anything waits for it. */
static int staged_sync(struct staged *s, struct h0_err *e)
{
	int fds[H0_ARRAY_LEN(s->v)];
	for (size_t i = 0; i < s->n; i++)
		fds[i] = s->v[i].fd;
	return s->o->fsync_all(s->o, fds, s->n) < 0 ? h0_fail_sys(e, "fsync") : 0;
}

/* ---- recovery ---- */

static int restage(struct h0_confdir *d, struct h0_changeset *cs, struct h0_err *e)
{
	h0_auto(staged_done) struct staged s = {.o = d->o};
	for (size_t i = 0; i < cs->n; i++) {
		enum h0_live live;
		int fd;
		if (h0_live_state(d, &cs->v[i], &live, e) < 0)
			return -1;
		if (live == H0_LIVE_AFTER)
			continue;
		if (h0_confdir_open(d, h0_conf_dir_of(cs->v[i].path), true, e) < 0)
			return -1;
		if (h0_stage_write(d, &cs->v[i], &fd, e) < 0)
			return -1;
		staged_add(&s, fd);
	}
	return staged_sync(&s, e);
}

static int sync_txn(struct h0_confdir *d, struct h0_err *e)
{
	return d->o->fsync(d->o, d->txn.fd) < 0 ? h0_fail_sys(e, "%s/.txn", d->etc) : 0;
}

/* Under the lock. 0 also when there was nothing to do; conflicts are the caller's to report. */
static int recover(struct h0_confdir *d, struct h0_recovery *ret, struct h0_err *e)
{
	h0_autofree char *shown = h0_asprintf("%s/.txn/journal", d->etc);
	h0_autojournal struct h0_journal j = {0};
	bool found;
	if (h0_journal_read(d->o, d->txn.fd, "journal", shown, &j, &found, e) < 0)
		return -1;
	memcpy(d->tag, j.stage, sizeof d->tag);
	/* the journal's name may not be durable yet: published files must not outlive it */
	if (found && (sync_txn(d, e) < 0 || h0_publish_rescue(d, &j.cs, e) < 0))
		return -1;
	if (h0_sweep(d, &ret->swept, e) < 0)
		return -1;
	if (!found)
		return 0;
	if (restage(d, &j.cs, e) < 0 ||
	    h0_publish(d, &j.cs, &ret->published, &ret->conflicts, e) < 0 || h0_retire(d, e) < 0)
		return h0_wrap(e, "finishing an interrupted change");
	ret->generation = j.id;
	return 0;
}

void h0_recovery_done(struct h0_recovery *r)
{
	h0_strv_done(&r->published);
	h0_strv_done(&r->conflicts);
	h0_strv_done(&r->swept);
	h0_changeset_done(&r->cs);
}

static const struct h0_ops *ops_of(const struct h0_txn_opts *o)
{
	return o->ops ? o->ops : &h0_ops_real;
}

/* What recovery would do, without doing it. */
static int recover_preview(const struct h0_ops *ops, const char *etc, struct h0_recovery *ret,
                           struct h0_err *e)
{
	h0_autofree char *shown = h0_asprintf("%s/.txn/journal", etc);
	h0_autojournal struct h0_journal j = {0};
	h0_autosurvey struct h0_survey survey = {0};
	h0_autoconfdir struct h0_confdir d = H0_CONFDIR_CLOSED(NULL);
	bool found = false;
	if (h0_confdir_look(ops, etc, &d, e) < 0 || h0_survey(ops, etc, &survey, e) < 0)
		return -1;
	if (d.txn.fd >= 0 && h0_journal_read(ops, d.txn.fd, "journal", shown, &j, &found, e) < 0)
		return -1;
	for (size_t i = 0; i < j.cs.n; i++) {
		const struct h0_change *c = &j.cs.v[i];
		enum h0_live live;
		if (h0_live_state(&d, c, &live, e) < 0)
			return -1;
		if (live == H0_LIVE_OTHER)
			h0_strv_add(&ret->conflicts, c->path);
		if (live != H0_LIVE_BEFORE)
			continue;
		h0_strv_add(&ret->published, c->path);
		h0_changeset_add(&ret->cs, c->path, c->before, c->before_len, c->after, c->after_len);
	}
	ret->generation = j.id;
	ret->swept = survey.leftovers;
	survey.leftovers = (struct h0_strv){0};
	return 0;
}

static int lock_and_recover(const struct h0_txn_opts *o, struct h0_confdir *d,
                            struct h0_recovery *r, struct h0_err *e)
{
	int timeout = o->lock_timeout_ms ? o->lock_timeout_ms : LOCK_TIMEOUT_MS;
	if (h0_confdir_lock(ops_of(o), o->etc, timeout, o->command_line, d, e) < 0 ||
	    recover(d, r, e) < 0)
		return -1;
	return r->conflicts.n ? h0_conflict(d, &r->conflicts, e) : 0;
}

int h0_txn_recover(const struct h0_txn_opts *o, struct h0_recovery *ret, struct h0_err *e)
{
	h0_autoconfdir struct h0_confdir d = H0_CONFDIR_CLOSED(NULL);
	struct statx st;
	*ret = (struct h0_recovery){0};
	if (ops_of(o)->statx(ops_of(o), AT_FDCWD, o->etc, 0, &st) < 0 && errno == ENOENT)
		return 0;
	if (o->dry_run)
		return recover_preview(ops_of(o), o->etc, ret, e);
	if (lock_and_recover(o, &d, ret, e) < 0)
		return -1;
	/* whoever retired the last journal may have died before that was durable: it must not come
	 * back and undo what people write from now on */
	return ret->generation ? 0 : sync_txn(&d, e);
}

/* ---- committing ---- */

static void signals_restore(sigset_t *old)
{
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* A courtesy, so that Ctrl-C does not leave work to recovery; nothing depends on it. */
static void signals_hold(sigset_t *old)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, old);
}

static int write_journal(struct h0_confdir *d, const struct h0_changeset *cs,
                         const char *const *command_line, struct staged *s, struct h0_err *e)
{
	h0_autostrv struct h0_strv argv = {0};
	h0_autobuf struct h0_buf text = {0};
	uint64_t last;
	if (h0_journal_read_id(d->o, d->txn.fd, "applied", &last) < 0)
		return h0_fail_sys(e, "%s/.txn/applied", d->etc);
	for (size_t i = 0; command_line && command_line[i]; i++)
		h0_strv_add(&argv, command_line[i]);
	struct h0_journal j = {.id = last + 1, .time = d->o->now(d->o), .argv = argv, .cs = *cs};
	memcpy(j.stage, d->tag, sizeof j.stage);
	if (h0_journal_encode(&j, &text, e) < 0)
		return -1;
	h0_autoopfd f = {d->o, h0_op_open(d->o, d->txn.fd, "journal.new",
	                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644)};
	if (f.fd < 0 || h0_op_set_mode(d->o, f.fd, 0644) < 0 ||
	    h0_op_write(d->o, f.fd, text.p, text.len) < 0)
		return h0_fail_sys(e, "%s/.txn/journal.new", d->etc);
	d->o->flush_hint(d->o, f.fd);
	staged_add(s, h0_take_fd(&f.fd));
	return 0;
}

static int stage_all(struct h0_confdir *d, struct h0_changeset *cs,
                     const char *const *command_line, struct h0_err *e)
{
	h0_auto(staged_done) struct staged s = {.o = d->o};
	for (size_t i = 0; i < cs->n; i++)
		if (h0_stage_check(d, &cs->v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < cs->n; i++) {
		int fd;
		if (h0_stage_write(d, &cs->v[i], &fd, e) < 0)
			return -1;
		staged_add(&s, fd);
	}
	if (write_journal(d, cs, command_line, &s, e) < 0)
		return -1;
	return staged_sync(&s, e);
}

/* Nobody's edit came between reading and now. */
static int compare_all(struct h0_confdir *d, const struct h0_changeset *cs, struct h0_err *e)
{
	for (size_t i = 0; i < cs->n; i++) {
		enum h0_live live;
		if (h0_live_state(d, &cs->v[i], &live, e) < 0)
			return -1;
		if (live == H0_LIVE_BEFORE)
			continue;
		h0_fail(e, H0_CONFLICT, "%s/%s was edited meanwhile; nothing was changed, run the "
		        "command again", d->etc, cs->v[i].path);
		return h0_err_code(e, "config.conflict");
	}
	return 0;
}

static int commit(struct h0_confdir *d, struct h0_changeset *cs, const char *const *command_line,
                  struct h0_err *e)
{
	h0_autostrv struct h0_strv conflicts = {0};
	snprintf(d->tag, sizeof d->tag, "%08x", d->o->random(d->o));
	if (stage_all(d, cs, command_line, e) < 0 || compare_all(d, cs, e) < 0) {
		h0_stage_drop(d, cs);
		return -1;
	}
	h0_auto(signals_restore) sigset_t old;
	signals_hold(&old);
	if (d->o->rename(d->o, d->txn.fd, "journal.new", "journal", 0) < 0) {
		h0_fail_sys(e, "%s/.txn/journal", d->etc);
		h0_stage_drop(d, cs);
		return -1;
	}
	if (d->o->fsync(d->o, d->txn.fd) < 0) {
		h0_fail_sys(e, "%s/.txn", d->etc);
		return h0_wrap(e, "the change is made but may not be durable; run 'hal0-conf recover'");
	}
	if (h0_publish(d, cs, NULL, &conflicts, e) < 0 || h0_retire(d, e) < 0)
		return h0_wrap(e, "the change is made but not finished; run 'hal0-conf recover'");
	return conflicts.n ? h0_conflict(d, &conflicts, e) : 0;
}

/* ---- one run ---- */

static int check_bounds(const struct h0_changeset *cs, struct h0_err *e)
{
	if (cs->n > H0_JOURNAL_MAX_ENTRIES)
		return h0_fail(e, H0_USAGE, "%zu files in one change; at most %u", cs->n,
		               H0_JOURNAL_MAX_ENTRIES);
	for (size_t i = 0; i < cs->n; i++) {
		if (!h0_changeset_path_ok(cs->v[i].path))
			return h0_fail(e, H0_USAGE, "'%s' is no configuration file of hal0",
			               cs->v[i].path);
		if (cs->v[i].after_len > H0_SNAP_FILE_MAX)
			return h0_fail(e, H0_CONFIG, "%s would be larger than %u MiB", cs->v[i].path,
			               H0_SNAP_FILE_MAX >> 20);
	}
	return 0;
}

static int plan_on_snapshot(const struct h0_txn_opts *o, h0_plan_fn plan, void *arg,
                            struct h0_changeset *ret, bool *ret_pending, struct h0_err *e)
{
	h0_autosnap struct h0_snap snap = {0};
	h0_autochangeset struct h0_changeset cs = {0};
	if (h0_snap_open_ops(ops_of(o), o->etc, &snap, e) < 0 || plan(&snap, arg, &cs, e) < 0 ||
	    check_bounds(&cs, e) < 0)
		return -1;
	h0_changeset_trim(&cs);
	*ret = cs;
	*ret_pending = snap.pending;
	cs = (struct h0_changeset){0};
	return 0;
}

static int run_locked(const struct h0_txn_opts *o, h0_plan_fn plan, void *arg,
                      struct h0_changeset *cs, struct h0_err *e)
{
	h0_autoconfdir struct h0_confdir d = H0_CONFDIR_CLOSED(NULL);
	h0_autorecovery struct h0_recovery r = {0};
	bool pending;
	if (lock_and_recover(o, &d, &r, e) < 0 || plan_on_snapshot(o, plan, arg, cs, &pending, e) < 0)
		return -1;
	return cs->n ? commit(&d, cs, o->command_line, e) : r.generation ? 0 : sync_txn(&d, e);
}

/* "Nothing to change" is said of a state that no power loss takes back. fsync needs no privilege. */
static int confirm_unchanged(const struct h0_txn_opts *o, struct h0_err *e)
{
	const struct h0_ops *ops = ops_of(o);
	h0_autofree char *path = h0_asprintf("%s/.txn", o->etc);
	h0_autoopfd d = {ops, h0_op_open(ops, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)};
	if (d.fd < 0 && errno == ENOENT)
		return 0;
	return d.fd < 0 || ops->fsync(ops, d.fd) < 0 ? h0_fail_sys(e, "%s", path) : 0;
}

int h0_txn_run(const struct h0_txn_opts *o, h0_plan_fn plan, void *arg,
               struct h0_changeset *ret_cs, bool *ret_changed, struct h0_err *e)
{
	h0_autochangeset struct h0_changeset cs = {0};
	struct h0_err own = {0};
	if (!e)
		e = &own;
	/* without the lock first: what changes nothing, or is refused, touches nothing */
	bool pending = false;
	int rc = plan_on_snapshot(o, plan, arg, &cs, &pending, e);
	if (rc < 0 && (o->dry_run || e->kind != H0_BUSY))
		return -1;
	if (!o->dry_run && (rc < 0 || cs.n || pending)) {
		h0_changeset_done(&cs);
		*e = (struct h0_err){0};
		rc = run_locked(o, plan, arg, &cs, e);
	} else if (!o->dry_run) {
		rc = confirm_unchanged(o, e);
	}
	if (rc < 0)
		return -1;
	if (ret_changed)
		*ret_changed = cs.n > 0;
	if (ret_cs) {
		*ret_cs = cs;
		cs = (struct h0_changeset){0};
	}
	return 0;
}
