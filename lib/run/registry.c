/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One question to an image registry (OCI distribution specification): what is behind this tag?
 */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "fmt/url.h"
#include "run/images.h"

#define TIMEOUT_MS   15000
#define MANIFEST_MAX (4u << 20)

static const char accept[] =
	"Accept: application/vnd.oci.image.index.v1+json, "
	"application/vnd.docker.distribution.manifest.list.v2+json, "
	"application/vnd.oci.image.manifest.v1+json, "
	"application/vnd.docker.distribution.manifest.v2+json";

static char *manifest_url(const struct h0_imageref *r)
{
	bool hub = h0_streq(r->host, "docker.io");
	return h0_asprintf("%s://%s/v2/%s%s/manifests/%s", h0_imageref_is_loopback(r) ? "http" : "https",
	                   hub ? "registry-1.docker.io" : r->host,
	                   hub && !strchr(r->path, '/') ? "library/" : "", r->path,
	                   r->digest[0] ? r->digest : r->tag[0] ? r->tag : "latest");
}

static int get(struct h0_http_client *c, const char *url, const char *authorization,
               struct h0_http_res *ret, struct h0_err *e)
{
	const char *const headers[] = {accept, authorization, NULL};
	const struct h0_http_req req = {
		.url = url,
		.headers = headers,
		.timeout_ms = TIMEOUT_MS,
		.connect_timeout_ms = 5000,
		.max_body = MANIFEST_MAX,
	};
	return h0_http_do(c, &req, ret, e);
}

/* A token, or a text in quotes, at *p; *p goes behind it. NULL: the quotes do not end. */
static char *value_at(const char **p)
{
	h0_autobuf struct h0_buf text = {0};
	const char *s = *p;
	if (*s != '"') {
		*p += strcspn(s, ", \t");
		return h0_strndup(s, (size_t)(*p - s));
	}
	for (s++; *s && *s != '"'; s++) {
		s += *s == '\\' && s[1];
		h0_buf_addc(&text, *s);
	}
	*p = *s ? s + 1 : s;
	return *s ? h0_strdup(h0_buf_str(&text)) : NULL;
}

/* A parameter of `Bearer realm="...",service="..."` among the challenges; NULL when absent. Names of
 * schemes and parameters have no case. */
static char *bearer_parameter(const char *challenges, const char *name)
{
	bool bearer = false;
	for (const char *p = challenges; *(p += strspn(p, ", \t"));) {
		const char *word = p;
		size_t n = strcspn(p, "=, \t\"");
		p += n;
		const char *equal = p + strspn(p, " \t");
		if (*equal != '=') {
			bearer = n == 6 && strncasecmp(word, "Bearer", 6) == 0;
			p += *p == '"';
			continue;
		}
		p = equal + 1;
		p += strspn(p, " \t");
		h0_autofree char *value = value_at(&p);
		if (bearer && n == strlen(name) && strncasecmp(word, name, n) == 0)
			return h0_take(value);
	}
	return NULL;
}

static void add_escaped(struct h0_buf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	for (; *s; s++) {
		if (strchr(plain, *s))
			h0_buf_addc(out, *s);
		else
			h0_buf_addf(out, "%%%02X", (unsigned char)*s);
	}
}

/* An anonymous token from where the registry sends us; only there over TLS, or on loopback. */
static char *anonymous_token(struct h0_http_client *c, const struct h0_imageref *r,
                             const char *challenge)
{
	h0_autofree char *realm = bearer_parameter(challenge, "realm");
	h0_autofree char *service = bearer_parameter(challenge, "service");
	h0_autofree char *scope = bearer_parameter(challenge, "scope");
	h0_autobuf struct h0_buf url = {0};
	h0_autohttp struct h0_http_res res = {0};
	h0_autojson struct h0_json *j = NULL;
	if (!realm || (!h0_url_is_https(realm) && !h0_imageref_is_loopback(r)))
		return NULL;
	h0_buf_addf(&url, "%s?service=", realm);
	add_escaped(&url, service ? service : "");
	h0_buf_adds(&url, "&scope=");
	add_escaped(&url, scope ? scope : "");
	if (get(c, h0_buf_str(&url), NULL, &res, NULL) < 0 || res.status != 200 ||
	    h0_json_parse(h0_buf_str(&res.body), res.body.len, "token", &j, NULL) < 0)
		return NULL;
	const char *token = h0_json_str(h0_json_get(j, "token"));
	if (!token)
		token = h0_json_str(h0_json_get(j, "access_token"));
	return token ? h0_asprintf("Authorization: Bearer %s", token) : NULL;
}

static int refused(const char *ref, const struct h0_imageref *r, int status, struct h0_err *e)
{
	if (status == 404) {
		h0_fail(e, H0_EXTERN, "the registry %s has no image %s", r->host, ref);
		return h0_err_code(e, "image.not_found");
	}
	return h0_fail(e, H0_EXTERN, "the registry %s answers %d for %s%s", r->host, status, ref,
	               status == 401 || status == 403 ? ": it is not public" : "");
}

int h0_image_remote(struct h0_http_client *c, const char *ref, char digest[H0_SHA256_TEXT],
                    struct h0_err *e)
{
	struct h0_imageref r;
	h0_autohttp struct h0_http_res first = {0}, second = {0};
	if (h0_imageref_parse(ref, &r, e) < 0)
		return -1;
	if (h0_imageref_is_local(&r))
		return h0_fail(e, H0_USAGE, "%s was made on this machine: there is no registry to ask", ref);
	h0_autofree char *url = manifest_url(&r);
	if (get(c, url, NULL, &first, e) < 0)
		return h0_wrap(e, "registry %s", r.host);
	struct h0_http_res *answer = &first;
	if (first.status == 401) {
		h0_autofree char *token = anonymous_token(c, &r, first.authenticate);
		if (token && get(c, url, token, &second, e) < 0)
			return h0_wrap(e, "registry %s", r.host);
		answer = token ? &second : &first;
	}
	if (answer->status != 200)
		return refused(ref, &r, answer->status, e);
	h0_sha256_of(h0_buf_str(&answer->body), answer->body.len, digest);
	return 0;
}
