/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/url.h"

#include "base/err.h"
#include "base/mem.h"
#include "tap.h"

static void host(const char *url, const char *want)
{
	char got[64] = "";
	struct h0_err e = {0};
	int rc = h0_url_host(url, got, sizeof got, &e);
	if (want)
		is_str(rc == 0 ? got : e.msg, want, url);
	else
		ok(rc < 0 && e.kind == H0_USAGE && !strstr(e.msg, "secret"), "refused: %.*s", (int)strcspn(url, "\n"), url);
}

static void hosts(void)
{
	host("http://a", "a");
	host("https://a:1/b", "a");
	host("HTTPS://a:1/b", "a");
	host("http://[::1]:8080/v1", "::1");
	host("https://a?b", "a");
	host("ftp://a", NULL);
	host("http://", NULL);
	host("http://:80/", NULL);
	host("http://me:secret@a/", NULL);
	host("http://[]/", NULL);
	host("http://[::1", NULL);
	host("http://[::1]evil/", NULL);
	host("http://a:1x/", NULL);
	host("http://a:1:2/", NULL);
	host("http://a/b c", NULL);
	host("http://a\n/b", NULL);
	host("http://aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg/", NULL);
}

static void origin(const char *url, const char *want)
{
	char got[64];
	ok(h0_url_origin(url, got, sizeof got, NULL) == 0 && strcmp(got, want) == 0, "%s is of %s", url, want);
}

static void joined(const char *url, const char *location, const char *want)
{
	h0_autofree char *got = h0_url_join(url, location);
	is_str(got, want, want);
}

/* Whoever owns example.org names hosts below it as they like. */
static void loopback(void)
{
	static const char *const ours[] = {"localhost", "LocalHost", "localhost:80", "127.0.0.1", "127.9.8.7:1",
		"::1", "[::1]", "[::1]:8080"};
	static const char *const others[] = {"localhost.example.org", "127.example.org", "127.0.0.1.example.org",
		"127.0.0.1.example.org:80", "128.0.0.1", "127.", "127..0.1", "127.0.0.1.1", "[::2]", "::2", "[::1",
		"localhost:80x", "", "[localhost"};
	for (size_t i = 0; i < H0_ARRAY_LEN(ours); i++)
		ok(h0_url_is_loopback(ours[i]), "'%s' is this machine", ours[i]);
	for (size_t i = 0; i < H0_ARRAY_LEN(others); i++)
		ok(!h0_url_is_loopback(others[i]), "'%s' is not", others[i]);
	ok(h0_url_is_local("http://127.0.0.1:9/x") && h0_url_is_local("http://[::1]/x"), "local URLs");
	ok(!h0_url_is_local("http://127.0.0.1.example.org/x"), "a name is not an address");
}

int main(void)
{
	hosts();
	origin("http://A.b:80/c?d", "http://a.b");
	origin("https://a:443", "https://a");
	origin("HTTPS://A:443/", "https://a");
	ok(h0_url_scheme("Http://a") == 7 && h0_url_scheme("hTTPs://a") == 8 && !h0_url_scheme("http:/a") && !h0_url_scheme(""),
	   "a scheme has no case");
	ok(h0_url_is_https("HTTPS://a") && !h0_url_is_https("HTTP://a"), "and says whether it is TLS");
	origin("https://a:80/", "https://a:80");
	joined("http://a/b/c?d", "e", "http://a/b/e");
	joined("http://a/b/c", "/e", "http://a/e");
	joined("https://a/b", "//c/d", "https://c/d");
	joined("http://a/b", "/e?from=http://c/d", "http://a/e?from=http://c/d");
	joined("http://a/b", "e?from=http://c/d", "http://a/e?from=http://c/d");
	joined("http://a/b", "HTTPS://c/d", "HTTPS://c/d");
	joined("http://a", "e", "http://a/e");
	joined("http://a/b", "https://c/d", "https://c/d");
	loopback();
	return tap_done();
}
