/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Against a small server in a child process that gives each path a canned answer.
 */
#include "tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/health.h"
#include "sock.h"
#include "sys/loopback.h"

struct server {
	int port;
	pid_t pid;
};

static int think_us; /* before each reply */
static int limit_ms = 30000; /* for each answer: what comes at all comes sooner on any machine */

/* health and models: whole replies; NULL: says nothing. One connection after another. */
static void serve(int fd, const char *health, const char *models)
{
	for (;;) {
		char request[1024] = "";
		int c = accept(fd, NULL, NULL);
		ssize_t n = recv(c, request, sizeof request - 1, 0);
		const char *reply = n > 0 && strstr(request, "/v1/models") ? models : health;
		if (!reply) {
			pause();
		} else {
			/* in two pieces, as a network would */
			size_t half = strlen(reply) / 2;
			usleep((useconds_t)think_us);
			ssize_t sent = write(c, reply, half);
			usleep(2000);
			sent += write(c, reply + half, strlen(reply) - half);
			if (sent < 0)
				_exit(1);
		}
		if (reply && strcasestr(reply, "content-length:"))
			(void)!dup(c); /* it keeps the connection */
		close(c);
	}
}

static struct server begin(const char *health, const char *models)
{
	int port = 0, fd = listen_on(&port);
	if (fd < 0)
		abort();
	struct server s = {.port = port, .pid = fork()};
	if (s.pid == 0)
		serve(fd, health, models);
	close(fd);
	return s;
}

