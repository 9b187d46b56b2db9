/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define HOST_MAX 256

size_t h0_url_scheme(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
}

bool h0_url_is_https(const char *url)
{
	return h0_url_scheme(url) == 8;
}

int h0_url_host(const char *url, char *host, size_t size, struct h0_err *e)
{
	size_t scheme = h0_url_scheme(url);
	const char *p = scheme ? url + scheme : "";
	size_t n = strcspn(p, "/?#"), clean = 0;
	while ((unsigned char)url[clean] > ' ' && url[clean] != 0x7f)
		clean++;
	const char *at = memchr(p, '@', n);
	if (at)
		return h0_fail(e, H0_USAGE, "a URL with a user name is not asked: write it without ('%.*s')",
		               (int)strcspn(at + 1, "/?#"), at + 1);
	bool brackets = *p == '[';
	const char *name = p + brackets, *end = p + n;
	size_t len = strcspn(name, brackets ? "]/?#" : ":/?#");
	const char *rest = name + len + (brackets && name[len] == ']');
	if (*rest == ':' && rest < end)
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!len || url[clean] || rest != end || (brackets && name[len] != ']'))
		return h0_fail(e, H0_USAGE, "not a URL that can be asked (http://HOST...): '%.*s'",
		               clean < 200 ? (int)clean : 200, url);
	if (len >= size)
		return h0_fail(e, H0_USAGE, "host name too long in '%.200s'", url);
	memcpy(host, name, len);
	host[len] = '\0';
	return 0;
}

bool h0_url_bare_host(const char *host, char *dst, size_t size)
{
	bool brackets = *host == '[';
	const char *p = host + brackets;
	size_t n = strcspn(p, brackets ? "]" : ":");
	const char *rest = p + n;
	if (brackets && *rest++ != ']')
		return false;
	if (*rest == ':')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!n || *rest || n >= size)
		return false;
	memcpy(dst, p, n);
	dst[n] = '\0';
	return true;
}

/* Four numbers with dots: "127.0.0.1.example.org" is a name. */
static bool is_loopback4(const char *s)
{
	int dots = 0;
	if (!h0_starts(s, "127."))
		return false;
	for (; *s; s++) {
		if (*s == '.' ? s[1] == '.' || !s[1] : *s < '0' || *s > '9')
			return false;
		dots += *s == '.';
	}
	return dots == 3;
}

bool h0_url_is_loopback(const char *host)
{
	char name[HOST_MAX];
	if (!h0_url_bare_host(host, name, sizeof name))
		return strcmp(host, "::1") == 0;
	return strcasecmp(name, "localhost") == 0 || strcmp(name, "::1") == 0 || is_loopback4(name);
}

int h0_url_origin(const char *url, char *dst, size_t size, struct h0_err *e)
{
	char host[HOST_MAX];
	if (h0_url_host(url, host, sizeof host, e) < 0)
		return -1;
	const char *rest = strstr(url, "//") + 2, *usual = h0_url_is_https(url) ? ":443" : ":80";
	size_t n = strcspn(rest, "/?#"), tail = strlen(usual);
	if (n > tail && strncmp(rest + n - tail, usual, tail) == 0)
		n -= tail;
	size_t scheme = (size_t)(rest - url);
	if (scheme + n >= size)
		return h0_fail(e, H0_USAGE, "host name too long in '%.200s'", url);
	for (size_t i = 0; i < scheme + n; i++)
		dst[i] = (char)tolower((unsigned char)url[i]);
	dst[scheme + n] = '\0';
	return 0;
}

/* Does it begin with a scheme? What comes behind a '?' may look like a URL too. */
static bool is_absolute(const char *location)
{
	size_t n = 0;
	while (isalnum((unsigned char)location[n]) || (n && strchr("+-.", location[n]) && location[n]))
		n++;
	return n && !isdigit((unsigned char)*location) && h0_starts(location + n, "://");
}

char *h0_url_join(const char *url, const char *location)
{
	const char *rest = strstr(url, "//");
	if (is_absolute(location) || !rest)
		return h0_strdup(location);
	if (h0_starts(location, "//"))
		return h0_asprintf("%.*s%s", (int)(rest - url), url, location);
	size_t n = (size_t)(rest - url) + 2 + strcspn(rest + 2, "/?#");
	if (location[0] == '/')
		return h0_asprintf("%.*s%s", (int)n, url, location);
	size_t path = n + strcspn(url + n, "?#");
	while (path > n && url[path - 1] != '/')
		path--;
	return path > n ? h0_asprintf("%.*s%s", (int)path, url, location)
	                : h0_asprintf("%.*s/%s", (int)n, url, location);
}

bool h0_url_is_local(const char *url)
{
	char host[HOST_MAX];
	return h0_url_host(url, host, sizeof host, NULL) == 0 && h0_url_is_loopback(host);
}
