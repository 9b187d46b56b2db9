/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One event loop. Sockets are watched edge-triggered, once: each side remembers what it may do.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "model/envelope.h"
#include "serve/inner.h"
#include "sys/clock.h"

#define BATCH    128
#define SWEEP_MS 1000
#define LAST_CLIENTS 1024   /* as many may wait at the socket */

int h0_loop_watch(struct h0_loop *l, struct ev *ev, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = ev};
	return epoll_ctl(l->ep, EPOLL_CTL_ADD, ev->fd, &e);
}

int h0_loop_open(struct h0_loop *l, struct h0_core *core, unsigned index, struct h0_err *e)
{
	l->core = core;
	l->index = index;
	l->now = h0_now_ms();
	l->generation = ~0u;
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	l->wake = (struct ev){.kind = EV_WAKE, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	if (l->ep < 0 || l->wake.fd < 0 || h0_loop_watch(l, &l->wake, EPOLLIN | EPOLLET) < 0)
		return h0_fail_sys(e, "event loop");
	l->spare_fd = eventfd(0, EFD_CLOEXEC);
	l->buf = h0_malloc(LOOP_BUF);
	return 0;
}

/* What a listening socket has, its connections inherit. A client that is gone without a word (a
 * laptop that was shut) is noticed after a minute, or after five with bytes on the way to it. */
static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {{IPPROTO_TCP, TCP_NODELAY, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 30},
		{IPPROTO_TCP, TCP_KEEPINTVL, 10}, {IPPROTO_TCP, TCP_KEEPCNT, 3}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 300000}};
	for (size_t i = 0; i < H0_ARRAY_LEN(options); i++) /* a local socket knows none of them */
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

int h0_loop_listen(struct h0_loop *l, int fd, bool shared, struct h0_err *e)
{
	set_options(fd);
	if (l->nlisten == H0_ARRAY_LEN(l->listen))
		return h0_fail(e, H0_USAGE, "more than %zu listening sockets", H0_ARRAY_LEN(l->listen));
	struct ev *ev = &l->listen[l->nlisten++];
	*ev = (struct ev){.kind = EV_LISTEN, .fd = fd};
	if (l->nlisten == 1)
		atomic_fetch_add(&l->core->listening, 1);
	/* of several loops that wait on one socket, one wakes */
	uint32_t flags = shared ? (uint32_t)EPOLLIN | (uint32_t)EPOLLEXCLUSIVE : (uint32_t)EPOLLIN;
	return h0_loop_watch(l, ev, flags) < 0 ? h0_fail_sys(e, "event loop") : 0;
}

void h0_loop_bury(struct h0_loop *l, struct ev *ev)
{
	close(ev->fd);
	ev->fd = -1;
	ev->next_dead = l->dead;
	l->dead = ev;
}

static void free_dead(struct h0_loop *l)
{
	while (l->dead) {
		struct ev *ev = l->dead;
		l->dead = ev->next_dead;
		free(ev); /* the first member of what it belongs to */
	}
}

void h0_loop_again(struct h0_loop *l, struct client *c)
{
	if (c->queued)
		return;
	c->queued = true;
	c->next_again = l->again;
	l->again = c;
}

static void run_again(struct h0_loop *l)
{
	struct client *c = l->again;
	l->again = NULL;
	while (c) {
		struct client *next = c->next_again;
		c->queued = false;
		if (c->ev.fd >= 0)
			h0_client_resume(c);
		c = next;
	}
}

/* The one with the fewest clients, this one if in doubt. A loop that is quick to accept would get
 * most of a burst and the other cores would look on. */
static struct h0_loop *least_busy(struct h0_loop *self)
{
	struct h0_loop *best = self;
	unsigned fewest = atomic_load(&self->nclients);
	for (unsigned i = 0; i < self->core->nloops && fewest; i++) {
		struct h0_loop *l = &self->core->loops[i];
		unsigned n = atomic_load(&l->nclients);
		if (n < fewest) {
			fewest = n;
			best = l;
		}
	}
	return best;
}

