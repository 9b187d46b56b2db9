/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fault/world.h"

#include <fcntl.h>
#include <string.h>

#include "base/mem.h"

const char *const view_name[] = {"old", "new", "MIXED", "FAILED"};

/* ---- the worlds ---- */

char *world_path(const char *path)
{
	return h0_starts(path, "../") ? h0_asprintf("/etc/%s", path + 3) : h0_asprintf(ETC "/%s", path);
}

static void put_before(const struct world *w, struct crashfs *fs)
{
	for (const struct file *f = w->files; f->path; f++) {
		h0_autofree char *p = world_path(f->path);
		if (f->before)
			crashfs_put(fs, p, f->before);
	}
}

void world_setup_steady(const struct world *w, struct crashfs *fs)
{
	struct h0_err e;
	crashfs_mkdir(fs, "/etc", true);
	crashfs_mkdir(fs, ETC, true);
	crashfs_mkdir(fs, ETC "/slots", true);
	crashfs_put(fs, ETC "/slots/other.toml", "other = 1\n");
	put_before(w, fs);
	crashfs_set_meta(fs, ETC "/capabilities.toml", 0640, 1000);
	if (world_apply(w, fs, &e) < 0 || world_revert(w, fs, &e) < 0)
		abort();
	crashfs_sync_all(fs);
}

static void setup_first(const struct world *w, struct crashfs *fs)
{
}

static void setup_slots_only(const struct world *w, struct crashfs *fs)
{
	struct h0_err e;
	crashfs_mkdir(fs, "/etc", true);
	crashfs_mkdir(fs, ETC, true);
	if (world_apply(&world_first, fs, &e) < 0 || world_revert(&world_first, fs, &e) < 0)
		abort();
	crashfs_sync_all(fs);
	fs->ops.unlink(&fs->ops, AT_FDCWD, "nothing", 0);
	int d = h0_op_open(&fs->ops, AT_FDCWD, ETC, O_RDONLY | O_DIRECTORY, 0);
	fs->ops.unlink(&fs->ops, d, "slots", AT_REMOVEDIR);
	fs->ops.fsync(&fs->ops, d);
	fs->ops.close(&fs->ops, d);
	crashfs_mkdir(fs, ETC "/slots", false);
}

static void setup_beside(const struct world *w, struct crashfs *fs)
{
	struct h0_err e;
	crashfs_mkdir(fs, "/etc", true);
	crashfs_mkdir(fs, "/etc/modprobe.d", true);
	crashfs_mkdir(fs, ETC, true);
	crashfs_put(fs, "/etc/modprobe.d/amdgpu.conf", "options amdgpu dc=1\n");
	put_before(w, fs);
	if (world_apply(w, fs, &e) < 0 || world_revert(w, fs, &e) < 0)
		abort();
	crashfs_sync_all(fs);
}

static void setup_by_hand(const struct world *w, struct crashfs *fs)
{
	crashfs_mkdir(fs, "/etc", false);
	crashfs_mkdir(fs, ETC, false);
}

static const struct file steady_files[] = {
	{"capabilities.toml", "cap = 'old'\n", "cap = 'new'\n", "640 1000:1000"},
	{"slots/a.toml", "a = 'old'\n", "a = 'new'\n"},
	{"slots/b.toml", "b = 'old'\n", NULL},
	{"profiles.toml", NULL, "profile = 'new'\n", "644 0:0"},
	{0},
};
static const struct file first_files[] = {
	{"hal0.toml", NULL, "hal0 = 'new'\n"},
	{"slots/a.toml", NULL, "a = 'new'\n"},
	{0},
};
static const struct file slots_files[] = {
	{"slots/a.toml", NULL, "a = 'new'\n"},
	{"slots/b.toml", NULL, "b = 'new'\n"},
	{0},
};
/* The file beside etc: changed, and made together with its directory. */
static const struct file beside_files[] = {
	{H0_CONF_MODPROBE, "options ttm pages_limit=1\n", "options ttm pages_limit=2\n"},
	{"hal0.toml", NULL, "hal0 = 'new'\n"},
	{0},
};
static const struct file modprobe_files[] = {
	{H0_CONF_MODPROBE, NULL, "options ttm pages_limit=2\n"},
	{0},
};

const struct world world_steady = {"steady", steady_files, world_setup_steady};
const struct world world_first = {"first", first_files, setup_first};
const struct world world_slots_only = {"slots only", slots_files, setup_slots_only};
const struct world world_by_hand = {"by hand", first_files, setup_by_hand};
const struct world world_beside = {"beside", beside_files, setup_beside};
const struct world world_modprobe = {"modprobe", modprobe_files, setup_by_hand};
const struct world *const worlds[] = {
	&world_steady, &world_first,    &world_slots_only, &world_by_hand,
	&world_beside, &world_modprobe, NULL,
};

struct crashfs *world_new(const struct world *w)
{
	struct crashfs *fs = crashfs_new();
	w->setup(w, fs);
	crashfs_reset(fs);
	return fs;
}

/* ---- the change ---- */

struct direction {
	const struct world *w;
	bool back;
};

