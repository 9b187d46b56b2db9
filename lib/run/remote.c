/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "fmt/json.h"
#include "fmt/url.h"
#include "sys/secret.h"

#define REDIRECTS   10
#define TOKEN_MAX   1023
#define LIST_MAX    (16u << 20) /* of a page */
#define PAGES_MAX   100
#define NAMES_MAX   200000

void h0_puller_done(struct h0_puller *p)
{
	h0_http_close(p->http);
	free(p->hub);
	if (p->auth)
		explicit_bzero(p->auth, strlen(p->auth));
	free(p->auth);
	*p = (struct h0_puller){0};
}

void h0_remote_done(struct h0_remote *r)
{
	free(r->url);
	free(r->final);
	*r = (struct h0_remote){0};
}

int h0_puller_token(struct h0_puller *p, const char *file, struct h0_err *e)
{
	h0_autosecret struct h0_buf text = {0};
	if (h0_secret_read(file, 64u << 10, &text, e) < 0)
		return -1;
	size_t len = strcspn(h0_buf_str(&text), " \t\r\n");
	bool good = len && len < TOKEN_MAX;
	for (size_t i = 0; i < len; i++)
		good = good && text.p[i] > ' ' && text.p[i] < 0x7f;
	if (good)
		p->auth = h0_asprintf("Authorization: Bearer %.*s", (int)len, text.p);
	return good ? 0 : h0_fail_at(e, file, 1, 1, NULL, "holds no token in its first line");
}

/* ---- what is there ---- */

void h0_remote_hear(const char *name, const char *value, void *arg)
{
	struct h0_remote_answer *a = arg;
	if (!*name)
		*a = (struct h0_remote_answer){.length = -1, .linked_size = -1, .retry_after_s = -1};
	else if (strcasecmp(name, "Location") == 0)
		snprintf(a->location, sizeof a->location, "%s", value);
	else if (strcasecmp(name, "ETag") == 0)
		snprintf(a->etag, sizeof a->etag, "%s", value);
	else if (strcasecmp(name, "X-Linked-ETag") == 0)
		snprintf(a->linked_etag, sizeof a->linked_etag, "%s", value);
	else if (strcasecmp(name, "Content-Range") == 0)
		snprintf(a->range, sizeof a->range, "%s", value);
	else if (strcasecmp(name, "Content-Length") == 0)
		h0_num_i64(value, 0, INT64_MAX, &a->length);
	else if (strcasecmp(name, "X-Linked-Size") == 0)
		h0_num_i64(value, 0, INT64_MAX, &a->linked_size);
	else if (strcasecmp(name, "Retry-After") == 0)
		h0_num_i64(value, 0, 3600, &a->retry_after_s);
}

/* "bytes 5-9/100"; units have no case. false: not that. */
bool h0_remote_range(const char *text, int64_t *from, int64_t *to, int64_t *all)
{
	int end = 0;
	if (strncasecmp(text, "bytes ", 6) != 0)
		return false;
	text += 6;
	return sscanf(text, "%" SCNd64 "-%" SCNd64 "/%" SCNd64 "%n", from, to, all, &end) == 3 &&
	       !text[end] && *from >= 0 && *to >= *from && *all > *to;
}

/* Quotes around 64 hex digits or not: the hub's name of a large file is its SHA-256. */
static void read_sum(const char *etag, char dst[H0_SHA256_TEXT])
{
	const char *p = *etag == '"' ? etag + 1 : etag;
	if (strspn(p, "0123456789abcdef") == 64 && (!p[64] || p[64] == '"'))
		snprintf(dst, H0_SHA256_TEXT, "sha256:%.64s", p);
}

const char *h0_remote_auth(const struct h0_puller *p, const char *url)
{
	char ours[512], theirs[512];
	if (!p->auth || !p->hub || h0_url_origin(p->hub, ours, sizeof ours, NULL) < 0 ||
	    h0_url_origin(url, theirs, sizeof theirs, NULL) < 0 || !h0_streq(ours, theirs) ||
	    (!h0_url_is_https(url) && !h0_url_is_local(url)))
		return NULL;
	return p->auth;
}

int h0_remote_refused(const char *url, int status, bool token, struct h0_err *e)
{
	int n = (int)strcspn(url, "?#");
	if (status == 404) {
		h0_fail(e, H0_EXTERN, "%.*s is not there (404)", n, url);
		return h0_err_code(e, "model.not_found");
	}
	if (status == 401 || status == 403) {
		h0_fail(e, H0_EXTERN, "%.*s is not open to everybody (%d): %s", n, url, status,
		        token ? "the token is not one that may have it"
		              : "--token-file names a file with a token");
		return h0_err_code(e, "model.token_wanted");
	}
	return h0_fail(e, H0_EXTERN, "%.*s: the server answers %d", n, url, status);
}

