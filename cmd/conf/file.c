/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "conf/diff.h"
#include "conf/opts.h"
#include "conf/txn.h"
#include "fmt/json.h"
#include "fmt/toml.h"
#include "model/slot.h"
#include "sys/durable.h"
#include "sys/io.h"

#define LOCK_TIMEOUT_MS 10000
#define POLL_MS         10

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return h0_strdup(".");
	return slash == path ? h0_strdup("/") : h0_strndup(path, (size_t)(slash - path));
}

/* The directory without symbolic links; its last part may be missing (slots/ before the first
 * slot). NULL: more is missing. */
static char *real_directory(const char *dir)
{
	char *real = realpath(dir, NULL);
	if (real)
		return real;
	h0_autofree char *up = directory_of(dir);
	h0_autofree char *real_up = realpath(up, NULL);
	const char *last = strrchr(dir, '/');
	return real_up ? h0_asprintf("%s/%s", real_up, last ? last + 1 : dir) : NULL;
}

/* path below etc, wherever the two lead; NULL when it is not there or no file of change sets. */
static char *below_etc(const char *etc, const char *path)
{
	h0_autofree char *dir = directory_of(path);
	h0_autofree char *real_dir = real_directory(dir), *real_etc = realpath(etc, NULL);
	const char *base = strrchr(path, '/'), *root = real_etc ? real_etc : etc;
	size_t n = strlen(root);
	h0_autofree char *full = h0_asprintf("%s/%s", real_dir ? real_dir : dir,
	                                     base ? base + 1 : path);
	if (!h0_starts(full, root) || full[n] != '/' || !h0_changeset_path_ok(full + n + 1))
		return NULL;
	return h0_strdup(full + n + 1);
}

int conf_file_init(struct conf_file *f, const char *name, struct h0_err *e)
{
	bool is_stdin = strcmp(name, "-") == 0;
	*f = (struct conf_file){.name = is_stdin ? "stdin" : name, .is_stdin = is_stdin};
	if (h0_paths_init(&f->paths, e) < 0)
		return -1;
	if (is_stdin)
		return 0;
	f->rel = below_etc(f->paths.etc, name);
	f->schema = f->rel ? h0_schema_for_path(f->rel) : NULL;
	return 0;
}

void conf_file_done(struct conf_file *f)
{
	free(f->rel);
}

static int not_there(const struct conf_file *f, struct h0_err *e)
{
	errno = ENOENT;
	return h0_fail_sys(e, "%s", f->name);
}

static int read_snapshot(const struct conf_file *f, struct h0_buf *ret, struct h0_err *e)
{
	h0_autosnap struct h0_snap snap = {0};
	if (h0_snap_open(f->paths.etc, &snap, e) < 0)
		return -1;
	const struct h0_snap_file *file = h0_snap_get(&snap, f->rel);
	if (!file)
		return not_there(f, e);
	h0_buf_add(ret, file->text, file->len);
	return 0;
}

static int too_large(const char *name, struct h0_err *e)
{
	return h0_fail_at(e, name, 1, 1, NULL, "larger than %u bytes", H0_TOML_MAX_BYTES);
}

int conf_file_read(const struct conf_file *f, struct h0_buf *ret, struct h0_err *e)
{
	struct h0_err why;
	if (f->rel)
		return read_snapshot(f, ret, e);
	if ((f->is_stdin ? h0_read_fd(STDIN_FILENO, H0_TOML_MAX_BYTES, ret, &why)
	                 : h0_read_file(f->name, H0_TOML_MAX_BYTES, ret, &why)) == 0)
		return 0;
	if (why.sys_errno == EFBIG)
		return too_large(f->name, e);
	*e = why;
	return f->is_stdin ? h0_wrap(e, "stdin") : -1;
}

/* ---- editing ---- */

struct job {
	const struct conf_file *f;
	bool create;
	conf_edit_fn edit;
	void *arg;
};

/* A slot must go with the others afterwards, unless it did not before. */
static int check_slot(const struct conf_file *f, const struct h0_snap *snap, const struct h0_snap_file *old,
                      const struct h0_buf *now, struct h0_err *e)
{
	h0_autoslots struct h0_slots slots = {0};
	h0_auto(h0_slot_done) struct h0_slot slot = {0};
	struct h0_err why = {0};
	if (f->schema != &h0_schema_slot)
		return 0;
	if (h0_slots_load(snap, &slots, e) < 0)
		return -1;
	h0_slot_parse(f->rel, h0_buf_str(now), now->len, &slot);
	const struct h0_slot *was = old ? h0_slots_get(&slots, slot.name) : NULL;
	if (slot.broken || h0_slots_check_one(&slots, &slot, &why) == 0 ||
	    (was && h0_slots_check_one(&slots, was, NULL) < 0))
		return 0;
	if (e)
		*e = why;
	return -1;
}

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct job *j = arg;
	const struct h0_snap_file *old = h0_snap_get(snap, j->f->rel);
	h0_autobuf struct h0_buf now = {0};
	if (!old && !j->create)
		return not_there(j->f, e);
	if (j->edit(j->f, old ? old->text : "", old ? old->len : 0, j->arg, &now, e) < 0)
		return -1;
	if (check_slot(j->f, snap, old, &now, e) < 0)
		return -1;
	h0_changeset_add(cs, j->f->rel, old ? old->text : NULL, old ? old->len : 0,
	                 h0_buf_str(&now), now.len);
	return 0;
}

