/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "run/http.h"
#include "sys/secret.h"

#define MAX_ENV_FILE (1u << 20)
#define MAX_LIST     (8u << 20)
#define MAX_THREADS  16

/* ---- keys ---- */

/* NAME=VALUE lines as systemd's EnvironmentFile has them, quotes around the value allowed. */
static bool find_line(char *text, const char *name, char *dst)
{
	char *save = NULL;
	size_t n = strlen(name);
	for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		line += strspn(line, " \t");
		line += h0_starts(line, "export ") ? 7 : 0;
		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		char *value = line + n + 1;
		size_t len = strlen(value);
		while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
			len--;
		if (len > 1 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
			value++;
			len -= 2;
		}
		if (len && len < H0_UPSTREAM_KEY) {
			memcpy(dst, value, len);
			dst[len] = '\0';
		}
		return *dst;
	}
	return false;
}

/* It becomes the line of a header: nothing in it may end that or be refused by a server. */
static int check_key(const struct h0_upstream *u, const char *where, char *key, struct h0_err *e)
{
	for (const char *p = key; *p; p++) {
		if ((unsigned char)*p >= ' ' && *p != 0x7f)
			continue;
		explicit_bzero(key, H0_UPSTREAM_KEY);
		return h0_fail(e, H0_CONFIG, "upstream %s: its key %s, from %s, has control characters", u->name, u->key_env, where);
	}
	return 0;
}

int h0_upstream_key(const struct h0_paths *paths, const struct h0_upstream *u, char *dst, struct h0_err *e)
{
	h0_autosecret struct h0_buf text = {0};
	h0_autofree char *file = h0_asprintf("%s/api.env", paths->etc);
	struct h0_err why = {0};
	*dst = '\0';
	if (u->auth == H0_AUTH_NONE)
		return 0;
	const char *env = getenv(u->key_env);
	if (env && *env && strlen(env) < H0_UPSTREAM_KEY) {
		snprintf(dst, H0_UPSTREAM_KEY, "%s", env);
		h0_secret_hold();
		return check_key(u, "the environment", dst, e);
	}
	bool there = h0_secret_read(file, MAX_ENV_FILE, &text, &why) == 0;
	if (!there && why.sys_errno != ENOENT) {
		if (e)
			*e = why;
		return -1;
	}
	bool found = there && text.len && find_line(text.p, u->key_env, dst);
	if (found)
		return check_key(u, file, dst, e);
	return h0_fail(e, H0_CONFIG, "upstream %s: no key: neither the variable %s nor a line %s=... in %s", u->name,
	               u->key_env, u->key_env, file);
}

char *h0_upstream_header(const struct h0_upstream *u, const char *key)
{
	if (!*key || u->auth == H0_AUTH_NONE)
		return NULL;
	return h0_asprintf(u->auth == H0_AUTH_BEARER ? "Authorization: Bearer %s" : "X-Api-Key: %s", key);
}

/* ---- asking ---- */

struct asked {
	const struct h0_upstream *u;
	struct h0_strv models;
	bool listed;
	char why[256], addr[64];
	char *header;
};

struct asking {
	const struct h0_paths *paths;
	struct asked *v;
	size_t n;
	int timeout_ms;
	const atomic_int *stop;
	atomic_size_t next;
};

static void resolve(struct asked *a)
{
	struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	if (getaddrinfo(a->u->host, NULL, &want, &found) != 0 || !found)
		return;
	if (getnameinfo(found->ai_addr, found->ai_addrlen, a->addr, sizeof a->addr, NULL, 0, NI_NUMERICHOST) != 0)
		a->addr[0] = '\0';
	freeaddrinfo(found);
}

