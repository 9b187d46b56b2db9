/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Servers that answer with hostile bytes, over real sockets. The first byte says who asks: h health and
 * the models a slot lists, t a request and its streamed answer, u an upstream's models, l what a file
 * is, f the file itself, p the hub's list of files, i what a registry has behind a tag. The rest are
 * the answers, apart by lines "~~~", one for each connection; @@@@@ stands for the server's port.
 * Whatever it says: the asker ends, with an answer that makes sense or a reason, and no secret in it.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/imageref.h"
#include "run/health.h"
#include "run/images.h"
#include "run/pull.h"
#include "run/talk.h"
#include "run/upstream.h"
#include "sock.h"

#define REPLIES 8
#define SECRET  "hunter2hunter2"

/* ---- the server ---- */

static struct {
	int fd, port;
	pthread_mutex_t lock;
	const char *reply[REPLIES];
	size_t len[REPLIES], n, next;
	struct h0_http_client *http;
	char dir[64];
} peer = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* Reads a request's head, gives the next reply, and waits until the client has closed: so nothing is left. */
static void *serve_one(void *arg)
{
	static const struct linger none = {1, 0};
	int fd = (int)(intptr_t)arg;
	char in[8192];
	read_head(fd, in, sizeof in);
	pthread_mutex_lock(&peer.lock);
	if (peer.next < peer.n) {
		send(fd, peer.reply[peer.next], peer.len[peer.next], MSG_NOSIGNAL);
		peer.next++;
	}
	pthread_mutex_unlock(&peer.lock);
	shutdown(fd, SHUT_WR);
	while (recv(fd, in, sizeof in, 0) > 0)
		;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	const struct timeval patience = {2, 0};
	pthread_attr_t apart;
	pthread_t thread;
	pthread_attr_init(&apart);
	pthread_attr_setdetachstate(&apart, PTHREAD_CREATE_DETACHED);
	for (int fd;; ) {
		if ((fd = accept(peer.fd, NULL, NULL)) < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		if (pthread_create(&thread, &apart, serve_one, (void *)(intptr_t)fd) != 0)
			close(fd);
	}
	return arg;
}

static void leave(void)
{
	rmdir(peer.dir);
}

static void begin(void)
{
	pthread_t thread;
	peer.fd = listen_on(&peer.port);
	fuzz_dir(peer.dir, sizeof peer.dir);
	if (peer.fd < 0 || pthread_create(&thread, NULL, serve, NULL) != 0 || h0_http_open(&peer.http, NULL) < 0)
		abort();
	atexit(leave);
}

static void set_replies(char *p, size_t size)
{
	char port[8], *end = p + size;
	snprintf(port, sizeof port, "%05d", peer.port);
	for (char *at = p; (at = memmem(at, (size_t)(end - at), "@@@@@", 5)); at += 5)
		memcpy(at, port, 5);
	pthread_mutex_lock(&peer.lock);
	peer.n = peer.next = 0;
	while (peer.n < REPLIES) {
		char *mark = memmem(p, (size_t)(end - p), "\n~~~\n", 5);
		peer.reply[peer.n] = p;
		peer.len[peer.n++] = (size_t)((mark ? mark : end) - p);
		if (!mark)
			break;
		p = mark + 5;
	}
	pthread_mutex_unlock(&peer.lock);
}

/* Where an answer may send us: nowhere but back here. */
static bool stays_here(const char *p, size_t n)
{
	h0_autofree char *text = h0_strndup(p, n);
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : ' ';
	for (const char *at = text; (at = strcasestr(at, "location")); at += 8) {
		const char *to = at + 8 + strspn(at + 8, " \t:");
		if (*to != '/' || to[1] == '/' || to[1] == '\\')
			return false;
	}
	for (const char *at = text; (at = strstr(at, "realm")); at += 5)
		if (!h0_starts(at, "realm=\"http://127.0.0.1:@@@@@/"))
			return false;
	return true;
}

static void has_reason(int rc, const struct h0_err *e)
{
	H0_ASSERT(rc == 0 || (e->msg[0] && e->kind != H0_OK && e->kind != H0_BUG));
	H0_ASSERT(!strstr(e->msg, SECRET));
}

/* ---- who asks ---- */

static void health(void)
{
	h0_autostrv struct h0_strv models = {0};
	struct h0_health_ask a = {.port = peer.port, .provider = H0_PROVIDER_LLAMA_SERVER, .model = "m", .models = &models,
		.key = SECRET};
	h0_health_ask(&a, 1, 3000, NULL, 0);
	H0_ASSERT(a.health > H0_HEALTH_UNASKED && a.health <= H0_HEALTH_READY && *h0_health_word(a.health));
	H0_ASSERT(a.health != H0_HEALTH_READY || h0_streq(a.listed, "m"));
	H0_ASSERT(a.health != H0_HEALTH_WRONG || !h0_streq(a.listed, "m"));
	for (size_t i = 0; i < models.n; i++)
		H0_ASSERT(*models.v[i]);
}

struct told {
	size_t text, reasoning;
};

static int on_text(bool reasoning, const char *p, size_t n, void *arg, struct h0_err *e)
{
	struct told *t = arg;
	H0_ASSERT(p);
	*(reasoning ? &t->reasoning : &t->text) += n;
	return t->text > 100000 ? h0_fail(e, H0_EXTERN, "enough") : 0;
}

static void talk(size_t how)
{
	static const char *const paths[] = {"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings"};
	struct h0_slot slot = {.name = "chat"};
	char path[64];
	struct told told = {0};
	struct h0_talked got;
	struct h0_err e = {0};
	struct h0_route r = {.slot = &slot, .anchor = &slot, .port = peer.port, .path = paths[how % 4],
		.endpoint = h0_endpoint_find(paths[how % 4], path, sizeof path)};
	const struct h0_talk t = {.route = &r, .key = SECRET, .body = "{}", .body_len = 2, .idle_timeout_ms = 3000,
		.on_text = on_text, .arg = &told, .raw = how & 4, .max_body = 1 << 16};
	int rc = h0_talk(peer.http, &t, &got, &e);
	has_reason(rc, &e);
	H0_ASSERT(got.text_bytes == told.text && got.prompt_tokens >= -1 && got.tokens >= -1 && got.tokens_per_s >= 0);
	H0_ASSERT(rc < 0 || got.status / 100 == 2);
	H0_ASSERT(rc == 0 || e.kind == H0_EXTERN || e.kind == H0_BUSY || e.kind == H0_SYS);
}

static void upstream(void)
{
	static const struct h0_paths nowhere = {.etc = "/nonexistent"};
	char host[] = "127.0.0.1", base[] = "";
	struct h0_upstream u = {.name = "box", .url = "", .host = host, .port = peer.port, .base = base, .auth = H0_AUTH_NONE,
		.key_env = "", .timeout_s = 3, .advertise = true};
	struct h0_upstreams us = {.v = &u, .n = 1, .list_timeout_s = 3, .parallel = 1};
	h0_autoroutelook struct h0_route_look look = {0};
	h0_upstream_look(&nowhere, &us, NULL, &look);
	H0_ASSERT(look.nremote == 1 && (look.remote[0].models != NULL) == (look.remote[0].why == NULL));
	for (const char *const *m = look.remote[0].models; m && *m; m++)
		H0_ASSERT(**m);
}

static struct h0_puller puller(void)
{
	return (struct h0_puller){.http = peer.http, .hub = h0_asprintf("http://127.0.0.1:%d", peer.port),
		.auth = h0_strdup("Authorization: Bearer " SECRET), .ways = 2};
}

static void puller_end(struct h0_puller *p)
{
	p->http = NULL; /* ours */
	h0_puller_done(p);
}

static void look(void)
{
	h0_auto(puller_end) struct h0_puller p = puller();
	h0_autoremote struct h0_remote r = {0};
	h0_autofree char *url = h0_asprintf("http://127.0.0.1:%d/a/b.gguf", peer.port);
	struct h0_err e = {0};
	int rc = h0_remote_look(&p, url, &r, &e);
	has_reason(rc, &e);
	if (rc < 0)
		return;
	H0_ASSERT(h0_streq(r.url, url) && h0_starts(r.final, "http://127.0.0.1:"));
	H0_ASSERT(r.bytes >= -1 && (!r.ranges || r.bytes > 0) && (!r.sum[0] || h0_digest_ok(r.sum)));
}

static void file(void)
{
	h0_auto(puller_end) struct h0_puller p = puller();
	h0_autofree char *url = h0_asprintf("http://127.0.0.1:%d/b.gguf", peer.port);
	h0_autofree char *path = h0_asprintf("%s/b.gguf", peer.dir), *part = h0_asprintf("%s/.b.gguf.hal0-part", peer.dir);
	h0_autofree char *state = h0_asprintf("%s/.b.gguf.hal0-state", peer.dir);
	const struct h0_remote r = {.url = url, .final = url, .tag = "\"t\"", .bytes = 12, .ranges = true};
	struct h0_err e = {0};
	struct stat st;
	int rc = h0_pull_file(&p, &r, path, "GGUF", &e);
	has_reason(rc < 0 ? -1 : 0, &e);
	bool there = stat(path, &st) == 0;
	h0_autobuf struct h0_buf got = {0};
	H0_ASSERT(there == (rc >= 0));
	H0_ASSERT(!there || (h0_read_file(path, 1 << 20, &got, NULL) == 0 && h0_starts(h0_buf_str(&got), "GGUF")));
	H0_ASSERT(stat(part, &st) < 0 || rc < 0);
	unlink(path);
	unlink(part);
	unlink(state);
}

static void hub(size_t how)
{
	static const char *const refs[] = {"hf:o/r", "hf:o/r:Q8_0", "hf:o/r:a/b-00001-of-00002.gguf"};
	h0_auto(puller_end) struct h0_puller p = puller();
	h0_automodelref struct h0_modelref ref = {0};
	h0_auto(h0_remote_model_done) struct h0_remote_model m = {0};
	struct h0_err e = {0};
	H0_ASSERT(h0_modelref_parse(refs[how % 3], &ref, &e) == 0);
	int rc = h0_remote_list(&p, &ref, "main", &m, &e);
	has_reason(rc, &e);
	if (rc < 0)
		return;
	H0_ASSERT(m.names.n && m.names.n == m.urls.n && (m.projector != NULL) == (m.projector_url != NULL));
	for (size_t i = 0; i < m.names.n; i++) {
		h0_autofree char *base = h0_modelref_base(m.names.v[i]);
		h0_autofree char *walk = h0_asprintf("/%s/", m.names.v[i]); /* "a../b" goes nowhere else */
		H0_ASSERT(h0_ends(base, ".gguf") && base[0] != '.' && !strstr(walk, "/../") && m.names.v[i][0] != '/');
		for (const char *c = m.urls.v[i]; *c; c++)
			H0_ASSERT(*c > ' ' && *c < 0x7f);
	}
}

static void image(void)
{
	h0_autofree char *ref = h0_asprintf("127.0.0.1:%d/a/b:1", peer.port);
	char digest[H0_SHA256_TEXT];
	struct h0_err e = {0};
	int rc = h0_image_remote(peer.http, ref, digest, &e);
	has_reason(rc, &e);
	H0_ASSERT(rc < 0 || h0_digest_ok(digest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (peer.fd < 0)
		begin();
	if (size < 2 || memmem(data, size, SECRET, strlen(SECRET)) || !stays_here((const char *)data + 2, size - 2))
		return 0;
	h0_autofree char *text = h0_malloc(size);
	memcpy(text, data, size);
	set_replies(text + 2, size - 2);
	switch (*text) {
	case 'h':
		health();
		break;
	case 't':
		talk((unsigned char)text[1]);
		break;
	case 'u':
		upstream();
		break;
	case 'l':
		look();
		break;
	case 'f':
		file();
		break;
	case 'p':
		hub((unsigned char)text[1]);
		break;
	case 'i':
		image();
		break;
	}
	pthread_mutex_lock(&peer.lock);
	peer.n = 0;
	pthread_mutex_unlock(&peer.lock);
	return 0;
}

static const char *const fuzz_words[] = {
	"\n~~~\n", "\r\n", "\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 206 Partial\r\n", "HTTP/1.1 302 Found\r\nLocation: /x\r\n",
	"HTTP/1.1 401 No\r\n", "HTTP/1.1 503 Busy\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "Content-Length: 12\r\n", "Content-Length: 0\r\n",
	"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "Content-Type: text/event-stream\r\n", "Content-Type: application/json\r\n",
	"Content-Range: bytes 0-0/12\r\n", "Content-Range: bytes 0-11/12\r\n", "ETag: \"t\"\r\n", "Retry-After: 3\r\n",
	"Connection: close\r\n", "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:@@@@@/t\",service=\"s\",scope=\"p\"\r\n",
	"Link: </x>; rel=\"next\"\r\n", "data: ", "data: [DONE]\n\n", "\n\n", "event: error\n", "{\"data\":[{\"id\":\"m\"}]}", "\"aliases\":[\"m\"]",
	"{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}", "\"reasoning_content\":", "\"finish_reason\":\"stop\"", "{\"error\":{\"message\":\"x\"}}",
	"\"usage\":{\"prompt_tokens\":1}", "\"type\":\"response.completed\"", "{\"type\":\"file\",\"path\":\"a-Q8_0.gguf\"}", "{\"token\":\"x\"}",
	"\"model_loaded\":false", "[", "]", "{", "}", ",", "\"", ":", "null", "-1", "99999999999999999999", "GGUF12345678", "../", NULL};

FUZZ_TARGET("peer", 3000)
