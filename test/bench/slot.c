/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hal0-slot beside podman alone: what `list` adds to one `podman ps`, for one slot, for 64 and for
 * 1000, how long `start` goes on after the server's /health has first answered 200, and 100 starts of
 * one slot at once. Real podman, a real llama-server.
 *   slot HAL0-SLOT TINY-GGUF
 * Without podman, root or the image: no rows, and the reason on stderr.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMAGE  "localhost/hal0-llama:cpu"
#define NAME   "rn-bench"
#define PORT   8130
#define ROUNDS 40
#define STARTS 15
#define CROWD  100

extern char **environ;

/* Runs a program with its output thrown away; its exit code. */
static int run(const char *const *argv)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int status = -1;
	posix_spawn_file_actions_init(&fa);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
	if (posix_spawnp(&pid, argv[0], &fa, NULL, (char *const *)(uintptr_t)argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&fa);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static double timed(const char *const *argv)
{
	double t = bench_ms();
	if (run(argv) != 0) {
		fprintf(stderr, "%s failed\n", argv[0]);
		exit(7);
	}
	return bench_ms() - t;
}

/* When /health first answered 200, asked every half millisecond; 0 when told to stop before. */
static double first_answer(int stop_fd)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static const char request[] = "GET /health HTTP/1.0\r\n\r\n";
	char reply[64], stop;
	while (read(stop_fd, &stop, 1) < 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ssize_t n = 0;
		if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
		    write(fd, request, sizeof request - 1) > 0)
			n = read(fd, reply, sizeof reply - 1);
		close(fd);
		reply[n > 0 ? n : 0] = '\0';
		if (strstr(reply, " 200 "))
			return bench_ms();
		usleep(500);
	}
	return 0;
}

/* Milliseconds from the first healthy answer to the end of `start`. */
static double slack(char *slot)
{
	int stop[2], result[2];
	double at = 0;
	if (pipe2(stop, O_NONBLOCK | O_CLOEXEC) < 0 || pipe2(result, O_CLOEXEC) < 0)
		exit(6);
	pid_t pid = fork();
	if (pid == 0) {
		close(stop[1]);
		at = first_answer(stop[0]);
		_exit(write(result[1], &at, sizeof at) != sizeof at);
	}
	close(stop[0]);
	int rc = RUN(slot, "start", NAME);
	double end = bench_ms();
	close(stop[1]);
	if (rc != 0 || read(result[0], &at, sizeof at) != sizeof at || at == 0) {
		fprintf(stderr, "hal0-slot start failed: %d\n", rc);
		exit(7);
	}
	waitpid(pid, NULL, 0);
	close(result[0]);
	close(result[1]);
	return end - at;
}

static char dir[] = "/tmp/hal0-bench.XXXXXX";

static void clean_up(void)
{
	RUN("podman", "rm", "--force", "--time", "1", "hal0-slot-" NAME);
	RUN("rm", "-rf", dir);
}

static void write_slot(const char *name, int port, const char *model)
{
	char path[512];
	snprintf(path, sizeof path, "%s/etc/hal0/slots/%s.toml", dir, name);
	FILE *f = fopen(path, "w");
	if (!f)
		exit(6);
	fprintf(f, "# a slot of the benchmark\nport = %d\ntype = \"llm\"\ndevice = \"cpu\"\n"
	        "image = \"" IMAGE "\"\n\n[model]\ndefault = \"%s\"\ncontext_size = 1024\n", port, model);
	fclose(f);
}

