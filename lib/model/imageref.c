/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/imageref.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/url.h"

bool h0_digest_ok(const char *digest)
{
	if (!digest || !h0_starts(digest, "sha256:") || strlen(digest) != H0_SHA256_TEXT - 1)
		return false;
	const char *hex = digest + strlen("sha256:");
	return strspn(hex, "0123456789abcdef") == strlen(hex);
}

static bool copy(char *dst, size_t size, const char *from, size_t n)
{
	if (n >= size)
		return false;
	memcpy(dst, from, n);
	dst[n] = '\0';
	return true;
}

/* Whether the part before the first slash is a host. */
static bool is_host(const char *p, size_t n)
{
	return memchr(p, '.', n) || memchr(p, ':', n) ||
	       (n == strlen("localhost") && !memcmp(p, "localhost", n));
}

static bool host_ok(const char *host)
{
	const char *p = host;
	for (; *p && *p != ':'; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
			return false;
	return isalnum((unsigned char)host[0]) && (!*p || (p[1] && strspn(p + 1, "0123456789") == strlen(p + 1)));
}

static bool path_ok(const char *path)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
	size_t n = strlen(path);
	return n && strspn(path, allowed) == n && isalnum((unsigned char)path[0]) &&
	       path[n - 1] != '/' && !strstr(path, "//") && !strstr(path, "..");
}

static bool tag_ok(const char *tag)
{
	for (const char *p = tag; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return true;
}

static bool split(const char *text, struct h0_imageref *r)
{
	const char *at = strchr(text, '@');
	size_t n = at ? (size_t)(at - text) : strlen(text);
	const char *slash = memchr(text, '/', n), *name = text;
	if (at && (!h0_digest_ok(at + 1) || !copy(r->digest, sizeof r->digest, at + 1, strlen(at + 1))))
		return false;
	if (slash && is_host(text, (size_t)(slash - text))) {
		if (!copy(r->host, sizeof r->host, text, (size_t)(slash - text)))
			return false;
		name = slash + 1;
	} else {
		snprintf(r->host, sizeof r->host, "docker.io");
	}
	n -= (size_t)(name - text);
	const char *colon = memchr(name, ':', n);
	if (colon && !copy(r->tag, sizeof r->tag, colon + 1, n - (size_t)(colon + 1 - name)))
		return false;
	return (!colon || r->tag[0]) &&
	       copy(r->path, sizeof r->path, name, colon ? (size_t)(colon - name) : n);
}

int h0_imageref_parse(const char *text, struct h0_imageref *ret, struct h0_err *e)
{
	struct h0_imageref r = {0};
	if (!split(text, &r) || !host_ok(r.host) || !path_ok(r.path) || !tag_ok(r.tag))
		return h0_fail(e, H0_CONFIG,
		               "'%.200s' is no image reference: HOST/PATH:TAG or HOST/PATH@sha256:...",
		               text);
	*ret = r;
	return 0;
}

char *h0_imageref_pin(const char *text, const char *digest)
{
	struct h0_imageref r;
	if (h0_imageref_parse(text, &r, NULL) < 0)
		return NULL;
	size_t n = strcspn(text, "@");
	const char *tail = memrchr(text, '/', n);
	const char *colon = memchr(tail ? tail : text, ':', n - (size_t)(tail ? tail - text : 0));
	return h0_asprintf("%.*s@%s", (int)(colon ? (size_t)(colon - text) : n), text, digest);
}

char *h0_imageref_unpin(const char *text)
{
	struct h0_imageref r;
	if (h0_imageref_parse(text, &r, NULL) < 0 || (r.digest[0] && !r.tag[0]))
		return NULL;
	return h0_strndup(text, strcspn(text, "@"));
}

bool h0_imageref_is_local(const struct h0_imageref *r)
{
	return h0_streq(r->host, "localhost");
}

bool h0_imageref_is_loopback(const struct h0_imageref *r)
{
	return !h0_imageref_is_local(r) && h0_url_is_loopback(r->host);
}
