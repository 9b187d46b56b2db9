/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The router as a server, between clients and a slot that both misbehave on request: the query of
 * the path says what the slot does ("?do=stall").
 */
#include "tap.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "serve/serve.h"
#include "serve/spool.h"
#include "sys/io.h"

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* ---- the slot ---- */

static int slot_port;
static atomic_int slot_conns, slot_requests, slot_gone, slot_bad_sum;
static atomic_llong slot_sent;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char slot_head[8192], slot_body[2048]; /* of the last request */

static bool put(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static bool say(int fd, const char *s)
{
	return put(fd, s, strlen(s));
}

static void watch_it_go(int fd, int ms)
{
	char c;
	struct pollfd p = {fd, POLLIN, 0};
	if (poll(&p, 1, ms) > 0 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0)
		slot_gone++;
}

static void flood(int fd, size_t bytes)
{
	h0_autofree char *block = h0_malloc(65536);
	for (size_t i = 0; i < 65536; i++)
		block[i] = (char)('a' + i % 26);
	h0_autofree char *head = h0_asprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", bytes);
	say(fd, head);
	for (size_t sent = 0; sent < bytes; sent += 65536) {
		if (!put(fd, block, bytes - sent < 65536 ? bytes - sent : 65536)) {
			slot_gone++;
			return;
		}
		slot_sent += 65536;
	}
}

static void stream(int fd, int events, int pause_ms)
{
	say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < events; i++) {
		char text[64], frame[96];
		int n = snprintf(text, sizeof text, "data: {\"n\":%d}\n\n", i);
		snprintf(frame, sizeof frame, "%x\r\n%s\r\n", n, text);
		if (!say(fd, frame)) {
			slot_gone++;
			return;
		}
		if (pause_ms)
			nap(pause_ms);
	}
	say(fd, "0\r\n\r\n");
}

#define OK5 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"

static bool answer(int fd, const char *what)
{
	if (strcmp(what, "close") == 0) { /* kept-alive in word, closed a little later in deed */
		say(fd, OK5);
		nap(4);
		return false;
	}
	if (strcmp(what, "closing") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
		return false;
	}
	if (strcmp(what, "nothing") == 0)
		return false;
	if (strcmp(what, "garbage") == 0)
		say(fd, "\x16\x03what\r\n\r\n");
	else if (strcmp(what, "short") == 0)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
	else if (strcmp(what, "prefill") == 0)
		watch_it_go(fd, 1200);
	else if (strcmp(what, "stall") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
		        "c\r\ndata: part\n\n\r\n");
		watch_it_go(fd, 1200);
	} else if (strcmp(what, "late") == 0) {
		nap(150);
		return say(fd, OK5);
	} else if (strcmp(what, "flood") == 0) {
		flood(fd, 32u << 20);
		return true;
	} else if (strcmp(what, "sse") == 0) {
		stream(fd, 20, 10);
		return true;
	} else if (strcmp(what, "long") == 0) {
		stream(fd, 20000, 0);
		return true;
	} else if (strcmp(what, "refuse") == 0)
		return say(fd, "HTTP/1.1 418 Teapot\r\nAccess-Control-Allow-Origin: *\r\nX-Mine: yes\r\nKeep-Alive: a\r\n"
		               "Connection: x-hop\r\nX-Hop: 1\r\nContent-Length: 3\r\n\r\nno\n");
	else if (strcmp(what, "interim") == 0)
		return say(fd, "HTTP/1.1 103 Early\r\nX: y\r\n\r\n" OK5);
	else if (strcmp(what, "busy") == 0)
		return say(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
	else if (strcmp(what, "locked") == 0) {
		pthread_mutex_lock(&lock);
		bool good = strstr(slot_head, "Authorization: Bearer new\r\n") && !strstr(slot_head, "mine");
		pthread_mutex_unlock(&lock);
		return say(fd, good ? OK5 : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nno secret");
	} else if (strcmp(what, "usage") == 0)
		return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n"
		               "{\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9}}");
	else
		return say(fd, OK5);
	return false;
}

/* Reads one request; the body is summed, so that a long one need not be kept. */
static bool read_request(int fd, char *what, size_t size)
{
	h0_autobuf struct h0_buf b = {0};
	size_t head = 0, body = 0, seen = 0;
	unsigned sum = 0;
	while (!head || seen < body) {
		char chunk[65536];
		ssize_t n = recv(fd, chunk, head ? (body - seen < sizeof chunk ? body - seen : sizeof chunk) : 4096, 0);
		if (n <= 0)
			return false;
		if (head) {
			for (ssize_t i = 0; i < n; i++)
				sum += (unsigned char)chunk[i];
			if (b.len - head < sizeof slot_body - 1)
				h0_buf_add(&b, chunk, (size_t)n < 1024 ? (size_t)n : 1024);
			seen += (size_t)n;
			continue;
		}
		h0_buf_add(&b, chunk, (size_t)n);
		const char *end = strstr(b.p, "\r\n\r\n");
		if (!end)
			continue;
		const char *cl = strcasestr(b.p, "content-length:");
		head = (size_t)(end + 4 - b.p);
		body = cl && cl < end ? (size_t)atoll(cl + 15) : 0;
		seen = b.len - head;
		for (size_t i = head; i < b.len; i++)
			sum += (unsigned char)b.p[i];
	}
	const char *want = strcasestr(b.p, "x-sum:");
	if (want && (unsigned)atoll(want + 6) != sum)
		slot_bad_sum++;
	pthread_mutex_lock(&lock);
	snprintf(slot_head, sizeof slot_head, "%.*s", (int)head, b.p);
	snprintf(slot_body, sizeof slot_body, "%s", b.p + head);
	pthread_mutex_unlock(&lock);
	const char *q = strstr(b.p, "?do=");
	snprintf(what, size, "%.*s", q ? (int)strcspn(q + 4, " &") : 0, q ? q + 4 : "");
	slot_requests++;
	return true;
}

