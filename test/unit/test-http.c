/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The HTTP client against a server that answers what the path asks for, good or bad.
 */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "run/http.h"
#include "sock.h"

static int listener, port;
static atomic_int nconns;           /* connections taken so far */
static atomic_int gone;             /* clients seen to go while their answer was not complete */
static atomic_int waiting;          /* requests for /together that have come */
static atomic_bool taken;           /* the callback has had something of an answer */
static char last[65536];            /* head and body of the last request; under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* As it is now; until the next call. */
static const char *last_request(void)
{
	static char seen[sizeof last];
	pthread_mutex_lock(&lock);
	strcpy(seen, last);
	pthread_mutex_unlock(&lock);
	return seen;
}

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

/* true once the other side has closed, within ms */
static bool wait_gone(int fd, int ms)
{
	char c;
	struct pollfd p = {fd, POLLIN, 0};
	bool left = poll(&p, 1, ms) > 0 && recv(fd, &c, 1, MSG_PEEK) <= 0;
	gone += left;
	return left;
}

static void flood(int fd, const char *head, const char *piece)
{
	h0_autobuf struct h0_buf b = {0};
	while (b.len < 1 << 16)
		h0_buf_adds(&b, piece);
	say(fd, head);
	for (int i = 0; i < 1000; i++)
		if (send(fd, b.p, b.len, MSG_NOSIGNAL) < 0)
			break;
}

