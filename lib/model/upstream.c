/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/upstream.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "conf/names.h"
#include "conf/schema.h"
#include "conf/validate.h"

#define TIMEOUT_S      300
#define LIST_TIMEOUT_S 8
#define LIST_PARALLEL  4
#define LIST_PARALLEL_MAX 64

static const char *const auth_words[] = {"bearer", "header", "none", NULL};

/* ---- URLs ---- */

static int bad_url(const struct h0_toml *doc, const struct h0_toml_node *entry, struct h0_err *e, const char *why)
{
	return h0_toml_fail(doc, h0_toml_get(entry, "url"), e, "%s", why);
}

static int split_url(const struct h0_toml *doc, const struct h0_toml_node *entry, struct h0_upstream *u,
                     struct h0_err *e)
{
	int64_t port;
	u->tls = h0_starts(u->url, "https://");
	const char *at = strstr(u->url, "://") + 3;
	size_t n = strcspn(at, "/?#");
	bool six = *at == '[';
	size_t host = six ? strcspn(at, "]") + 1 : strcspn(at, ":/?#");
	if (memchr(at, '@', n))
		return bad_url(doc, entry, e, "a user name has no place in it: keys come by auth_value_env");
	if (host > n || host <= (six ? 2 : 0))
		return bad_url(doc, entry, e, "it names no host");
	u->host = h0_strndup(at + six, host - 2 * six);
	u->port = u->tls ? 443 : 80;
	if (host < n) {
		h0_autofree char *text = h0_strndup(at + host + 1, n - host - 1);
		if (at[host] != ':' || !h0_num_i64(text, 1, 65535, &port))
			return bad_url(doc, entry, e, "its port is none");
		u->port = (int)port;
	}
	for (const char *p = at; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '?' || *p == '#')
			return bad_url(doc, entry, e, "a base URL has no query, no spaces and no control characters");
	size_t len = strlen(at + n);
	while (len && at[n + len - 1] == '/')
		len--;
	u->base = h0_strndup(at + n, len);
	return 0;
}

char *h0_upstream_path(const struct h0_upstream *u, const char *path)
{
	bool both = h0_ends(u->base, "/v1") && h0_starts(path, "/v1/");
	return h0_asprintf("%s%s", u->base, path + (both ? 3 : 0));
}

char *h0_upstream_authority(const struct h0_upstream *u)
{
	bool six = strchr(u->host, ':');
	if (u->port == (u->tls ? 443 : 80))
		return h0_asprintf(six ? "[%s]" : "%s", u->host);
	return h0_asprintf(six ? "[%s]:%d" : "%s:%d", u->host, u->port);
}

char *h0_upstream_url(const struct h0_upstream *u, const char *path)
{
	h0_autofree char *who = h0_upstream_authority(u), *where = h0_upstream_path(u, path);
	return h0_asprintf("%s://%s%s", u->tls ? "https" : "http", who, where);
}

/* ---- the file ---- */

static const char *text(const struct h0_toml_node *t, const char *key, const char *absent)
{
	const struct h0_toml_node *n = h0_toml_get(t, key);
	return n && n->type == H0_TOML_STRING ? n->str : absent;
}

static double real(const struct h0_toml_node *t, const char *key, double absent)
{
	const struct h0_toml_node *n = h0_toml_get(t, key);
	double v = !n ? absent : n->type == H0_TOML_INT ? (double)n->i64 : n->type == H0_TOML_FLOAT ? n->f64 : absent;
	return v > 0 ? v : absent;
}

static int read_entry(const struct h0_toml *doc, const struct h0_toml_node *entry, struct h0_upstreams *us,
                      struct h0_err *e)
{
	const struct h0_toml_node *list = h0_toml_get(entry, "advertise_models");
	if (h0_streq(text(entry, "kind", "remote"), "slot"))
		return 0;
	struct h0_upstream *u = &us->v[us->n++];
	int auth = h0_word_index(auth_words, text(entry, "auth_style", "none"));
	*u = (struct h0_upstream){.name = text(entry, "name", ""), .url = text(entry, "url", ""),
		.auth = auth >= 0 ? (enum h0_auth)auth : H0_AUTH_NONE, .key_env = text(entry, "auth_value_env", ""),
		.timeout_s = real(entry, "timeout_seconds", TIMEOUT_S), .advertise = !list || list->boolean};
	for (size_t i = 0; i + 1 < us->n; i++)
		if (strcmp(us->v[i].name, u->name) == 0)
			return h0_toml_fail(doc, h0_toml_get(entry, "name"), e, "'%s' is there twice", u->name);
	if (u->auth != H0_AUTH_NONE && !*u->key_env)
		return h0_toml_fail(doc, entry, e, "auth_style wants a key: auth_value_env says which variable holds it");
	return split_url(doc, entry, u, e);
}

static void read_dispatcher(const struct h0_snap *snap, struct h0_upstreams *us)
{
	const struct h0_snap_file *f = h0_snap_get(snap, h0_schema_hal0.path);
	h0_autotoml struct h0_toml *doc = NULL;
	us->list_timeout_s = LIST_TIMEOUT_S;
	us->parallel = LIST_PARALLEL;
	if (!f || h0_toml_parse(f->text, f->len, f->path, &doc, NULL) < 0)
		return;
	const struct h0_toml_node *d = h0_toml_get(h0_toml_root(doc), "dispatcher");
	us->list_timeout_s = real(d, "prefetch_timeout_s", LIST_TIMEOUT_S);
	double parallel = real(d, "prefetch_parallel_cap", LIST_PARALLEL);
	us->parallel = parallel < 1 ? 1 : parallel > LIST_PARALLEL_MAX ? LIST_PARALLEL_MAX : (int)parallel;
}

int h0_upstreams_load(const struct h0_snap *snap, struct h0_upstreams *us, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(snap, h0_schema_upstreams.path);
	h0_autofindings struct h0_findings found = {0};
	*us = (struct h0_upstreams){0};
	read_dispatcher(snap, us);
	if (!f)
		return 0;
	h0_validate_text(&h0_schema_upstreams, f->text, f->len, f->path, &found, &us->doc);
	if (h0_findings_fail(&found, e) < 0)
		return -1;
	const struct h0_toml_node *all = h0_toml_get(h0_toml_root(us->doc), "upstream");
	us->v = h0_calloc(all ? all->count + 1 : 1, sizeof *us->v);
	h0_toml_each(entry, all) {
		if (read_entry(us->doc, entry, us, e) < 0)
			return -1;
	}
	return 0;
}

void h0_upstreams_done(struct h0_upstreams *us)
{
	for (size_t i = 0; i < us->n; i++) {
		free(us->v[i].host);
		free(us->v[i].base);
	}
	free(us->v);
	h0_toml_free(us->doc);
	*us = (struct h0_upstreams){0};
}