static int enough(const char *p, size_t n, int status, void *arg)
{
	*(int *)arg = status;
	return status == 206 || status / 100 == 3 ? 0 : 1; /* the whole file need not come */
}

/* One question about a file: its first byte. `status` by answer. */
static int ask(const struct h0_puller *p, const char *url, struct h0_remote_answer *a, int *ret_status,
               struct h0_err *e)
{
	const char *const headers[] = {"Range: bytes=0-0", "Accept-Encoding: identity", h0_remote_auth(p, url), NULL};
	const struct h0_http_req req = {.url = url, .headers = headers, .connect_timeout_ms = H0_REMOTE_CONNECT_MS,
		.idle_timeout_ms = H0_REMOTE_IDLE_MS, .ca_file = p->ca_file, .stop = p->stop, .on_data = enough,
		.on_data_arg = ret_status, .on_header = h0_remote_hear, .on_header_arg = a};
	h0_autohttp struct h0_http_res res = {0};
	struct h0_err why = {0};
	*ret_status = 0;
	if (h0_http_do(p->http, &req, &res, &why) == 0) {
		*ret_status = res.status;
		return 0;
	}
	if (why.sys_errno != ECANCELED || (p->stop && *p->stop)) {
		if (e)
			*e = why;
		return -1;
	}
	return 0; /* we ended it: a whole file, or an error's page */
}

static int learn(const struct h0_remote_answer *a, int status, struct h0_remote *r, struct h0_err *e)
{
	int64_t from, to, all;
	if (a->etag[0] && strncmp(a->etag, "W/", 2) != 0)
		snprintf(r->tag, sizeof r->tag, "%s", a->etag);
	if (status == 206 && h0_remote_range(a->range, &from, &to, &all) && from == 0 && to == 0) {
		r->bytes = all;
		r->ranges = true;
		return 0;
	}
	if (status == 206)
		return h0_fail(e, H0_EXTERN, "%.*s: the server sends other bytes than asked for",
		               (int)strcspn(r->url, "?#"), r->url);
	r->bytes = a->length;
	return 0;
}

int h0_remote_look(const struct h0_puller *p, const char *url, struct h0_remote *ret, struct h0_err *e)
{
	h0_autoremote struct h0_remote r = {.url = h0_strdup(url), .final = h0_strdup(url), .bytes = -1};
	for (int hop = 0; hop <= REDIRECTS; hop++) {
		struct h0_remote_answer a = {.length = -1, .linked_size = -1};
		int status;
		if (ask(p, r.final, &a, &status, e) < 0)
			return -1;
		if (a.linked_etag[0])
			read_sum(a.linked_etag, r.sum);
		if (status / 100 == 3 && a.location[0]) {
			char *next = h0_url_join(r.final, a.location);
			bool fine = h0_url_is_https(next) || (!h0_url_is_https(r.final) && h0_url_is_local(next));
			free(r.final);
			r.final = next;
			if (!fine)
				return h0_fail(e, H0_EXTERN, "%.*s leads to an address that is not https: not followed",
				               (int)strcspn(url, "?#"), url);
			continue;
		}
		if (status != 206 && status != 200)
			return h0_remote_refused(url, status, h0_remote_auth(p, r.final), e);
		if (learn(&a, status, &r, e) < 0)
			return -1;
		*ret = r;
		r = (struct h0_remote){0};
		return 0;
	}
	return h0_fail(e, H0_EXTERN, "%.*s: more than %d redirects", (int)strcspn(url, "?#"), url, REDIRECTS);
}

static int need_hub(const struct h0_puller *p, struct h0_err *e)
{
	return p->hub && *p->hub ? 0 : h0_fail(e, H0_CONFIG,
		"hf: needs the hub's address: hal0 conf set /etc/hal0/hal0.toml models.hub https://HOST, or --hub");
}

void h0_remote_model_done(struct h0_remote_model *m)
{
	h0_strv_done(&m->urls);
	h0_strv_done(&m->names);
	free(m->projector_url);
	free(m->projector);
	*m = (struct h0_remote_model){0};
}

/* ---- the hub's list ---- */

struct page {
	char link[4096];
};

static void hear_link(const char *name, const char *value, void *arg)
{
	struct page *p = arg;
	if (!*name)
		p->link[0] = '\0';
	else if (strcasecmp(name, "Link") == 0)
		snprintf(p->link, sizeof p->link, "%s", value);
}

