/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/podman.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/mem.h"
#include "base/num.h"
#include "fmt/json.h"
#include "model/argv.h"
#include "sys/clock.h"
#include "sys/io.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define ASK_MS      20000
/* of what an answer may take */
#define RUN_TIMES    6      /* setting up a container on slow storage */
#define REMOVE_TIMES 3      /* beyond the grace */
#define REMOVE_PAUSE_MS 3200 /* between the last two tries; about seven seconds in all */
#define KILLED_MS   10000   /* for a killed process to give back its memory */
#define MAX_ANSWER  (8u << 20)
#define WORDS(...)  ((const char *const[]){__VA_ARGS__, NULL})

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[4096];
	for (const char *p = path ? path : ""; *p;) {
		size_t n = strcspn(p, ":");
		snprintf(file, sizeof file, "%.*s/%s", (int)n, p, program);
		if (n && access(file, X_OK) == 0)
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

/* crun needs the unified hierarchy; runc works on both. */
static const char *choose_runtime(void)
{
	struct statfs fs;
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return NULL;
	bool there = in_path("runc") || access("/usr/sbin/runc", X_OK) == 0;
	return there ? "runc" : NULL;
}

int h0_podman_init(struct h0_podman *ret, struct h0_err *e)
{
	const char *program = getenv("HAL0_PODMAN"), *limit = getenv("HAL0_PODMAN_TIMEOUT");
	int64_t s = ASK_MS / 1000;
	if (limit && *limit && !h0_num_i64(limit, 1, 86400, &s))
		return h0_fail(e, H0_USAGE, "HAL0_PODMAN_TIMEOUT must be 1 to 86400 seconds, not '%s'", limit);
	*ret = (struct h0_podman){
		.program = program && *program ? program : "podman",
		.runtime = choose_runtime(),
		.timeout_ms = (int)s * 1000,
	};
	return 0;
}

/* ---- what it says ---- */
/* The last line that says what went wrong, without podman's "Error: ". */
static void last_line(const char *text, char *dst, size_t size)
{
	const char *best = "", *p = text;
	size_t len = 0;
	while (*p) {
		size_t n = strcspn(p, "\n");
		bool error = h0_starts(p, "Error: ");
		if (error || (n && !h0_starts(best, "Error: ") && !h0_starts(p, "See '"))) {
			best = p;
			len = n;
		}
		p += n + (p[n] == '\n');
	}
	size_t skip = h0_starts(best, "Error: ") && len > 7 ? 7 : 0;
	snprintf(dst, size, "%.*s", (int)(len - skip < size ? len - skip : size - 1), best + skip);
}

int h0_podman_no_image(const char *image, struct h0_err *e)
{
	if (h0_starts(image, "localhost/"))
		h0_fail(e, H0_NOHW, "image %s is not on this machine, and a localhost/ image cannot be "
		        "pulled: build it first", image);
	else
		h0_fail(e, H0_NOHW, "image %s is not on this machine: hal0 profile pull brings it", image);
	h0_err_code(e, "backend.missing");
	return h0_err_detail(e, "image", "%s", image);
}

int h0_podman_explain(const char *what, int exit_code, const char *err_text, const char *image,
                      struct h0_err *e)
{
	char line[512];
	last_line(err_text, line, sizeof line);
	if (image && strstr(line, "image not known"))
		return h0_podman_no_image(image, e);
	if (strstr(line, "address already in use"))
		return h0_fail(e, H0_CONFLICT, "the port is taken by another program (%s)", line);
	if (strstr(line, "is already in use by"))
		return h0_fail(e, H0_CONFLICT, "the container's name is taken (%s)", line);
	if (h0_starts(line, "stat /dev/") && strstr(line, "no such file")) {
		h0_fail(e, H0_NOHW, "a device node is not there (%s)", line);
		return h0_err_code(e, "backend.missing");
	}
	if (h0_starts(line, "statfs ") && strstr(line, "no such file"))
		return h0_fail(e, H0_CONFIG, "a directory to mount does not exist (%s)", line);
	if (strstr(line, "attempted to invoke a command that was not found"))
		return h0_fail(e, H0_EXTERN, "image %s does not hold the program it names (%s)",
		               image ? image : "", line);
	if (strstr(line, "error setting rlimit"))
		return h0_fail(e, H0_EXTERN, "the container may not raise its limits on this machine (%s)",
		               line);
	if (strstr(line, "unknown flag") || strstr(line, "unknown shorthand"))
		return h0_fail(e, H0_EXTERN, "this podman is too old or too new for hal0 (%s)", line);
	if (!line[0])
		return h0_fail(e, H0_EXTERN, "%s failed with exit code %d and no word why", what, exit_code);
	return h0_fail(e, H0_EXTERN, "%s: %s", what, line);
}

/* ---- calls ---- */
static int not_there(const struct h0_podman *p, struct h0_err *e)
{
	if (h0_streq(p->program, "podman"))
		h0_fail(e, H0_NOHW, "podman is not installed, or not in PATH (on Debian: apt-get install "
		        "podman)");
	else
		h0_fail(e, H0_NOHW, "podman is not there: HAL0_PODMAN says %s", p->program);
	return h0_err_code(e, "backend.missing");
}

int h0_podman_call(const struct h0_podman *p, const char *what, const struct h0_spawn *s,
                   struct h0_spawned *ret, struct h0_err *e)
{
	if (h0_spawn(s, ret, e) < 0)
		return e && (e->sys_errno == ENOENT || e->sys_errno == ENOTDIR) ? not_there(p, e) : -1;
	if (ret->timed_out)
		return h0_fail(e, H0_EXTERN, "%s did not answer within %d s and was killed", what,
		               s->timeout_ms / 1000);
	if (ret->signal)
		return h0_fail(e, H0_EXTERN, "%s was ended by signal %d", what, ret->signal);
	return 0;
}

int h0_podman_ask(const struct h0_podman *p, const char *what, const char *const *argv,
                  struct h0_spawned *ret, struct h0_err *e)
{
	struct h0_spawn s = {.argv = argv, .timeout_ms = p->timeout_ms, .max_output = MAX_ANSWER};
	return h0_podman_call(p, what, &s, ret, e);
}

int h0_podman_ps(const struct h0_podman *p, struct h0_ctrs *ret, struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	if (h0_podman_ask(p, "podman ps", WORDS(p->program, "ps", "--all", "--no-trunc", "--format", "json",
	                              "--filter", "name=^" H0_CONTAINER_PREFIX), &r, e) < 0)
		return -1;
	if (r.exit_code)
		return h0_podman_explain("podman ps", r.exit_code, h0_buf_str(&r.err), NULL, e);
	if (r.truncated)
		return h0_fail(e, H0_EXTERN, "podman ps answered with more than %u MiB", MAX_ANSWER >> 20);
	return h0_podman_parse_ps(h0_buf_str(&r.out), r.out.len, ret, e);
}

struct h0_podman_asked {
	struct h0_podman podman;
	struct h0_ctrs ctrs;
	struct h0_err err;
	int rc;
	bool begun;
	pthread_t thread;
	int done[2];            /* a pipe whose writing end closes */
};

static void *ask_apart(void *arg)
{
	struct h0_podman_asked *a = arg;
	a->rc = h0_podman_ps(&a->podman, &a->ctrs, &a->err);
	if (a->done[1] >= 0)
		close(h0_take_fd(&a->done[1]));
	return NULL;
}

int h0_podman_ps_fd(const struct h0_podman_asked *a)
{
	return a->done[0];
}

struct h0_podman_asked *h0_podman_ps_begin(const struct h0_podman *p)
{
	struct h0_podman_asked *a = h0_calloc(1, sizeof *a);
	a->podman = *p;
	if (pipe2(a->done, O_CLOEXEC) < 0)
		a->done[0] = a->done[1] = -1;
	a->begun = pthread_create(&a->thread, NULL, ask_apart, a) == 0;
	if (!a->begun)
		ask_apart(a);
	return a;
}

int h0_podman_ps_end(struct h0_podman_asked *a, struct h0_ctrs *ret, struct h0_err *e)
{
	h0_autofree struct h0_podman_asked *own = a;
	if (own->begun)
		H0_ASSERT(pthread_join(own->thread, NULL) == 0);
	if (own->done[0] >= 0)
		close(own->done[0]);
	*ret = own->ctrs;
	if (own->rc < 0 && e)
		*e = own->err;
	return own->rc;
}

int h0_podman_run_words(const struct h0_podman *p, const char *const *words, const char *dir,
                        struct h0_spawned *ret, struct h0_err *e)
{
	struct h0_spawn s = {.argv = words, .cwd = dir, .timeout_ms = p->timeout_ms * RUN_TIMES, .own_group = true};
	return h0_podman_call(p, "podman run", &s, ret, e);
}

int h0_podman_ran(const struct h0_spawned *r, const char *image, char *ret_id, struct h0_err *e)
{
	if (r->exit_code)
		return h0_podman_explain("podman run", r->exit_code, h0_buf_str(&r->err), image, e);
	/* the last line; podman 4.3 writes the name of a container that it replaces before it */
	const char *text = h0_buf_str(&r->out), *line = text;
	for (const char *nl = strchr(text, '\n'); nl && nl[1]; nl = strchr(line, '\n'))
		line = nl + 1;
	size_t n = strspn(line, "0123456789abcdef");
	if (n != H0_CTR_ID || (line[n] && line[n] != '\n'))
		return h0_fail(e, H0_EXTERN, "podman run answered '%.80s', no container id", line);
	memcpy(ret_id, line, n);
	ret_id[n] = '\0';
	return 0;
}

int h0_podman_run(const struct h0_podman *p, const struct h0_argv *a, const char *dir,
                  char *ret_id, struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	if (h0_podman_run_words(p, (const char *const *)a->words.v, dir, &r, e) < 0)
		return -1;
	return h0_podman_ran(&r, a->words.v[a->server_at - 1], ret_id, e);
}

/* One try. *ret_again: it failed because podman could not yet make sense of a process that is gone. */
static int remove_once(const struct h0_podman *p, const struct h0_spawn *s, bool *ret_again,
                       struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	*ret_again = false;
	if (h0_podman_call(p, "podman rm", s, &r, e) < 0)
		return -1;
	if (r.exit_code == 0 || strstr(h0_buf_str(&r.err), "no such container"))
		return 0;
	*ret_again = strstr(h0_buf_str(&r.err), "could not be stopped");
	return h0_podman_explain("podman rm", r.exit_code, h0_buf_str(&r.err), NULL, e);
}

int h0_podman_remove(const struct h0_podman *p, const char *container, int grace_s,
                     struct h0_err *e)
{
	char grace[16];
	bool again;
	snprintf(grace, sizeof grace, "%d", grace_s);
	struct h0_spawn s = {
		.argv = WORDS(p->program, "rm", "--force", "--ignore", "--time", grace, container),
		.timeout_ms = grace_s * 1000 + p->timeout_ms * REMOVE_TIMES, .own_group = true,
	};
	/* a dead process whose parent does not collect it yet: soon it is gone */
	for (int pause_ms = 50;; pause_ms *= 2) {
		if (remove_once(p, &s, &again, e) == 0)
			return 0;
		if (!again || pause_ms > REMOVE_PAUSE_MS)
			return -1;
		h0_sleep_ms(pause_ms);
	}
}

static const char *const known_runtimes[] = {"runc", "crun"};

static bool ends_within(int pidfd, int ms)
{
	struct pollfd p = {pidfd, POLLIN, 0};
	return poll(&p, 1, ms) > 0;
}

/* Whether a runtime keeps records of it, and the groups of processes that go with them. */
static bool runtime_knows(const char *runtime, const char *id)
{
	char path[32 + H0_CTR_ID];
	snprintf(path, sizeof path, "/run/%s/%s", runtime, id);
	return access(path, F_OK) == 0;
}

/* The monitor has the runtime forget a container that has ended; when it was killed nobody does, podman
 * neither, nor always when two podmans end one container at once. */
static void clear_runtimes(const struct h0_podman *p, const char *id)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(known_runtimes); i++) {
		h0_autospawned struct h0_spawned r = {0};
		struct h0_spawn s = {
			.argv = WORDS(known_runtimes[i], "delete", "--force", id),
			.timeout_ms = p->timeout_ms * REMOVE_TIMES, .own_group = true,
		};
		if (runtime_knows(known_runtimes[i], id))
			(void)h0_spawn(&s, &r, NULL);
	}
}

