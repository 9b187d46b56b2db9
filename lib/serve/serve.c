/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The whole server: sockets, loops, the configuration and its changes, the end.
 */
#include "serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"
#include "serve/inner.h"
#include "sys/clock.h"

#define HEAD_MS   10000
#define BODY_MS   30000
#define TICK_MS   1000
#define LOOK_MS   2000      /* between two looks at the slots while requests come */
#define SETTLE_MS 30        /* several files change as one: wait until they have */

void h0_core_wake(struct h0_core *core)
{
	uint64_t one = 1;
	for (unsigned i = 0; i < core->nloops; i++)
		(void)!write(core->loops[i].wake.fd, &one, sizeof one);
}

static void note(const struct h0_core *core, const char *text)
{
	if (core->conf->note)
		core->conf->note(text, core->conf->arg);
}

/* ---- the configuration ---- */

struct h0_conf_image *h0_image_ref(struct h0_core *core)
{
	pthread_mutex_lock(&core->lock);
	struct h0_conf_image *i = core->image;
	i->refs++;
	pthread_mutex_unlock(&core->lock);
	return i;
}

void h0_image_unref(struct h0_core *core, struct h0_conf_image *i)
{
	if (!i)
		return;
	pthread_mutex_lock(&core->lock);
	bool last = --i->refs == 0;
	pthread_mutex_unlock(&core->lock);
	if (!last)
		return;
	h0_route_look_done(&i->look);
	h0_upstreams_done(&i->upstreams);
	h0_slots_done(&i->slots);
	h0_snap_done(&i->snap);
	free(i);
}

/* Reads all of it. What cannot be read leaves the old one in force. */
static int read_image(struct h0_core *core, struct h0_err *e)
{
	struct h0_conf_image *i = h0_calloc(1, sizeof *i), *old;
	i->refs = 1;
	if (h0_snap_open(core->conf->etc, &i->snap, e) < 0 || h0_slots_load(&i->snap, &i->slots, e) < 0) {
		h0_image_unref(core, i);
		return -1;
	}
	struct h0_err odd = {0};
	if (h0_upstreams_load(&i->snap, &i->upstreams, &odd) < 0) { /* slots do without them */
		char text[sizeof odd.msg + 512];
		h0_err_text(&odd, text, sizeof text);
		note(core, text);
		h0_upstreams_done(&i->upstreams);
	}
	if (core->conf->look)
		core->conf->look(&i->slots, &i->upstreams, &i->look, core->conf->arg);
	pthread_mutex_lock(&core->lock);
	old = core->image;
	core->image = i;
	pthread_mutex_unlock(&core->lock);
	atomic_fetch_add(&core->generation, 1);
	h0_image_unref(core, old);
	h0_core_wake(core);
	return 0;
}

/* Have slots come up, gone down, changed their model? Only this thread replaces the image. */
static bool slots_changed(struct h0_core *core)
{
	h0_autoroutelook struct h0_route_look now = {0};
	if (!core->conf->look)
		return false;
	core->conf->look(&core->image->slots, &core->image->upstreams, &now, core->conf->arg);
	return !h0_route_look_same(&now, &core->image->look);
}

static bool changed(int fd)
{
	char buf[4096] __attribute__((aligned(8)));
	bool any = false;
	while (read(fd, buf, sizeof buf) > 0)
		any = true;
	return any;
}

/* false: there is no such directory. */
static bool watch(int fd, const char *etc)
{
	h0_autofree char *slots = h0_asprintf("%s/slots", etc), *journal = h0_asprintf("%s/.txn", etc);
	uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE;
	bool there = inotify_add_watch(fd, etc, mask | IN_MOVE_SELF | IN_DELETE_SELF) >= 0;
	(void)inotify_add_watch(fd, slots, mask);
	(void)inotify_add_watch(fd, journal, mask);
	return there;
}

/* Has the configuration to be read? *missing: how often its directory was not found, one time after the
 * other. One that goes may be back at once, as another: it is believed to be gone when it stays away. */
static bool files_changed(const struct h0_core *core, int inotify, unsigned *missing)
{
	bool any = changed(inotify);
	if (!any && !*missing)
		return false;
	h0_sleep_ms(any ? SETTLE_MS : 0);
	(void)changed(inotify);
	*missing = watch(inotify, core->conf->etc) ? 0 : *missing + 1; /* directories that are new, too */
	return *missing == 0 || *missing == 2;
}