static void end(struct server s)
{
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define LIST OK "{\"object\":\"list\",\"data\":[{\"id\":\"/m/x.gguf\",\"aliases\":[\"chat\",\"x\"]}]}"

static enum h0_health ask(const char *health, const char *models, enum h0_provider p,
                          const char *model, struct h0_health_ask *ret)
{
	struct server s = begin(health, models);
	*ret = (struct h0_health_ask){.port = s.port, .provider = p, .model = model};
	h0_health_ask(ret, 1, limit_ms, NULL, 0);
	end(s);
	return ret->health;
}

static void test_answers(void)
{
	struct h0_health_ask a;
	const enum h0_provider llama = H0_PROVIDER_LLAMA_SERVER;
	is_int(ask(OK "{}", LIST, llama, "chat", &a), H0_HEALTH_READY, "well, and lists the model");
	is_str(a.listed, "chat", "which one it lists");
	is_int(ask(OK "{}", LIST, llama, "/m/x.gguf", &a), H0_HEALTH_READY, "by id as well");
	is_int(ask(OK "{}", LIST, llama, NULL, &a), H0_HEALTH_READY, "any model will do");
	is_int(ask(OK "{}", LIST, llama, "other", &a), H0_HEALTH_WRONG, "another model");
	is_str(a.listed, "/m/x.gguf", "which it names");
	is_int(ask(OK "{}", OK "{\"data\":[]}", llama, "chat", &a), H0_HEALTH_LOADING, "no model yet");
	is_int(ask("HTTP/1.1 503 Busy\r\n\r\n{}", LIST, llama, "chat", &a), H0_HEALTH_LOADING, "503");
	is_int(ask("HTTP/1.1 500 Oops\r\n\r\n", LIST, llama, "chat", &a), H0_HEALTH_BROKEN, "500");
	is_int(a.status, 500, "its status");
	is_int(ask("SSH-2.0-OpenSSH\r\n", LIST, llama, "chat", &a), H0_HEALTH_BROKEN, "no HTTP");
	is_int(ask(OK "{}", OK "<html>", llama, "chat", &a), H0_HEALTH_BROKEN, "a list that is no JSON");
	is_int(ask("", LIST, llama, "chat", &a), H0_HEALTH_LOADING, "closed without a word");
	limit_ms = 300;
	is_int(ask(NULL, LIST, llama, "chat", &a), H0_HEALTH_SILENT, "silence");
	limit_ms = 30000;
	is_int(ask(OK "{\"model_loaded\":false}", LIST, H0_PROVIDER_KOKORO, NULL, &a), H0_HEALTH_LOADING,
	       "200, but it says that it loads");
	is_int(ask(OK "{}", NULL, H0_PROVIDER_COMFYUI, NULL, &a), H0_HEALTH_READY, "no list to ask for");
}

static void test_slow(void)
{
	struct h0_health_ask a;
	think_us = 1600000;
	limit_ms = 3000;
	is_int(ask(OK "{}", LIST, H0_PROVIDER_LLAMA_SERVER, "chat", &a), H0_HEALTH_READY,
	       "two answers of 1.6 s each, with 3 s for each of them");
	think_us = 60000000;
	limit_ms = 300;
	is_int(ask(OK "{}", LIST, H0_PROVIDER_LLAMA_SERVER, "chat", &a), H0_HEALTH_SILENT, "300 ms without an answer are too long");
	think_us = 0;
	limit_ms = 30000;
}

#define KEPT "HTTP/1.1 200 OK\r\nContent-Length: 37\r\n\r\n"

static void test_kept(void)
{
	struct h0_health_ask a;
	h0_autostrv struct h0_strv models = {0};
	struct server s = begin("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	                        KEPT "{\"data\":[{\"id\":\"m\",\"aliases\":[\"n\"]}]}");
	a = (struct h0_health_ask){.port = s.port, .models = &models};
	h0_health_ask(&a, 1, 30000, NULL, 0);
	is_int(a.health, H0_HEALTH_READY, "a server that does not close its connections");
	ok(models.n == 2 && h0_strv_has(&models, "m") && h0_strv_has(&models, "n"), "all names it lists");
	end(s);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_many(void)
{
	struct server good = begin(OK "{}", LIST), mute = begin(NULL, NULL);
	struct h0_health_ask a[41];
	for (size_t i = 0; i < 41; i++)
		a[i] = (struct h0_health_ask){.port = i == 20 ? mute.port : good.port, .model = "chat"};
	double t = now();
	h0_health_ask(a, 41, 4000, NULL, 0);
	size_t ready = 0;
	for (size_t i = 0; i < 41; i++)
		ready += a[i].health == H0_HEALTH_READY;
	is_int((long long)ready, 40, "forty answers");
	is_int(a[20].health, H0_HEALTH_SILENT, "one silence");
	ok(now() - t < 20, "all at once"); /* one after the other: 41 times as long */
	int p[2];
	ok(pipe(p) == 0 && write(p[1], "x", 1) == 1, "a pipe that wakes");
	t = now();
	h0_health_ask(&a[20], 1, 60000, p, 1);
	ok(now() - t < 30 && a[20].health == H0_HEALTH_SILENT, "a descriptor ends the wait");
	end(good);
	h0_health_ask(a, 1, 30000, NULL, 0);
	is_int(a[0].health, H0_HEALTH_DOWN, "nobody listens");
	end(mute);
	close(p[0]);
	close(p[1]);
}

static void test_holder(void)
{
	char who[128], pid[32];
	struct server s = begin(OK, LIST);
	snprintf(pid, sizeof pid, "pid %d", (int)s.pid);
	ok(h0_loopback_bound(s.port), "the port is taken");
	is_int(h0_loopback_pid(s.port), s.pid, "by whom");
	h0_loopback_holder(s.port, who, sizeof who);
	ok(strstr(who, "test-health, pid ") != NULL, "in words: %s", who);
	end(s);
	ok(!h0_loopback_bound(s.port) && h0_loopback_pid(s.port) == 0, "free again");
	h0_loopback_holder(s.port, who, sizeof who);
	is_str(who, "another program", "nobody to name");
}

int main(void)
{
	test_answers();
	test_slow();
	test_kept();
	test_many();
	test_holder();
	return tap_done();
}