int h0_podman_end(const struct h0_podman *p, const struct h0_ctr *c, int grace_s, struct h0_err *e)
{
	h0_autofd int pidfd = c->pid > 0 ? (int)syscall(SYS_pidfd_open, c->pid, 0) : -1;
	/* looked at after it is held: this process it is, or none */
	bool lived = pidfd >= 0 && h0_ctr_alive(c);
	if (h0_podman_remove(p, c->id, grace_s, e) < 0)
		return -1;
	if (lived && !ends_within(pidfd, 0)) {
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		if (!ends_within(pidfd, KILLED_MS))
			return h0_fail(e, H0_EXTERN, "the server of slot %s (process %d) does not end although it was "
			               "killed", c->slot, (int)c->pid);
	}
	clear_runtimes(p, c->id); /* last: the groups of a process that lives would stay */
	return 0;
}

int h0_podman_exit(const struct h0_podman *p, const char *id, bool *ret_running, int *ret_code,
                   struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	char word[32];
	int code;
	if (h0_podman_ask(p, "podman inspect", WORDS(p->program, "container", "inspect", "--format",
	                                   "{{.State.Status}} {{.State.ExitCode}}", id), &r, e) < 0)
		return -1;
	if (r.exit_code)
		return h0_podman_explain("podman inspect", r.exit_code, h0_buf_str(&r.err), NULL, e);
	if (sscanf(h0_buf_str(&r.out), "%31s %d", word, &code) != 2)
		return h0_fail(e, H0_EXTERN, "podman inspect answered '%.80s'", h0_buf_str(&r.out));
	*ret_running = h0_streq(word, "running");
	*ret_code = code;
	return 0;
}

