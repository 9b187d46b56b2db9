/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "box.h"
#include "fmt/url.h"
#include "remotes.h"
#include "run/peek.h"
#include "run/slotkey.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/notify.h"
#include "sys/spawn.h"

#define FIRST_FD  3         /* of the sockets systemd hands over */
#define SPARE_FDS 64

struct server {
	struct h0_ctx *ctx;
	const struct route_serve_opts *o;
	struct h0_paths paths;
	struct h0_guard guard;
	struct route_remotes *remotes;
	const atomic_int *stop;
	char slot_program[1024];
	pthread_mutex_t lock;       /* of hidden */
	struct h0_strv hidden;      /* "NAME=": variables with upstreams' keys, which no slot needs */
	int given[8];
	size_t ngiven;
};

static void server_done(struct server *s)
{
	route_remotes_free(s->remotes);
	h0_strv_done(&s->hidden);
	pthread_mutex_destroy(&s->lock);
	h0_guard_done(&s->guard);
}

/* ---- who may ask ---- */

/* Whether other machines reach a listening socket. */
static bool is_open(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof a;
	char host[INET6_ADDRSTRLEN] = "";
	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0 || a.ss_family == AF_UNIX)
		return false;
	const void *addr = a.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&a)->sin_addr
	                                          : (void *)&((struct sockaddr_in6 *)&a)->sin6_addr;
	return !inet_ntop(a.ss_family, addr, host, sizeof host) || !h0_url_is_loopback(host);
}

static int check_open(const struct server *s, const char *what, struct h0_err *e)
{
	if (s->guard.keys.n)
		return 0;
	return h0_fail(e, H0_USAGE, "%s can be reached from other machines: a key file is needed "
	               "(--key-file)", what);
}

static int set_guard(struct server *s, struct h0_err *e)
{
	const struct route_serve_opts *o = s->o;
	if (o->key_file && route_keys(o->key_file, &s->guard.keys, e) < 0)
		return -1;
	for (size_t i = 0; i < o->host.n; i++)
		h0_strv_add(&s->guard.hosts, o->host.v[i]);
	for (size_t i = 0; i < o->origin.n; i++)
		h0_strv_add(&s->guard.origins, o->origin.v[i]);
	struct in6_addr any;
	if (!s->ngiven && !h0_url_is_loopback(o->bind)) {
		if (inet_pton(AF_INET, o->bind, &any) != 1 && inet_pton(AF_INET6, o->bind, &any) != 1)
			return h0_fail(e, H0_USAGE, "--bind: '%s' is not an address", o->bind);
		h0_strv_add(&s->guard.hosts, o->bind);
		return check_open(s, o->bind, e);
	}
	for (size_t i = 0; i < s->ngiven; i++)
		if (is_open(s->given[i]) && check_open(s, "the socket that was given", e) < 0)
			return -1;
	return 0;
}

/* ---- what the server asks us ---- */

static char *state_path(const struct server *s, const char *root, const char *slot, const char *file)
{
	(void)s;
	return h0_asprintf("%s/slots/%s/%s", root, slot, file);
}

/* The last line of the program's messages is its error, as JSON. */
static int load_failed(const char *slot, const struct h0_spawned *r, struct h0_err *e)
{
	h0_autojson struct h0_json *o = NULL;
	h0_autofree char *text = h0_strdup(h0_buf_str(&r->err));
	size_t n = strlen(text);
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = '\0';
	const char *last = strrchr(text, '\n');
	last = last ? last + 1 : text;
	const struct h0_json *err = NULL;
	if (h0_json_parse(last, strlen(last), "error", &o, NULL) == 0)
		err = h0_json_get(o, "error");
	const char *message = h0_json_str(h0_json_get(err, "message"));
	const char *code = h0_json_str(h0_json_get(err, "code"));
	h0_fail(e, r->exit_code > 0 && r->exit_code <= H0_BUG ? (enum h0_kind)r->exit_code : H0_EXTERN,
	        "slot %s does not come up: %s", slot, message ? message : *last ? last : "no reason given");
	h0_err_detail(e, "slot", "%s", slot);
	return h0_err_code(e, code ? code : "slot.spawn_failed");
}

