/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `hal0-route serve` with the traffic that language models make, as a program with memory of its
 * own: streams that begin late and last long, long prompts, readers that do not read, clients that
 * leave, slots that hang up, many who want the same slot to be loaded.
 * The slot is made of threads of this program; "?do=WHAT" of a path says what it does.
 */
#include "bench.h"
#include "sock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"

#define STREAMS  1000
#define READERS  32
#define BODIES   4
#define BODY_LEN ((size_t)25 << 20)
#define ABORTS   10000
#define CALLERS  200
#define THREADS  16

static void die(const char *why)
{
	fprintf(stderr, "bench-traffic: %s\n", why);
	exit(1);
}

static void nap(double ms)
{
	nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000L}, NULL);
}

static void start(void *(*f)(void *), intptr_t arg, pthread_t *ret)
{
	pthread_attr_t small;
	pthread_t t;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 << 10);
	if (pthread_create(&t, &small, f, (void *)arg) != 0)
		die("no more threads");
	pthread_attr_destroy(&small);
	if (ret)
		*ret = t;
	else
		pthread_detach(t);
}

/* A port of slots that is taken, but not listened on. */
static int hold(int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (*ret_port = 8171; *ret_port < 8200; ++*ret_port) {
		a.sin_port = htons((uint16_t)*ret_port);
		if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
			return fd;
	}
	die("no free port from 8171 to 8199");
	return -1;
}

/* ---- the slot ---- */

static int slot_port;
static atomic_int slot_conns, slot_requests, slot_busy, slot_short;
static _Atomic double said_at, left_at;         /* ms: the first event went out, a client was missed */

#define HELLO  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
#define EVENTS "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define EVENT  "16\r\ndata: {\"choices\":[]}\n\n\r\n"

static void await_end(int fd)
{
	char c;
	if (recv(fd, &c, 1, 0) <= 0)
		left_at = bench_ms();
}

static bool answer(int fd, const char *what)
{
	if (strcmp(what, "first") == 0) {       /* a prompt of 5 ms, then the first token */
		nap(5);
		said_at = bench_ms();
		return say(fd, EVENTS EVENT) && say(fd, "0\r\n\r\n");
	}
	if (strcmp(what, "hold") == 0) {        /* a stream in which nothing happens */
		say(fd, EVENTS EVENT);
		await_end(fd);
		return false;
	}
	if (strcmp(what, "prompt") == 0) {      /* a prompt that takes for ever */
		await_end(fd);
		return false;
	}
	if (strcmp(what, "flood") == 0) {
		static const char block[65536] = "x";
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
		while (put(fd, block, sizeof block))
			;
		return false;
	}
	if (strcmp(what, "some") == 0) {        /* a short stream */
		bool there = say(fd, EVENTS);
		for (int i = 0; there && i < 5; i++) {
			there = say(fd, EVENT);
			nap(1);
		}
		return there && say(fd, "0\r\n\r\n");
	}
	if (!say(fd, HELLO))
		return false;
	if (strcmp(what, "drop") == 0) {        /* the end of a kept connection, unannounced */
		nap((double)(slot_requests % 7) / 2);
		return false;
	}
	return true;
}

/* One request; its body is counted. */
static bool read_request(int fd, char *what, size_t size)
{
	char buf[65536];
	size_t have = 0;
	char *end = NULL;
	while (!end && have < sizeof buf - 1) {
		ssize_t n = recv(fd, buf + have, sizeof buf - 1 - have, 0);
		if (n <= 0)
			return false;
		have += (size_t)n;
		buf[have] = '\0';
		end = strstr(buf, "\r\n\r\n");
	}
	if (!end)
		return false;
	*end = '\0';
	const char *length = strcasestr(buf, "\ncontent-length:"), *q = strstr(buf, "?do=");
	size_t want = length ? (size_t)atoll(length + 16) : 0, got = have - (size_t)(end + 4 - buf);
	snprintf(what, size, "%.*s", q ? (int)strcspn(q + 4, " &") : 0, q ? q + 4 : "");
	while (got < want) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	slot_short += got != want;
	return true;
}

static void *slot_conn(void *arg)
{
	int fd = (int)(intptr_t)arg, one = 1;
	char what[32];
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	for (bool more = true; more && read_request(fd, what, sizeof what);) {
		slot_requests++;
		slot_busy++;
		more = answer(fd, what);
		slot_busy--;
	}
	close(fd);
	slot_conns--;
	return NULL;
}

