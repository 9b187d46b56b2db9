/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/changeset.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/diff.h"
#include "conf/names.h"

const char *const h0_conf_files[] = {
	"capabilities.toml", "capabilities.toml.v1.bak", "hal0.toml",      "images.lock.json",
	"profiles.toml",     "upstreams.toml",           H0_CONF_MODPROBE, NULL,
};

const char *const h0_conf_dir_prefix[] = {"", "slots/", "../modprobe.d/"};

enum h0_conf_dir h0_conf_dir_of(const char *path)
{
	enum h0_conf_dir dir = H0_CONF_DIRS - 1;
	while (dir > H0_DIR_ETC && !h0_starts(path, h0_conf_dir_prefix[dir]))
		dir--;
	return dir;
}

char *h0_conf_dir_path(const char *etc, enum h0_conf_dir dir)
{
	const char *slash = strrchr(etc, '/');
	if (dir == H0_DIR_ETC)
		return h0_strdup(etc);
	if (dir == H0_DIR_SLOTS)
		return h0_asprintf("%s/slots", etc);
	return h0_asprintf("%.*smodprobe.d", slash ? (int)(slash - etc) + 1 : 0, etc);
}

bool h0_changeset_path_ok(const char *path)
{
	for (const char *const *f = h0_conf_files; *f; f++)
		if (strcmp(path, *f) == 0)
			return true;
	return h0_starts(path, "slots/") && h0_ends(path, ".toml") && strlen(path) > 11 &&
	       h0_name_ok_n(path + 6, strlen(path) - 11);
}

static char *copy(const char *p, size_t n)
{
	return p ? h0_strndup(p, n) : NULL;
}

void h0_changeset_add(struct h0_changeset *cs, const char *path, const char *before,
                      size_t before_len, const char *after, size_t after_len)
{
	struct h0_change *c = NULL;
	for (size_t i = 0; i < cs->n; i++)
		if (strcmp(cs->v[i].path, path) == 0)
			c = &cs->v[i];
	if (!c) {
		cs->v = h0_grow(cs->v, cs->n, &cs->cap, sizeof *cs->v);
		c = &cs->v[cs->n++];
		*c = (struct h0_change){.path = h0_strdup(path), .before = copy(before, before_len)};
		c->before_len = before ? before_len : 0;
	}
	char *own = copy(after, after_len);
	free(c->after);
	c->after = own;
	c->after_len = after ? after_len : 0;
}

bool h0_same_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (!a || !b)
		return a == b;
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static void change_done(struct h0_change *c)
{
	free(c->path);
	free(c->before);
	free(c->after);
}

void h0_changeset_trim(struct h0_changeset *cs)
{
	size_t n = 0;
	for (size_t i = 0; i < cs->n; i++) {
		struct h0_change *c = &cs->v[i];
		if (h0_same_bytes(c->before, c->before_len, c->after, c->after_len))
			change_done(c);
		else
			cs->v[n++] = *c;
	}
	cs->n = n;
}

void h0_changeset_diff(const struct h0_changeset *cs, struct h0_buf *out)
{
	for (size_t i = 0; i < cs->n; i++) {
		const struct h0_change *c = &cs->v[i];
		h0_diff(c->path, c->before, c->before_len, c->after, c->after_len, out);
	}
}

void h0_changeset_done(struct h0_changeset *cs)
{
	for (size_t i = 0; i < cs->n; i++)
		change_done(&cs->v[i]);
	free(cs->v);
	*cs = (struct h0_changeset){0};
}