static void key(const char *slot, char *dst, void *arg)
{
	struct server *s = arg;
	_Static_assert(H0_SLOT_KEY <= H0_SERVE_KEY, "a slot's key fits");
	h0_slot_key_try(&s->paths, slot, dst);
}

static int load(const char *slot, void *arg, struct h0_err *e)
{
	struct server *s = arg;
	h0_autospawned struct h0_spawned r = {0};
	const char *const argv[] = {s->slot_program, "start", slot, "--json", "--quiet",
		s->o->evict ? "--evict" : NULL, NULL};
	h0_autostrv struct h0_strv env = {0};
	h0_autofree const char **list = NULL;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->hidden.n; i++)
		h0_strv_add(&env, s->hidden.v[i]);
	pthread_mutex_unlock(&s->lock);
	list = h0_calloc(env.n + 1, sizeof *list);
	for (size_t i = 0; i < env.n; i++)
		list[i] = env.v[i];
	struct h0_spawn spawn = {.argv = argv, .env = list, .stop = s->stop};
	if (h0_spawn(&spawn, &r, e) < 0)
		return -1;
	return r.exit_code == 0 ? 0 : load_failed(slot, &r, e);
}

static void look(const struct h0_slots *slots, const struct h0_upstreams *us, struct h0_route_look *ret, void *arg)
{
	struct server *s = arg;
	pthread_mutex_lock(&s->lock);
	h0_strv_done(&s->hidden);
	for (size_t i = 0; i < us->n; i++)
		if (us->v[i].key_env[0])
			h0_strv_addf(&s->hidden, "%s=", us->v[i].key_env);
	pthread_mutex_unlock(&s->lock);
	h0_peek(&s->paths, slots, ROUTE_PATIENCE_MS, ret);
	route_remotes_get(s->remotes, us, ret);
}

static int64_t load_ms(const char *slot, void *arg)
{
	struct server *s = arg;
	h0_autofree char *path = state_path(s, s->paths.var, slot, "load_ms");
	h0_autobuf struct h0_buf text = {0};
	int64_t ms = -1;
	if (h0_read_file(path, 64, &text, NULL) < 0)
		return -1;
	while (text.len && text.p[text.len - 1] == '\n')
		text.p[--text.len] = '\0';
	return h0_num_i64(h0_buf_str(&text), 0, 86400000, &ms) ? ms : -1;
}

static void loaded(const char *slot, int64_t ms, void *arg)
{
	struct server *s = arg;
	h0_autofree char *path = state_path(s, s->paths.var, slot, "load_ms");
	char text[32];
	int n = snprintf(text, sizeof text, "%lld\n", (long long)ms);
	(void)h0_durable_write(path, text, (size_t)n, 0644, NULL); /* an estimate; without it we guess */
}

/* The time of last use is the file's own; inside stands how many requests are under way. */
static void used(const char *slot, unsigned in_flight, void *arg)
{
	struct server *s = arg;
	h0_autofree char *dir = state_path(s, s->paths.run, slot, ""), *path = state_path(s, s->paths.run, slot, "used");
	char text[16];
	int n = snprintf(text, sizeof text, "%u\n", in_flight);
	if (h0_mkdirs(dir, 0755, NULL) < 0)
		return;
	h0_autofd int fd = TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
	if (fd >= 0)
		(void)h0_write_all(fd, text, (size_t)n, NULL);
}

static void ready(int port, void *arg)
{
	struct server *s = arg;
	bool six = strchr(s->o->bind, ':') != NULL;
	h0_autofree char *url = h0_asprintf(six ? "http://[%s]:%d" : "http://%s:%d", s->o->bind, port);
	h0_notify("READY=1");
	if (!s->ctx->json) {
		h0_say(s->ctx, "listens on %s", s->ngiven ? "the socket it was given" : url);
		return;
	}
	struct h0_json *o = h0_json_object();
	h0_json_set_int(o, "schema", 1);
	h0_json_set_str(o, "url", s->ngiven ? NULL : url);
	h0_json_set_int(o, "pid", getpid());
	if (h0_out_json(s->ctx, o, NULL) == 0)
		(void)h0_out_flush(s->ctx, NULL);
}

