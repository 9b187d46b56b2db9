/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A FAKE podman for the tests of faults: honest until it is told to lie. A container is a file below
 * $FALSE_PODMAN and a process that answers on the slot's port. It is quick, so that it can be called
 * thousands of times.
 * $FALSE_PODMAN/lie says how it misbehaves: "CALL LIE" (CALL as in `podman CALL`, * for any), and
 * "CALL LIE N WORD WORD" for calls that have a word that ends with the first, and one with the second:
 *   hang       never answers               half      writes half a line, then hangs
 *   die N      dies of signal N            exit N    an error message and exit code N
 *   silent N   exit code N, no word        empty     nothing, exit code 0
 *   garbage    bytes, exit code 0          shape     JSON of another shape, exit code 0
 *   deep       JSON nested without end     flood     a gigabyte on stdout
 *   errflood   a gigabyte on stderr, then fails
 *   grandchild honest, but a child goes on to flood both streams
 *   false      says that it did, and did not (run, rm); says the contrary (image, container); lists
 *              nothing (ps)
 *   foreign    another home's container (ps, inspect)
 *   dead       a container that runs, of a process that is gone (ps)
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"
#include "sys/io.h"

static const char *top;
static char lie[32];
static int lie_arg;

/* ---- lies ---- */

static bool has_word(char *const *argv, const char *end)
{
	while (*argv && !h0_ends(*argv, end))
		argv++;
	return *argv != NULL;
}

static void read_lie(const char *call, char *const *argv)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autofree char *file = h0_asprintf("%s/lie", top);
	char who[32], what[32], one[128] = "", two[128] = "";
	int n = 0;
	if (h0_read_file(file, 4096, &b, NULL) < 0 ||
	    sscanf(b.p, "%31s %31s %d %127s %127s", who, what, &n, one, two) < 2)
		return;
	if ((strcmp(who, "*") == 0 || strcmp(who, call) == 0) && has_word(argv, one) && has_word(argv, two)) {
		memcpy(lie, what, sizeof lie);
		lie_arg = n;
	}
}

static bool lies(const char *what)
{
	return strcmp(lie, what) == 0;
}

static void say(int fd, const char *text)
{
	ssize_t n = write(fd, text, strlen(text));
	(void)n;
}

static void flood(int fd)
{
	static char chunk[1 << 16];
	memset(chunk, 'a', sizeof chunk);
	for (int i = 0; i < (1 << 30) / (int)sizeof chunk; i++)
		if (write(fd, chunk, sizeof chunk) < 0)
			return;
}

static void misbehave(void)
{
	if (lies("half"))
		say(1, "[{\"Names\": [\"hal0-sl");
	while (lies("hang") || lies("half"))
		pause();
	if (lies("die")) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		raise(lie_arg);
	}
	if (lies("exit"))
		say(2, "Error: the stand-in was told to fail\n");
	if (lies("exit") || lies("silent"))
		exit(lie_arg);
	if (lies("garbage"))
		say(1, "\xff\xfe\x1b[31m{\"garbage\r\n\x01");
	if (lies("shape"))
		say(1, "{\"version\": 9, \"result\": [[null, {\"Id\": 7}], \"x\", 1e999]}\n");
	for (int i = 0; lies("deep") && i < 100000; i++)
		say(1, "[");
	if (lies("flood"))
		flood(1);
	if (lies("empty") || lies("garbage") || lies("shape") || lies("deep") || lies("flood"))
		exit(0);
	if (lies("errflood")) {
		flood(2);
		exit(125);
	}
	if (lies("grandchild") && fork() == 0) {
		alarm(30); /* whoever called should have long given up */
		for (;;) {
			flood(1);
			flood(2);
		}
	}
}

/* ---- the server ---- */

/* A request with its body, or what came of it. */
static void hear(int fd, char *in, size_t size)
{
	size_t have = 0, want = size - 1;
	in[0] = '\0';
	while (have < want) {
		ssize_t n = recv(fd, in + have, want - have, 0);
		if (n <= 0)
			return;
		in[have += (size_t)n] = '\0';
		const char *end = strstr(in, "\r\n\r\n"), *length = strcasestr(in, "content-length:");
		if (end && (size_t)(end + 4 - in) + (length ? (size_t)atol(length + 15) : 0) <= have)
			return;
	}
}