/* `<URL>; rel="next", <URL>; rel="last"`: where the list goes on, NULL when it does not. */
static char *next_of(const char *link, const char *url)
{
	for (const char *p = link; (p = strchr(p, '<')) != NULL;) {
		const char *end = strchr(p, '>');
		const char *more = end ? strchr(end, '<') : NULL;
		if (!end)
			return NULL;
		h0_autofree char *where = h0_strndup(p + 1, (size_t)(end - p) - 1);
		h0_autofree char *what = h0_strndup(end, more ? (size_t)(more - end) : strlen(end));
		if (strcasestr(what, "rel=\"next\"") || strcasestr(what, "rel=next"))
			return h0_url_join(url, where);
		p = end;
	}
	return NULL;
}

/* Adds the names of one page. *ret_next: the address of the one after it, NULL: it is the last. */
static int list_page(const struct h0_puller *p, const char *url, struct h0_strv *ret, char **ret_next,
                     struct h0_err *e)
{
	h0_autohttp struct h0_http_res res = {0};
	h0_autojson struct h0_json *j = NULL;
	struct page page = {0};
	const char *const headers[] = {h0_remote_auth(p, url), NULL};
	const struct h0_http_req req = {.url = url, .headers = headers,
		.connect_timeout_ms = H0_REMOTE_CONNECT_MS, .idle_timeout_ms = H0_REMOTE_IDLE_MS,
		.max_body = LIST_MAX, .ca_file = p->ca_file, .stop = p->stop, .on_header = hear_link,
		.on_header_arg = &page};
	if (h0_http_do(p->http, &req, &res, e) < 0)
		return -1;
	if (res.status != 200)
		return h0_remote_refused(url, res.status, headers[0], e);
	if (h0_json_parse(h0_buf_str(&res.body), res.body.len, "the hub's list", &j, e) < 0) {
		if (e)
			e->kind = H0_EXTERN;
		return -1;
	}
	for (size_t i = 0; i < h0_json_len(j); i++) {
		const char *path = h0_json_str(h0_json_get(h0_json_at(j, i), "path"));
		if (path && h0_streq(h0_json_str(h0_json_get(h0_json_at(j, i), "type")), "file"))
			h0_strv_add(ret, path);
	}
	*ret_next = next_of(page.link, url);
	return 0;
}

static int list_all(const struct h0_puller *p, const char *first, struct h0_strv *ret, struct h0_err *e)
{
	h0_autofree char *url = h0_strdup(first);
	char ours[512], theirs[512];
	if (h0_url_origin(first, ours, sizeof ours, e) < 0)
		return -1;
	for (int page = 0; url; page++) {
		char *next = NULL;
		if (page == PAGES_MAX || ret->n > NAMES_MAX)
			return h0_fail(e, H0_EXTERN, "the hub's list does not end");
		if (list_page(p, url, ret, &next, e) < 0)
			return -1;
		free(url);
		url = next;
		if (url && (h0_url_origin(url, theirs, sizeof theirs, NULL) < 0 || !h0_streq(ours, theirs)))
			return h0_fail(e, H0_EXTERN, "the hub's list goes on at another server: not followed");
	}
	return 0;
}

static void list_url(const struct h0_modelref *r, struct h0_remote_model *ret)
{
	h0_modelref_shards(r->url, &ret->urls);
	for (size_t i = 0; i < ret->urls.n; i++) {
		h0_autofree char *base = h0_modelref_base(ret->urls.v[i]);
		h0_strv_add(&ret->names, base);
	}
}

int h0_remote_list(const struct h0_puller *p, const struct h0_modelref *r, const char *revision,
                   struct h0_remote_model *ret, struct h0_err *e)
{
	h0_autostrv struct h0_strv all = {0};
	h0_autobuf struct h0_buf rev = {0};
	if (r->url) {
		list_url(r, ret);
		return 0;
	}
	if (need_hub(p, e) < 0)
		return -1;
	h0_modelref_escape(revision, &rev);
	h0_autofree char *url = h0_asprintf("%s/api/models/%s/tree/%s?recursive=true", p->hub, r->repo,
	                                    h0_buf_str(&rev));
	h0_autofree char *base = h0_asprintf("%s/%s/resolve/%s/", p->hub, r->repo, h0_buf_str(&rev));
	if (list_all(p, url, &all, e) < 0 || h0_modelref_choose(r, &all, &ret->names, e) < 0)
		return -1;
	const char *projector = h0_modelref_projector(&all, ret->names.v[0]);
	ret->projector = projector ? h0_strdup(projector) : NULL;
	for (size_t i = 0; i < ret->names.n + (projector != NULL); i++) {
		h0_autobuf struct h0_buf path = {0};
		h0_buf_adds(&path, base);
		h0_modelref_escape(i < ret->names.n ? ret->names.v[i] : projector, &path);
		if (i < ret->names.n)
			h0_strv_add(&ret->urls, h0_buf_str(&path));
		else
			ret->projector_url = h0_buf_take(&path);
	}
	return 0;
}
