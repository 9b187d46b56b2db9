/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Why reading without a lock is right: a change set alters the pair (journal, applied) when it
 * commits and again when it is retired, and ids never repeat. If the pair is the same before and
 * after the files were read, then either no change set was under way, or exactly one was
 * committed all the while, and the overlay supplies every file it has not published yet.
 */
#include "conf/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "conf/changeset.h"
#include "conf/journal.h"

#define TRIES 16

struct store {
	struct h0_arena arena;
	size_t cap, bytes;
};

struct reader {
	const struct h0_ops *o;
	const char *etc;
	int dir;
	struct h0_snap *snap;
	struct store *store;
	struct h0_buf buf; /* one file; copied into the arena at its exact size */
};

static void reader_done(struct reader *r)
{
	h0_buf_done(&r->buf);
}

static void add_file(struct reader *r, const char *path, const char *text, size_t len)
{
	struct store *st = r->store;
	r->snap->files = h0_grow(r->snap->files, r->snap->n, &st->cap, sizeof *r->snap->files);
	r->snap->files[r->snap->n++] = (struct h0_snap_file){
		.path = h0_arena_strndup(&st->arena, path, strlen(path)),
		.text = h0_arena_strndup(&st->arena, text, len),
		.len = len,
	};
	st->bytes += len;
}

/* Beside etc is no place of ours: who may not look there has nothing to do with it. */
static int read_beside(struct reader *r, const char *path)
{
	enum h0_conf_dir where = h0_conf_dir_of(path);
	h0_autofree char *dir = h0_conf_dir_path(r->etc, where);
	h0_autofree char *full = h0_asprintf("%s/%s", dir, path + strlen(h0_conf_dir_prefix[where]));
	int rc = h0_op_read_file(r->o, AT_FDCWD, full, 0, H0_SNAP_FILE_MAX, &r->buf, NULL);
	if (rc < 0 && (errno == EACCES || errno == ENOTDIR))
		errno = ENOENT;
	return rc;
}

static int read_one(struct reader *r, const char *path, struct h0_err *e)
{
	h0_buf_reset(&r->buf);
	int rc = h0_conf_dir_of(path) == H0_DIR_MODPROBE
	             ? read_beside(r, path)
	             : h0_op_read_file(r->o, r->dir, path, 0, H0_SNAP_FILE_MAX, &r->buf, NULL);
	if (rc < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno == EFBIG)
			return h0_fail_at(e, path, 0, 0, NULL, "larger than %u MiB",
			                  H0_SNAP_FILE_MAX >> 20);
		if (errno == EISDIR || errno == EINVAL)
			return h0_fail_at(e, path, 0, 0, NULL, "not a regular file");
		return h0_fail_sys(e, "%s/%s", r->etc, path);
	}
	add_file(r, path, h0_buf_str(&r->buf), r->buf.len);
	if (r->store->bytes > H0_SNAP_TOTAL_MAX)
		return h0_fail_at(e, path, 0, 0, NULL, "all files together are larger than %u MiB",
		                  H0_SNAP_TOTAL_MAX >> 20);
	return 0;
}

static int read_slots(struct reader *r, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	h0_autoopfd d = {r->o, h0_op_open(r->o, r->dir, "slots", O_RDONLY | O_DIRECTORY, 0)};
	if (d.fd < 0 && errno == ENOENT)
		return 0;
	if (d.fd < 0 || r->o->list(r->o, d.fd, &names) < 0)
		return h0_fail_sys(e, "%s/slots", r->etc);
	for (size_t i = 0; i < names.n; i++) {
		char path[300];
		snprintf(path, sizeof path, "slots/%s", names.v[i]);
		if (h0_changeset_path_ok(path) && read_one(r, path, e) < 0)
			return -1;
	}
	return 0;
}

/* A change set that is committed wins over the file it has not replaced yet. A file that is
 * neither its before nor its after was edited by a person: that edit stands. */
static void overlay_one(struct reader *r, const struct h0_change *c)
{
	struct h0_snap *s = r->snap;
	size_t i = 0;
	while (i < s->n && strcmp(s->files[i].path, c->path) != 0)
		i++;
	const struct h0_snap_file *f = i < s->n ? &s->files[i] : NULL;
	if (!h0_same_bytes(f ? f->text : NULL, f ? f->len : 0, c->before, c->before_len))
		return;
	if (!f) {
		add_file(r, c->path, c->after, c->after_len);
	} else if (c->after) {
		s->files[i].text = h0_arena_strndup(&r->store->arena, c->after, c->after_len);
		s->files[i].len = c->after_len;
	} else {
		s->files[i] = s->files[--s->n];
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct h0_snap_file *)a)->path, ((const struct h0_snap_file *)b)->path);
}

