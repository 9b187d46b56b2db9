/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/edits.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/value.h"
#include "fmt/toml.h"

void h0_edits_done(struct h0_edits *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].key);
		free(l->v[i].value);
	}
	free(l->v);
	l->v = NULL;
	l->n = l->cap = 0;
}

static struct h0_edit *find_edit(const struct h0_edits *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].key, key) == 0)
			return &l->v[i];
	return NULL;
}

/* Takes value over. */
static void put(struct h0_edits *l, const char *key, char *value)
{
	struct h0_edit *there = find_edit(l, key);
	if (there) {
		free(there->value);
		there->value = value;
		return;
	}
	l->v = h0_grow(l->v, l->n + 1, &l->cap, sizeof *l->v);
	l->v[l->n++] = (struct h0_edit){.key = h0_strdup(key), .value = value};
}

void h0_edits_put(struct h0_edits *l, const char *key, const char *value)
{
	put(l, key, h0_strdup(value));
}

bool h0_edits_has(const struct h0_edits *l, const char *key)
{
	return find_edit(l, key);
}

const char *h0_edits_get(const struct h0_edits *l, const char *key)
{
	const struct h0_edit *there = find_edit(l, key);
	return there ? there->value : NULL;
}

static void add_names(const struct h0_key *keys, const char *table, struct h0_strv *out)
{
	for (; keys->name; keys++) {
		if (keys->flags & (H0_KEY_DEPRECATED | H0_KEY_IGNORED))
			continue;
		h0_strv_addf(out, "%s%s%s", table, *table ? "." : "", keys->name);
		if (keys->sub)
			add_names(keys->sub, keys->name, out);
	}
}

static int unknown_key(const struct h0_edits *l, const char *key, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	add_names(l->keys, "", &names);
	const char *near = NULL;
	size_t n = strlen(key);
	for (size_t i = 0; i < names.n && !near; i++) { /* context_size -> model.context_size */
		size_t m = strlen(names.v[i]);
		if (m > n && names.v[i][m - n - 1] == '.' && strcmp(names.v[i] + m - n, key) == 0)
			near = names.v[i];
	}
	if (!near)
		near = h0_str_nearest(key, (const char *const *)names.v);
	if (near)
		return h0_fail(e, H0_USAGE, "unknown key '%.64s' (did you mean %s?)", key, near);
	return h0_fail(e, H0_USAGE, "unknown key '%.64s': see %s(5)", key, l->page);
}

/* A flat path: without the inner table, which is the business of who applies the edits. */
static int flat_path(const struct h0_edits *l, const char *key, struct h0_strv *ret,
                     struct h0_err *e)
{
	if (h0_toml_split_path(key, ret, e) < 0)
		return -1;
	if (ret->n > 1 && h0_streq(ret->v[0], l->inner)) {
		free(ret->v[0]);
		memmove(ret->v, ret->v + 1, ret->n * sizeof *ret->v);
		ret->n--;
	}
	return 0;
}

static void join(const struct h0_strv *path, struct h0_buf *out)
{
	for (size_t i = 0; i < path->n; i++) {
		if (i)
			h0_buf_addc(out, '.');
		h0_toml_key_text(path->v[i], strlen(path->v[i]), out);
	}
}

int h0_edits_set(struct h0_edits *l, const char *key, const char *arg, struct h0_err *e)
{
	h0_autostrv struct h0_strv path = {0};
	h0_autobuf struct h0_buf name = {0}, value = {0};
	if (flat_path(l, key, &path, e) < 0)
		return -1;
	const struct h0_key *known = h0_key_at(l->keys, (const char *const *)path.v);
	if (!known)
		return unknown_key(l, key, e);
	if (known->type == H0_KEY_TABLE)
		return h0_fail(e, H0_USAGE, "%s is a table: name a key in it%s%s%s%s", key,
		               known->sub ? ", such as " : "", known->sub ? known->name : "",
		               known->sub ? "." : "", known->sub ? known->sub->name : "");
	if (known->flags & H0_KEY_DEPRECATED && !(known->flags & H0_KEY_RENAMED))
		return h0_fail(e, H0_USAGE, "%s is deprecated: set %s instead", key,
		               known->alias_of ? known->alias_of : known->name);
	if (known->flags & H0_KEY_RENAMED) {
		free(path.v[path.n - 1]);
		path.v[path.n - 1] = h0_strdup(known->alias_of);
	}
	join(&path, &name);
	if (h0_value_from_arg(known, h0_buf_str(&name), arg, &value, e) < 0)
		return -1;
	put(l, h0_buf_str(&name), h0_buf_take(&value));
	return 0;
}

int h0_edits_arg(struct h0_edits *l, const char *arg, struct h0_err *e)
{
	const char *eq = strchr(arg, '=');
	if (!eq || eq == arg)
		return h0_fail(e, H0_USAGE, "'%.64s' is not KEY=VALUE", arg);
	h0_autofree char *key = h0_strndup(arg, (size_t)(eq - arg));
	return h0_edits_set(l, key, eq + 1, e);
}

int h0_edits_unset(struct h0_edits *l, const char *key, struct h0_err *e)
{
	h0_autostrv struct h0_strv path = {0};
	h0_autobuf struct h0_buf name = {0};
	if (flat_path(l, key, &path, e) < 0)
		return -1;
	join(&path, &name);
	put(l, h0_buf_str(&name), NULL);
	return 0;
}