/* What hal0-slot bench wants to hear: it has read all tokens and written those asked for. */
static void complete(const char *in, struct h0_buf *body)
{
	const char *prompt = strstr(in, "\"prompt\""), *predict = strstr(in, "\"n_predict\"");
	int n = 1;
	for (const char *p = prompt; p && *p && *p != ']'; p++)
		n += *p == ',';
	h0_buf_addf(body, "data: {\"content\": \"a\"}\n\ndata: {\"timings\": {\"prompt_n\": %d, "
	            "\"prompt_per_second\": 1000.5, \"predicted_n\": %d, \"predicted_per_second\": 50.25}}\n\n",
	            n, predict ? atoi(predict + 12) : 0);
}

static void answer(int fd, const char *model)
{
	static char in[1 << 18];
	h0_autobuf struct h0_buf body = {0}, all = {0};
	const char *type = "application/json";
	hear(fd, in, sizeof in);
	if (strstr(in, "/v1/models"))
		h0_buf_addf(&body, "{\"object\": \"list\", \"data\": [{\"id\": \"%s\"}]}", model);
	else if (h0_starts(in, "GET /slots"))
		h0_buf_adds(&body, "[{\"id\": 0, \"is_processing\": false}]");
	else if (h0_starts(in, "GET /props"))
		h0_buf_adds(&body, "{\"default_generation_settings\": {\"n_ctx\": 512}}");
	else if (h0_starts(in, "POST /tokenize"))
		h0_buf_adds(&body, "{\"tokens\": [3, 4, 5]}");
	else if (h0_starts(in, "POST /completion")) {
		type = "text/event-stream";
		complete(in, &body);
	} else if (h0_starts(in, "POST"))
		h0_buf_adds(&body, "{\"choices\": [{\"message\": {\"content\": \"Paris\"}}]}");
	else
		h0_buf_adds(&body, "{\"status\": \"ok\"}");
	h0_buf_addf(&all, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n"
	            "Content-Length: %zu\r\n\r\n%s", type, body.len, body.p);
	say(fd, all.p);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static int listen_on(int port)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	return bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 64) == 0 ? fd : -1;
}

/* The server's process id; 0: its port is taken. */
static pid_t start_server(int port, const char *model)
{
	int l = listen_on(port);
	if (l < 0)
		return 0;
	pid_t pid = fork();
	if (pid)
		return pid;
	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd);
	signal(SIGPIPE, SIG_IGN);
	alarm(3600); /* a test that was killed leaves nothing for long */
	for (int fd; (fd = accept(l, NULL, NULL)) >= 0;)
		answer(fd, model);
	_exit(0);
}

/* ---- containers ---- */

static char *file_of(const char *name)
{
	return h0_asprintf("%s/c/%s", top, name);
}

static struct h0_json *read_one(const char *name)
{
	h0_autofree char *file = file_of(name);
	h0_autobuf struct h0_buf b = {0};
	struct h0_json *j = NULL;
	if (h0_read_file(file, 1 << 20, &b, NULL) < 0 || h0_json_parse(b.p, b.len, file, &j, NULL) < 0)
		return NULL;
	return j;
}

static void labels_of(struct h0_json *j, const char *key, const char *value)
{
	struct h0_json *labels = h0_json_copy(h0_json_get(j, "Labels"));
	h0_json_set_str(labels, key, value);
	h0_json_set(j, "Labels", labels);
}

static void list_all(struct h0_json *list)
{
	h0_autofree char *dir = file_of("");
	DIR *d = opendir(dir);
	for (struct dirent *de; d && (de = readdir(d));) {
		struct h0_json *j = de->d_name[0] == '.' ? NULL : read_one(de->d_name);
		if (!j)
			continue;
		if (lies("foreign"))
			labels_of(j, "io.hal0.home", "/somewhere/else");
		if (lies("dead"))
			h0_json_set_int(j, "Pid", 4194303);
		h0_json_add(list, j);
	}
	if (d)
		closedir(d);
}