int h0_podman_image_exists(const struct h0_podman *p, const char *image, bool *ret,
                           struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	if (h0_podman_ask(p, "podman image exists", WORDS(p->program, "image", "exists", image), &r, e) < 0)
		return -1;
	if (r.exit_code > 1)
		return h0_podman_explain("podman image exists", r.exit_code, h0_buf_str(&r.err), NULL, e);
	*ret = r.exit_code == 0;
	return 0;
}

int h0_podman_inspect(const struct h0_podman *p, const struct h0_strv *names, struct h0_json **ret,
                      struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	h0_autostrv struct h0_strv argv = {0};
	struct h0_err why = {0};
	h0_strv_add(&argv, p->program);
	h0_strv_add(&argv, "inspect");
	for (size_t i = 0; i < names->n; i++)
		h0_strv_add(&argv, names->v[i]);
	if (h0_podman_ask(p, "podman inspect", (const char *const *)argv.v, &r, e) < 0)
		return -1;
	if (r.truncated)
		return h0_fail(e, H0_EXTERN, "podman inspect answered with more than %u MiB", MAX_ANSWER >> 20);
	/* it prints what is there, then fails over what is not */
	if (r.exit_code && !strstr(h0_buf_str(&r.err), "no such object"))
		return h0_podman_explain("podman inspect", r.exit_code, h0_buf_str(&r.err), NULL, e);
	if (h0_json_parse(h0_buf_str(&r.out), r.out.len, "podman inspect", ret, &why) < 0)
		return h0_fail(e, H0_EXTERN, "podman inspect answered with something that is not JSON (line "
		               "%d: %.200s)", why.line, why.msg);
	return 0;
}