static int read_tree(struct reader *r, const struct h0_journal *j, struct h0_err *e)
{
	r->snap->n = 0;
	h0_arena_done(&r->store->arena);
	r->store->bytes = 0;
	for (const char *const *f = h0_conf_files; *f; f++)
		if (read_one(r, *f, e) < 0)
			return -1;
	if (read_slots(r, e) < 0)
		return -1;
	for (size_t i = 0; i < j->cs.n; i++)
		if (!h0_same_bytes(j->cs.v[i].before, j->cs.v[i].before_len, j->cs.v[i].after,
		                   j->cs.v[i].after_len))
			overlay_one(r, &j->cs.v[i]);
	if (r->snap->n > 1)
		qsort(r->snap->files, r->snap->n, sizeof *r->snap->files, by_path);
	return 0;
}

struct pair {
	uint64_t journal, applied; /* 0 = none */
};

/* Always journal first, then applied: a retiring rename between the two shows as neither, never
 * as an older state. */
static int sample_ids(struct reader *r, struct pair *ret, struct h0_err *e)
{
	if (h0_journal_read_id(r->o, r->dir, ".txn/journal", &ret->journal) < 0)
		return h0_fail_sys(e, "%s/.txn/journal", r->etc);
	if (h0_journal_read_id(r->o, r->dir, ".txn/applied", &ret->applied) < 0)
		return h0_fail_sys(e, "%s/.txn/applied", r->etc);
	return 0;
}

/* 1: done, 0: something moved, -1. */
static int try_once(struct reader *r, struct h0_err *e)
{
	h0_autojournal struct h0_journal j = {0};
	struct pair first = {0}, second;
	char shown[1200];
	bool found;
	snprintf(shown, sizeof shown, "%s/.txn/journal", r->etc);
	if (h0_journal_read(r->o, r->dir, ".txn/journal", shown, &j, &found, e) < 0)
		return -1;
	first.journal = j.id;
	if (h0_journal_read_id(r->o, r->dir, ".txn/applied", &first.applied) < 0)
		return h0_fail_sys(e, "%s/.txn/applied", r->etc);
	if (read_tree(r, &j, e) < 0 || sample_ids(r, &second, e) < 0)
		return -1;
	r->snap->generation = first.journal > first.applied ? first.journal : first.applied;
	r->snap->pending = found;
	return first.journal == second.journal && first.applied == second.applied;
}

int h0_snap_open_ops(const struct h0_ops *o, const char *etc, struct h0_snap *ret,
                     struct h0_err *e)
{
	h0_autosnap struct h0_snap s = {.priv = h0_calloc(1, sizeof(struct store))};
	h0_autoopfd d = {o, h0_op_open(o, AT_FDCWD, etc, O_RDONLY | O_DIRECTORY, 0)};
	h0_auto(reader_done) struct reader r = {
		.o = o, .etc = etc, .dir = d.fd, .snap = &s, .store = s.priv,
	};
	int rc = 0;
	if (d.fd < 0 && errno != ENOENT)
		return h0_fail_sys(e, "%s", etc);
	if (d.fd < 0)
		rc = 1;
	for (int i = 0; rc == 0 && i < TRIES; i++) {
		if (i > 1)
			o->sleep_ms(o, i);
		rc = try_once(&r, e);
	}
	if (rc < 0)
		return -1;
	if (rc == 0)
		return h0_fail(e, H0_BUSY, "%s keeps changing; try again", etc);
	*ret = s;
	s = (struct h0_snap){0};
	return 0;
}

int h0_snap_open(const char *etc, struct h0_snap *ret, struct h0_err *e)
{
	return h0_snap_open_ops(&h0_ops_real, etc, ret, e);
}

const struct h0_snap_file *h0_snap_get(const struct h0_snap *s, const char *path)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(path, s->files[mid].path);
		if (c == 0)
			return &s->files[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

bool h0_snap_same(const struct h0_snap *a, const struct h0_snap *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++) {
		const struct h0_snap_file *x = &a->files[i], *y = &b->files[i];
		same = strcmp(x->path, y->path) == 0 && x->len == y->len &&
		       (!x->len || memcmp(x->text, y->text, x->len) == 0);
	}
	return same;
}

static bool is_changed(const struct h0_changeset *cs, const char *path)
{
	for (size_t i = 0; i < cs->n; i++)
		if (strcmp(cs->v[i].path, path) == 0)
			return true;
	return false;
}

void h0_snap_over(const struct h0_snap *base, const struct h0_changeset *cs, struct h0_snap *ret)
{
	struct h0_snap s = {.generation = base->generation, .pending = base->pending};
	s.files = h0_calloc(base->n + cs->n + 1, sizeof *s.files);
	for (size_t i = 0; i < base->n; i++)
		if (!is_changed(cs, base->files[i].path))
			s.files[s.n++] = base->files[i];
	for (size_t i = 0; i < cs->n; i++)
		if (cs->v[i].after)
			s.files[s.n++] = (struct h0_snap_file){cs->v[i].path, cs->v[i].after,
			                                       cs->v[i].after_len};
	if (s.n > 1)
		qsort(s.files, s.n, sizeof *s.files, by_path);
	*ret = s;
}

void h0_snap_done(struct h0_snap *s)
{
	struct store *st = s->priv;
	if (st)
		h0_arena_done(&st->arena);
	free(st);
	free(s->files);
	*s = (struct h0_snap){0};
}