static void note(const char *text, void *arg)
{
	struct server *s = arg;
	h0_warn(s->ctx, "%s", text);
}

/* ---- setting up ---- */

/* Sockets that systemd has opened for us. */
static int take_given(struct server *s, struct h0_err *e)
{
	int64_t pid, n;
	const char *p = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	if (!p || !count || !h0_num_i64(p, 1, INT32_MAX, &pid) || pid != getpid() || !h0_num_i64(count, 1, 1024, &n))
		return 0;
	if (n > (int64_t)H0_ARRAY_LEN(s->given))
		return h0_fail(e, H0_USAGE, "more than %zu sockets are given", H0_ARRAY_LEN(s->given));
	for (int i = 0; i < n; i++) {
		int fd = FIRST_FD + i, on = 0;
		socklen_t len = sizeof on;
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) < 0 || !on)
			return h0_fail(e, H0_USAGE, "descriptor %d is no listening socket", fd);
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
			return h0_fail_sys(e, "descriptor %d", fd);
		s->given[s->ngiven++] = fd;
	}
	unsetenv("LISTEN_PID"); /* not for the programs we start */
	unsetenv("LISTEN_FDS");
	return 0;
}

/* hal0-slot beside us, as the front would find it. */
static void find_slot_program(struct server *s)
{
	ssize_t n = readlink("/proc/self/exe", s->slot_program, sizeof s->slot_program - 16);
	char *slash = n > 0 ? (s->slot_program[n] = '\0', strrchr(s->slot_program, '/')) : NULL;
	if (slash) {
		memcpy(slash + 1, "hal0-slot", sizeof "hal0-slot");
		if (access(s->slot_program, X_OK) == 0)
			return;
	}
	memcpy(s->slot_program, "hal0-slot", sizeof "hal0-slot");
}

/* Three descriptors per request (client, slot, a long body's file); as many as the system gives. */
static unsigned max_clients(const struct route_serve_opts *o)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return (unsigned)o->max_clients;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur == RLIM_INFINITY)
		return (unsigned)o->max_clients;
	uint64_t can = l.rlim_cur > 4 * SPARE_FDS ? (l.rlim_cur - SPARE_FDS) / 3 : SPARE_FDS;
	return (uint64_t)o->max_clients < can ? (unsigned)o->max_clients : (unsigned)can;
}

static int ms(int64_t s)
{
	return s < 86400 ? (int)s * 1000 : 86400 * 1000;
}

int route_serve(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct route_serve_opts *o = opts;
	h0_auto(server_done) struct server s = {.ctx = ctx, .o = o, .lock = PTHREAD_MUTEX_INITIALIZER};
	if (h0_paths_init(&s.paths, e) < 0 || take_given(&s, e) < 0 || set_guard(&s, e) < 0)
		return -1;
	find_slot_program(&s);
	s.stop = route_catch();
	s.remotes = route_remotes_new(&s.paths, s.stop);
	const char *tmp = getenv("TMPDIR");
	struct h0_serve_conf conf = {.etc = s.paths.etc, .bind = o->bind, .port = (int)o->port,
		.given = s.given, .ngiven = s.ngiven, .guard = &s.guard,
		.spool_dir = tmp && *tmp == '/' ? tmp : "/var/tmp", .max_body = (uint64_t)o->max_body,
		.max_clients = max_clients(o), .max_per_address = (unsigned)o->max_per_address,
		.loops = (unsigned)o->threads, .wait_ms = ms(o->wait_s), .drain_ms = ms(o->drain_s),
		.idle_exit_s = (int)(o->idle_exit_s < 86400 ? o->idle_exit_s : 86400),
		.key = key, .load = o->no_load ? NULL : load, .look = look, .load_ms = load_ms, .loaded = loaded, .used = used,
		.ready = ready, .note = note, .arg = &s, .stop = s.stop};
	int rc = h0_serve(&conf, e);
	h0_notify("STOPPING=1");
	return rc;
}