/* ---- ps ---- */
static enum h0_ctr_state state_of(const char *word)
{
	static const struct {
		const char *word;
		enum h0_ctr_state state;
	} table[] = {
		{"created", H0_CTR_CREATED}, {"configured", H0_CTR_CREATED},
		{"initialized", H0_CTR_CREATED}, {"running", H0_CTR_RUNNING}, {"paused", H0_CTR_PAUSED},
		{"stopping", H0_CTR_STOPPING}, {"removing", H0_CTR_STOPPING}, {"exited", H0_CTR_EXITED},
		{"stopped", H0_CTR_EXITED},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(table); i++)
		if (h0_streq(word, table[i].word))
			return table[i].state;
	return H0_CTR_OTHER;
}

static int bounded(const struct h0_json *j, int64_t max)
{
	int64_t v = h0_json_int(j, 0);
	return v > 0 && v <= max ? (int)v : 0;
}

/* false: not the container of a slot. */
static bool read_ctr(const struct h0_json *o, struct h0_ctr *c)
{
	const char *name = h0_json_str(h0_json_at(h0_json_get(o, "Names"), 0));
	const char *id = h0_json_str(h0_json_get(o, "Id")), *word = h0_json_str(h0_json_get(o, "State"));
	const struct h0_json *labels = h0_json_get(o, "Labels");
	const char *spec = h0_json_str(h0_json_get(labels, H0_LABEL_SPEC));
	const char *port = h0_json_str(h0_json_get(labels, H0_LABEL_PORT));
	int64_t p = 0;
	if (!name || !h0_starts(name, H0_CONTAINER_PREFIX) || !id || strlen(id) > H0_CTR_ID)
		return false;
	name += strlen(H0_CONTAINER_PREFIX);
	if (!h0_name_ok(name))
		return false;
	*c = (struct h0_ctr){0};
	snprintf(c->slot, sizeof c->slot, "%s", name);
	snprintf(c->id, sizeof c->id, "%s", id);
	snprintf(c->spec, sizeof c->spec, "%s", spec ? spec : "");
	c->ours = h0_streq(h0_json_str(h0_json_get(labels, H0_LABEL_SLOT)), name);
	if (port && h0_num_i64(port, 1, 65535, &p))
		c->port = (int)p;
	int provider = h0_word_index(h0_provider_names,
	                             h0_json_str(h0_json_get(labels, H0_LABEL_PROVIDER)));
	c->provider = provider < 0 ? H0_PROVIDER_LLAMA_SERVER : (enum h0_provider)provider;
	c->home = h0_strdup(h0_json_str(h0_json_get(labels, H0_LABEL_HOME)));
	c->model = h0_strdup(h0_json_str(h0_json_get(labels, H0_LABEL_MODEL)));
	c->image = h0_strdup(h0_json_str(h0_json_get(o, "Image")));
	c->word = h0_strdup(word ? word : "unknown");
	c->state = state_of(c->word);
	c->pid = bounded(h0_json_get(o, "Pid"), INT32_MAX);
	c->exit_code = bounded(h0_json_get(o, "ExitCode"), 255);
	int64_t at = h0_json_int(h0_json_get(o, "StartedAt"), 0);
	c->started_at = at > 0 ? at : 0;
	return true;
}

