/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve-stage.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"
#include "sys/io.h"

double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void nap(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* ---- the slot ---- */

int slot_port;
atomic_int slot_conns, slot_open, slot_requests, slot_gone, slot_bad_sum;
atomic_bool slot_held;
atomic_llong slot_sent;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last_head[8192], last_body[2048]; /* of the last request; under lock */

static const char *copy(char *dst, const char *src)
{
	pthread_mutex_lock(&lock);
	strcpy(dst, src);
	pthread_mutex_unlock(&lock);
	return dst;
}

const char *slot_head(void)
{
	static char seen[sizeof last_head];
	return copy(seen, last_head);
}

const char *slot_body(void)
{
	static char seen[sizeof last_body];
	return copy(seen, last_body);
}

static void watch_it_go(int fd)
{
	char c;
	struct pollfd p = {fd, POLLIN, 0};
	if (poll(&p, 1, 3 * PATIENCE_S * 1000) > 0 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0)
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
		UNTIL(!slot_held);
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
	if (strcmp(what, "drop") == 0) { /* likewise, as soon as it is asked again */
		struct pollfd p = {fd, POLLIN, 0};
		say(fd, OK5);
		poll(&p, 1, PATIENCE_S * 1000);
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
		watch_it_go(fd);
	else if (strcmp(what, "dies") == 0)
		nap(1200);
	else if (strcmp(what, "stall") == 0 || strcmp(what, "breaks") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
		        "c\r\ndata: part\n\n\r\n");
		if (*what == 's')
			watch_it_go(fd);
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
		bool good = strstr(last_head, "Authorization: Bearer new\r\n") && !strstr(last_head, "mine");
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
			if (b.len - head < sizeof last_body - 1)
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
	snprintf(last_head, sizeof last_head, "%.*s", (int)head, b.p);
	snprintf(last_body, sizeof last_body, "%s", b.p + head);
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
	slot_open--;
	return NULL;
}

static void *slot_serve(void *arg)
{
	int l = (int)(intptr_t)arg;
	for (int fd; (fd = accept(l, NULL, NULL)) >= 0;) {
		pthread_t t;
		slot_conns++;
		slot_open++;
		pthread_create(&t, NULL, slot_conn, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

/* Slot files hold ports of a range. */
static int listen_in_range(int *at)
{
	for (*at = 8100; *at <= 8200; ++*at) {
		int fd = listen_on(at);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* A port that nobody listens on, and nobody else can take meanwhile. */
static int hold_in_range(int *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (*at = 8100; *at <= 8200; ++*at) {
		a.sin_port = htons((uint16_t)*at);
		if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
			return fd;
	}
	close(fd);
	return -1;
}

void slot_start(int fd)
{
	pthread_t t;
	pthread_create(&t, NULL, slot_serve, (void *)(intptr_t)fd);
	pthread_detach(t);
}

/* ---- the router ---- */

char home[64];
atomic_int port;
int cold_fd = -1;
atomic_int stop;
atomic_int loads, used_calls, used_in_flight;
atomic_int load_takes_ms;
atomic_bool load_held, load_fails;
struct h0_guard guard;
pthread_t router;
int router_rc;

void write_slot(const char *name, const char *type, int p, const char *model)
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
	UNTIL(!load_held);
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

atomic_bool used_held;

static void used(const char *slot, unsigned in_flight, void *arg)
{
	(void)slot, (void)arg;
	used_calls++;
	used_in_flight = (int)in_flight;
	while (in_flight && used_held)
		nap(1);
}

_Atomic(const char *) slot_key_now = "old";
atomic_int key_calls;

static void key(const char *slot, char *dst, void *arg)
{
	(void)slot, (void)arg;
	key_calls++;
	snprintf(dst, H0_SERVE_KEY, "%s", slot_key_now);
}

atomic_bool swapped;
atomic_int looks;

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

struct h0_serve_conf conf = {.look = look, .key = key, .bind = "127.0.0.1", .guard = &guard,
	.spool_dir = "/tmp", .max_body = 40u << 20, .max_clients = 400, .loops = 2, .wait_ms = 60000, .drain_ms = 60000, .head_ms = 60000, .body_ms = 60000, .load = load, .ready = ready, .used = used,
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

void router_start(void)
{
	stop = 0;
	port = 0;
	conf.etc = home;
	pthread_create(&router, NULL, route, NULL);
	UNTIL(port);
}

static void wake_up(int sig)
{
	(void)sig;
}

void router_stop(void)
{
	stop = 1;
	pthread_kill(router, SIGTERM);
	pthread_join(router, NULL);
}

/* ---- clients ---- */

int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval t = {PATIENCE_S, 0};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* All bytes until the other side ends. */
void read_all(int fd, struct h0_buf *b)
{
	for (ssize_t n; (n = recv(fd, h0_buf_room(b, 65536), 65536, 0)) > 0;) {
		b->len += (size_t)n;
		b->p[b->len] = '\0';
	}
}

/* Until `text` has been seen `times` times. */
bool read_until(int fd, struct h0_buf *b, const char *text, int times)
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
char *ask(const char *fmt, ...)
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

int status_of(const char *answer)
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

int count_fds(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

long rss_kib(void)
{
	h0_autobuf struct h0_buf b = {0};
	h0_read_file("/proc/self/status", 1 << 16, &b, NULL);
	const char *p = strstr(h0_buf_str(&b), "VmRSS:");
	return p ? atol(p + 6) : 0;
}

double metric(const char *line)
{
	h0_autofree char *text = ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	const char *p = strstr(text, line);
	return p ? atof(p + strlen(line)) : -1;
}

/* ---- all of it ---- */

bool stage_open(void)
{
	int bad_port, cold_port, l = listen_in_range(&slot_port), b = hold_in_range(&bad_port);
	snprintf(home, sizeof home, "/tmp/hal0-serve.XXXXXX");
	cold_fd = hold_in_range(&cold_port);
	if (l < 0 || cold_fd < 0 || b < 0 || !mkdtemp(home))
		return false;
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
	return true;
}

int stage_close(void)
{
	h0_autofree char *rm = h0_asprintf("rm -rf %s", home);
	h0_guard_done(&guard);
	return system(rm) != 0;
}