/* ---- sockets ---- */

static int bind_one(const struct addrinfo *a, struct h0_err *e)
{
	int one = 1;
	h0_autofd int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return h0_fail_sys(e, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1024) == 0)
		return h0_take_fd(&fd);
	if (errno == EADDRINUSE)
		return h0_fail(e, H0_CONFLICT, "the address is taken: somebody listens there already");
	return h0_fail_sys(e, "listen");
}

static int open_socket(const struct h0_serve_conf *conf, int *ret_port, struct h0_err *e)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM}, *list = NULL;
	char port[16];
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	snprintf(port, sizeof port, "%d", conf->port);
	if (getaddrinfo(conf->bind, port, &hints, &list) != 0)
		return h0_fail(e, H0_USAGE, "not an address to listen on: %s", conf->bind);
	int fd = bind_one(list, e);
	freeaddrinfo(list);
	if (fd < 0)
		return h0_wrap(e, "%s:%d", conf->bind, conf->port);
	*ret_port = conf->port;
	if (getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		*ret_port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
		                                          : ((struct sockaddr_in *)&a)->sin_port);
	return fd;
}

static int listen_all(struct h0_core *core, int own, struct h0_err *e)
{
	const struct h0_serve_conf *conf = core->conf;
	bool shared = core->nloops > 1;
	for (unsigned i = 0; i < core->nloops; i++) {
		if (own >= 0 && h0_loop_listen(&core->loops[i], own, shared, e) < 0)
			return -1;
		for (size_t k = 0; own < 0 && k < conf->ngiven; k++)
			if (h0_loop_listen(&core->loops[i], conf->given[k], shared, e) < 0)
				return -1;
	}
	return 0;
}

/* ---- running ---- */

static void report_use(struct h0_core *core)
{
	for (struct h0_peer *p = h0_peers(core); core->conf->used && p; p = p->next) {
		if (atomic_load(&p->remote))
			continue;
		if (atomic_exchange(&p->touched, false) || atomic_load(&p->in_flight))
			core->conf->used(p->name, atomic_load(&p->in_flight), core->conf->arg);
	}
}

static bool idle_too_long(struct h0_core *core)
{
	int64_t limit = core->conf->idle_exit_s * 1000LL;
	if (limit <= 0 || atomic_load(&core->clients))
		return false;
	pthread_mutex_lock(&core->lock);
	bool loading = core->jobs;
	pthread_mutex_unlock(&core->lock);
	return !loading && h0_now_ms() - atomic_load(&core->idle_since) >= limit;
}

/* The first thread: watches files, the clock and the wish to stop. Signals that may bring it are
 * let in only while it sleeps, so that none comes between the look and the sleep. */
static void look_after(struct h0_core *core, int inotify, unsigned missing, const sigset_t *awake)
{
	int64_t looked = h0_now_ms();
	bool busy = false;
	while (!*core->conf->stop && !idle_too_long(core)) {
		struct pollfd p[2] = {{inotify, POLLIN, 0}, {core->news, POLLIN, 0}};
		uint64_t n = 0;
		struct timespec t = {(busy || missing || core->conf->idle_exit_s ? TICK_MS : 60 * TICK_MS) / 1000, 0};
		(void)ppoll(p, 2, &t, awake);
		(void)!read(core->news, &n, sizeof n);
		h0_loads_join(core, false);
		/* asked before the report: a client who leaves after it has his last word in the next one */
		busy = atomic_load(&core->clients) > 0;
		report_use(core);
		bool files = files_changed(core, inotify, &missing), old = h0_now_ms() - looked >= LOOK_MS;
		bool due = n || (old && atomic_exchange(&core->asked, false));
		if (!files && !due)
			continue;
		looked = h0_now_ms();
		if (!files && !slots_changed(core))
			continue;
		struct h0_err e = {0};
		if (read_image(core, &e) < 0)
			note(core, e.msg);
	}
}

/* Once no loop lets anybody in, `own` (-1: there is none) ends: who comes then is refused, and may ask
 * another server, or the next one here. */
static void drain(struct h0_core *core, int own)
{
	int64_t until = h0_now_ms() + core->conf->drain_ms;
	atomic_store(&core->draining, true);
	h0_core_wake(core);
	while ((atomic_load(&core->clients) || (own >= 0 && atomic_load(&core->listening))) && h0_now_ms() < until) {
		if (own >= 0 && !atomic_load(&core->listening)) {
			(void)shutdown(own, SHUT_RD);
			own = -1;
		}
		h0_sleep_ms(20);
	}
}