int h0_podman_parse_ps(const char *text, size_t len, struct h0_ctrs *ret, struct h0_err *e)
{
	h0_autojson struct h0_json *j = NULL;
	struct h0_err why;
	if (h0_json_parse(text, len, "podman ps", &j, &why) < 0)
		return h0_fail(e, H0_EXTERN, "podman ps answered with something that is not JSON (line %d: "
		               "%.200s)", why.line, why.msg);
	if (h0_json_type(j) != H0_JSON_ARRAY && h0_json_type(j) != H0_JSON_NULL)
		return h0_fail(e, H0_EXTERN, "podman ps answered with JSON that is no list of containers");
	*ret = (struct h0_ctrs){0};
	for (size_t i = 0; i < h0_json_len(j); i++) {
		struct h0_ctr c;
		if (!read_ctr(h0_json_at(j, i), &c))
			continue;
		ret->v = h0_grow(ret->v, ret->n, &ret->cap, sizeof *ret->v);
		ret->v[ret->n++] = c;
	}
	return 0;
}

const struct h0_ctr *h0_ctrs_get(const struct h0_ctrs *c, const char *slot)
{
	for (size_t i = 0; i < c->n; i++)
		if (h0_streq(c->v[i].slot, slot))
			return &c->v[i];
	return NULL;
}

const char *h0_ctr_expects(const struct h0_ctr *c)
{
	/* only llama-server is told what to call itself */
	return c->provider == H0_PROVIDER_LLAMA_SERVER && c->model && c->model[0] ? c->model : NULL;
}

void h0_ctrs_done(struct h0_ctrs *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].home);
		free(c->v[i].model);
		free(c->v[i].image);
		free(c->v[i].word);
	}
	free(c->v);
	*c = (struct h0_ctrs){0};
}

/* ---- the kernel's view ---- */
/* `unclear` when the process belongs to no container of podman's: another cgroup manager, nothing to
 * tell by. */
static bool in_cgroup_of(pid_t pid, const char *id, bool unclear)
{
	h0_autobuf struct h0_buf b = {0};
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	if (h0_read_file(path, 65536, &b, NULL) < 0)
		return unclear;
	return strstr(h0_buf_str(&b), "libpod") ? strstr(h0_buf_str(&b), id) != NULL : unclear;
}

bool h0_ctr_alive(const struct h0_ctr *c)
{
	return h0_proc_lives(c->pid, NULL) && in_cgroup_of(c->pid, c->id, true);
}

bool h0_ctr_lingers(const struct h0_ctr *c)
{
	bool lingers = h0_proc_lives(c->pid, NULL) && in_cgroup_of(c->pid, c->id, false);
	for (size_t i = 0; i < H0_ARRAY_LEN(known_runtimes); i++)
		lingers |= runtime_knows(known_runtimes[i], c->id);
	return lingers;
}

bool h0_ctr_monitored(const struct h0_ctr *c)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_proc server;
	char path[64];
	if (!h0_proc_look(c->pid, &server))
		return false;
	snprintf(path, sizeof path, "/proc/%d/comm", (int)server.parent);
	return h0_read_file(path, 64, &b, NULL) == 0 && h0_starts(h0_buf_str(&b), "conmon");
}
