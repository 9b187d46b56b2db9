/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stand-ins for the servers that need hardware or images nobody can have in a test: FLM, Kokoro,
 * ComfyUI and Moonshine. One static program that is the whole of an image (stand-in-image.sh); its
 * name says which server it is. Each takes the options of the real one, insists on what the real
 * one needs in its container, and speaks its endpoints as far as the tests go.
 *
 * What is odd about the real ones is odd here: FLM has no /health, lists its whole catalogue as
 * models, downloads what is not installed, and goes on without a model that fails to load; Kokoro
 * is well before its model is loaded.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FLM_MODELS "/var/lib/hal0/.config/flm/models"
#define MAX_BODY   (32u << 20)

/* What the command line says. */
struct options {
	const char *host, *model_path, *arch, *tag;
	int port, context;
	bool embed, asr;
};
static struct options opt;
static time_t started_s;
static long started_ns;

__attribute__((format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("[ERROR] ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(3);
}

static long running_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - started_s) * 1000 + (t.tv_nsec - started_ns) / 1000000;
}

/* ---- requests ---- */

struct request {
	int fd;
	char method[8], path[256], type[256];
	char *body;
	size_t len;
};

static void reply(const struct request *r, int status, const char *type, const char *body, size_t n)
{
	char head[256];
	int h = snprintf(head, sizeof head, "HTTP/1.1 %d Status\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	                 "Connection: close\r\n\r\n", status, type, n);
	if (send(r->fd, head, (size_t)h, MSG_NOSIGNAL) == h)
		(void)!send(r->fd, body, n, MSG_NOSIGNAL);
}

__attribute__((format(printf, 3, 4)))
static void json(const struct request *r, int status, const char *fmt, ...)
{
	static char text[65536];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	reply(r, status, "application/json", text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

/* The first string value of a key, without unescaping: enough for what tests send. */
static const char *value(const struct request *r, const char *key, char *dst, size_t size)
{
	char quoted[64];
	dst[0] = '\0';
	snprintf(quoted, sizeof quoted, "\"%s\"", key);
	const char *p = strstr(r->body, quoted);
	if (!p)
		return dst;
	p += strlen(quoted);
	p += strspn(p, " :");
	if (*p == '"')
		snprintf(dst, size, "%.*s", (int)strcspn(p + 1, "\""), p + 1);
	return dst;
}

/* A field of a form; `attribute` NULL: its text, else that attribute of its header. */
static const char *field(const struct request *r, const char *name, const char *attribute, char *dst,
                         size_t size)
{
	char mark[64];
	snprintf(mark, sizeof mark, "name=\"%s\"", name);
	dst[0] = '\0';
	const char *p = memmem(r->body, r->len, mark, strlen(mark));
	if (!p)
		return dst;
	if (attribute) {
		snprintf(mark, sizeof mark, "%s=\"", attribute);
		const char *a = strstr(p, mark);
		if (a)
			snprintf(dst, size, "%.*s", (int)strcspn(a + strlen(mark), "\""), a + strlen(mark));
		return dst;
	}
	p = strstr(p, "\r\n\r\n");
	if (p)
		snprintf(dst, size, "%.*s", (int)strcspn(p + 4, "\r"), p + 4);
	return dst;
}

static bool is(const struct request *r, const char *method, const char *path)
{
	return strcmp(r->method, method) == 0 && strcmp(r->path, path) == 0;
}

static void heard(const struct request *r, const char *by)
{
	char model[128], file[128];
	if (!strstr(r->type, "multipart/form-data"))
		json(r, 400, "{\"error\":\"no form: %s\"}", r->type);
	else
		json(r, 200, "{\"text\":\"%s heard %s as %s\"}", by, field(r, "file", "filename", file, sizeof file),
		     field(r, "model", NULL, model, sizeof model));
}

/* ---- FLM ---- */

static const char *const catalogue[] = {"llama3.2:1b", "gemma4-it:e2b", "broken:1b", "qwen3:4b",
	"embed-gemma:300m", "whisper-v3:turbo"};
#define NCATALOGUE (sizeof catalogue / sizeof *catalogue)

static bool known(const char *tag)
{
	for (size_t i = 0; i < NCATALOGUE; i++)
		if (strcmp(catalogue[i], tag) == 0)
			return true;
	return false;
}

static bool installed(const char *tag)
{
	char path[256];
	snprintf(path, sizeof path, FLM_MODELS "/%s/config.json", tag);
	return access(path, R_OK) == 0;
}

static int flm_list(void)
{
	printf("[FLM]  Fetching models from: [cache]\n{\"models\":[");
	for (size_t i = 0; i < NCATALOGUE; i++)
		printf("%s{\"name\":\"%s\",\"model\":\"%s\",\"installed\":%s,\"footprint\":1.5}", i ? "," : "",
		       catalogue[i], catalogue[i], installed(catalogue[i]) ? "true" : "false");
	printf("]}\n");
	return 0;
}

static void flm_ready(void)
{
	int fd = open("/dev/accel/accel0", O_RDWR);
	if (fd < 0)
		die("No NPU device found: /dev/accel/accel0 does not open");
	if (!getenv("FLM_CONFIG_PATH") || !getenv("LD_LIBRARY_PATH"))
		die("error while loading shared libraries: libxrt_coreutil.so.2: cannot open shared object file");
	if (!known(opt.tag)) {
		printf("[Warning] Default model tag '%s' is not supported. Falling back to 'llama3.2:1b'.\n", opt.tag);
		opt.tag = "llama3.2:1b";
	}
	while (!installed(opt.tag)) { /* a download of gigabytes that nobody asked for */
		printf("[FLM]  Downloading %s\n", opt.tag);
		fflush(stdout);
		sleep(1);
	}
	if (strcmp(opt.tag, "broken:1b") == 0)
		printf("[ERROR] Failed to load default model: %s\n", opt.tag);
	usleep(150000);
}

static void flm_chat(const struct request *r)
{
	char model[128], content[1024];
	value(r, "model", model, sizeof model);
	value(r, "content", content, sizeof content);
	if (*model && !known(model)) {
		json(r, 404, "{\"error\":\"Model not found: %s\"}", model);
		return;
	}
	if (!strstr(r->body, "\"stream\":true") && !strstr(r->body, "\"stream\": true")) {
		json(r, 200, "{\"object\":\"chat.completion\",\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":"
		     "{\"role\":\"assistant\",\"content\":\"%s says: %s\"},\"finish_reason\":\"stop\"}]}", opt.tag,
		     opt.tag, content);
		return;
	}
	char text[4096];
	int n = snprintf(text, sizeof text, "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
	                 "\"delta\":{\"content\":\"%s says: \"}}]}\n\ndata: {\"object\":\"chat.completion.chunk\","
	                 "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":\"stop\"}]}\n\n"
	                 "data: [DONE]\n\n", opt.tag, content);
	reply(r, 200, "text/event-stream", text, (size_t)n);
}

static void flm(const struct request *r)
{
	char model[128];
	if (is(r, "GET", "/v1/models")) {
		char list[2048] = "";
		for (size_t i = 0, n = 0; i < NCATALOGUE; i++)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s{\"id\":\"%s\",\"object\":\"model\"}", i ? "," : "",
			                      catalogue[i]);
		json(r, 200, "{\"object\":\"list\",\"data\":[%s]}", list);
	} else if (is(r, "POST", "/v1/chat/completions")) {
		flm_chat(r);
	} else if (is(r, "POST", "/v1/embeddings") && opt.embed) {
		json(r, 200, "{\"object\":\"list\",\"model\":\"%s\",\"data\":[{\"index\":0,\"embedding\":[0.25,0.5]}]}",
		     value(r, "model", model, sizeof model));
	} else if (is(r, "POST", "/v1/embeddings")) {
		json(r, 500, "{\"error\":\"Embedding model is not loaded\"}");
	} else if (is(r, "POST", "/v1/audio/transcriptions") && opt.asr) {
		heard(r, "FLM");
	} else if (is(r, "POST", "/v1/audio/transcriptions")) {
		json(r, 500, "{\"error\":\"ASR model is not loaded\"}");
	} else {
		json(r, 404, "{\"error\":\"Not Found\"}");
	}
}

/* ---- Kokoro, Moonshine, ComfyUI ---- */

static void speech_ready(void)
{
	if (!opt.model_path || access(opt.model_path, R_OK) < 0)
		die("no model at %s", opt.model_path ? opt.model_path : "(none)");
}

static void moonshine_ready(void)
{
	speech_ready();
	if (!opt.arch)
		die("the following arguments are required: --model_arch");
}

static void kokoro(const struct request *r)
{
	char voice[64], stuck[512];
	snprintf(stuck, sizeof stuck, "%s/stuck", opt.model_path);
	if (is(r, "GET", "/health"))
		json(r, 200, "{\"status\":\"ok\",\"model_loaded\":%s}",
		     running_ms() < 600 || access(stuck, F_OK) == 0 ? "false" : "true");
	else if (is(r, "GET", "/v1/models"))
		json(r, 200, "{\"object\":\"list\",\"data\":[{\"id\":\"kokoro\",\"object\":\"model\"}]}");
	else if (is(r, "GET", "/v1/audio/voices"))
		json(r, 200, "{\"voices\":[\"af_heart\"]}");
	else if (is(r, "POST", "/v1/audio/speech") && *value(r, "input", voice, sizeof voice) && running_ms() >= 600)
		reply(r, 200, "audio/wav", voice, strlen(voice));
	else
		json(r, is(r, "POST", "/v1/audio/speech") ? 503 : 404, "{\"error\":\"no\"}");
}

static void moonshine(const struct request *r)
{
	if (is(r, "GET", "/health"))
		json(r, 200, "{\"model_loaded\":%s,\"model_arch\":\"%s\",\"model_id\":\"moonshine\"}",
		     running_ms() < 300 ? "false" : "true", opt.arch);
	else if (is(r, "POST", "/v1/audio/transcriptions"))
		heard(r, opt.arch);
	else
		json(r, 404, "{\"error\":\"no\"}");
}

static void comfyui_ready(void)
{
	static const char *const writable[] = {"output", "input", "user", "custom_nodes", "/root/comfy-models"};
	for (size_t i = 0; i < sizeof writable / sizeof *writable; i++)
		if (access(writable[i], W_OK) < 0)
			die("%s cannot be written to", writable[i]);
	if (access("extra_model_paths.yaml", R_OK) < 0)
		die("there is no extra_model_paths.yaml: no model would be found");
	usleep(300000); /* it imports half of the world before it listens */
}

static void comfyui(const struct request *r)
{
	if (is(r, "GET", "/system_stats"))
		json(r, 200, "{\"system\":{\"comfyui_version\":\"0.0\"},\"devices\":[]}");
	else if (is(r, "GET", "/queue"))
		json(r, 200, "{\"queue_running\":[],\"queue_pending\":[]}");
	else if (is(r, "POST", "/prompt"))
		json(r, 200, "{\"prompt_id\":\"1\"}");
	else
		json(r, 404, "{\"error\":\"no\"}");
}

/* ---- which one ---- */

static const struct server {
	const char *name;
	void (*ready)(void);
	void (*answer)(const struct request *r);
	int exit_code;          /* after SIGTERM: not every server calls that a success */
} servers[] = {
	{"flm", flm_ready, flm, 143},
	{"kokoro", speech_ready, kokoro, 0},
	{"moonshine", moonshine_ready, moonshine, 143},
	{"python", comfyui_ready, comfyui, 0},
};
static const struct server *self;

static void on_term(int sig)
{
	(void)sig;
	_exit(self->exit_code);
}

static bool read_request(struct request *r)
{
	size_t head = 0, want = 0;
	char *end;
	r->len = 0;
	for (;;) {
		ssize_t n = recv(r->fd, r->body + r->len, MAX_BODY - 1 - r->len, 0);
		if (n <= 0)
			return false;
		r->len += (size_t)n;
		r->body[r->len] = '\0';
		if (!head && (end = strstr(r->body, "\r\n\r\n"))) {
			const char *length = strcasestr(r->body, "content-length:");
			head = (size_t)(end + 4 - r->body);
			want = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
		}
		if (head && r->len >= head + want)
			break;
	}
	const char *type = strcasestr(r->body, "content-type:");
	if (type && type < r->body + head)
		snprintf(r->type, sizeof r->type, "%.*s", (int)strcspn(type + 13, "\r"), type + 13);
	sscanf(r->body, "%7s %255s", r->method, r->path);
	r->body += head;
	r->len = want;
	return true;
}

static void serve(void)
{
	int one = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
	if (inet_pton(AF_INET, opt.host, &a.sin_addr) != 1)
		die("bad address '%s'", opt.host);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 64) < 0)
		die("couldn't bind port %d", opt.port);
	printf("[INFO] listening on http://%s:%d\n", opt.host, opt.port);
	fflush(stdout);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		struct request r = {.fd = accept(l, NULL, NULL)};
		if (r.fd >= 0 && fork() == 0) {
			r.body = malloc(MAX_BODY);
			if (r.body && read_request(&r)) {
				printf("%s %s %zu\n", r.method, r.path, r.len);
				fflush(stdout);
				self->answer(&r);
			}
			_exit(0);
		}
		if (r.fd >= 0)
			close(r.fd);
	}
}