static void turn_away(struct h0_core *core, int fd, enum turned_away why)
{
	static const struct {
		int status, retry_after_s;
		const char *code, *line, *message;
	} say[] = {
		[AWAY_FULL] = {503, 1, "system.http_503", "503 Service Unavailable\r\nRetry-After: 1",
		               "there are too many connections: try again"},
		[AWAY_ADDRESS] = {429, -1, "system.http_429", "429 Too Many Requests",
		                  "there are too many connections from this address (--max-per-address): close some"},
	};
	h0_autobuf struct h0_buf body = {0}, text = {0};
	char unread[4096];
	atomic_fetch_add_explicit(&core->turned_away[why], 1, memory_order_relaxed);
	h0_envelope_print(say[why].status, say[why].code, say[why].message, NULL, say[why].retry_after_s, &body);
	h0_buf_addf(&text, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	            "Connection: close\r\n\r\n%s", say[why].line, body.len, body.p);
	(void)!send(fd, text.p, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	(void)!recv(fd, unread, sizeof unread, MSG_DONTWAIT); /* a close would take the answer back */
	close(fd);
}

/* No descriptor is left for the client that knocks, and it would go on knocking: the one that is
 * spared for this lets it in and out. */
static void turn_away_at_the_door(struct h0_loop *l, int listener)
{
	h0_up_sweep(l, true);
	close(l->spare_fd);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		turn_away(l->core, fd, AWAY_FULL);
	l->spare_fd = eventfd(0, EFD_CLOEXEC);
}

static void let_in(struct h0_loop *l, int fd, struct h0_resident *from)
{
	struct h0_core *core = l->core;
	unsigned most = core->conf->max_per_address;
	enum turned_away why = AWAY_ADDRESS;
	bool room = !most || h0_census_count(&core->census, from) <= most || h0_client_make_room(l, from);
	if (room && atomic_load(&core->clients) >= core->conf->max_clients) {
		room = h0_client_make_room(l, NULL);
		why = AWAY_FULL;
	}
	if (room) {
		h0_client_new(least_busy(l), fd, from);
		return;
	}
	turn_away(core, fd, why);
	h0_census_drop(&core->census, from);
}

/* false: nobody knocked. */
static bool take_client(struct h0_loop *l, const struct ev *ev)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = accept4(ev->fd, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away_at_the_door(l, ev->fd);
	else if (fd >= 0)
		let_in(l, fd, h0_census_add(&l->core->census, (struct sockaddr *)&a, len));
	return fd >= 0;
}

/* Takes the newest configuration, if there is a newer one. */
static void refresh(struct h0_loop *l)
{
	struct h0_core *core = l->core;
	if (l->generation == atomic_load(&core->generation))
		return;
	struct h0_conf_image *old = l->image;
	l->generation = atomic_load(&core->generation); /* before: at worst it is taken twice */
	l->image = h0_image_ref(core);
	h0_decisions_forget(l);
	h0_image_unref(core, old);
}

/* Who has knocked already is let in: the socket ends, unless it is one that was given, where the next
 * server finds them. */
static void take_last_clients(struct h0_loop *l)
{
	bool own = !l->core->conf->ngiven;
	for (int n = 0; own && l->nlisten && n < LAST_CLIENTS && take_client(l, l->listen); n++)
		;
}

static void stop_listening(struct h0_loop *l)
{
	for (size_t i = 0; i < l->nlisten; i++)
		epoll_ctl(l->ep, EPOLL_CTL_DEL, l->listen[i].fd, NULL);
	if (l->nlisten)
		atomic_fetch_sub(&l->core->listening, 1);
	l->nlisten = 0;
}

/* The core has news: a configuration, a slot that came up or failed, the end. */
static void look_around(struct h0_loop *l)
{
	uint64_t n;
	(void)!read(l->wake.fd, &n, sizeof n);
	refresh(l);
	if (atomic_load(&l->core->draining)) {
		take_last_clients(l);
		stop_listening(l);
	}
	for (struct client *c = l->clients, *next; c; c = next) {
		next = c->next;
		h0_client_look(c);
	}
}

static void sweep(struct h0_loop *l)
{
	for (struct client *c = l->clients, *next; c; c = next) {
		next = c->next;
		(void)h0_client_late(c);
	}
	h0_up_sweep(l, false);
}

static void dispatch(struct h0_loop *l, struct ev *ev, uint32_t events)
{
	if (ev->fd < 0)
		return; /* closed earlier in this batch */
	switch (ev->kind) {
	case EV_LISTEN:
		take_client(l, ev);
		break;
	case EV_WAKE:
		look_around(l);
		break;
	case EV_CLIENT:
		h0_client_event((struct client *)(void *)ev, events);
		break;
	case EV_UP:
		h0_relay_event((struct up *)(void *)ev, events);
		break;
	}
}

void *h0_loop_run(void *loop)
{
	struct h0_loop *l = loop;
	struct epoll_event ev[BATCH];
	int64_t swept = l->now;
	refresh(l);
	while (!atomic_load(&l->core->cut)) { /* while others accept, they hand over */
		/* nothing to watch over: sleep until something happens */
		int wait = l->again ? 0 : l->clients || l->idle ? SWEEP_MS : -1;
		int n = epoll_wait(l->ep, ev, BATCH, wait);
		l->now = h0_now_ms();
		pthread_mutex_lock(&l->door); /* who added them sees to the rest of it before */
		pthread_mutex_unlock(&l->door);
		for (int i = 0; i < n; i++)
			dispatch(l, ev[i].data.ptr, ev[i].events);
		run_again(l);
		if (l->now - swept >= SWEEP_MS) {
			swept = l->now;
			sweep(l);
		}
		free_dead(l);
	}
	return NULL;
}

/* Those accepted and not seen yet: their first event is still to be fetched. */
static void close_unseen(struct h0_loop *l)
{
	struct epoll_event ev[BATCH];
	for (int n; l->ep >= 0 && (n = epoll_wait(l->ep, ev, BATCH, 0)) > 0;)
		for (int i = 0; i < n; i++) {
			struct ev *e = ev[i].data.ptr;
			if (e->kind == EV_CLIENT && e->fd >= 0)
				h0_client_close((struct client *)(void *)e);
		}
}

void h0_loop_close(struct h0_loop *l)
{
	stop_listening(l);
	while (l->clients)
		h0_client_close(l->clients);
	h0_up_sweep(l, true);
	close_unseen(l);
	free_dead(l);
	h0_ask_forget_spare(l);
	h0_decisions_forget(l);
	h0_image_unref(l->core, h0_take(l->image));
	int *const fds[] = {&l->ep, &l->wake.fd, &l->spare_fd};
	for (size_t i = 0; i < H0_ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	free(h0_take(l->buf));
}
