/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Clients and slots that leave, stop, drip and flood: nothing is lost here, and nothing left.
 */
#include "serve-stage.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/str.h"

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
	int fds = count_fds();
	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, abort_some, (void *)(i + 1));
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	double until = now() + PATIENCE_S;
	while ((count_fds() > fds || metric("hal0_requests_in_flight{slot=\"main\"} ") > 0) && now() < until)
		nap(50);
	ok(count_fds() <= fds, "2000 requests, aborted anywhere: no descriptor is left (%d, %d before)", count_fds(), fds);
	is_int((long long)metric("hal0_requests_in_flight{slot=\"main\"} "), 0, "no request is under way");
	check("and all goes on", ask(POST("", "", BODY)), 200, "hello");
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
		UNTIL(slot_requests > requests);
		if (i == 1)
			read_until(fd, &in, "part", 1);
		double t = now();
		close(fd);
		UNTIL(slot_gone > gone);
		/* the slot itself would wait for a minute */
		ok(slot_gone == gone + 1, "a client that leaves %s frees the slot in %.0f ms",
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
	UNTIL(used_in_flight);
	is_int(used_in_flight, 1, "a request under way is reported");
	close(fd);
	nap(100);
	used_held = false;
	UNTIL(!used_in_flight);
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
	long long sent = 0;
	int still = 0;
	for (double until = now() + PATIENCE_S; still < 5 && now() < until; nap(100)) {
		still = sent && slot_sent == sent ? still + 1 : 0;
		sent = slot_sent;
	}
	ok(still && sent < 24 << 20, "a reader that does not read stops the slot (after %lld KiB)", sent >> 10);
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
	h0_autofree char *cut = ask(POST("?do=breaks", "", BODY));
	ok(status_of(cut) == 200 && strstr(cut, "part") && !strstr(cut, "\r\n0\r\n\r\n"), "a stream that breaks off has no end");
	h0_autofree char *part = ask(POST("?do=short", "", BODY));
	ok(status_of(part) == 200 && h0_ends(part, "part"), "an answer that breaks off is short");
	int lost = 0;
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf over = {0};
	h0_autofree char *fatal = h0_asprintf(POST("", "", BODY)), *after = h0_asprintf(POST("?do=dies", "", BODY));
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
	h0_autofree char *drop = h0_asprintf(POST("?do=drop", "", BODY));
	for (int i = 0; i < 3; i++) { /* for certain over the request */
		h0_autobuf struct h0_buf in = {0};
		put(fd, drop, strlen(drop));
		lost += !read_until(fd, &in, "hello", 1) || status_of(in.p) != 200;
	}
	is_int(lost, 0, "a slot that drops kept connections unannounced loses no request");
	ok(metric("hal0_retries_total{slot=\"main\"} ") > 0, "some went out twice (%g)", metric("hal0_retries_total{slot=\"main\"} "));
}