static void *loop_thread(void *arg)
{
	return h0_loop_run(arg);
}

static unsigned start_loops(struct h0_core *core)
{
	unsigned n = 0;
	while (n < core->nloops && pthread_create(&core->loops[n].thread, NULL, loop_thread, &core->loops[n]) == 0)
		n++;
	return n;
}

static void core_done(struct h0_core *core)
{
	for (unsigned i = 0; i < core->nloops; i++) {
		h0_loop_close(&core->loops[i]);
		pthread_mutex_destroy(&core->loops[i].door);
	}
	free(core->loops);
	for (struct h0_peer *p = core->peers, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	h0_image_unref(core, core->image);
	if (core->news >= 0)
		close(core->news);
	h0_census_done(&core->census);
	pthread_mutex_destroy(&core->lock);
}

static int core_open(struct h0_core *core, struct h0_err *e)
{
	unsigned char noise[4];
	uint64_t salt;
	unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), want = core->conf->loops;
	unsigned n = want ? want : cores ? cores : 1;
	n = n < MAX_LOOPS ? n : MAX_LOOPS;
	core->loops = h0_calloc(n, sizeof *core->loops);
	for (unsigned i = 0; i < n; i++) {
		core->loops[i].ep = core->loops[i].spare_fd = core->loops[i].wake.fd = -1;
		pthread_mutex_init(&core->loops[i].door, NULL);
	}
	core->nloops = n;
	core->head_ms = core->conf->head_ms ? core->conf->head_ms : HEAD_MS;
	core->body_ms = core->conf->body_ms ? core->conf->body_ms : BODY_MS;
	for (unsigned i = 0; i < n; i++)
		if (h0_loop_open(&core->loops[i], core, i, e) < 0)
			return -1;
	if (getrandom(noise, sizeof noise, 0) != sizeof noise || getrandom(&salt, sizeof salt, 0) != sizeof salt)
		return h0_fail_sys(e, "getrandom");
	core->census.salt = salt;
	snprintf(core->id_prefix, sizeof core->id_prefix, "%02x%02x%02x%02x-", noise[0], noise[1], noise[2], noise[3]);
	core->started = h0_now_ms();
	atomic_store(&core->idle_since, core->started);
	return read_image(core, e);
}

/* Ends the loops that run; what is still under way after the drain is cut off. */
static void stop_loops(struct h0_core *core, unsigned running, int own)
{
	drain(core, running == core->nloops ? own : -1);
	atomic_store(&core->cut, true);
	h0_core_wake(core);
	for (unsigned i = 0; i < running; i++)
		pthread_join(core->loops[i].thread, NULL);
	h0_loads_join(core, true); /* they end with `stop`, too */
	for (unsigned i = 0; i < core->nloops; i++)
		h0_loop_close(&core->loops[i]);
	report_use(core); /* what was cut off is under way no more */
}

int h0_serve(const struct h0_serve_conf *conf, struct h0_err *e)
{
	h0_auto(core_done) struct h0_core core = {.conf = conf, .lock = PTHREAD_MUTEX_INITIALIZER,
		.census.lock = PTHREAD_MUTEX_INITIALIZER, .news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	h0_autofd int own = -1, inotify = -1;
	int port = conf->port;
	if (core.news < 0)
		return h0_fail_sys(e, "eventfd");
	inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (inotify < 0)
		return h0_fail_sys(e, "inotify");
	unsigned missing = watch(inotify, conf->etc) ? 0 : 2; /* before it is read: what changes then is seen */
	if (core_open(&core, e) < 0)
		return -1;
	if (!conf->ngiven && (own = open_socket(conf, &port, e)) < 0)
		return -1;
	if (listen_all(&core, own, e) < 0)
		return -1;
	sigset_t ends, before;
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, &before); /* for the other threads for good */
	unsigned running = start_loops(&core);
	if (running && conf->ready)
		conf->ready(port, conf->arg);
	if (running == core.nloops)
		look_after(&core, inotify, missing, &before);
	stop_loops(&core, running, own);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return running == core.nloops ? 0 : h0_fail(e, H0_SYS, "threads cannot be started");
}
