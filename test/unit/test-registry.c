/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a tag is now in its registry: asked of one of our own on loopback.
 */
#include "sock.h"
#include "tap.h"

#include <pthread.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "run/images.h"

#define BODY "{\"schemaVersion\":2}"

static int listener, port;
static char asked[4096]; /* the first lines of all requests of one question; under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void reply(int fd, const char *status, const char *header, const char *body)
{
	h0_autofree char *text = h0_asprintf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
	                                     status, header, strlen(body), body);
	(void)!write(fd, text, strlen(text));
}

/* The same challenge as others may write it. %d: our port. */
static const struct { const char *path, *header; } ways[] = {
	{"/v2/small/", "WWW-Authenticate: bearer realm=\"http://127.0.0.1:%d/token-one\",service=\"a b&c\"\r\n"},
	{"/v2/large/", "www-authenticate: BEARER  Realm = \"http://127.0.0.1:%d/token-one\" , SERVICE=a\r\n"},
	{"/v2/second/", "WWW-Authenticate: Basic realm=\"of others, Bearer realm=x\", Negotiate a2V5==, "
	                "Bearer service=x, realm=\"http://127.0.0.1:%d/token-one\"\r\n"},
	{"/v2/lines/", "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token-one\"\r\n"
	               "WWW-Authenticate: Basic realm=\"of others\"\r\n"},
	{"/v2/slashes/", "WWW-Authenticate: Bearer error=\"\\\"realm=\",realm=\"http:\\/\\/127.0.0.1:%d/token-one\"\r\n"},
	{"/v2/named/", "WWW-Authenticate: Basic Bearer=\"\", realm=\"http://127.0.0.1:%d/token-one\"\r\n"},
	{"/v2/open/", "WWW-Authenticate: Bearer service=\"s\",realm=\"http://127.0.0.1:%d/token-one\r\n"},
};

static bool other_way(int fd, const char *request, const char *path)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(ways); i++)
		if (h0_starts(path, ways[i].path)) {
			h0_autobuf struct h0_buf header = {0};
			const char *at = strstr(ways[i].header, "%d");
			h0_buf_addf(&header, "%.*s%d%s", (int)(at - ways[i].header), ways[i].header, port, at + 2);
			bool may = strstr(request, "Authorization: Bearer one\r\n");
			reply(fd, may ? "200 OK" : "401 Unauthorized", may ? "" : h0_buf_str(&header), may ? BODY : "{}");
			return true;
		}
	return false;
}

/* Sends to our token place, whoever asks without what it gives. */
static void guarded(int fd, const char *request, const char *token, const char *scheme)
{
	h0_autofree char *want = h0_asprintf("Authorization: Bearer %s\r\n", token);
	h0_autofree char *header = h0_asprintf("WWW-Authenticate: %s realm=\"http://127.0.0.1:%d/token-%s\","
		"service=\"a b&c\",scope=\"repository:x:pull\"\r\n", scheme, port, token);
	if (strstr(request, want))
		reply(fd, "200 OK", "", BODY);
	else
		reply(fd, "401 Unauthorized", header, "{}");
}

static void answer(int fd, const char *request)
{
	char path[400] = "";
	sscanf(request, "GET %399s", path);
	pthread_mutex_lock(&lock);
	size_t n = strlen(asked);
	snprintf(asked + n, sizeof asked - n, "%s ", path);
	pthread_mutex_unlock(&lock);
	if (other_way(fd, request, path))
		return;
	if (h0_starts(path, "/v2/plain/manifests/"))
		reply(fd, strstr(request, "application/vnd.oci.image.index.v1+json") ? "200 OK" : "406 No", "", BODY);
	else if (h0_starts(path, "/v2/guarded/"))
		guarded(fd, request, "one", "Bearer");
	else if (h0_starts(path, "/v2/guarded2/"))
		guarded(fd, request, "two", "Bearer");
	else if (h0_starts(path, "/v2/basic/"))
		guarded(fd, request, "one", "Basic");
	else if (h0_starts(path, "/v2/mute/"))
		guarded(fd, request, "none", "Bearer");
	else if (h0_starts(path, "/v2/odd/"))
		guarded(fd, request, "odd", "Bearer");
	else if (h0_starts(path, "/v2/private/"))
		reply(fd, "403 Forbidden", "", "{}");
	else if (h0_starts(path, "/v2/broken/"))
		reply(fd, "500 Oops", "", "{}");
	else if (h0_starts(path, "/token-one?"))
		reply(fd, "200 OK", "", "{\"token\":\"one\"}");
	else if (h0_starts(path, "/token-two?"))
		reply(fd, "200 OK", "", "{\"access_token\":\"two\"}");
	else if (h0_starts(path, "/token-odd?"))
		reply(fd, "200 OK", "", "no JSON");
	else
		reply(fd, "404 Not Found", "", "{}");
}

