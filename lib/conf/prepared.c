/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/prepared.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void h0_basis_of(const struct h0_snap *snap, struct h0_basis *ret)
{
	*ret = (struct h0_basis){.v = h0_calloc(snap->n + 1, sizeof *ret->v), .n = snap->n};
	for (size_t i = 0; i < snap->n; i++) {
		ret->v[i].path = h0_strdup(snap->files[i].path);
		h0_sha256_of(snap->files[i].text, snap->files[i].len, ret->v[i].sum);
	}
}

void h0_basis_done(struct h0_basis *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i].path);
	free(b->v);
	*b = (struct h0_basis){0};
}

static int moved(const char *path, const char *how, struct h0_err *e)
{
	h0_fail(e, H0_CONFLICT, "%s %s since the plan was made; nothing is changed, plan again", path,
	        how);
	h0_err_detail(e, "file", "%s", path);
	return h0_err_code(e, "config.moved");
}

int h0_basis_check(const struct h0_basis *b, const struct h0_snap *snap, struct h0_err *e)
{
	size_t i = 0, j = 0;
	while (i < b->n || j < snap->n) {
		const struct h0_snap_file *f = &snap->files[j];
		int d = i >= b->n ? 1 : j >= snap->n ? -1 : strcmp(b->v[i].path, f->path);
		char sum[H0_SHA256_TEXT];
		if (d < 0)
			return moved(b->v[i].path, "was removed", e);
		if (d > 0)
			return moved(f->path, "was added", e);
		h0_sha256_of(f->text, f->len, sum);
		if (strcmp(sum, b->v[i].sum) != 0)
			return moved(f->path, "was changed", e);
		i++;
		j++;
	}
	return 0;
}

/* ---- committing ---- */

struct prepared {
	const struct h0_basis *basis;
	const struct h0_changeset *cs;
};

static int plan_forward(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                        struct h0_err *e)
{
	const struct prepared *p = arg;
	if (h0_basis_check(p->basis, snap, e) < 0)
		return -1;
	for (size_t i = 0; i < p->cs->n; i++) {
		const struct h0_change *c = &p->cs->v[i];
		const struct h0_snap_file *f = h0_snap_get(snap, c->path);
		h0_changeset_add(cs, c->path, f ? f->text : NULL, f ? f->len : 0, c->after, c->after_len);
		cs->v[cs->n - 1].mode = c->mode;
	}
	return 0;
}

int h0_prepared_commit(const struct h0_txn_opts *o, const struct h0_basis *b,
                       const struct h0_changeset *cs, bool *ret_changed, struct h0_err *e)
{
	struct prepared p = {b, cs};
	return h0_txn_run(o, plan_forward, &p, NULL, ret_changed, e);
}

static int plan_back(const struct h0_snap *snap, void *arg, struct h0_changeset *cs,
                     struct h0_err *e)
{
	const struct prepared *p = arg;
	for (size_t i = 0; i < p->cs->n; i++) {
		const struct h0_change *c = &p->cs->v[i];
		const struct h0_snap_file *f = h0_snap_get(snap, c->path);
		if (!h0_same_bytes(f ? f->text : NULL, f ? f->len : 0, c->after, c->after_len))
			return moved(c->path, "was edited", e);
		h0_changeset_add(cs, c->path, c->after, c->after_len, c->before, c->before_len);
	}
	return 0;
}

int h0_prepared_revert(const struct h0_txn_opts *o, const struct h0_changeset *cs, struct h0_err *e)
{
	struct prepared p = {NULL, cs};
	return h0_txn_run(o, plan_back, &p, NULL, NULL, e);
}

/* ---- in a file ---- */

static struct h0_json *image(const char *text, size_t len)
{
	return text ? h0_json_new_strn(text, len) : h0_json_new_null();
}

struct h0_json *h0_prepared_json(const struct h0_basis *b, const struct h0_changeset *cs)
{
	struct h0_json *j = h0_json_object(), *basis = h0_json_object(), *changes = h0_json_array();
	for (size_t i = 0; i < b->n; i++)
		h0_json_set_str(basis, b->v[i].path, b->v[i].sum);
	for (size_t i = 0; i < cs->n; i++) {
		const struct h0_change *c = &cs->v[i];
		struct h0_json *x = h0_json_object();
		h0_json_set_str(x, "path", c->path);
		h0_json_set(x, "before", image(c->before, c->before_len));
		h0_json_set(x, "after", image(c->after, c->after_len));
		h0_json_add(changes, x);
	}
	h0_json_set(j, "basis", basis);
	h0_json_set(j, "changes", changes);
	return j;
}

static int bad(const char *file, const char *what, struct h0_err *e)
{
	return h0_fail_at(e, file, 0, 0, NULL, "is no plan of hal0: %s", what);
}

static int read_basis(const struct h0_json *j, const char *file, struct h0_basis *ret,
                      struct h0_err *e)
{
	const struct h0_json *all = h0_json_get(j, "basis"), *sum;
	const char *path;
	if (h0_json_type(all) != H0_JSON_OBJECT)
		return bad(file, "it has no basis", e);
	ret->v = h0_calloc(h0_json_len(all) + 1, sizeof *ret->v);
	for (void *it = NULL; (it = h0_json_next(all, it, &path, &sum));) {
		const char *text = h0_json_str(sum);
		if (!text || strlen(text) >= H0_SHA256_TEXT || !h0_changeset_path_ok(path) ||
		    (ret->n && strcmp(ret->v[ret->n - 1].path, path) >= 0))
			return bad(file, "its basis is damaged", e);
		ret->v[ret->n].path = h0_strdup(path);
		snprintf(ret->v[ret->n++].sum, H0_SHA256_TEXT, "%s", text);
	}
	return 0;
}

static bool is_image(const struct h0_json *j)
{
	size_t n;
	const char *text = h0_json_strn(j, &n);
	return j && (h0_json_type(j) == H0_JSON_NULL || (text && n <= H0_SNAP_FILE_MAX && strlen(text) == n));
}

static int read_change(const struct h0_json *j, const char *file, struct h0_changeset *cs,
                       struct h0_err *e)
{
	const char *path = h0_json_str(h0_json_get(j, "path"));
	const struct h0_json *before = h0_json_get(j, "before"), *after = h0_json_get(j, "after");
	size_t before_len = 0, after_len = 0;
	if (!path || !h0_changeset_path_ok(path) || !is_image(before) || !is_image(after))
		return bad(file, "a change in it is damaged", e);
	const char *b = h0_json_strn(before, &before_len), *a = h0_json_strn(after, &after_len);
	h0_changeset_add(cs, path, b, before_len, a, after_len);
	return 0;
}

int h0_prepared_read(const struct h0_json *j, const char *file, struct h0_basis *ret_basis,
                     struct h0_changeset *ret_cs, struct h0_err *e)
{
	h0_autobasis struct h0_basis basis = {0};
	h0_autochangeset struct h0_changeset cs = {0};
	const struct h0_json *changes = h0_json_get(j, "changes");
	if (h0_json_type(changes) != H0_JSON_ARRAY)
		return bad(file, "it has no changes", e);
	if (read_basis(j, file, &basis, e) < 0)
		return -1;
	for (size_t i = 0; i < h0_json_len(changes); i++)
		if (read_change(h0_json_at(changes, i), file, &cs, e) < 0)
			return -1;
	*ret_basis = basis;
	*ret_cs = cs;
	basis = (struct h0_basis){0};
	cs = (struct h0_changeset){0};
	return 0;
}