static int take_list(struct asked *a, const struct h0_http_res *res, struct h0_err *e)
{
	h0_autojson struct h0_json *o = NULL;
	if (res->status != 200)
		return h0_fail(e, H0_EXTERN, "answers HTTP %d to /v1/models", res->status);
	if (h0_json_parse(h0_buf_str(&res->body), res->body.len, "models", &o, NULL) < 0)
		return h0_fail(e, H0_EXTERN, "does not list its models as JSON");
	const struct h0_json *data = h0_json_get(o, "data");
	for (size_t i = 0; i < h0_json_len(data); i++) {
		const char *id = h0_json_str(h0_json_get(h0_json_at(data, i), "id"));
		if (id && *id)
			h0_strv_add(&a->models, id);
	}
	a->listed = true;
	return 0;
}

static void ask_one(const struct asking *w, struct asked *a)
{
	char key[H0_UPSTREAM_KEY];
	struct h0_err e = {0};
	h0_autohttp struct h0_http_res res = {0};
	h0_autofree char *url = h0_upstream_url(a->u, "/v1/models");
	resolve(a);
	int rc = h0_upstream_key(w->paths, a->u, key, &e);
	a->header = h0_upstream_header(a->u, key);
	const char *headers[] = {a->header, NULL};
	struct h0_http_req req = {.url = url, .headers = headers, .connect_timeout_ms = w->timeout_ms,
		.timeout_ms = w->timeout_ms, .max_body = MAX_LIST, .fresh = true, .stop = w->stop};
	if (rc == 0)
		rc = h0_http(&req, &res, &e);
	if (rc == 0)
		rc = take_list(a, &res, &e);
	if (rc < 0)
		snprintf(a->why, sizeof a->why, "cannot be asked: %s", e.msg);
	explicit_bzero(key, sizeof key);
}

static void *work(void *arg)
{
	struct asking *w = arg;
	for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n;)
		ask_one(w, &w->v[i]);
	return NULL;
}

static void run(struct asking *w, int parallel)
{
	pthread_t t[MAX_THREADS];
	size_t n = 0, want = parallel > 1 && w->n > 1 ? w->n : 1;
	want = want > (size_t)parallel && parallel > 0 ? (size_t)parallel : want;
	want = want > MAX_THREADS ? MAX_THREADS : want;
	while (n + 1 < want && pthread_create(&t[n], NULL, work, w) == 0)
		n++;
	work(w);
	while (n)
		pthread_join(t[--n], NULL);
}

static const char *keep(struct h0_arena *mem, const char *s)
{
	return h0_arena_strndup(mem, s, strlen(s));
}

void h0_upstream_look(const struct h0_paths *paths, const struct h0_upstreams *us, const atomic_int *stop,
                      struct h0_route_look *ret)
{
	if (!us->n)
		return;
	struct asking w = {.paths = paths, .v = h0_calloc(us->n, sizeof *w.v), .n = us->n, .stop = stop,
		.timeout_ms = (int)(us->list_timeout_s < 600 ? us->list_timeout_s * 1000 : 600000)};
	for (size_t i = 0; i < us->n; i++)
		w.v[i].u = &us->v[i];
	run(&w, us->parallel);
	free(ret->remote);
	ret->remote = h0_calloc(us->n, sizeof *ret->remote);
	ret->nremote = us->n;
	for (size_t i = 0; i < us->n; i++) {
		struct asked *a = &w.v[i];
		const char **models = a->listed ? h0_arena_alloc(&ret->mem, (a->models.n + 1) * sizeof *models) : NULL;
		for (size_t k = 0; models && k < a->models.n; k++)
			models[k] = keep(&ret->mem, a->models.v[k]);
		ret->remote[i] = (struct h0_route_remote){keep(&ret->mem, a->u->name), models,
			a->listed ? NULL : keep(&ret->mem, a->why), *a->addr ? keep(&ret->mem, a->addr) : NULL,
			a->header ? keep(&ret->mem, a->header) : NULL};
		if (a->header)
			explicit_bzero(a->header, strlen(a->header));
		free(a->header);
		h0_strv_done(&a->models);
	}
	free(w.v);
}