static void *serve(void *arg)
{
	(void)arg;
	for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
		char request[4096];
		if (read_head(fd, request, sizeof request))
			answer(fd, request);
	}
	return NULL;
}

static void start(void)
{
	pthread_t t;
	listener = listen_on(&port);
	if (listener < 0 || pthread_create(&t, NULL, serve, NULL) != 0)
		abort();
	pthread_detach(t);
}

static int ask(struct h0_http_client *c, const char *image, char digest[H0_SHA256_TEXT], struct h0_err *e)
{
	h0_autofree char *ref = h0_asprintf("127.0.0.1:%d/%s", port, image);
	*e = (struct h0_err){0};
	pthread_mutex_lock(&lock);
	asked[0] = '\0';
	pthread_mutex_unlock(&lock);
	snprintf(digest, H0_SHA256_TEXT, "untouched");
	return h0_image_remote(c, ref, digest, e);
}

static void is_asked(const char *want, const char *name)
{
	char now[sizeof asked];
	pthread_mutex_lock(&lock);
	strcpy(now, asked);
	pthread_mutex_unlock(&lock);
	is_str(now, want, name);
}

int main(void)
{
	h0_autohttpclient struct h0_http_client *c = NULL;
	char got[H0_SHA256_TEXT], want[H0_SHA256_TEXT];
	struct h0_err e = {0};
	if (h0_http_open(&c, &e) < 0)
		return tap_skip_all(e.msg);
	start();
	h0_sha256_of(BODY, strlen(BODY), want);

	ok(ask(c, "plain:v1", got, &e) == 0, "a tag");
	is_str(got, want, "is the sum of what is answered");
	is_asked("/v2/plain/manifests/v1 ", "asked once");
	ok(ask(c, "plain", got, &e) == 0, "no tag");
	is_asked("/v2/plain/manifests/latest ", "is the latest");
	h0_autofree char *pinned = h0_asprintf("plain@%s", want);
	h0_autofree char *path = h0_asprintf("/v2/plain/manifests/%s ", want);
	ok(ask(c, pinned, got, &e) == 0, "a digest");
	is_asked(path, "is asked for as such");

	ok(ask(c, "guarded:v1", got, &e) == 0, "a registry that sends for a token: %s", e.msg);
	is_str(got, want, "the sum");
	is_asked("/v2/guarded/manifests/v1 /token-one?service=a%20b%26c&scope=repository%3Ax%3Apull "
	       "/v2/guarded/manifests/v1 ", "asked there, then again, with words escaped");
	ok(ask(c, "guarded2:v1", got, &e) == 0, "a token of the other name: %s", e.msg);

	static const char *const written[] = {"small:v1", "large:v1", "second:v1", "lines:v1", "slashes:v1"};
	for (size_t i = 0; i < H0_ARRAY_LEN(written); i++)
		ok(ask(c, written[i], got, &e) == 0, "%s: the challenge in other letters: %s", written[i], e.msg);

	static const struct { const char *image, *says, *why; } rows[] = {
		{"named:v1", "401 for", "Bearer is no scheme there"},
		{"open:v1", "401 for", "quotes that do not end"},
		{"nothing:v1", "has no image", "no such tag"},
		{"private:v1", "403 for", "forbidden"},
		{"private:v1", "not public", "and said so"},
		{"basic:v1", "401 for", "wants a password"},
		{"mute:v1", "401 for", "no token to be had"},
		{"odd:v1", "401 for", "a token that is none"},
		{"broken:v1", "500 for", "a registry that is ill"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++) {
		int rc = ask(c, rows[i].image, got, &e);
		ok(rc < 0 && e.kind == H0_EXTERN && strstr(e.msg, rows[i].says), "%s: %s", rows[i].why, e.msg);
		ok(h0_streq(got, "untouched"), "%s: no digest", rows[i].why);
	}
	ok(ask(c, "nothing:v1", got, &e) < 0 && h0_streq(h0_err_name(&e), "image.not_found"), "its code");
	ok(ask(c, "broken:v1", got, &e) < 0 && !h0_streq(h0_err_name(&e), "image.not_found"),
	   "which an illness has not");
	ok(h0_image_remote(c, "localhost/mine:1", got, &e) < 0 && e.kind == H0_USAGE,
	   "made on this machine: nobody is asked");
	shutdown(listener, SHUT_RDWR);
	close(listener);
	ok(ask(c, "plain:v1", got, &e) < 0 && e.kind == H0_EXTERN && strstr(e.msg, "registry 127.0.0.1"),
	   "a registry that is not there: %s", e.msg);
	return tap_done();
}