static void *slot_serve(void *arg)
{
	for (int fd; (fd = accept4((int)(intptr_t)arg, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		slot_conns++;
		start(slot_conn, fd, NULL);
	}
	return NULL;
}

/* ---- the router ---- */

static char dir[] = "/tmp/hal0-bench.XXXXXX";
static pid_t router;
static int port;

static void write_file(const char *name, mode_t mode, const char *text)
{
	h0_autofree char *path = h0_asprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, mode) < 0)
		die(path);
}

static void write_slot(const char *name, int p)
{
	h0_autofree char *file = h0_asprintf("home/etc/hal0/slots/%s.toml", name);
	h0_autofree char *text = h0_asprintf("name = \"%s\"\ntype = \"llm\"\nport = %d\ndevice = \"cpu\"\n[model]\n"
	                                     "default = \"%s-model\"\n", name, p, name);
	write_file(file, 0644, text);
}

/* The router finds the hal0-slot beside itself: one that only says it was called, and waits. */
static void install(const char *program, int cold_port)
{
	const char *const dirs[] = {"home", "home/etc", "home/etc/hal0", "home/etc/hal0/slots"};
	for (size_t i = 0; i < H0_ARRAY_LEN(dirs); i++) {
		h0_autofree char *path = h0_asprintf("%s/%s", dir, dirs[i]);
		mkdir(path, 0755);
	}
	write_slot("main", slot_port);
	write_slot("cold", cold_port);
	h0_autofree char *script = h0_asprintf("#!/bin/sh\necho \"$2\" >>%s/loads\nuntil [ -e %s/up ]; do sleep 0.02; done\n",
	                                       dir, dir);
	write_file("hal0-slot", 0755, script);
	h0_autofree char *copy = h0_asprintf("%s/hal0-route", dir), *home = h0_asprintf("%s/home", dir);
	char *const cp[] = {(char[]){"cp"}, (char *)(uintptr_t)program, copy, NULL};
	double ms, mib;
	bench_run(cp, 0, &ms, &mib);
	setenv("HAL0_HOME", home, 1);
}

static void router_start(void)
{
	int p[2];
	char line[256] = "";
	h0_autofree char *program = h0_asprintf("%s/hal0-route", dir);
	if (pipe(p) < 0)
		die("pipe");
	router = fork();
	if (router == 0) {
		dup2(p[1], 1);
		close(p[0]);
		execl(program, program, "serve", "--port", "0", "--json", (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	for (size_t n = 0; n < sizeof line - 1 && !strchr(line, '}');) {
		ssize_t got = read(p[0], line + n, sizeof line - 1 - n);
		if (got <= 0)
			die("hal0-route serve does not start");
		n += (size_t)got;
	}
	close(p[0]);
	const char *at = strstr(line, "127.0.0.1:");
	port = at ? atoi(at + 10) : 0;
}

/* Of VmRSS or VmHWM. */
static double memory_kib(const char *what)
{
	char path[64], line[256];
	double kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)router);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, what, strlen(what)) == 0)
			kib = atof(line + strlen(what) + 1);
	if (f)
		fclose(f);
	return kib;
}

static int router_fds(void)
{
	char path[64];
	int n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)router);
	DIR *d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* ---- clients ---- */

static int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	struct timeval t = {20, 0};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool ask(int fd, const char *what, const char *model)
{
	char text[256], body[64];
	int n = snprintf(body, sizeof body, "{\"model\":\"%s\"}", model);
	n = snprintf(text, sizeof text, "POST /v1/chat/completions?do=%s HTTP/1.1\r\nHost: localhost\r\n"
	             "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", what, n, body);
	return put(fd, text, (size_t)n);
}