/* Returns whether the connection stays. */
static bool answer(int fd, const char *path)
{
	if (strcmp(path, "/plain") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello");
		return true;
	}
	if (strcmp(path, "/chunked") == 0 || strcmp(path, "/pieces") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
		for (int i = 0; i < 30 || (strcmp(path, "/pieces") == 0 && !taken && i < 60000); i++)
			nap(1);
		say(fd, "7;x=y\r\n, world\r\n0\r\nX-Trailer: 1\r\n\r\n");
		return true;
	}
	if (strcmp(path, "/loading") == 0)
		say(fd, "HTTP/1.1 503 Busy\r\nretry-after:  7 \r\nContent-Length: 2\r\n\r\n{}");
	else if (strcmp(path, "/continue") == 0)
		say(fd, "HTTP/1.1 100 Continue\r\nRetry-After: 3\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n");
	else if (strcmp(path, "/moved") == 0)
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n");
	else if (strcmp(path, "/slow") == 0)
		wait_gone(fd, 60000);
	else if (strcmp(path, "/stall") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
		wait_gone(fd, 60000);
	} else if (strcmp(path, "/drip") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\n\r\n");
		for (int i = 0; i < 10; i++) {
			nap(300);
			say(fd, ".");
		}
	} else if (strcmp(path, "/together") == 0) { /* not before three of them are here */
		waiting++;
		for (int i = 0; waiting < 3 && i < 60000; i++)
			nap(1);
		say(fd, "HTTP/1.1 200 OK\r\n\r\nall here");
	} else if (strcmp(path, "/short") == 0)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
	else if (strcmp(path, "/huge") == 0)
		flood(fd, "HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	else if (strcmp(path, "/headers") == 0)
		flood(fd, "HTTP/1.1 200 OK\r\n", "X-More: and more and more and more\r\n");
	else if (strcmp(path, "/garbage") == 0)
		say(fd, "\x16\x03\x01 SSH-2.0 what is this\n\n\n");
	else if (strcmp(path, "/status") == 0)
		say(fd, "HTTP/1.1 -7 Odd\r\nContent-Length: 4\r\n\r\noops");
	else if (strcmp(path, "/length") == 0)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\noops");
	return false; /* "/nothing": closed without a word */
}

/* Head and body of one request into b; false at the end of the connection. */
static bool read_request(int fd, struct h0_buf *b)
{
	size_t head = 0, body = 0;
	h0_buf_reset(b);
	for (;;) {
		const char *end = b->len ? strstr(b->p, "\r\n\r\n") : NULL;
		if (end && !head) {
			const char *cl = strcasestr(b->p, "content-length:");
			head = (size_t)(end + 4 - b->p);
			body = cl && cl < end ? (size_t)atol(cl + 15) : 0;
		}
		if (head && b->len >= head + body)
			return true;
		ssize_t n = recv(fd, h0_buf_room(b, 8192), 8192, 0);
		if (n <= 0)
			return false;
		b->len += (size_t)n;
		b->p[b->len] = '\0';
	}
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	h0_autobuf struct h0_buf b = {0};
	bool stays = true;
	while (stays && read_request(fd, &b)) {
		char path[64] = "";
		sscanf(b.p, "%*s %63s", path);
		pthread_mutex_lock(&lock);
		snprintf(last, sizeof last, "%s", b.p);
		pthread_mutex_unlock(&lock);
		stays = answer(fd, path);
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	(void)arg;
	for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
		pthread_t t;
		nconns++;
		pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

static void start(void)
{
	pthread_t t;
	listener = listen_on(&port);
	pthread_create(&t, NULL, serve, NULL);
	pthread_detach(t);
}

static char *url(const char *path)
{
	static char u[128];
	snprintf(u, sizeof u, "http://127.0.0.1:%d%s", port, path);
	return u;
}

static int get(const char *path, struct h0_http_res *r, struct h0_err *e)
{
	struct h0_http_req q = {.url = url(path), .timeout_ms = 60000};
	*e = (struct h0_err){0};
	return h0_http(&q, r, e);
}

static void test_good(void)
{
	struct h0_err e;
	h0_autohttp struct h0_http_res a = {0}, b = {0}, c = {0}, d = {0}, f = {0};
	is_int(get("/plain", &a, &e), 0, "an answer");
	is_str(h0_buf_str(&a.body), "hello", "its body");
	ok(a.status == 200 && a.retry_after_s == -1, "its status, no Retry-After");
	is_str(a.content_type, "application/json", "its content type");
	ok(strncmp(last_request(), "GET /plain HTTP/1.1\r\n", 21) == 0, "GET is the default");
	is_int(get("/chunked", &b, &e), 0, "a chunked answer");
	is_str(h0_buf_str(&b.body), "hello, world", "is put together");
	is_int(get("/loading", &c, &e), 0, "503 is an answer");
	ok(c.status == 503 && c.retry_after_s == 7, "with Retry-After");
	is_int(get("/continue", &d, &e), 0, "100 Continue first");
	ok(d.status == 201 && d.retry_after_s == -1, "is not the answer");
	is_int(get("/moved", &f, &e), 0, "a redirect");
	ok(f.status == 302 && f.body.len == 0, "is not followed");
}

static void test_post(void)
{
	struct h0_err e;
	h0_autohttp struct h0_http_res a = {0}, b = {0};
	struct h0_http_req q = {.url = url("/plain"), .body = "{\"a\":1}", .body_len = 7, .timeout_ms = 60000,
		.headers = (const char *const[]){"Content-Type: application/json", "X-One: two", NULL}};
	is_int(h0_http(&q, &a, &e), 0, "a body");
	ok(strncmp(last_request(), "POST /plain", 11) == 0, "is posted");
	ok(strstr(last_request(), "\r\n\r\n{\"a\":1}") && strstr(last_request(), "X-One: two\r\n"), "with headers");
	ok(!strcasestr(last_request(), "expect:"), "and without a 100-continue detour");
	ok(strstr(last_request(), "User-Agent: hal0/"), "says who asks");
	q = (struct h0_http_req){.url = url("/plain"), .method = "DELETE", .timeout_ms = 60000};
	is_int(h0_http(&q, &b, &e), 0, "another method");
	ok(strncmp(last_request(), "DELETE /plain", 13) == 0, "is sent as it is");
	h0_autofree char *big = h0_malloc(60000);
	h0_autohttp struct h0_http_res c = {0};
	memset(big, 'b', 60000);
	q = (struct h0_http_req){.url = url("/plain"), .body = big, .body_len = 60000, .timeout_ms = 60000};
	ok(h0_http(&q, &c, &e) == 0 && strlen(last_request()) > 60000, "a body of many packets");
}

static void test_refused(void)
{
	struct h0_err e = {0};
	h0_autohttp struct h0_http_res r = {0};
	/* bound but not listening: nobody else can take the port meanwhile */
	h0_autofd int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	char u[64];
	bind(fd, (struct sockaddr *)&a, sizeof a);
	getsockname(fd, (struct sockaddr *)&a, &len);
	snprintf(u, sizeof u, "http://127.0.0.1:%d/health?key=secret", ntohs(a.sin_port));
	struct h0_http_req q = {.url = u};
	is_int(h0_http(&q, &r, &e), -1, "nobody listens");
	ok(e.kind == H0_EXTERN && e.sys_errno == ECONNREFUSED, "connection refused");
	ok(strstr(e.msg, "/health") && !strstr(e.msg, "secret"), "the message has no query: %s", e.msg);
	q.url = "http://hal0.invalid/";
	e = (struct h0_err){0};
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == EHOSTUNREACH, "no such host: %s", e.msg);
}

static void test_urls(void)
{
	static const char *const bad[] = {"", "127.0.0.1:80", "ftp://127.0.0.1/", "file:///etc/passwd",
		"http://", "http:///x", "http://:80/", "http://me:pw@127.0.0.1/", "http://127.0.0.1/ x",
		"http://127.0.0.1/\r\nX: y", "gopher://127.0.0.1/", NULL};
	for (int i = 0; bad[i]; i++) {
		struct h0_err e = {0};
		h0_autohttp struct h0_http_res r = {0};
		struct h0_http_req q = {.url = bad[i], .timeout_ms = 1000};
		ok(h0_http(&q, &r, &e) == -1 && e.kind == H0_USAGE, "refused URL %d: %s", i, e.msg);
	}
	struct h0_err e = {0};
	h0_autohttp struct h0_http_res r = {0};
	struct h0_http_req q = {.url = url("/plain"), .headers = (const char *const[]){"A: b\r\nC: d", NULL}};
	ok(h0_http(&q, &r, &e) == -1 && e.kind == H0_USAGE, "a header with a line end is refused");
}

static void test_timeouts(void)
{
	struct h0_err e = {0};
	h0_autohttp struct h0_http_res r = {0}, drip = {0};
	double t = now();
	struct h0_http_req q = {.url = url("/slow"), .idle_timeout_ms = 150};
	is_int(h0_http(&q, &r, &e), -1, "a silent server");
	ok(e.sys_errno == ETIMEDOUT && now() - t > 0.1 && now() - t < 30, "idle timeout: %s", e.msg);
	q.url = url("/stall");
	e = (struct h0_err){0};
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == ETIMEDOUT, "silence in the middle: %s", e.msg);
	q = (struct h0_http_req){.url = url("/slow"), .timeout_ms = 100};
	e = (struct h0_err){0};
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == ETIMEDOUT, "whole timeout: %s", e.msg);
	q = (struct h0_http_req){.url = url("/drip"), .idle_timeout_ms = 2000};
	e = (struct h0_err){0};
	ok(h0_http(&q, &drip, &e) == 0 && drip.body.len == 10, "slow but not idle is fine");
}

