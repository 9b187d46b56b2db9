/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/mem.h"
#include "sys/spawn.h"

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define SPAWN(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_plain(void)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_err e;
	struct h0_spawn s = {.argv = SPAWN("sh", "-c", "cat; echo oops >&2; exit 3"),
		.input = "hello", .input_len = 5};
	is_int(h0_spawn(&s, &r, &e), 0, "runs");
	is_int(r.exit_code, 3, "exit code");
	is_str(h0_buf_str(&r.out), "hello", "stdin to stdout");
	is_str(h0_buf_str(&r.err), "oops\n", "stderr");
}

static void test_missing(void)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_err e;
	struct h0_spawn s = {.argv = SPAWN("hal0-no-such-program")};
	is_int(h0_spawn(&s, &r, &e), -1, "a missing program fails");
	ok(e.kind == H0_EXTERN && e.sys_errno == ENOENT, "and says so");
}

static void test_deadline(void)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_err e;
	double t = now();
	struct h0_spawn s = {.argv = SPAWN("sleep", "90"), .timeout_ms = 100};
	is_int(h0_spawn(&s, &r, &e), 0, "deadline");
	ok(r.timed_out && r.signal == 9 && now() - t < 60, "killed at the deadline");
}

static void test_grandchild(void)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_err e;
	double t = now();
	struct h0_spawn s = {.argv = SPAWN("sh", "-c", "sleep 90 & echo $!"), .timeout_ms = 80000};
	is_int(h0_spawn(&s, &r, &e), 0, "a grandchild keeps the pipe");
	ok(!r.timed_out && now() - t < 60, "its end is not waited for");
	int pid = atoi(h0_buf_str(&r.out));
	ok(pid > 1 && kill(pid, SIGKILL) == 0, "output before it is there, and the grandchild too");
}

static void test_bound(void)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_err e;
	struct h0_spawn s = {.argv = SPAWN("sh", "-c", "yes | head -c 3000000"), .max_output = 1000};
	is_int(h0_spawn(&s, &r, &e), 0, "much output");
	ok(r.truncated && r.out.len == 1000 && r.exit_code == 0, "is bounded and drained");
}

static void test_clean_child(void)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_err e;
	int leak = open("/dev/null", O_RDONLY);
	struct h0_spawn s = {.argv = SPAWN("sh", "-c", "ls /proc/self/fd | wc -l; echo $H0_A $PATH"),
		.env = SPAWN("H0_A=1")};
	h0_spawn(&s, &r, &e);
	close(leak);
	/* 0 1 2 and the directory ls reads */
	ok(strncmp(h0_buf_str(&r.out), "4\n1 /", 5) == 0, "no inherited descriptors, env added");
}

static void count(const char *p, size_t n, void *arg)
{
	*(size_t *)arg += n;
}

static void test_stop(void)
{
	static const atomic_int stop = 1;
	h0_autospawned struct h0_spawned polite = {0}, deaf = {0};
	struct h0_err e;
	size_t heard = 0;
	double t = now();
	struct h0_spawn s = {.argv = SPAWN("sh", "-c", "exec sleep 90"), .stop = &stop,
		.stop_signal = SIGTERM};
	is_int(h0_spawn(&s, &polite, &e), 0, "a child that is told to stop");
	ok(polite.signal == SIGTERM && !polite.timed_out && now() - t < 60, "ends by that signal");
	struct h0_spawn d = {.argv = SPAWN("sh", "-c", "echo hi >&2; exec sleep 90"), .stop = &stop,
		.stop_signal = SIGURG, .on_error = count, .on_error_arg = &heard};
	is_int(h0_spawn(&d, &deaf, &e), 0, "one that does not listen");
	is_int(deaf.signal, SIGKILL, "is killed in the end");
	ok(heard == 3 && deaf.err.len == 3, "what it said on stderr was told and kept");
}

static void test_no_reader(void)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_err e;
	h0_autofree char *big = h0_calloc(1, 1 << 20);
	struct h0_spawn s = {.argv = SPAWN("true"), .input = big, .input_len = 1 << 20};
	is_int(h0_spawn(&s, &r, &e), 0, "a child that does not read its stdin");
	is_int(r.exit_code, 0, "is no error");
}

int main(void)
{
	test_plain();
	test_missing();
	test_deadline();
	test_grandchild();
	test_bound();
	test_clean_child();
	test_stop();
	test_no_reader();
	return tap_done();
}