/* Up to and with `mark`; false: the connection ended before. */
static bool read_to(int fd, const char *mark, char *dst, size_t size)
{
	size_t n = 0;
	dst[0] = '\0';
	while (n < size - 1 && !strstr(dst, mark)) {
		ssize_t got = recv(fd, dst + n, size - 1 - n, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		dst[n] = '\0';
	}
	return strstr(dst, mark) != NULL;
}

static bool good(int fd, const char *what)
{
	char text[4096];
	return ask(fd, what, "main") && read_to(fd, "hello", text, sizeof text) && strncmp(text, "HTTP/1.1 200", 12) == 0;
}

/* ---- the figures ---- */

static void first_byte(void)
{
	static double added[200];
	char text[4096], note[64];
	int fd = dial();
	for (size_t i = 0; i < H0_ARRAY_LEN(added); i++) {
		if (!ask(fd, "first", "main") || !read_to(fd, "data:", text, sizeof text))
			die("a stream did not come");
		added[i] = bench_ms() - said_at;
		if (!strstr(text, "\r\n0\r\n\r\n") && !read_to(fd, "0\r\n\r\n", text, sizeof text))
			die("a stream did not end");
	}
	close(fd);
	double mid = bench_median(added, H0_ARRAY_LEN(added));
	snprintf(note, sizeof note, "median of 200; 99 %%: %.3f ms", added[H0_ARRAY_LEN(added) * 99 / 100]);
	bench_row("serve, first event after the slot", mid, 0.5, "ms", note);
}

static void idle_streams(void)
{
	static int fd[STREAMS];
	char text[4096], note[96];
	double before = memory_kib("VmRSS");
	for (int i = 0; i < STREAMS; i++) {
		fd[i] = dial();
		if (!ask(fd[i], "hold", "main"))
			die("a stream cannot be asked for");
	}
	for (int i = 0; i < STREAMS; i++)
		if (!read_to(fd[i], "data:", text, sizeof text))
			die("a stream did not begin");
	double kib = memory_kib("VmRSS");
	snprintf(note, sizeof note, "%.1f MiB before them, so %.1f KiB each", before / 1024, (kib - before) / STREAMS);
	bench_row("serve, memory, 1000 idle streams", kib / 1024, 15, "MiB", note);
	for (int i = 0; i < STREAMS; i++)
		close(fd[i]);
	for (double until = bench_ms() + 5000; slot_busy && bench_ms() < until;)
		nap(10);
}

static void slow_readers(void)
{
	int fd[READERS];
	char note[64];
	double before = memory_kib("VmRSS");
	for (int i = 0; i < READERS; i++) {
		fd[i] = dial();
		if (!ask(fd[i], "flood", "main"))
			die("a flood cannot be asked for");
	}
	nap(600);
	snprintf(note, sizeof note, "of %d", READERS);
	bench_row("serve, memory, reader that stops", (memory_kib("VmRSS") - before) / READERS, 256, "KiB", note);
	for (int i = 0; i < READERS; i++)
		close(fd[i]);
}

static void *long_body(void *arg)
{
	const char *body = arg;
	char head[256], text[4096];
	int fd = dial();
	snprintf(head, sizeof head, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
	         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", BODY_LEN);
	bool well = say(fd, head) && put(fd, body, BODY_LEN) && read_to(fd, "hello", text, sizeof text);
	close(fd);
	return (void *)(intptr_t)well;
}

static void long_bodies(void)
{
	static const char begin[] = "{\"messages\":\"", end[] = "\",\"model\":\"main\"}";
	h0_autofree char *body = h0_malloc(BODY_LEN);
	pthread_t t[BODIES];
	memset(body, 'x', BODY_LEN);
	memcpy(body, begin, sizeof begin - 1);
	memcpy(body + BODY_LEN - (sizeof end - 1), end, sizeof end - 1);
	h0_autofree char *clear = h0_asprintf("/proc/%d/clear_refs", (int)router);
	FILE *f = fopen(clear, "w"); /* the peak begins anew */
	if (f) {
		fputs("5", f);
		fclose(f);
	}
	double start_ms = bench_ms();
	for (int i = 0; i < BODIES; i++)
		start(long_body, (intptr_t)body, &t[i]);
	for (int i = 0; i < BODIES; i++) {
		void *well;
		pthread_join(t[i], &well);
		if (!well)
			die("a long body was not answered");
	}
	char note[64];
	snprintf(note, sizeof note, "peak; all answered after %.0f ms", bench_ms() - start_ms);
	bench_row("serve, memory, 4 bodies of 25 MB", memory_kib("VmHWM") / 1024, 20, "MiB", note);
}

static void gone(void)
{
	double ms[20];
	for (int i = 0; i < 20; i++) {
		int fd = dial();
		int before = slot_requests;
		if (!ask(fd, "prompt", "main"))
			die("a prompt cannot be sent");
		while (slot_requests == before)
			nap(0.2);
		left_at = 0;
		double at = bench_ms();
		close(fd);
		while (left_at < at && bench_ms() < at + 5000)
			nap(0.2);
		ms[i] = left_at < at ? 5000 : left_at - at;
	}
	bench_median(ms, 20);
	bench_row("serve, client gone to slot told", ms[19], 100, "ms", "the worst of 20, while the prompt is read");
}

static void *drop_some(void *arg)
{
	intptr_t lost = 0;
	(void)arg;
	int fd = dial();
	for (int i = 0; i < 250; i++)
		lost += !good(fd, "drop");
	close(fd);
	return (void *)lost;
}

static void dropped(void)
{
	pthread_t t[8];
	intptr_t lost = 0;
	for (int i = 0; i < 8; i++)
		start(drop_some, 0, &t[i]);
	for (int i = 0; i < 8; i++) {
		void *n;
		pthread_join(t[i], &n);
		lost += (intptr_t)n;
	}
	bench_row("serve, lost to a slot that hangs up", (double)lost, 0, "", "of 2000; the slot hangs up after each answer");
}

static void *abort_some(void *arg)
{
	static const char *const what[] = {"", "some", "hold", "drop", "prompt", "flood", "first"};
	unsigned seed = (unsigned)(intptr_t)arg;
	for (int i = 0; i < ABORTS / THREADS; i++) {
		struct linger hard = {1, 0};
		char some[512];
		int fd = dial();
		if (fd < 0)
			continue;
		ask(fd, what[(unsigned)rand_r(&seed) % H0_ARRAY_LEN(what)], "main");
		nap(rand_r(&seed) % 4);
		if (rand_r(&seed) % 2)
			(void)!recv(fd, some, sizeof some, MSG_DONTWAIT);
		if (rand_r(&seed) % 3 == 0)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		close(fd);
	}
	return NULL;
}

static void abort_all(void)
{
	pthread_t t[THREADS];
	for (int i = 0; i < THREADS; i++)
		start(abort_some, i + 1, &t[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (double until = bench_ms() + 6000; slot_conns && bench_ms() < until;)
		nap(20);
}

static void aborted(int fds)
{
	char note[96];
	abort_all(); /* the first time, memory is fetched for as many as there are at a time */
	double before = memory_kib("VmRSS"), at = bench_ms();
	abort_all();
	snprintf(note, sizeof note, "%d descriptors left, %d before; %.1f s", router_fds(), fds, (bench_ms() - at) / 1000);
	bench_row("serve, descriptors 20000 aborts left", router_fds() - fds > 0 ? router_fds() - fds : 0, 0, "", note);
	bench_row("serve, memory 10000 aborts left", memory_kib("VmRSS") - before, 512, "KiB", "");
	bench_row("serve, connections the slot still has", slot_conns, 0, "", "");
	int fd = dial();
	if (!good(fd, ""))
		die("the router does not answer any more");
	close(fd);
}

static atomic_int cold_good;

static void *call_cold(void *arg)
{
	char text[4096];
	(void)arg;
	int fd = dial();
	if (ask(fd, "", "cold") && read_to(fd, "hello", text, sizeof text))
		cold_good++;
	close(fd);
	return NULL;
}

static void cold(int l)
{
	static pthread_t t[CALLERS];
	char note[64], line[64];
	h0_autofree char *path = h0_asprintf("%s/loads", dir);
	for (int i = 0; i < CALLERS; i++)
		start(call_cold, 0, &t[i]);
	nap(700);
	int loads = 0;
	listen(l, 1024);
	start(slot_serve, l, NULL);
	write_file("up", 0644, "");
	for (int i = 0; i < CALLERS; i++)
		pthread_join(t[i], NULL);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		loads++;
	if (f)
		fclose(f);
	snprintf(note, sizeof note, "%d callers, %d answers", CALLERS, (int)cold_good);
	bench_row("serve, loads of a cold slot", loads, 1, "", note);
	bench_row("serve, callers without an answer", CALLERS - cold_good, 0, "", "");
	shutdown(l, SHUT_RDWR);
}

int main(int argc, char **argv)
{
	struct rlimit many = {1 << 16, 1 << 16};
	int l, c, cold_port;
	if (argc != 2 || !mkdtemp(dir)) {
		fprintf(stderr, "usage: bench-traffic HAL0-ROUTE\n");
		return 1;
	}
	if (setrlimit(RLIMIT_NOFILE, &many) < 0) {
		getrlimit(RLIMIT_NOFILE, &many);
		many.rlim_cur = many.rlim_max;
		setrlimit(RLIMIT_NOFILE, &many);
	}
	l = hold(&slot_port);
	c = hold(&cold_port);
	if (listen(l, 2048) < 0)
		die("listen");
	start(slot_serve, l, NULL);
	install(argv[1], cold_port);
	router_start();
	int fds = router_fds();
	first_byte();
	idle_streams();
	slow_readers();
	long_bodies();
	gone();
	dropped();
	aborted(fds);
	cold(c);
	kill(router, SIGTERM);
	waitpid(router, NULL, 0);
	h0_autofree char *where = h0_strdup(dir);
	char *const rm[] = {(char[]){"rm"}, (char[]){"-rf"}, where, NULL};
	double ms, mib;
	bench_run(rm, 0, &ms, &mib);
	return 0;
}