static void *slot_conn(void *arg)
{
	int fd = (int)(intptr_t)arg, one = 1;
	char what[32];
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	bool more = true;
	while (more && read_request(fd, what, sizeof what))
		more = answer(fd, what);
	close(fd);
	return NULL;
}

static int listen_on(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_port = htons((uint16_t)*port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1024) < 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}

static void *slot_serve(void *arg)
{
	int l = (int)(intptr_t)arg;
	for (int fd; (fd = accept(l, NULL, NULL)) >= 0;) {
		pthread_t t;
		slot_conns++;
		pthread_create(&t, NULL, slot_conn, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

/* Slot files hold ports of a range. */
static int listen_in_range(int *port)
{
	for (*port = 8100; *port <= 8200; ++*port) {
		int fd = listen_on(port);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* A port that nobody listens on, and nobody else can take meanwhile. */
static int hold_in_range(int *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (*port = 8100; *port <= 8200; ++*port) {
		a.sin_port = htons((uint16_t)*port);
		if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
			return fd;
	}
	close(fd);
	return -1;
}

static void slot_start(int fd)
{
	pthread_t t;
	pthread_create(&t, NULL, slot_serve, (void *)(intptr_t)fd);
	pthread_detach(t);
}

/* ---- the router ---- */

static char home[64];
static int port, cold_port, cold_fd = -1;
static volatile int stop;
static atomic_int loads, used_calls, used_in_flight;
static int load_takes_ms, load_fails;
static struct h0_guard guard;
static pthread_t router;
static int router_rc;

static void write_slot(const char *name, const char *type, int p, const char *model)
{
	h0_autofree char *path = h0_asprintf("%s/slots/%s.toml", home, name);
	FILE *f = fopen(path, "w");
	fprintf(f, "name = \"%s\"\ntype = \"%s\"\nport = %d\ndevice = \"cpu\"\n[model]\ndefault = \"%s\"\n", name, type, p,
	        model);
	fclose(f);
}

/* The slot "cold" comes up by listening. */
static int load(const char *slot, void *arg, struct h0_err *e)
{
	(void)arg;
	loads++;
	nap(load_takes_ms);
	if (load_fails || strcmp(slot, "cold") != 0)
		return h0_fail(e, H0_EXTERN, "slot %s: the model file is broken", slot);
	if (listen(cold_fd, 1024) < 0)
		return h0_fail_sys(e, "listen");
	slot_start(cold_fd);
	return 0;
}

static void ready(int p, void *arg)
{
	(void)arg;
	port = p;
}

static atomic_bool used_held; /* a report of requests under way takes until this is false */

static void used(const char *slot, unsigned in_flight, void *arg)
{
	(void)slot, (void)arg;
	used_calls++;
	used_in_flight = (int)in_flight;
	while (in_flight && used_held)
		nap(1);
}

static const char *slot_key_now = "old";
static atomic_int key_calls;

static void key(const char *slot, char *dst, void *arg)
{
	(void)slot, (void)arg;
	key_calls++;
	snprintf(dst, H0_SERVE_KEY, "%s", slot_key_now);
}

static atomic_bool swapped;
static atomic_int looks;

/* Once `swapped`, slot "main" has another model than its file says. */
static void look(const struct h0_slots *slots, const struct h0_upstreams *us, struct h0_route_look *ret, void *arg)
{
	static const char *const models[] = {"swapped-in", NULL};
	(void)slots, (void)arg;
	looks++;
	*ret = (struct h0_route_look){.v = h0_calloc(1, sizeof *ret->v), .n = 1};
	ret->v[0] = (struct h0_route_live){"main", H0_ROUTE_READY, swapped ? models : NULL};
	static const char *const listed[2][2] = {{"far-model", NULL}, {"tls-model", NULL}};
	ret->remote = us->n ? h0_calloc(2, sizeof *ret->remote) : NULL;
	ret->nremote = us->n ? 2 : 0;
	for (size_t i = 0; i < ret->nremote; i++)
		ret->remote[i] = (struct h0_route_remote){i ? "tls" : "far", listed[i], NULL, "127.0.0.1",
			i ? NULL : "X-Api-Key: far-key"};
}

static struct h0_serve_conf conf = {.look = look, .key = key, .bind = "127.0.0.1", .guard = &guard, .spool_dir = "/tmp", .max_body = 40u << 20,
	.max_clients = 400, .loops = 2, .wait_ms = 1500, .drain_ms = 3000, .load = load, .ready = ready, .used = used,
	.stop = &stop};

static void *route(void *arg)
{
	struct h0_err e = {0};
	(void)arg;
	router_rc = h0_serve(&conf, &e);
	if (router_rc < 0)
		printf("# router: %s\n", e.msg);
	return NULL;
}

static void router_start(void)
{
	stop = 0;
	port = 0;
	conf.etc = home;
	pthread_create(&router, NULL, route, NULL);
	for (int i = 0; i < 200 && !port; i++)
		nap(10);
}

static void wake_up(int sig)
{
	(void)sig;
}

static void router_stop(void)
{
	stop = 1;
	pthread_kill(router, SIGTERM);
	pthread_join(router, NULL);
}

/* ---- clients ---- */

static int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval t = {8, 0};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

#define POST(query, more, body) \
	"POST /v1/chat/completions" query " HTTP/1.1\r\nHost: localhost\r\n" more "Content-Length: %zu\r\n\r\n%s", \
	strlen(body), body
#define BODY "{\"model\":\"main\"}"

/* All bytes until the other side ends. */
static void read_all(int fd, struct h0_buf *b)
{
	for (ssize_t n; (n = recv(fd, h0_buf_room(b, 65536), 65536, 0)) > 0;) {
		b->len += (size_t)n;
		b->p[b->len] = '\0';
	}
}

/* Until `text` has been seen `times` times. */
static bool read_until(int fd, struct h0_buf *b, const char *text, int times)
{
	for (;;) {
		int n = 0;
		for (const char *p = h0_buf_str(b); (p = strstr(p, text)); p++)
			n++;
		if (n >= times)
			return true;
		ssize_t got = recv(fd, h0_buf_room(b, 65536), 65536, 0);
		if (got <= 0)
			return false;
		b->len += (size_t)got;
		b->p[b->len] = '\0';
	}
}

/* One request on a connection of its own; everything that came back. */
__attribute__((format(printf, 1, 2))) static char *ask(const char *fmt, ...)
{
	h0_autobuf struct h0_buf in = {0};
	va_list ap;
	va_start(ap, fmt);
	char *text = NULL;
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	h0_autofd int fd = dial();
	put(fd, text, strlen(text));
	free(text);
	shutdown(fd, SHUT_WR);
	read_all(fd, &in);
	return h0_buf_take(&in);
}

static int status_of(const char *answer)
{
	const char *p = answer;
	while (h0_starts(p, "HTTP/1.1 1")) {
		p = strstr(p, "\r\n\r\n");
		if (!p)
			return 0;
		p += 4;
	}
	return h0_starts(p, "HTTP/1.1 ") ? atoi(p + 9) : 0;
}

static bool check(const char *name, char *answer, int status, const char *has)
{
	bool good = status_of(answer) == status && (!has || strstr(answer, has));
	if (!ok(good, "%s", name))
		printf("# want %d and %s, got:\n# %.600s\n", status, has ? has : "anything", answer);
	free(answer);
	return good;
}

static int count_fds(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static long rss_kib(void)
{
	h0_autobuf struct h0_buf b = {0};
	h0_read_file("/proc/self/status", 1 << 16, &b, NULL);
	const char *p = strstr(h0_buf_str(&b), "VmRSS:");
	return p ? atol(p + 6) : 0;
}

static double metric(const char *line)
{
	h0_autofree char *text = ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	const char *p = strstr(text, line);
	return p ? atof(p + strlen(line)) : -1;
}

/* ---- the tests ---- */

static void test_plain(void)
{
	check("a request", ask(POST("", "", BODY)), 200, "hello");
	ok(strstr(slot_head, "POST /v1/chat/completions HTTP/1.1\r\n") && strstr(slot_head, "Host: 127.0.0.1:"),
	   "reaches the slot");
	is_str(slot_body, "{\"model\":\"tiny\"}", "with the slot's own model");
	check("a body of chunks", ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
	      "\r\n8\r\n{\"model\"\r\n10\r\n : \"main\",\"x\":1}\r\n0\r\n\r\n"), 200, "hello");
	is_str(slot_body, "{\"model\" : \"tiny\",\"x\":1}", "goes on as one");
	ok(strcasestr(slot_head, "content-length: 24") && !strcasestr(slot_head, "transfer-encoding"), "with a length");
	check("fields that are nobody else's business", ask(POST("", "Authorization: Bearer s\r\nCookie: c\r\nX-Keep: k\r\n"
	      "Connection: close, x-hop\r\nX-Hop: h\r\nAccept-Encoding: gzip\r\n", BODY)), 200, "hello");
	ok(strstr(slot_head, "X-Keep: k") && !strcasestr(slot_head, "Bearer s") && !strcasestr(slot_head, "cookie") &&
	   !strcasestr(slot_head, "x-hop") && !strcasestr(slot_head, "gzip"), "stay here");
	check("the slot's refusal", ask(POST("?do=refuse", "", BODY)), 418, "X-Mine: yes");
	h0_autofree char *r = ask(POST("?do=refuse", "X-Request-Id: mine-1\r\n", BODY));
	ok(!strcasestr(r, "access-control") && !strcasestr(r, "keep-alive") && !strcasestr(r, "x-hop"),
	   "without its hop-by-hop and CORS fields");
	ok(strstr(r, "X-Request-Id: mine-1") && strstr(slot_head, "X-Request-Id: mine-1"), "the request's id goes both ways");
	check("an interim answer of the slot", ask(POST("?do=interim", "", BODY)), 200, "hello");
	check("an answer until the end", ask(POST("?do=closing", "", BODY)), 200, "d\r\nuntil the end\r\n0\r\n\r\n");
	check("HTTP/1.0 gets no chunks", ask("POST /v1/chat/completions?do=closing HTTP/1.0\r\nContent-Length: 16\r\n\r\n" BODY),
	      200, "\r\n\r\nuntil the end");
	check("the header names the slot", ask(POST("", "X-Hal0-Slot: main\r\n", "{\"model\":\"nobody\"}")), 200, "hello");
	check("another path of a slot", ask("GET /props?do=x HTTP/1.1\r\nHost: localhost\r\nX-Hal0-Slot: main\r\n\r\n"), 200, "hello");
	check("HEAD", ask("HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "Content-Length: 16\r\n");
	check("absolute form", ask("GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "ok");
}

static void test_local(void)
{
	check("models", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "\"hal0/primary\"");
	check("no such path", ask("GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 404, "dispatch.no_route");
	check("a wrong method", ask("GET /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 405, "Allow: POST");
	check("no JSON", ask(POST("", "", "{\"model\":")), 400, "request.invalid_json");
	check("no object", ask(POST("", "", "[]")), 400, "request.not_an_object");
	check("no body", ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400, "request.invalid_json");
	check("a model that is no name", ask(POST("", "", "{\"model\":7}")), 400, "request.missing_model");
	check("two models", ask(POST("", "", "{\"model\":\"main\",\"model\":\"cold\"}")), 400, "request.invalid_json");
	check("a slot of the wrong type", ask("POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n" BODY),
	      404, "dispatch.no_route");
	check("images", ask("POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"), 501, "system.http_501");
	static const char form[] = "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"name=\\\"model\"\r\n\r\n"
		"model\r\n--b1x\r\n\r\n--b1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nstt\r\n--b1--\r\n";
	h0_autofree char *r = ask("POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
	      "Content-Type: multipart/form-data; boundary=b1\r\nContent-Length: %zu\r\n\r\n%s", sizeof form - 1, form);
	ok(status_of(r) == 200 && strstr(slot_body, "name=\"model\"\r\n\r\nwhisper\r\n--b1--"), "a form's model is found and rewritten");
}

static void test_hostile(void)
{
	static const char *const bad[] = {
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"GET / HTTP/1.1\nHost: localhost\n\n", "GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n",
		"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\x02", "GET \x01/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL};
	int requests = slot_requests;
	for (int i = 0; bad[i]; i++)
		check("a hostile request", ask("%s", bad[i]), 400, "Connection: close");
	is_int(slot_requests, requests, "none of them reaches a slot");
	h0_autobuf struct h0_buf b = {0};
	h0_buf_adds(&b, "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ");
	while (b.len < 70000)
		h0_buf_addc(&b, 'x');
	check("a head without end", ask("%s", b.p), 431, NULL);
	check("a body longer than allowed", ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"),
	      413, "Connection: close");
	check("an unknown expectation", ask(POST("", "Expect: more\r\n", BODY)), 417, NULL);
}

static void test_guard(void)
{
	check("a foreign Host", ask("GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), 421, NULL);
	check("a name that begins like loopback", ask("GET /health HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n"), 421, NULL);
	check("no Host", ask("GET /health HTTP/1.1\r\n\r\n"), 421, NULL);
	check("two Hosts", ask("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"), 421, NULL);
	check("IPv6 loopback", ask("GET /health HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n"), 200, NULL);
	check("an allowed Host", ask("GET /health HTTP/1.1\r\nHost: box.lan:8080\r\nConnection: close\r\n\r\n"), 200, NULL);
	check("a web page of another origin", ask(POST("", "Origin: https://evil.example\r\n", BODY)), 403, NULL);
	check("a page without Origin", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"), 403, NULL);
	check("the null origin", ask(POST("", "Origin: null\r\n", BODY)), 403, NULL);
	check("an allowed origin", ask(POST("", "Origin: http://ui.lan\r\n", BODY)), 200,
	      "Access-Control-Allow-Origin: http://ui.lan\r\nVary: Origin\r\n");
	check("its preflight", ask("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: http://ui.lan\r\n"
	      "Connection: close\r\n\r\n"), 204, "Access-Control-Allow-Methods");
	ok(h0_guard_equal("abc", "abc") && !h0_guard_equal("abc", "abd") && !h0_guard_equal("", "a") && !h0_guard_equal("a", "") &&
	   !h0_guard_equal("aa", "a") && !h0_guard_equal("a", "aa"), "comparing keys");
}

static void test_sequence(void)
{
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *one = h0_asprintf(POST("?do=late", "", BODY)), *two = h0_asprintf(POST("?do=usage", "", BODY)),
	                 *three = h0_asprintf("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
	h0_autofree char *all = h0_asprintf("%s%s%s", one, two, three);
	put(fd, all, strlen(all));
	bool got = read_until(fd, &in, "\"status\":\"ok\"", 1);
	const char *a = strstr(h0_buf_str(&in), "hello"), *b = strstr(h0_buf_str(&in), "usage");
	ok(got && a && b && a < b, "pipelined requests are answered in order");
	int conns = slot_conns;
	for (int i = 0; i < 5; i++) {
		h0_buf_reset(&in);
		put(fd, one + 0, strlen(one));
		read_until(fd, &in, "hello", 1);
	}
	ok(slot_conns == conns, "one connection of the client is one of the slot's (%d more)", slot_conns - conns);
	h0_buf_reset(&in);
	put(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n", 97);
	ok(read_until(fd, &in, "100 Continue\r\n\r\n", 1) && put(fd, BODY, 16) && read_until(fd, &in, "hello", 1),
	   "who asks before sending is told to go on");
	h0_autofd int drip = dial();
	h0_buf_reset(&in);
	for (const char *p = two; *p; p++) {
		put(drip, p, 1);
		if (p < two + 40)
			nap(1);
	}
	ok(read_until(drip, &in, "prompt_tokens", 1), "a request byte by byte");
}

static void test_gone(void)
{
	const char *const what[] = {"?do=prefill", "?do=stall"};
	for (int i = 0; i < 2; i++) {
		int fd = dial(), gone = slot_gone, requests = slot_requests;
		h0_autobuf struct h0_buf in = {0};
		h0_autofree char *text = h0_asprintf("POST /v1/chat/completions%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n%s",
		                                     what[i], BODY);
		put(fd, text, strlen(text));
		while (slot_requests == requests)
			nap(1);
		if (i == 1)
			read_until(fd, &in, "part", 1);
		double t = now();
		close(fd);
		while (slot_gone == gone && now() - t < 2)
			nap(1);
		ok(slot_gone == gone + 1 && now() - t < 0.1, "a client that leaves %s frees the slot in %.0f ms",
		   i ? "in mid-stream" : "before the first byte", (now() - t) * 1e3);
	}
	check("one that only stopped sending gets its answer", ask(POST("?do=late", "", BODY)), 200, "hello");
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=sse", "", BODY));
	put(fd, text, strlen(text));
	read_until(fd, &in, "{\"n\":3}", 1);
	shutdown(fd, SHUT_WR);
	ok(read_until(fd, &in, "\r\n0\r\n\r\n", 1) && strstr(in.p, "{\"n\":19}"), "also in the middle of a stream");
}

/* Who reports the use of a slot is slow; meanwhile its last client leaves. */
static void test_last_report(void)
{
	int fd = dial();
	h0_autofree char *text = h0_asprintf(POST("?do=prefill", "", BODY));
	used_held = true;
	used_in_flight = 0;
	put(fd, text, strlen(text));
	for (int i = 0; i < 2000 && used_in_flight == 0; i++)
		nap(1);
	is_int(used_in_flight, 1, "a request under way is reported");
	close(fd);
	nap(100);
	used_held = false;
	for (int i = 0; i < 3000 && used_in_flight; i++)
		nap(1);
	is_int(used_in_flight, 0, "and its end, also when its client was the last");
}

static void test_slow_reader(void)
{
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=flood", "Connection: close\r\n", BODY));
	long before = rss_kib();
	slot_sent = 0;
	put(fd, text, strlen(text));
	nap(400);
	long long sent = slot_sent;
	nap(200);
	ok(slot_sent == sent && sent < 24 << 20, "a reader that does not read stops the slot (after %lld KiB)", sent >> 10);
	ok(rss_kib() - before < 1024, "and costs little here (%ld KiB)", rss_kib() - before);
	read_all(fd, &in);
	const char *body = strstr(h0_buf_str(&in), "\r\n\r\n");
	bool whole = body && in.len - (size_t)(body + 4 - in.p) == 32u << 20;
	for (size_t i = 0; whole && i < 32u << 20; i++)
		whole = body[4 + i] == (char)('a' + i % 65536 % 26);
	ok(whole, "when it reads, it gets all of it");
}

static void test_big_body(void)
{
	size_t n = 25u << 20;
	h0_autofree char *body = h0_malloc(n + 64);
	memcpy(body, "{\"messages\":\"", 13);
	for (size_t i = 13; i < n; i++)
		body[i] = (char)('a' + i % 23);
	memcpy(body + n, "\",\"model\":\"main\"}", 18);
	n += 17;
	unsigned sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (unsigned char)body[i];
	sum += 't' + 'i' + 'n' + 'y' - 'm' - 'a' - 'i' - 'n';
	long before = rss_kib();
	int bad = slot_bad_sum;
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *head = h0_asprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Sum: %u\r\n"
	                                     "Content-Length: %zu\r\n\r\n", sum, n);
	double t = now();
	put(fd, head, strlen(head));
	put(fd, body, n);
	ok(read_until(fd, &in, "hello", 1), "25 MB with the model last (%.0f ms)", (now() - t) * 1e3);
	is_int(slot_bad_sum, bad, "arrives whole, the model's name replaced");
	ok(rss_kib() - before < 4096, "and is not kept in memory (%ld KiB)", rss_kib() - before);
}

static void test_bad_slot(void)
{
	check("a slot that gives no answer", ask(POST("?do=nothing", "", BODY)), 502, "dispatch.upstream_failed");
	check("one that speaks no HTTP", ask(POST("?do=garbage", "", BODY)), 502, "no good HTTP answer");
	h0_autofree char *cut = ask(POST("?do=stall", "", BODY));
	ok(status_of(cut) == 200 && strstr(cut, "part") && !strstr(cut, "\r\n0\r\n\r\n"), "a stream that breaks off has no end");
	h0_autofree char *part = ask(POST("?do=short", "", BODY));
	ok(status_of(part) == 200 && h0_ends(part, "part"), "an answer that breaks off is short");
	int lost = 0;
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf over = {0};
	h0_autofree char *fatal = h0_asprintf(POST("", "", BODY)), *after = h0_asprintf(POST("?do=prefill", "", BODY));
	put(fd, fatal, strlen(fatal));
	read_until(fd, &over, "hello", 1);
	int requests = slot_requests;
	put(fd, after, strlen(after));
	if (!ok(read_until(fd, &over, "dispatch.upstream_failed", 1) && slot_requests == requests + 1,
	        "a request over which the slot died after a while is not sent again"))
		printf("# %d requests: %s\n", slot_requests - requests, h0_buf_str(&over));
	h0_autofree char *text = h0_asprintf(POST("?do=close", "", BODY));
	for (int i = 0; i < 150; i++) {
		h0_autobuf struct h0_buf in = {0};
		put(fd, text, strlen(text));
		lost += !read_until(fd, &in, "hello", 1) || status_of(in.p) != 200;
		nap(i % 3 * 2 + 1); /* now before, now after, now while the slot closes */
	}
	is_int(lost, 0, "a slot that drops kept connections unannounced loses no request");
	ok(metric("hal0_retries_total{slot=\"main\"} ") > 0, "some went out twice (%g)", metric("hal0_retries_total{slot=\"main\"} "));
}

static void test_stream(void)
{
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=sse", "", BODY));
	double t = now(), first = 0;
	put(fd, text, strlen(text));
	if (read_until(fd, &in, "data: ", 1))
		first = now() - t;
	ok(first > 0 && first < 0.1, "events come as they are made (first after %.1f ms)", first * 1e3);
	ok(read_until(fd, &in, "\r\n0\r\n\r\n", 1) && strstr(in.p, "{\"n\":19}"), "to the last");
	h0_autofree char *many = ask(POST("?do=long", "", BODY));
	ok(strstr(many, "{\"n\":19999}") && h0_ends(many, "\r\n0\r\n\r\n"), "a long stream is whole");
}

struct caller {
	pthread_t t;
	int status;
};

static void *call_cold(void *arg)
{
	struct caller *c = arg;
	h0_autofree char *r = ask(POST("", "", "{\"model\":\"cold\"}"));
	c->status = status_of(r);
	return NULL;
}

static void test_cold(void)
{
	static struct caller callers[200];
	int good = 0;
	loads = 0;
	load_takes_ms = 400;
	for (int i = 0; i < 200; i++)
		pthread_create(&callers[i].t, NULL, call_cold, &callers[i]);
	for (int i = 0; i < 200; i++) {
		pthread_join(callers[i].t, NULL);
		good += callers[i].status == 200;
	}
	ok(loads == 1 && good == 200, "200 callers of a cold slot: %d load, %d answers", (int)loads, good);
	shutdown(cold_fd, SHUT_RDWR); /* it listens no more, and keeps its port */
	nap(2300); /* kept connections are given up */
	load_takes_ms = 2500;
	double t = now();
	check("one that takes longer than a request waits", ask(POST("", "", "{\"model\":\"cold\"}")), 503, "slot.loading");
	ok(now() - t < 3, "is told so in time (%.1f s)", now() - t);
	h0_autofree char *r = ask(POST("", "", "{\"model\":\"cold\"}"));
	ok(status_of(r) == 200 || strstr(r, "Retry-After: "), "the next one waits for the same load, or is told when");
	for (t = now(); metric("hal0_loads_total{slot=\"cold\"} ") < 2 && now() - t < 5;)
		nap(50);
	load_takes_ms = 50;
	load_fails = 1;
	check("a slot that does not come up", ask(POST("", "", "{\"model\":\"bad\"}")), 503, "the model file is broken");
	loads = 0;
	check("is not tried again at once", ask(POST("", "", "{\"model\":\"bad\"}")), 503, "the model file is broken");
	is_int(loads, 0, "but the reason is given again");
	load_fails = 0;
	check("a 503 that is no loading", ask(POST("?do=busy", "", BODY)), 503, "busy");
}

static void test_reload(void)
{
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=sse", "", BODY));
	put(fd, text, strlen(text));
	read_until(fd, &in, "data: ", 1);
	check("a model nobody has", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Hal0-Slot: fresh\r\n\r\n"), 200, "hello");
	write_slot("fresh", "llm", slot_port, "new-model");
	bool seen = false;
	double t = now();
	while (!seen && now() - t < 2) {
		h0_autofree char *r = ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
		seen = strstr(r, "new-model") != NULL;
		nap(5);
	}
	ok(seen && now() - t < 0.5, "a new slot is there after %.0f ms", (now() - t) * 1e3);
	ok(read_until(fd, &in, "\r\n0\r\n\r\n", 1) && strstr(in.p, "{\"n\":19}"), "a stream goes on meanwhile");
	h0_autofree char *path = h0_asprintf("%s/slots/fresh.toml", home);
	unlink(path);
}

static void test_look(void)
{
	bool seen = false;
	int before = looks;
	swapped = false;
	check("a model no slot lists", ask(POST("", "", "{\"model\":\"swapped-in\"}")), 200, "hello");
	is_str(slot_body, "{\"model\":\"tiny\"}", "goes to the default, as that one's model");
	swapped = true;
	for (double t = now(); !seen && now() - t < 5; nap(20)) {
		free(ask(POST("", "", "{\"model\":\"swapped-in\"}")));
		seen = strstr(slot_body, "swapped-in") != NULL;
	}
	ok(seen, "once a slot lists it, it goes there as it is");
	ok(looks > before && looks < before + 20, "for which the slots were asked %d times, not at every request",
	   looks - before);
	swapped = false;
}

static void *abort_some(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	static const char *const what[] = {"", "?do=late", "?do=sse", "?do=stall", "?do=close", "?do=long", "?do=prefill"};
	for (int i = 0; i < 250; i++) {
		int fd = dial();
		if (fd < 0)
			continue;
		h0_autofree char *text = h0_asprintf("POST /v1/chat/completions%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n%s",
		                                     what[rand_r(&seed) % 7], BODY);
		size_t n = (size_t)rand_r(&seed) % 3 ? strlen(text) : (size_t)rand_r(&seed) % strlen(text);
		put(fd, text, n);
		char some[512];
		struct linger hard = {1, 0};
		if (rand_r(&seed) % 2)
			(void)!recv(fd, some, sizeof some, MSG_DONTWAIT);
		else
			nap((int)(rand_r(&seed) % 3));
		if (rand_r(&seed) % 3 == 0)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		close(fd);
	}
	return NULL;
}

static void test_aborts(void)
{
	pthread_t t[8];
	nap(1500);
	int fds = count_fds();
	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, abort_some, (void *)(i + 1));
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	double until = now() + 6;
	while ((count_fds() > fds || metric("hal0_requests_in_flight{slot=\"main\"} ") > 0) && now() < until)
		nap(50);
	ok(count_fds() <= fds, "2000 requests, aborted anywhere: no descriptor is left (%d, %d before)", count_fds(), fds);
	is_int((long long)metric("hal0_requests_in_flight{slot=\"main\"} "), 0, "no request is under way");
	check("and all goes on", ask(POST("", "", BODY)), 200, "hello");
}

static void test_limits(void)
{
	static int fd[420];
	int gone = 0, late = 0;
	for (int i = 0; i < 420; i++) {
		fd[i] = dial();
		nap(i == 399 ? 100 : 0);
	}
	nap(100);
	check("connections that only wait keep nobody out", ask(POST("", "", BODY)), 200, "hello");
	for (int i = 0; i < 420; i++) {
		char c;
		bool ended = recv(fd[i], &c, 1, MSG_DONTWAIT) == 0;
		gone += ended;
		late += ended && i >= 400;
		close(fd[i]);
	}
	ok(gone >= 20 && gone <= 22 && !late, "as many as are too many make room (%d), none of the newest (%d)", gone, late);
	nap(200);
	ok(metric("hal0_tokens_total{slot=\"main\"} ") >= 9, "tokens are counted");
	ok(metric("hal0_answer_size_tokens_bucket{slot=\"main\",le=\"4\"} ") == 0 &&
	   metric("hal0_answer_size_tokens_bucket{slot=\"main\",le=\"16\"} ") ==
	   metric("hal0_answer_size_tokens_count{slot=\"main\"} ") &&
	   metric("hal0_prompt_size_tokens_sum{slot=\"main\"} ") >= 7, "and sorted by size");
	ok(used_calls > 0, "the use of slots is reported");
}

/* Nothing is free below the limit: one more descriptor cannot be had. */
static void test_no_descriptors(void)
{
	static int filler[4096];
	struct rlimit was, low;
	char text[512] = "";
	int n = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval wait = {3, 0};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	getrlimit(RLIMIT_NOFILE, &was);
	low = was;
	low.rlim_cur = 512;
	setrlimit(RLIMIT_NOFILE, &low);
	while (n < 4096 && (filler[n] = dup(0)) >= 0)
		n++;
	bool told = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && recv(fd, text, sizeof text - 1, 0) > 0 &&
	            h0_starts(text, "HTTP/1.1 503");
	while (n)
		close(filler[--n]);
	close(fd);
	setrlimit(RLIMIT_NOFILE, &was);
	ok(told, "without a descriptor left, who comes is told so");
	check("and the next one is served", ask(POST("", "", BODY)), 200, "hello");
}

static void *stop_soon(void *arg)
{
	(void)arg;
	nap(60);
	stop = 1;
	pthread_kill(router, SIGTERM);
	return NULL;
}

static void test_drain(void)
{
	h0_autofd int fd = dial(), idle = dial(), fresh = dial();
	h0_autobuf struct h0_buf in = {0}, first = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=sse", "", BODY)), *one = h0_asprintf(POST("", "", BODY));
	pthread_t t;
	char c;
	put(idle, one, strlen(one));
	read_until(idle, &first, "hello", 1);
	h0_buf_reset(&first);
	put(fd, text, strlen(text));
	read_until(fd, &in, "data: ", 1);
	pthread_create(&t, NULL, stop_soon, NULL);
	ok(recv(idle, &c, 1, 0) == 0, "connections between two requests are closed");
	put(fresh, one, strlen(one));
	ok(read_until(fresh, &first, "hello", 1) && strstr(first.p, "Connection: close"), "a first request that comes late is answered");
	if (!ok(read_until(fd, &in, "\r\n0\r\n\r\n", 1) && strstr(in.p, "{\"n\":19}"), "what is under way ends"))
		printf("# %s\n", h0_buf_str(&in));
	pthread_join(t, NULL);
	pthread_join(router, NULL);
	is_int(router_rc, 0, "and the server too");
	h0_autofd int late = dial();
	ok(late < 0, "nobody listens any more");
	conf.idle_exit_s = 1;
	double began = now();
	router_start();
	pthread_join(router, NULL);
	ok(router_rc == 0 && now() - began < 4, "a server that nobody asks ends by itself (%.1f s)", now() - began);
	conf.idle_exit_s = 0;
}

/* The slot's own key, which no client knows. */
static void test_slot_key(void)
{
	check("the slot's key is sent", ask(POST("", "Authorization: Bearer mine\r\n", BODY)), 200, "hello");
	pthread_mutex_lock(&lock);
	bool sent = strstr(slot_head, "Authorization: Bearer old\r\n"), client = strstr(slot_head, "mine");
	pthread_mutex_unlock(&lock);
	ok(sent && !client, "in place of what the client sent");
	slot_key_now = "wrong";
	check("a key that the slot refuses, and no other", ask(POST("?do=locked", "", BODY)), 502, "does not take the key");
	slot_key_now = "new";
	int before = key_calls;
	check("a slot with a new key is asked again with it", ask(POST("?do=locked", "", BODY)), 200, "hello");
	ok(key_calls > before, "which is read then");
	check("and then at once", ask(POST("?do=locked", "", BODY)), 200, "hello");
}

/* Servers elsewhere; here they are the slot once more. */
static void test_upstreams(void)
{
	h0_autofree char *path = h0_asprintf("%s/upstreams.toml", home);
	FILE *f = fopen(path, "w");
	fprintf(f, "[[upstream]]\nname = \"far\"\nurl = \"http://127.0.0.1:%d/v1\"\n"
	        "[[upstream]]\nname = \"tls\"\nurl = \"https://127.0.0.1:%d\"\n", slot_port, slot_port);
	fclose(f);
	router_start();
	check("an upstream's model", ask(POST("", "Authorization: Bearer mine\r\n", "{\"model\":\"far-model\"}")), 200, "hello");
	pthread_mutex_lock(&lock);
	h0_autofree char *head = h0_strdup(slot_head), *body = h0_strdup(slot_body);
	pthread_mutex_unlock(&lock);
	ok(strstr(head, "X-Api-Key: far-key\r\n") && !strstr(head, "Bearer"), "gets its own key, not the client's, not a slot's");
	ok(strstr(head, "POST /v1/chat/completions HTTP") && strstr(body, "far-model"), "path and model as they are meant");
	check("what it refuses comes through", ask(POST("?do=locked", "", "{\"model\":\"far-model\"}")), 401, "no secret");
	check("https is none of ours", ask(POST("", "", "{\"model\":\"tls-model\"}")), 501, "speak");
	check("all are listed", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "far-model");
	router_stop();
	unlink(path);
}

static void test_keys(void)
{
	h0_strv_add(&guard.keys, "first");
	h0_strv_add(&guard.keys, "second");
	router_start();
	check("no key", ask(POST("", "", BODY)), 401, "WWW-Authenticate: Bearer");
	check("a wrong key", ask(POST("", "Authorization: Bearer third\r\n", BODY)), 401, NULL);
	check("a key", ask(POST("", "Authorization: Bearer second\r\n", BODY)), 200, "hello");
	check("in the other field", ask(POST("", "x-api-key: first\r\n", BODY)), 200, "hello");
	check("health needs one as well", ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"), 401, NULL);
	router_stop();
}

/* Bytes of `text` one by one, until an answer comes. */
static void drip(int fd, const char *text, struct h0_buf *in)
{
	struct pollfd p = {fd, POLLIN, 0};
	for (size_t i = 0; poll(&p, 1, 0) == 0 && i < strlen(text); i++) {
		put(fd, text + i, 1);
		nap(100);
	}
	read_all(fd, in);
}

static void test_slow(void)
{
	h0_strv_done(&guard.keys);
	conf.head_ms = conf.body_ms = 500;
	conf.drain_ms = 100;
	router_start();
	h0_autofd int a = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *one = h0_asprintf(POST("", "", BODY)), *stall = h0_asprintf(POST("?do=stall", "", BODY));
	put(a, one, strlen(one));
	read_until(a, &in, "hello", 1);
	h0_buf_reset(&in);
	double t = now();
	drip(a, "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ................................\r\n", &in);
	ok(status_of(h0_buf_str(&in)) == 408 && now() - t < 2.5, "a head that drips in, on a connection that was kept (%.1f s)", now() - t);
	h0_buf_reset(&in);
	h0_autofd int b = dial();
	t = now();
	say(b, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n");
	drip(b, "{\"model\":\"main\",\"messages\":[{\"role\":\"user\"", &in);
	ok(status_of(h0_buf_str(&in)) == 408 && now() - t < 2.5, "a body that drips in (%.1f s)", now() - t);
	h0_buf_reset(&in);
	h0_autofd int cut = dial();
	put(cut, stall, strlen(stall));
	read_until(cut, &in, "part", 1);
	router_stop();
	is_int(used_in_flight, 0, "what is cut off at the end is under way no more");
	conf.head_ms = conf.body_ms = 0;
	conf.drain_ms = 3000;
}

static void test_spool(void)
{
	atomic_size_t held = H0_SPOOL_HELD - 100;
	struct h0_spool a, b;
	h0_autofree char *big = h0_malloc(H0_SPOOL_MEMORY);
	memset(big, 'x', H0_SPOOL_MEMORY);
	h0_spool_init(&a, &held);
	h0_spool_init(&b, &held);
	ok(h0_spool_add(&a, "/tmp", big, 90, NULL) == 0 && a.fd < 0 && held == H0_SPOOL_HELD - 10, "a short body is held in memory");
	ok(h0_spool_add(&b, "/tmp", big, 20, NULL) == 0 && b.fd >= 0, "but not when all of them hold too much");
	h0_spool_done(&a);
	h0_spool_done(&b);
	is_int((long long)held, H0_SPOOL_HELD - 100, "what is given back is counted");
	held = 0;
	h0_spool_init(&a, &held);
	ok(h0_spool_add(&a, "/tmp", big, H0_SPOOL_MEMORY, NULL) == 0 && a.fd < 0 && h0_spool_add(&a, "/tmp", big, 1, NULL) == 0 &&
	   a.fd >= 0 && held == 0 && a.size == H0_SPOOL_MEMORY + 1, "a long one goes to a file");
	h0_spool_done(&a);
	struct h0_err e = {0};
	h0_spool_init(&a, NULL);
	ok(h0_spool_add(&a, "/nowhere", big, H0_SPOOL_MEMORY, &e) == 0 && h0_spool_add(&a, "/nowhere", big, 1, &e) < 0 &&
	   e.kind == H0_SYS, "where there is none, that is said");
	h0_spool_done(&a);
}

int main(void)
{
	snprintf(home, sizeof home, "/tmp/hal0-serve.XXXXXX");
	int l = listen_in_range(&slot_port);
	int bad_port, b = hold_in_range(&bad_port);
	cold_fd = hold_in_range(&cold_port);
	if (l < 0 || cold_fd < 0 || b < 0 || !mkdtemp(home))
		return tap_skip_all("no free ports from 8100 to 8200");
	slot_start(l);
	h0_autofree char *dir = h0_asprintf("%s/slots", home);
	mkdir(dir, 0755);
	write_slot("main", "llm", slot_port, "tiny");
	write_slot("primary", "llm", slot_port, "tiny");
	write_slot("cold", "llm", cold_port, "frozen");
	write_slot("bad", "llm", bad_port, "broken");
	write_slot("stt", "transcription", slot_port, "whisper");
	write_slot("img", "image", slot_port, "sdxl");
	h0_strv_add(&guard.hosts, "box.lan");
	h0_strv_add(&guard.origins, "http://ui.lan");
	signal(SIGTERM, wake_up);
	router_start();
	test_plain();
	test_local();
	test_hostile();
	test_guard();
	test_sequence();
	test_gone();
	test_last_report();
	test_slow_reader();
	test_big_body();
	test_bad_slot();
	test_stream();
	test_slot_key();
	test_cold();
	test_reload();
	test_look();
	test_aborts();
	test_limits();
	test_no_descriptors();
	test_spool();
	test_drain();
	test_upstreams();
	test_keys();
	test_slow();
	h0_guard_done(&guard);
	h0_autofree char *rm = h0_asprintf("rm -rf %s", home);
	return tap_done() | (system(rm) != 0);
}