/* By name or id. The caller frees. */
static struct h0_json *find(const char *who)
{
	struct h0_json *j = h0_starts(who, "hal0-") ? read_one(who) : NULL;
	h0_autojson struct h0_json *list = h0_json_array();
	if (j)
		return j;
	list_all(list);
	for (size_t i = 0; i < h0_json_len(list); i++) {
		const struct h0_json *c = h0_json_at(list, i);
		if (h0_streq(h0_json_str(h0_json_get(c, "Id")), who))
			return read_one(h0_json_str(h0_json_at(h0_json_get(c, "Names"), 0)));
	}
	return NULL;
}

static void print_json(struct h0_json *j)
{
	h0_autobuf struct h0_buf b = {0};
	h0_json_dump(j, 0, false, &b);
	h0_buf_addc(&b, '\n');
	h0_write_all(1, b.p, b.len, NULL);
	h0_json_free(j);
}

static void ps(void)
{
	struct h0_json *list = h0_json_array();
	if (!lies("false"))
		list_all(list);
	print_json(list);
}

static void remove_one(const char *who)
{
	h0_autojson struct h0_json *j = find(who);
	const char *name = h0_json_str(h0_json_at(h0_json_get(j, "Names"), 0));
	pid_t pid = (pid_t)h0_json_int(h0_json_get(j, "Pid"), 0);
	if (!j || !name || lies("false"))
		return;
	if (pid > 1)
		kill(pid, SIGKILL);
	for (int i = 0; pid > 1 && i < 200 && kill(pid, 0) == 0; i++)
		nanosleep(&(struct timespec){0, 5000000}, NULL);
	h0_autofree char *file = file_of(name);
	unlink(file);
}

static void put(const char *file, const char *text)
{
	h0_autofile FILE *f = fopen(file, "w");
	if (f)
		fputs(text, f);
}

static void run(int argc, char **argv)
{
	const char *name = "", *model = "model", *image = "fake", *files[2] = {0};
	int port = 0, nfiles = 0;
	struct h0_json *c = h0_json_object(), *labels = h0_json_object(), *names = h0_json_array();
	for (int i = 2; i + 1 < argc; i++) {
		char *value = argv[i + 1], *equals = strchr(value, '=');
		if (h0_streq(argv[i], "--label") && equals) {
			*equals = '\0';
			h0_json_set_str(labels, value, equals + 1);
			*equals = '=';
		} else if (h0_streq(argv[i], "--name"))
			name = value;
		else if (h0_streq(argv[i], "--alias"))
			model = value;
		else if (strstr(argv[i], "@sha256:"))
			image = argv[i];
		else if (h0_streq(argv[i], "--port"))
			port = atoi(value);
		else if ((h0_streq(argv[i], "--pidfile") || h0_streq(argv[i], "--conmon-pidfile")) && nfiles < 2)
			files[nfiles++] = value;
		else if (h0_streq(argv[i], "--log-opt") && h0_starts(value, "path="))
			put(value + 5, "1970-01-01T00:00:00.000000000+00:00 stdout F hello\n");
	}
	h0_autofree char *file = file_of(name), *id = h0_asprintf("%064d", (int)getpid());
	remove_one(name);
	pid_t pid = lies("false") ? 0 : start_server(port, model);
	if (!pid && !lies("false")) {
		say(2, "Error: bind: address already in use\n");
		exit(126);
	}
	h0_autofree char *pid_text = h0_asprintf("%d", (int)pid);
	for (int i = 0; i < nfiles; i++)
		put(files[i], pid_text);
	h0_json_add(names, h0_json_new_str(name));
	h0_json_set(c, "Names", names);
	h0_json_set(c, "Labels", labels);
	h0_json_set_str(c, "Id", id);
	h0_json_set_str(c, "State", "running");
	h0_json_set_str(c, "Image", image);
	h0_json_set_int(c, "Pid", pid);
	h0_json_set_int(c, "ExitCode", 0);
	h0_json_set_int(c, "StartedAt", time(NULL));
	h0_autobuf struct h0_buf b = {0};
	h0_json_dump(c, 0, false, &b);
	if (!lies("false"))
		put(file, b.p);
	h0_json_free(c);
	say(1, id);
	say(1, "\n");
}