static int plan(const struct h0_snap *s, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct direction *d = arg;
	for (const struct file *w = d->w->files; w->path; w++) {
		const struct h0_snap_file *f = h0_snap_get(s, w->path);
		const char *to = d->back ? w->before : w->after;
		h0_changeset_add(cs, w->path, f ? f->text : NULL, f ? f->len : 0, to,
		                 to ? strlen(to) : 0);
	}
	return 0;
}

static int run(const struct world *w, bool back, struct crashfs *fs, struct h0_err *e)
{
	static const char *const argv[] = {"test", NULL};
	struct direction d = {w, back};
	struct h0_txn_opts o = {.etc = ETC, .command_line = argv, .ops = &fs->ops};
	*e = (struct h0_err){0};
	return h0_txn_run(&o, plan, &d, NULL, NULL, e);
}

int world_apply(const struct world *w, struct crashfs *fs, struct h0_err *e)
{
	return run(w, false, fs, e);
}

int world_revert(const struct world *w, struct crashfs *fs, struct h0_err *e)
{
	return run(w, true, fs, e);
}

int world_recover(struct crashfs *fs, struct h0_err *e)
{
	h0_autorecovery struct h0_recovery r = {0};
	struct h0_txn_opts o = {.etc = ETC, .ops = &fs->ops};
	*e = (struct h0_err){0};
	return h0_txn_recover(&o, &r, e);
}

/* ---- what is true ---- */

static enum view verdict(bool old, bool new)
{
	return old ? OLD : new ? NEW : MIXED;
}

enum view world_files(const struct world *w, const struct crashfs *fs)
{
	bool old = true, new = true;
	for (const struct file *f = w->files; f->path; f++) {
		h0_autofree char *p = world_path(f->path);
		old &= h0_streq(crashfs_get(fs, p), f->before);
		new &= h0_streq(crashfs_get(fs, p), f->after);
		if (crashfs_get(fs, p) && f->meta && !h0_streq(crashfs_meta(fs, p), f->meta))
			return MIXED;
	}
	return verdict(old, new);
}

enum view world_snap(const struct world *w, const struct h0_ops *ops, uint64_t *ret_generation)
{
	h0_autosnap struct h0_snap s = {0};
	struct h0_err e;
	bool old = true, new = true;
	if (h0_snap_open_ops(ops, ETC, &s, &e) < 0)
		return FAILED;
	for (const struct file *f = w->files; f->path; f++) {
		const struct h0_snap_file *sf = h0_snap_get(&s, f->path);
		old &= h0_streq(sf ? sf->text : NULL, f->before);
		new &= h0_streq(sf ? sf->text : NULL, f->after);
	}
	if (ret_generation)
		*ret_generation = s.generation;
	return verdict(old, new);
}

bool world_leftovers(const struct crashfs *fs)
{
	h0_autostrv struct h0_strv paths = {0};
	bool found = false;
	crashfs_find(fs, "/etc", &paths);
	for (size_t i = 0; i < paths.n; i++)
		found |= h0_ends(paths.v[i], "~") || h0_ends(paths.v[i], "/journal") ||
		         h0_ends(paths.v[i], "/journal.new");
	return found;
}

static void plain_files(const struct crashfs *fs, struct h0_buf *ret)
{
	h0_autostrv struct h0_strv paths = {0};
	crashfs_find(fs, "/etc", &paths);
	for (size_t i = 0; i < paths.n; i++)
		if (!h0_starts(paths.v[i], ETC "/.txn/"))
			h0_buf_addf(ret, "%s=%s;", paths.v[i], crashfs_get(fs, paths.v[i]));
}

bool world_same_files(const struct crashfs *a, const struct crashfs *b)
{
	h0_autobuf struct h0_buf ta = {0};
	h0_autobuf struct h0_buf tb = {0};
	plain_files(a, &ta);
	plain_files(b, &tb);
	return h0_streq(h0_buf_str(&ta), h0_buf_str(&tb));
}

/* ---- sums ---- */

static bool place(uint64_t *v, size_t cap, uint64_t sum)
{
	size_t i = (size_t)(sum * 0x9e3779b97f4a7c15u) & (cap - 1);
	for (; v[i]; i = (i + 1) & (cap - 1))
		if (v[i] == sum)
			return false;
	v[i] = sum;
	return true;
}

bool seen_add(struct seen *s, uint64_t sum)
{
	sum += !sum; /* 0 marks a free place */
	if (s->n * 2 >= s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 1024;
		uint64_t *v = h0_calloc(cap, sizeof *v);
		for (size_t i = 0; i < s->cap; i++)
			if (s->v[i])
				place(v, cap, s->v[i]);
		free(s->v);
		s->v = v;
		s->cap = cap;
	}
	bool added = place(s->v, s->cap, sum);
	s->n += added;
	return added;
}

void seen_done(struct seen *s)
{
	free(s->v);
	*s = (struct seen){0};
}

struct crashfs *world_after_commit(const struct world *w)
{
	struct h0_err e;
	autocrashfs struct crashfs *probe = world_new(w);
	struct crashfs *fs = world_new(w);
	probe->keep_log = true;
	world_apply(w, probe, &e);
	for (size_t i = 0; i < probe->log.n; i++)
		if (h0_streq(probe->log.v[i], "rename journal.new journal"))
			fs->die_at = (long)i + 1;
	world_apply(w, fs, &e);
	crashfs_reset(fs);
	return fs;
}
