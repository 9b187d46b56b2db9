/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/diff.h"
#include "fmt/gguf.h"
#include "model/common.h"
#include "sys/io.h"
#include "sys/ops.h"
#include "sys/trust.h"

static int check_files(const struct h0_strv *files, struct h0_err *e)
{
	for (size_t i = 0; i < files->n; i++) {
		h0_autogguf struct h0_gguf g = {0};
		if (access(files->v[i], R_OK) < 0)
			return h0_fail_sys(e, "%s", files->v[i]);
		if (h0_gguf_open(files->v[i], &g, e) < 0 || h0_gguf_check_size(&g, files->v[i], e) < 0)
			return -1;
	}
	return 0;
}

struct addition {
	struct h0_box box;
	char *path, *mmproj, *name, *store;
	struct h0_strv files, targets;
};

static void addition_done(struct addition *a)
{
	h0_box_done(&a->box);
	free(a->path);
	free(a->mmproj);
	free(a->name);
	free(a->store);
	h0_strv_done(&a->files);
	h0_strv_done(&a->targets);
}

static char *resolve(const char *file, struct h0_err *e)
{
	char *real = realpath(file, NULL);
	if (!real)
		h0_fail_sys(e, "%s", file);
	return real;
}

static int gather(struct addition *a, const char *file, const struct model_add_opts *o,
                  struct h0_err *e)
{
	if (h0_box_open(&a->box, e) < 0 || !(a->path = resolve(file, e)) ||
	    (o->mmproj && !(a->mmproj = resolve(o->mmproj, e))) ||
	    h0_store_pull_root(&a->box.paths, &a->box.snap, &a->store, e) < 0)
		return -1;
	int shard = h0_store_shard(a->path, NULL);
	if (shard > 1)
		return h0_fail(e, H0_USAGE, "%s is shard %d of a model: name the first one", file, shard);
	a->name = o->name ? h0_strdup(o->name) : h0_store_id_of(a->path);
	h0_model_shards(a->path, &a->files);
	if (a->mmproj)
		h0_strv_add(&a->files, a->mmproj);
	return model_check_name(a->name, e) < 0 ? -1 : check_files(&a->files, e);
}

/* A name that means another file already is not taken over. */
static int refuse_taken(const struct addition *a, bool *ret_there, struct h0_err *e)
{
	h0_automodels struct h0_models all = {0};
	if (h0_store_list(&a->box.paths, &a->box.snap, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct h0_model_file *m = &all.v[i].file;
		h0_autofree char *real = realpath(m->path, NULL);
		if (!h0_streq(m->id, a->name))
			continue;
		if (!h0_streq(real, a->path))
			return h0_fail(e, H0_CONFLICT, "there is a model '%s' already: %s; --name gives this one "
			               "another name", m->id, m->path);
		*ret_there = !a->mmproj || h0_streq(m->mmproj, a->mmproj);
	}
	return 0;
}

/* ---- an entry ---- */

static int add_entry(struct h0_ctx *ctx, struct addition *a, bool *ret_changed, struct h0_err *e)
{
	h0_autobuf struct h0_buf old = {0}, text = {0}, diff = {0};
	h0_autofd int lock = ctx->dry_run ? -1 : h0_registry_lock(&a->box.paths, e);
	if ((lock < 0 && !ctx->dry_run) ||
	    h0_registry_edit(&a->box.paths, a->name, a->path, a->mmproj, &old, &text, e) < 0)
		return -1;
	*ret_changed = old.len != text.len || memcmp(h0_buf_str(&old), h0_buf_str(&text), old.len) != 0;
	if (!ctx->dry_run)
		return *ret_changed ? h0_registry_write(&a->box.paths, &text, e) : 0;
	h0_diff("registry/registry.toml", h0_buf_str(&old), old.len, h0_buf_str(&text), text.len, &diff);
	return ctx->json ? 0 : h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
}

/* ---- a link or a copy ---- */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* One file is STORE/NAME.gguf; several are a directory's. */
static char *target_of(const struct addition *a, size_t i)
{
	const char *name = base_of(a->files.v[i]);
	if (a->files.n == 1)
		return h0_asprintf("%s/%s.gguf", a->store, a->name);
	bool eyes = a->mmproj && i + 1 == a->files.n;
	return h0_asprintf("%s/%s/%s%s", a->store, a->name, eyes && !h0_starts(name, "mmproj") ? "mmproj-" : "",
	                   name);
}

static int copy_bytes(struct h0_ctx *ctx, int from, int to, const char *name, struct h0_err *e)
{
	struct stat st;
	if (fstat(from, &st) < 0)
		return h0_fail_sys(e, "%s", name);
	for (int64_t done = 0; done < st.st_size;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, 64u << 20, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && done == 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP))
			break;
		if (n <= 0)
			return n < 0 ? h0_fail_sys(e, "cannot copy %s", name)
			             : h0_fail(e, H0_SYS, "%s became shorter while it was copied", name);
		done += n;
		if (st.st_size > 1 << 30)
			model_progress(ctx, name, done, st.st_size, 0);
	}
	h0_autofree char *block = h0_malloc(1u << 20);
	for (ssize_t n; (n = read(from, block, 1u << 20)) != 0;)
		if ((n < 0 && errno != EINTR) || h0_write_all(to, block, n < 0 ? 0 : (size_t)n, NULL) < 0)
			return h0_fail_sys(e, "cannot copy %s", name);
	return fsync(to) < 0 ? h0_fail_sys(e, "cannot copy %s", name) : 0;
}

