/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A model that is not there is not an error: removing twice is fine.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/diff.h"
#include "model/common.h"
#include "sys/trust.h"

struct removal {
	struct h0_model_file m;
	bool registered;
	struct h0_strv files;       /* to be unlinked */
	struct h0_buf old, text;    /* the registry's, before and after */
};

static void removal_done(struct removal *d)
{
	h0_model_file_done(&d->m);
	h0_strv_done(&d->files);
	h0_buf_done(&d->old);
	h0_buf_done(&d->text);
}

static void add_file(struct removal *d, const char *path)
{
	h0_autofree char *sum = h0_asprintf("%s.sha256", path);
	struct stat st;
	if (lstat(path, &st) == 0)
		h0_strv_add(&d->files, path);
	if (lstat(sum, &st) == 0)
		h0_strv_add(&d->files, sum);
}

static bool below(const char *path, const char *root)
{
	size_t n = root ? strlen(root) : 0;
	return n && h0_starts(path, root) && path[n] == '/';
}

static int refuse_used(struct h0_box *b, const struct h0_model_file *m, struct h0_err *e)
{
	h0_autoselections struct h0_selections caps = {0};
	h0_autostrv struct h0_strv users = {0};
	h0_autobuf struct h0_buf all = {0};
	if (h0_selections_load(&b->snap, &b->slots, &caps, e) < 0 ||
	    h0_model_users(b, &caps, m, &users, e) < 0)
		return -1;
	for (size_t i = 0; i < users.n; i++)
		h0_buf_addf(&all, "%s%s", i ? ", " : "", users.v[i]);
	if (!users.n)
		return 0;
	h0_fail(e, H0_CONFLICT, "%s is used by %s", m->id, h0_buf_str(&all));
	h0_err_detail(e, "users", "%s", h0_buf_str(&all));
	return h0_err_code(e, "model.in_use");
}

static int plan(const struct h0_box *b, struct removal *d, struct h0_err *e)
{
	h0_autostrv struct h0_strv shards = {0};
	h0_autofree char *root = NULL;
	if (h0_store_pull_root(&b->paths, &b->snap, &root, e) < 0)
		return -1;
	h0_model_shards(d->m.path, &shards);
	for (size_t i = 0; (d->m.store || below(d->m.path, root)) && i < shards.n; i++)
		add_file(d, shards.v[i]);
	if (d->m.mmproj && d->files.n && (below(d->m.mmproj, root) || below(d->m.mmproj, d->m.store)))
		add_file(d, d->m.mmproj);
	if (!d->registered && !d->files.n)
		return h0_fail(e, H0_USAGE, "%s lies outside the store and has no entry in the registry: "
		               "there is nothing of hal0's to remove", d->m.path);
	return d->registered ? h0_registry_edit(&b->paths, d->m.id, NULL, NULL, &d->old, &d->text, e) : 0;
}

static int show(struct h0_ctx *ctx, const struct removal *d, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	for (size_t i = 0; i < d->files.n; i++)
		h0_buf_addf(&text, "remove %s\n", d->files.v[i]);
	h0_diff("registry/registry.toml", h0_buf_str(&d->old), d->old.len, h0_buf_str(&d->text),
	        d->text.len, &text);
	return ctx->json ? 0 : h0_out_bytes(ctx, h0_buf_str(&text), text.len, e);
}

/* The first shard last: without it there is no model, with it there is a whole one or a fault. */
static int unlink_all(const struct removal *d, struct h0_err *e)
{
	for (size_t i = 0; i < d->files.n; i++) {
		const char *path = d->files.v[i], *base = strrchr(path, '/') + 1;
		h0_autofree char *in = h0_strndup(path, (size_t)(base - path));
		h0_autofd int fd = h0_trust_open(in, 0, e);
		if (fd < 0)
			return -1;
		if (unlinkat(fd, base, 0) < 0 && errno != ENOENT)
			return h0_fail_sys(e, "cannot remove %s", path);
	}
	const char *slash = strrchr(d->m.path, '/');
	h0_autofree char *dir = h0_strndup(d->m.path, (size_t)(slash - d->m.path));
	if (d->files.n && !h0_streq(dir, d->m.store))
		rmdir(dir); /* goes when it is empty */
	return 0;
}

static int carry_out(const struct h0_box *b, struct removal *d, struct h0_err *e)
{
	if (!d->registered)
		return unlink_all(d, e);
	h0_autofd int lock = h0_registry_lock(&b->paths, e);
	if (lock < 0)
		return -1;
	h0_buf_reset(&d->old);
	h0_buf_reset(&d->text);
	if (h0_registry_edit(&b->paths, d->m.id, NULL, NULL, &d->old, &d->text, e) < 0 ||
	    h0_registry_write(&b->paths, &d->text, e) < 0)
		return -1;
	return unlink_all(d, e);
}

int model_rm(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	h0_auto(removal_done) struct removal d = {0};
	struct h0_err why = {0};
	struct model_change c = {.name = ctx->argv[0], .bytes = -1};
	if (h0_box_open(&b, e) < 0)
		return -1;
	if (model_find(&b, ctx->argv[0], &d.m, &d.registered, &why) < 0) {
		if (!h0_streq(why.code, "model.not_found") && !h0_streq(why.code, "model.path_missing")) {
			*e = why;
			return -1;
		}
		c.message = "is not there";
		return model_changed(ctx, &c, e);
	}
	if (refuse_used(&b, &d.m, e) < 0 || plan(&b, &d, e) < 0)
		return -1;
	if (ctx->dry_run && show(ctx, &d, e) < 0)
		return -1;
	if (!h0_confirm(ctx, e, "Remove %s (%s)?", d.m.id, d.m.path))
		return -1;
	c = (struct model_change){.name = d.m.id, .path = d.m.path, .changed = true, .bytes = -1,
		.message = d.files.n ? "removed" : "removed from the registry; its file stays"};
	if (!ctx->dry_run && carry_out(&b, &d, e) < 0)
		return -1;
	return model_changed(ctx, &c, e);
}