static int ended(const int *fd, int n)
{
	int gone = 0;
	char c;
	for (int i = 0; i < n; i++)
		gone += recv(fd[i], &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
	return gone;
}

static void test_limits(void)
{
	static int fd[420];
	int gone = 0, late = 0;
	UNTIL(metric("\nhal0_clients ") == 1); /* the one that asks */
	for (int i = 0; i < 420; i++) {
		fd[i] = dial();
		if (i == 398)
			UNTIL(metric("\nhal0_clients ") == 400);
	}
	UNTIL(ended(fd, 420) >= 20);
	check("connections that only wait keep nobody out", ask(POST("", "", BODY)), 200, "hello");
	for (int i = 0; i < 420; i++) {
		char c;
		bool over = recv(fd[i], &c, 1, MSG_DONTWAIT) == 0;
		gone += over;
		late += over && i >= 400;
		close(fd[i]);
	}
	ok(gone >= 20 && gone <= 22 && !late, "as many as are too many make room (%d), none of the newest (%d)", gone, late);
	UNTIL(used_calls);
	ok(used_calls > 0, "the use of slots is reported");
}

/* Comes while nothing is free below the limit; is he told so? */
static bool told_of_none(void)
{
	static int filler[4096];
	char text[512] = "";
	int n = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval wait = {1, 0};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	while (n < 4096 && (filler[n] = dup(0)) >= 0)
		n++;
	bool told = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && recv(fd, text, sizeof text - 1, 0) > 0 &&
	            h0_starts(text, "HTTP/1.1 503");
	while (n)
		close(filler[--n]);
	close(fd);
	return told;
}

static void test_no_descriptors(void)
{
	struct rlimit was, low;
	getrlimit(RLIMIT_NOFILE, &was);
	low = was;
	low.rlim_cur = 512;
	setrlimit(RLIMIT_NOFILE, &low);
	bool told = false;
	UNTIL(told = told_of_none()); /* one may come free meanwhile: of a kept connection that is given up */
	setrlimit(RLIMIT_NOFILE, &was);
	ok(told, "without a descriptor left, who comes is told so");
	check("and the next one is served", ask(POST("", "", BODY)), 200, "hello");
}

static bool nobody_listens(void)
{
	h0_autofd int fd = dial();
	return fd < 0;
}

static void test_drain(void)
{
	h0_autofd int fd = dial(), idle = dial(), fresh = dial();
	h0_autobuf struct h0_buf in = {0}, first = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=sse", "", BODY)), *one = h0_asprintf(POST("", "", BODY));
	char c;
	slot_held = true;
	put(idle, one, strlen(one));
	read_until(idle, &first, "hello", 1);
	h0_buf_reset(&first);
	put(fd, text, strlen(text));
	read_until(fd, &in, "data: ", 1);
	stop = 1;
	pthread_kill(router, SIGTERM);
	ok(recv(idle, &c, 1, 0) == 0, "connections between two requests are closed");
	put(fresh, one, strlen(one));
	ok(read_until(fresh, &first, "hello", 1) && strstr(first.p, "Connection: close"), "a first request that comes late is answered");
	bool shut;
	UNTIL(shut = nobody_listens());
	ok(shut, "who comes now is told at once that nobody listens");
	slot_held = false;
	if (!ok(read_until(fd, &in, "\r\n0\r\n\r\n", 1) && strstr(in.p, "{\"n\":19}"), "what is under way ends"))
		printf("# %s\n", h0_buf_str(&in));
	pthread_join(router, NULL);
	is_int(router_rc, 0, "and the server too");
	h0_autofd int late = dial();
	ok(late < 0, "nobody listens any more");
	conf.idle_exit_s = 1;
	double began = now();
	router_start();
	pthread_join(router, NULL);
	ok(router_rc == 0, "a server that nobody asks ends by itself (%.1f s)", now() - began);
	conf.idle_exit_s = 0;
}

static atomic_bool key_asked, key_held;

static void held_key(const char *slot, char *dst, void *arg)
{
	(void)slot, (void)arg;
	key_asked = true;
	UNTIL(!key_held);
	snprintf(dst, H0_SERVE_KEY, "k");
}

/* One loop is busy while the end begins; the other has nothing to do. Who comes then may be let in by the
 * first for the second. */
static void test_drain_late(void)
{
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *one = h0_asprintf(POST("", "", BODY));
	__typeof__(conf.key) was = conf.key;
	conf.key = held_key;
	key_held = true;
	router_start();
	h0_autofd int first = dial();
	put(first, one, strlen(one));
	UNTIL(key_asked);
	stop = 1;
	pthread_kill(router, SIGTERM);
	nap(50); /* so that the idle loop may have seen the end; neither order fails */
	h0_autofd int late = dial();
	put(late, one, strlen(one));
	key_held = false;
	double t = now();
	ok(read_until(late, &in, "hello", 1), "who comes while the end begins is answered");
	h0_buf_reset(&in);
	ok(read_until(first, &in, "hello", 1), "as the one before");
	pthread_join(router, NULL);
	ok(now() - t < conf.drain_ms / 2000.0, "and nobody is waited for who has his answer (%.1f s)", now() - t);
	conf.key = was;
}

/* Bytes of `text` one by one, until an answer comes. That it came before the last of them. */
static bool drip(int fd, const char *text, struct h0_buf *in)
{
	struct pollfd p = {fd, POLLIN, 0};
	size_t i = 0;
	for (; poll(&p, 1, 0) == 0 && i < strlen(text); i++) {
		put(fd, text + i, 1);
		nap(100);
	}
	read_all(fd, in);
	return i < strlen(text);
}

static void test_slow(void)
{
	h0_strv_done(&guard.keys);
	conf.head_ms = conf.body_ms = 1000;
	conf.drain_ms = 100;
	router_start();
	h0_autofd int a = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *one = h0_asprintf(POST("", "", BODY)), *stall = h0_asprintf(POST("?do=stall", "", BODY));
	put(a, one, strlen(one));
	read_until(a, &in, "hello", 1);
	h0_buf_reset(&in);
	double t = now();
	bool cut_short = drip(a, "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ................................\r\n", &in);
	ok(status_of(h0_buf_str(&in)) == 408 && cut_short, "a head that drips in, on a connection that was kept (%.1f s)", now() - t);
	h0_buf_reset(&in);
	h0_autofd int b = dial();
	t = now();
	say(b, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n");
	cut_short = drip(b, "{\"model\":\"main\",\"messages\":[{\"role\":\"user\"", &in);
	ok(status_of(h0_buf_str(&in)) == 408 && cut_short, "a body that drips in (%.1f s)", now() - t);
	h0_buf_reset(&in);
	h0_autofd int cut = dial();
	put(cut, stall, strlen(stall));
	read_until(cut, &in, "part", 1);
	router_stop();
	is_int(used_in_flight, 0, "what is cut off at the end is under way no more");
}

int main(void)
{
	if (!stage_open())
		return tap_skip_all("no free ports from 8100 to 8200");
	test_aborts();
	test_gone();
	test_last_report();
	test_slow_reader();
	test_big_body();
	test_bad_slot();
	test_limits();
	test_no_descriptors();
	test_drain();
	test_drain_late();
	test_slow();
	return stage_close() | tap_done();
}
