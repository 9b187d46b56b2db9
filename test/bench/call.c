/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `hal0-route call SLOT TEXT` beside `curl -N` with the same request to the same port, turn by
 * turn: from fork to exit, median, and peak memory. The server stands in and answers at once, so
 * what is compared is the clients.
 */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 100

struct cost {
	double ms[ROUNDS], mib[ROUNDS];
};

static void run(char *const *argv, struct cost *c, int i)
{
	bench_run(argv, 0, &c->ms[i], &c->mib[i]);
}

static int serve(const char *standin, const char *log, pid_t *ret_pid)
{
	int p[2], port = 0;
	char line[32] = "";
	if (pipe(p) < 0)
		exit(1);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		dup2(p[1], 1);
		execl(standin, standin, "8140", "8169", log, (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	if (read(p[0], line, sizeof line - 1) <= 0 || sscanf(line, "%d", &port) != 1)
		exit(1);
	close(p[0]);
	return port;
}

static void write_slot(const char *home, int port)
{
	char path[256];
	const char *const dirs[] = {"etc", "etc/hal0", "etc/hal0/slots"};
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", home, dirs[i]);
		mkdir(path, 0755);
	}
	snprintf(path, sizeof path, "%s/etc/hal0/slots/bench.toml", home);
	FILE *f = fopen(path, "w");
	if (!f || fprintf(f, "name = \"bench\"\nport = %d\ntype = \"llm\"\ndevice = \"cpu\"\n[model]\n"
	                     "default = \"m\"\n", port) < 0 || fclose(f) != 0)
		exit(1);
}

int main(int argc, char **argv)
{
	static struct cost ours, curl;
	char home[] = "/tmp/hal0-bench.XXXXXX", log[64], url[96], note[128];
	pid_t server;
	if (argc != 3 || !mkdtemp(home)) {
		fprintf(stderr, "usage: bench-call HAL0-ROUTE STAND-IN\n");
		return 1;
	}
	snprintf(log, sizeof log, "%s/log", home);
	int port = serve(argv[2], log, &server);
	write_slot(home, port);
	setenv("HAL0_HOME", home, 1);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/chat/completions", port);
	char *const call[] = {argv[1], (char[]){"call"}, (char[]){"bench"}, (char[]){"Say hello"}, NULL};
	char *const plain[] = {(char[]){"curl"}, (char[]){"-sN"}, (char[]){"-H"},
		(char[]){"Content-Type: application/json"}, (char[]){"-d"},
		(char[]){"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Say hello\"}],\"stream\":true}"},
		url, NULL};
	for (int i = 0; i < ROUNDS; i++) {
		run(call, &ours, i);
		run(plain, &curl, i);
	}
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	double bar = bench_median(curl.ms, ROUNDS), mib = bench_median(curl.mib, ROUNDS);
	snprintf(note, sizeof note, "curl, same request: %.2f ms, %.1f MiB", bar, mib);
	bench_row("route call, time", bench_median(ours.ms, ROUNDS), bar * 1.1, "ms", note);
	bench_row("route call, memory", bench_median(ours.mib, ROUNDS), mib * 1.1, "MiB", note);
	return 0;
}