static int container(int argc, char **argv)
{
	h0_autojson struct h0_json *j = argc > 3 ? find(argv[argc - 1]) : NULL;
	bool exists = (j != NULL) != lies("false");
	if (h0_streq(argv[2], "exists"))
		return exists ? 0 : 1;
	if (!exists) {
		say(2, "Error: no such container\n");
		return 125;
	}
	pid_t pid = (pid_t)h0_json_int(h0_json_get(j, "Pid"), 0);
	say(1, lies("false") || (pid > 1 && kill(pid, 0) == 0) ? "running 0\n" : "exited 1\n");
	return 0;
}

static int inspect(int argc, char **argv)
{
	struct h0_json *list = h0_json_array();
	int missing = 0;
	for (int i = 2; i < argc; i++) {
		struct h0_json *j = find(argv[i]);
		missing += !j;
		if (j) {
			h0_json_set_str(j, "Name", lies("foreign") ? "somebody-elses" : argv[i]);
			h0_json_set(j, "State", h0_json_object());
		}
		if (j)
			h0_json_add(list, j);
	}
	print_json(list);
	if (missing)
		say(2, "Error: no such object\n");
	return missing ? 125 : 0;
}

/* What $FALSE_PODMAN/images holds, else nothing; `pull` puts $FALSE_PODMAN/pulled there. */
static int images(bool pull)
{
	h0_autofree char *file = h0_asprintf("%s/images", top), *next = h0_asprintf("%s/pulled", top);
	h0_autobuf struct h0_buf b = {0};
	if (pull && rename(next, file) < 0 && access(file, F_OK) < 0) {
		say(2, "Error: the stand-in has no registry\n");
		return 125;
	}
	say(1, pull ? "sha256:0\n" : h0_read_file(file, 1 << 20, &b, NULL) == 0 ? b.p : "[]\n");
	return 0;
}

/* Options before the call: --x=y or --x y. */
static int call_at(int argc, char **argv)
{
	int i = 1;
	while (i < argc && h0_starts(argv[i], "--"))
		i += strchr(argv[i], '=') ? 1 : 2;
	return i < argc ? i : -1;
}

int main(int argc, char **argv)
{
	int at = call_at(argc, argv);
	top = getenv("FALSE_PODMAN");
	if (at < 0 || !top)
		return 125;
	argc -= at - 1;
	argv += at - 1;
	const char *call = argv[1];
	/* limits are set for who calls this, not for it */
	struct rlimit files;
	if (getrlimit(RLIMIT_FSIZE, &files) == 0)
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){files.rlim_max, files.rlim_max});
	h0_autofree char *dir = file_of("");
	h0_mkdirs(dir, 0755, NULL);
	read_lie(call, argv);
	misbehave();
	if (h0_streq(call, "ps"))
		ps();
	else if (h0_streq(call, "image"))
		return lies("false") ? 1 : 0;
	else if (h0_streq(call, "images"))
		return images(false);
	else if (h0_streq(call, "pull"))
		return images(true);
	else if (h0_streq(call, "inspect"))
		return inspect(argc, argv);
	else if (h0_streq(call, "container") && argc > 2)
		return container(argc, argv);
	else if (h0_streq(call, "run"))
		run(argc, argv);
	else if (h0_streq(call, "rm") || h0_streq(call, "stop") || h0_streq(call, "kill"))
		for (int i = 2; i < argc; i++)
			remove_one(argv[i]);
	else if (h0_streq(call, "logs"))
		say(1, "server: hello\n");
	else if (h0_streq(call, "wait"))
		say(1, "0\n");
	else {
		say(2, "Error: the stand-in does not know this\n");
		return 125;
	}
	return 0;
}