static void test_bounds(void)
{
	struct h0_err e = {0};
	h0_autohttp struct h0_http_res r = {0}, five = {0};
	struct h0_http_req q = {.url = url("/huge"), .max_body = 10000, .timeout_ms = 60000};
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == EFBIG, "a huge body: %s", e.msg);
	e = (struct h0_err){0};
	ok(get("/headers", &r, &e) == -1 && e.sys_errno == EFBIG, "endless headers: %s", e.msg);
	q = (struct h0_http_req){.url = url("/plain"), .max_body = 5, .timeout_ms = 60000};
	ok(h0_http(&q, &five, &e) == 0 && five.body.len == 5, "exactly the bound is fine");
	q.max_body = 4;
	e = (struct h0_err){0};
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == EFBIG, "one more is not: %s", e.msg);
}

static void test_bad_peers(void)
{
	static const struct {
		const char *path;
		int err;
	} t[] = {{"/garbage", EPROTO}, {"/nothing", ECONNRESET}, {"/short", ECONNRESET},
		{"/status", EPROTO}, {"/length", EPROTO}};
	for (size_t i = 0; i < H0_ARRAY_LEN(t); i++) {
		struct h0_err e;
		h0_autohttp struct h0_http_res r = {0};
		int rc = get(t[i].path, &r, &e);
		ok(rc == -1 && e.kind == H0_EXTERN && e.sys_errno == t[i].err, "%s: %d %s", t[i].path,
		   e.sys_errno, e.msg);
	}
}