/* Appears whole or not at all. `target` is for messages, `at` its place. */
static int copy_file(struct h0_ctx *ctx, const char *file, const char *at, const char *target, struct h0_err *e)
{
	h0_autofree char *tmp = h0_asprintf("%.*s.%s.hal0-copy", (int)(base_of(at) - at), at, base_of(at));
	h0_autofd int from = h0_op_open(&h0_ops_real, AT_FDCWD, file, O_RDONLY | O_NONBLOCK, 0);
	(void)unlink(tmp); /* one that was broken off, or that somebody put there */
	h0_autofd int to = h0_op_open(&h0_ops_real, AT_FDCWD, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	if (from < 0 || to < 0)
		return h0_fail_sys(e, "%s", from < 0 ? file : target);
	(void)fchmod(to, 0644); /* whatever the umask: the server that reads it is somebody else */
	if (copy_bytes(ctx, from, to, base_of(target), e) == 0 && rename(tmp, at) == 0)
		return 0;
	if (e && !e->kind)
		h0_fail_sys(e, "%s", target);
	unlink(tmp);
	return -1;
}

static int place(struct h0_ctx *ctx, const struct addition *a, bool link, struct h0_err *e)
{
	/* the first shard last: with it the model is there */
	for (size_t i = a->files.n; i-- > 0;) {
		h0_autofree char *target = target_of(a, i);
		h0_autofree char *dir = h0_strndup(target, (size_t)(base_of(target) - target - 1));
		char here[H0_TRUST_PATH];
		h0_autofd int fd = h0_trust_open(dir, 0755, e);
		if (fd < 0)
			return -1;
		h0_trust_path(fd, here);
		h0_autofree char *at = h0_asprintf("%s/%s", here, base_of(target));
		if (!link && copy_file(ctx, a->files.v[i], at, target, e) < 0)
			return -1;
		if (link && symlink(a->files.v[i], at) < 0 && errno != EEXIST)
			return h0_fail_sys(e, "cannot link %s", target);
	}
	return 0;
}

static int show_places(struct h0_ctx *ctx, const struct addition *a, const char *verb,
                       struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	for (size_t i = 0; i < a->files.n; i++) {
		h0_autofree char *target = target_of(a, i);
		h0_buf_addf(&text, "%s %s -> %s\n", verb, a->files.v[i], target);
	}
	return ctx->json ? 0 : h0_out_bytes(ctx, h0_buf_str(&text), text.len, e);
}

/* Whether the store has it by now: a file of the same length for a copy. */
static bool placed(const struct addition *a)
{
	for (size_t i = 0; i < a->files.n; i++) {
		h0_autofree char *target = target_of(a, i);
		struct stat x, y;
		if (stat(target, &x) < 0 || stat(a->files.v[i], &y) < 0 || x.st_size != y.st_size)
			return false;
	}
	return true;
}

int model_add(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct model_add_opts *o = opts;
	h0_auto(addition_done) struct addition a = {0};
	bool there = false, into = o->link || o->copy, changed = false;
	if (gather(&a, ctx->argv[0], o, e) < 0)
		return -1;
	if (!(into && placed(&a)) && refuse_taken(&a, &there, e) < 0)
		return -1;
	h0_autofree char *target = into ? target_of(&a, 0) : h0_strdup(a.path);
	if (!there && into && !placed(&a)) {
		changed = true;
		if ((ctx->dry_run ? show_places(ctx, &a, o->link ? "link" : "copy", e)
		                  : place(ctx, &a, o->link, e)) < 0)
			return -1;
	} else if (!there && !into && add_entry(ctx, &a, &changed, e) < 0) {
		return -1;
	}
	const struct model_change c = {.name = a.name, .path = target, .changed = changed,
		.bytes = h0_model_bytes(&a.files),
		.message = !changed ? "is a model already" : o->link ? "linked" : o->copy ? "copied" : "added"};
	return model_changed(ctx, &c, e);
}