/* Turn by turn, and neighbours are compared: both see the same machine. more_ms 0: no bar. */
static void bench_list(char *slot, const char *name, double more_ms)
{
	const char *const ours[] = {slot, "list", NULL};
	const char *const theirs[] = {"podman", "ps", "--all", "--no-trunc", "--format", "json", "--filter",
		"name=^hal0-slot-", NULL};
	double a[ROUNDS], b[ROUNDS], more[ROUNDS];
	char bar[16] = "-";
	for (size_t i = 0; i < ROUNDS; i++) {
		a[i] = timed(ours);
		b[i] = timed(theirs);
		more[i] = a[i] - b[i];
	}
	if (more_ms > 0)
		snprintf(bar, sizeof bar, "%g", more_ms);
	printf("%s\t%.3g\t%s\tms\tabove podman ps: %.1f and %.1f ms\n", name, bench_median(more, ROUNDS), bar,
	       bench_median(a, ROUNDS), bench_median(b, ROUNDS));
	fflush(stdout);
}

/* All at once: each ends well, and there is one container. */
static void bench_crowd(char *slot)
{
	pid_t pids[CROWD];
	char note[96];
	int bad = 0, n = 0;
	char *const argv[] = {slot, (char[]){"--quiet"}, (char[]){"start"}, (char[]){NAME}, NULL};
	RUN(slot, "stop", NAME);
	double t = bench_ms();
	for (int i = 0; i < CROWD; i++)
		if (posix_spawn(&pids[i], slot, NULL, NULL, argv, environ) != 0)
			exit(6);
	for (int i = 0; i < CROWD; i++) {
		int status = -1;
		waitpid(pids[i], &status, 0);
		bad += status != 0;
	}
	t = bench_ms() - t;
	FILE *f = popen("podman ps --all --format '{{.Names}}' --filter 'name=^hal0-slot-" NAME "$'", "r");
	for (int c; f && (c = getc(f)) != EOF;)
		n += c == '\n';
	if (!f || pclose(f) != 0)
		exit(7);
	snprintf(note, sizeof note, "containers; %d starts, %d of them failed, all over after %.1f s", CROWD, bad,
	         t / 1e3);
	bench_row("100 starts of one slot at once", n == 1 && !bad ? 1 : n + bad + 1, 1, "", note);
}

int main(int argc, char **argv)
{
	char path[512], model[512], note[64];
	double v[STARTS];
	if (argc != 3)
		return 2;
	if (geteuid() != 0 || RUN("podman", "image", "exists", IMAGE) != 0) {
		fprintf(stderr, "slot: needs root, podman and the image " IMAGE "\n");
		return 0;
	}
	/* container name and port belong to the machine: two runs take turns */
	int turn = open("/tmp/hal0-bench-slot.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (turn < 0 || flock(turn, LOCK_EX) < 0)
		return 6;
	if (!mkdtemp(dir) || atexit(clean_up) != 0 || chmod(dir, 0755) < 0 || setenv("HAL0_HOME", dir, 1) < 0)
		return 6;
	snprintf(path, sizeof path, "%s/etc/hal0/slots", dir);
	snprintf(model, sizeof model, "%s/tiny.gguf", dir);
	if (RUN("mkdir", "-p", path) != 0 || RUN(argv[2], model) != 0)
		return 6;
	write_slot(NAME, PORT, model);
	for (size_t i = 0; i < STARTS; i++) {
		v[i] = slack(argv[1]);
		if (i + 1 < STARTS)
			RUN(argv[1], "stop", NAME);
	}
	double median = bench_median(v, STARTS);
	snprintf(note, sizeof note, "worst of %d: %.1f ms", STARTS, v[STARTS - 1]);
	bench_row("start: after /health first answers", median, 50, "ms", note);
	bench_crowd(argv[1]);
	bench_list(argv[1], "slot list, 1 slot, running", 5);
	for (int i = 1; i < 64; i++) {
		char name[32];
		snprintf(name, sizeof name, "rn-bench-%d", i);
		write_slot(name, PORT + i, model);
	}
	bench_list(argv[1], "slot list, 64 slots, one running", 10);
	for (int i = 64; i < 1000; i++) {
		char name[32];
		snprintf(name, sizeof name, "rn-bench-%d", i);
		write_slot(name, PORT + i, model);
	}
	bench_list(argv[1], "slot list, 1000 slots, one running", 0);
	return 0;
}