struct seen {
	struct h0_buf all;
	int status, calls, stop_after, alarm_ms;
};

static int take(const char *p, size_t n, int status, void *arg)
{
	struct seen *s = arg;
	taken = true;
	if (s->alarm_ms)
		setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = s->alarm_ms * 1000}, NULL);
	h0_buf_add(&s->all, p, n);
	s->status = status;
	return ++s->calls == s->stop_after;
}

/* How many clients are known to have gone, once there are more than before. */
static int gone_after(int before)
{
	for (int i = 0; i < 60000 && gone == before; i++)
		nap(1);
	return gone;
}

static atomic_int stop;
static void on_alarm(int sig)
{
	(void)sig;
	stop = 1;
}

static void test_stream(void)
{
	struct h0_err e = {0};
	h0_autohttp struct h0_http_res r = {0};
	struct seen s = {0};
	struct h0_http_req q = {.url = url("/pieces"), .on_data = take, .on_data_arg = &s, .timeout_ms = 60000};
	is_int(h0_http(&q, &r, &e), 0, "a stream");
	ok(s.calls >= 2 && s.status == 200 && r.body.len == 0, "comes in pieces and is not kept");
	is_str(h0_buf_str(&s.all), "hello, world", "whole");
	h0_buf_done(&s.all);
	s = (struct seen){.stop_after = 1};
	q.url = url("/stall");
	int before = gone;
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == ECANCELED, "the callback cancels: %s", e.msg);
	is_int(gone_after(before), before + 1, "and the server sees the client go");
	h0_buf_done(&s.all);
}

static void test_stop(void)
{
	struct h0_err e = {0};
	h0_autohttp struct h0_http_res r = {0};
	struct seen s = {.alarm_ms = 100};
	struct h0_http_req q = {.url = url("/stall"), .on_data = take, .on_data_arg = &s, .stop = &stop};
	signal(SIGALRM, on_alarm);
	double t = now();
	int before = gone;
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == ECANCELED, "a signal cancels in mid-stream: %s", e.msg);
	double took = now() - t;
	ok(took > 0.09 && took < 30, "at once (%.0f ms)", took * 1e3);
	is_str(h0_buf_str(&s.all), "part", "what came before was delivered");
	is_int(gone_after(before), before + 1, "the server sees the client go");
	before = nconns;
	ok(h0_http(&q, &r, &e) == -1 && e.sys_errno == ECANCELED, "already stopped");
	nap(50);
	is_int(nconns, before, "is not even a connection");
	stop = 0;
	h0_buf_done(&s.all);
}

static void test_reuse(void)
{
	struct h0_err e = {0};
	h0_autohttpclient struct h0_http_client *c = NULL;
	struct h0_http_req q = {.url = url("/plain"), .timeout_ms = 60000};
	is_int(h0_http_open(&c, &e), 0, "a client");
	nap(50);
	int before = nconns;
	for (int i = 0; i < 3; i++) {
		h0_autohttp struct h0_http_res r = {0};
		if (h0_http_do(c, &q, &r, &e) < 0 || r.body.len != 5)
			ok(false, "call %d: %s", i, e.msg);
	}
	is_int(nconns, before + 1, "three calls on one connection");
	q.fresh = true;
	for (int i = 0; i < 3; i++) {
		h0_autohttp struct h0_http_res r = {0};
		h0_http_do(c, &q, &r, &e);
	}
	is_int(nconns, before + 4, "fresh ones have their own");
	h0_autohttp struct h0_http_res bad = {0}, good = {0};
	q = (struct h0_http_req){.url = url("/garbage"), .timeout_ms = 60000};
	h0_http_do(c, &q, &bad, &e);
	q.url = url("/plain");
	ok(h0_http_do(c, &q, &good, &e) == 0 && good.status == 200, "a failed call leaves a usable client");
}