static int refuse_link(const char *path, struct h0_err *e)
{
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return h0_fail(e, H0_CONFLICT, "%s is a symbolic link; it is not replaced", path);
	return 0;
}

static int edit_covered(struct h0_ctx *ctx, struct job *j, struct h0_buf *diff, bool *ret_changed,
                        struct h0_err *e)
{
	h0_autochangeset struct h0_changeset cs = {0};
	struct h0_txn_opts o = {.etc = j->f->paths.etc, .command_line = ctx->command_line,
	                        .dry_run = ctx->dry_run};
	if (refuse_link(j->f->name, e) < 0 || h0_txn_run(&o, plan, j, &cs, ret_changed, e) < 0)
		return -1;
	h0_changeset_trim(&cs);
	h0_changeset_diff(&cs, diff);
	return 0;
}

/* The directory's lock keeps two of us from editing the same text; no file is left for it. */
static int lock_directory(const char *path, struct h0_err *e)
{
	h0_autofree char *dir = directory_of(path);
	h0_autofd int fd = TEMP_FAILURE_RETRY(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return h0_fail_sys(e, "%s", dir);
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return h0_fail_sys(e, "cannot lock %s", dir);
		if (waited >= LOCK_TIMEOUT_MS)
			return h0_fail(e, H0_BUSY, "%s is locked by another process; try again", dir);
		h0_ops_real.sleep_ms(&h0_ops_real, POLL_MS);
	}
	return h0_take_fd(&fd);
}

/* *ret_there false: there is no such file. */
static int read_plain(const char *path, struct h0_buf *ret, bool *ret_there, struct h0_err *e)
{
	struct h0_err why;
	if (refuse_link(path, e) < 0)
		return -1;
	*ret_there = h0_read_file(path, H0_TOML_MAX_BYTES, ret, &why) == 0;
	if (*ret_there || why.sys_errno == ENOENT)
		return 0;
	if (why.sys_errno == EFBIG)
		return too_large(path, e);
	*e = why;
	return -1;
}

static int edit_plain(struct h0_ctx *ctx, const struct job *j, struct h0_buf *diff,
                      bool *ret_changed, struct h0_err *e)
{
	const char *path = j->f->name;
	h0_autobuf struct h0_buf old = {0}, now = {0}, again = {0};
	bool there, still;
	h0_autofd int lock = ctx->dry_run ? -1 : lock_directory(path, e);
	if (lock < 0 && !ctx->dry_run)
		return -1;
	if (read_plain(path, &old, &there, e) < 0)
		return -1;
	if (!there && !j->create)
		return not_there(j->f, e);
	if (j->edit(j->f, h0_buf_str(&old), old.len, j->arg, &now, e) < 0)
		return -1;
	*ret_changed = !there || !h0_same_bytes(h0_buf_str(&old), old.len, h0_buf_str(&now), now.len);
	if (!*ret_changed)
		return 0;
	h0_diff(path + (path[0] == '/'), there ? h0_buf_str(&old) : NULL, old.len, h0_buf_str(&now),
	        now.len, diff);
	if (ctx->dry_run)
		return 0;
	if (read_plain(path, &again, &still, e) < 0)
		return -1;
	if (still != there ||
	    !h0_same_bytes(h0_buf_str(&old), old.len, h0_buf_str(&again), again.len))
		return h0_fail(e, H0_CONFLICT, "%s was edited meanwhile; nothing was written", path);
	return h0_durable_write(path, h0_buf_str(&now), now.len, 0644, e);
}

static int report(struct h0_ctx *ctx, const char *name, const char *key, bool changed,
                  const struct h0_buf *diff, struct h0_err *e)
{
	if (ctx->dry_run && !ctx->json)
		return h0_out_bytes(ctx, h0_buf_str(diff), diff->len, e);
	struct h0_rec *r = h0_rec_new(conf_change_cols);
	struct h0_json *more = ctx->dry_run ? h0_json_object() : NULL;
	h0_rec_row(r);
	h0_rec_str(r, CHANGE_FILE, name);
	h0_rec_str(r, CHANGE_KEY, key);
	h0_rec_bool(r, CHANGE_CHANGED, changed);
	if (more)
		h0_json_set_str(more, "diff", h0_buf_str(diff));
	int rc = h0_out_one(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}

int conf_file_edit(struct h0_ctx *ctx, const char *name, const char *key, bool create,
                   conf_edit_fn edit, void *arg, struct h0_err *e)
{
	conf_autofile struct conf_file f = {0};
	h0_autobuf struct h0_buf diff = {0};
	bool changed = false;
	if (strcmp(name, "-") == 0)
		return h0_fail(e, H0_USAGE, "standard input cannot be edited: FILE must be a path");
	if (conf_file_init(&f, name, e) < 0)
		return -1;
	struct job j = {&f, create, edit, arg};
	int rc = f.rel ? edit_covered(ctx, &j, &diff, &changed, e)
	               : edit_plain(ctx, &j, &diff, &changed, e);
	return rc < 0 ? -1 : report(ctx, name, key, changed, &diff, e);
}