static const char *next(int argc, char **argv, int *i)
{
	if (*i + 1 >= argc)
		die("%s: a value is missing", argv[*i]);
	return argv[++*i];
}

static void read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *o = argv[i];
		if (strcmp(o, "--host") == 0 || strcmp(o, "--listen") == 0)
			opt.host = next(argc, argv, &i);
		else if (strcmp(o, "--port") == 0)
			opt.port = atoi(next(argc, argv, &i));
		else if (strcmp(o, "--model_path") == 0)
			opt.model_path = next(argc, argv, &i);
		else if (strcmp(o, "--model_arch") == 0)
			opt.arch = next(argc, argv, &i);
		else if (strcmp(o, "--ctx-len") == 0)
			opt.context = atoi(next(argc, argv, &i));
		else if (strcmp(o, "--embed") == 0)
			opt.embed = atoi(next(argc, argv, &i));
		else if (strcmp(o, "--asr") == 0)
			opt.asr = atoi(next(argc, argv, &i));
		else if (strcmp(o, "serve") == 0)
			opt.tag = next(argc, argv, &i);
		else if (strcmp(o, "main.py") != 0 && strcmp(o, "--disable-mmap") != 0 &&
		         strcmp(o, "--bf16-vae") != 0 && strcmp(o, "--cache-none") != 0)
			die("unrecognized arguments: %s", o);
	}
	if (!opt.host || opt.port <= 0)
		die("no address");
}

/* ComfyUI's image has its programs on the PATH of a login shell. */
static void login_shell(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[1], "-lc") != 0 ||
	    strcmp(argv[2], "cd /opt/ComfyUI && exec python main.py \"$@\"") != 0)
		die("bash: this is no login shell that starts ComfyUI");
	if (chdir("/opt/ComfyUI") < 0)
		die("bash: cd: /opt/ComfyUI");
	argv[2] = (char[]){"python"};
	argv[3] = (char[]){"main.py"};
	execv("/usr/bin/python", argv + 2);
	die("bash: python: not found");
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	started_s = t.tv_sec;
	started_ns = t.tv_nsec;
	if (strcmp(name, "bash") == 0)
		login_shell(argc, argv);
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
		if (strcmp(servers[i].name, name) == 0)
			self = &servers[i];
	if (!self)
		die("no server is called '%s'", name);
	if (argc == 3 && strcmp(argv[1], "list") == 0 && strcmp(argv[2], "-j") == 0)
		return flm_list();
	signal(SIGTERM, on_term); /* the first process of a container gets no default action */
	read_options(argc, argv);
	self->ready();
	serve();
}