/* Three requests for one path; how many connections they took. */
static int several(struct h0_http_client *c, const char *path, struct h0_err *errs, double *ret_s)
{
	struct h0_err e = {0};
	struct seen s[3] = {{.status = 0}};
	struct h0_http_req q[3];
	int before = nconns;
	*ret_s = now();
	for (int i = 0; i < 3; i++)
		q[i] = (struct h0_http_req){.url = url(path), .on_data = take, .on_data_arg = &s[i], .stop = &stop};
	is_int(h0_http_do_all(c, q, 3, errs, &e), 0, path);
	*ret_s = now() - *ret_s;
	for (int i = 2; i >= 0; i--) {
		is_str(h0_buf_str(&s[i].all), h0_buf_str(&s[0].all), "the same each time");
		h0_buf_done(&s[i].all);
	}
	return nconns - before;
}

static void test_several(void)
{
	struct h0_err e = {0}, errs[3];
	h0_autohttpclient struct h0_http_client *c = NULL;
	double s;
	is_int(h0_http_open(&c, &e), 0, "a client");
	int took = several(c, "/plain", errs, &s);
	/* on a machine that is busy with others even these take their time */
	ok(took == 1 || (s > 0.05 && took <= 3), "answers that come at once take one connection (%d, %.3f s)", took, s);
	ok(!errs[0].kind && !errs[1].kind && !errs[2].kind, "and come");
	took = several(c, "/together", errs, &s);
	ok(took == 2 || took == 3, "what comes slowly takes more (%d)", took);
	ok(!errs[0].kind && !errs[2].kind && waiting == 3, "side by side (%.2f s)", s);
	is_int(several(c, "/nothing", errs, &s), 3, "a server that hangs up");
	ok(errs[0].sys_errno == ECONNRESET && errs[2].sys_errno == ECONNRESET, "is told of each: %s", errs[2].msg);
	stop = 1;
	is_int(several(c, "/plain", errs, &s), 0, "already stopped: no connection");
	ok(errs[0].sys_errno == ECANCELED && errs[2].sys_errno == ECANCELED, "none is asked");
	stop = 0;
}

static void test_proxy(void)
{
	struct h0_err e;
	h0_autohttp struct h0_http_res r = {0}, n = {0};
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	is_int(get("/plain", &r, &e), 0, "a proxy in the environment does not see loopback");
	struct h0_http_req q = {.url = "http://192.0.2.1/", .timeout_ms = 2000};
	e = (struct h0_err){0};
	ok(h0_http(&q, &n, &e) == -1 && e.sys_errno == ECONNREFUSED, "but others go through it");
	unsetenv("http_proxy");
}

static void cost(void)
{
	struct h0_err e = {0};
	double t = now();
	h0_autohttpclient struct h0_http_client *c = NULL;
	h0_autohttp struct h0_http_res first = {0};
	struct h0_http_req q = {.url = url("/plain"), .timeout_ms = 60000};
	h0_http(&q, &first, &e);
	printf("# first call (opens the library) %.2f ms\n", (now() - t) * 1e3);
	const char *const name[] = {"own client each", "one client, fresh connection", "one client, kept connection"};
	h0_http_open(&c, &e);
	for (int kind = 0; kind < 3; kind++) {
		enum { N = 200 };
		q.fresh = kind == 1;
		t = now();
		for (int i = 0; i < N; i++) {
			h0_autohttp struct h0_http_res r = {0};
			kind == 0 ? h0_http(&q, &r, &e) : h0_http_do(c, &q, &r, &e);
		}
		printf("# next calls, %s: %.3f ms each\n", name[kind], (now() - t) * 1e3 / N);
	}
}

int main(void)
{
	unsetenv("http_proxy");
	start();
	cost();
	test_good();
	test_post();
	test_refused();
	test_urls();
	test_timeouts();
	test_bounds();
	test_bad_peers();
	test_stream();
	test_stop();
	test_reuse();
	test_several();
	test_proxy();
	return tap_done();
}
