/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The side that asks: reading requests one after the other, writing answers, noticing that
 * nobody is there any more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "serve/inner.h"

#define FRESH_MS  1000      /* for a first request that comes while the server ends */
#define IDLE_MS   75000     /* between two requests */
#define LINGER_MS 1000
#define STALL_MS  300000    /* for a client that takes nothing of its answer */
#define CROWD      256      /* connections, and what the head of each may be long then */
#define CROWD_HEAD 8192
#define MAKE_ROOM_MS 2000   /* a body may take as long, however many knock */
#define SHRINK    16384     /* buffers of a connection that waits are no larger */

static void link_client(struct h0_loop *l, struct client *c)
{
	c->linked = true;
	c->deadline = l->now + (atomic_load(&l->core->draining) ? FRESH_MS : l->core->head_ms);
	c->next = l->clients;
	if (c->next)
		c->next->prev = c;
	l->clients = c;
}

static void unlink_client(struct client *c)
{
	if (!c->linked)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		c->loop->clients = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static int on_head(void *arg);
static int on_body(const char *p, size_t n, void *arg);
static const struct h0_parse_calls calls = {on_head, on_body};

void h0_client_new(struct h0_loop *l, int fd, struct h0_resident *from)
{
	struct h0_core *core = l->core;
	struct client *c = h0_calloc(1, sizeof *c);
	c->ev = (struct ev){.kind = EV_CLIENT, .fd = fd};
	c->loop = l;
	c->from = from;
	h0_parse_init(&c->in, false, &calls, c);
	atomic_fetch_add(&l->nclients, 1);
	if (atomic_fetch_add(&core->clients, 1) == 0) {
		uint64_t one = 1;
		(void)!write(core->news, &one, sizeof one);
	}
	/* it can be written to: the first event comes at once */
	pthread_mutex_lock(&l->door);
	int rc = h0_loop_watch(l, &c->ev, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	pthread_mutex_unlock(&l->door);
	if (rc == 0)
		return;
	atomic_fetch_sub(&l->nclients, 1);
	atomic_fetch_sub(&core->clients, 1);
	h0_census_drop(&core->census, from);
	close(fd);
	free(c);
}

static void forget_again(struct client *c)
{
	for (struct client **at = &c->loop->again; c->queued && *at; at = &(*at)->next_again)
		if (*at == c) {
			*at = c->next_again;
			c->queued = false;
			return;
		}
}

void h0_client_close(struct client *c)
{
	struct h0_core *core = c->loop->core;
	h0_relay_drop(c);
	h0_ask_free(c);
	unlink_client(c);
	forget_again(c);
	h0_parse_done(&c->in);
	h0_buf_done(&c->left);
	h0_buf_done(&c->out);
	h0_loop_bury(c->loop, &c->ev);
	h0_census_drop(&core->census, h0_take(c->from));
	atomic_store(&core->idle_since, c->loop->now);
	atomic_fetch_sub(&c->loop->nclients, 1);
	atomic_fetch_sub(&core->clients, 1);
}

/* ---- writing ---- */

/* What of v was not taken waits in `out`. */
static void keep_rest(struct client *c, const struct iovec *v, size_t n, size_t taken)
{
	for (size_t i = 0; i < n; i++) {
		size_t skip = taken < v[i].iov_len ? taken : v[i].iov_len;
		taken -= skip;
		h0_buf_add(&c->out, (const char *)v[i].iov_base + skip, v[i].iov_len - skip);
	}
	c->deadline = c->loop->now + STALL_MS;
}

int h0_client_write(struct client *c, const struct iovec *v, size_t n)
{
	if (h0_client_is_full(c)) {
		keep_rest(c, v, n, 0);
		return 0;
	}
	size_t all = 0;
	for (size_t i = 0; i < n; i++)
		all += v[i].iov_len;
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = n};
	ssize_t sent = sendmsg(c->ev.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -1;
	if (sent < 0 || (size_t)sent < all)
		keep_rest(c, v, n, sent < 0 ? 0 : (size_t)sent);
	return 0;
}

/* 1: nothing waits any more. */
static int flush(struct client *c)
{
	ssize_t n = send(c->ev.fd, c->out.p + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->out_at += (size_t)n;
	c->deadline = c->loop->now + STALL_MS;
	if (h0_client_is_full(c))
		return 0;
	c->out_at = 0;
	c->deadline = 0;
	h0_buf_done(&c->out);
	return 1;
}

/* ---- reading ---- */

static int on_head(void *arg)
{
	struct client *c = arg;
	return h0_ask_head(c);
}

static int on_body(const char *p, size_t n, void *arg)
{
	struct client *c = arg;
	return h0_ask_body(c, p, n);
}

/* Answers what cannot be read further; the connection ends with it. */
static void refuse(struct client *c, int status, const char *code, const char *why)
{
	char own[32];
	snprintf(own, sizeof own, "system.http_%d", status);
	c->keep = false;
	c->refused = true;
	h0_answer_error(c, status, code ? code : own, why, NULL, -1);
}

/* The client sends no more. It may have gone altogether, or wait for its answer. What nobody has
 * open any more answers a write with a reset, so we write something that means nothing: before
 * the answer an interim one, which every HTTP/1.1 client must be able to skip, in an event stream
 * an empty comment. Elsewhere the next bytes of the answer do. */
static void ask_if_there(struct client *c)
{
	static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n", comment[] = "3\r\n:\n\n\r\n";
	const struct ask *a = c->ask;
	if (!a || h0_client_is_full(c))
		return;
	if (!a->answer_begun && c->in.head.minor == 1 && (c->state == C_SEND || c->state == C_LOAD))
		(void)!send(c->ev.fd, interim, sizeof interim - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	bool between = a->tail_len < 2 || memcmp(a->tail + a->tail_len - 2, "\n\n", 2) == 0;
	struct iovec v = {(void *)(uintptr_t)comment, sizeof comment - 1};
	if (c->state == C_ANSWER && a->is_events && between && h0_client_write(c, &v, 1) < 0)
		h0_client_close(c);
}

/* Until when the next piece of a body must come. A body that comes at less than a kilobyte a second
 * in all is one of those that only want to keep us waiting. */
static int64_t body_deadline(const struct client *c)
{
	int64_t next = c->loop->now + c->loop->core->body_ms;
	int64_t all = c->ask->began + c->loop->core->body_ms + (int64_t)c->ask->body.size;
	return next < all ? next : all;
}

/* Long heads are for few clients: thousands that each begin one would fill the memory. */
static size_t head_max(const struct h0_core *core)
{
	return atomic_load(&core->clients) > CROWD ? CROWD_HEAD : H0_HEAD_MAX;
}

static void feed(struct client *c, const char *p, size_t n)
{
	size_t used = 0;
	c->in.head_max = head_max(c->loop->core);
	if (!c->ask) {
		c->ask = h0_ask_new(c);
		c->deadline = c->served ? c->loop->now + c->loop->core->head_ms : c->deadline;
	}
	switch (h0_parse_feed(&c->in, p, n, &used)) {
	case H0_PARSE_MORE:
		if (!c->in.in_head)
			c->deadline = body_deadline(c);
		break;
	case H0_PARSE_DONE:
		h0_buf_add(&c->left, p + used, n - used);
		c->deadline = 0;
		c->state = C_SEND;
		h0_ask_begin(c);
		if (c->ev.fd >= 0 && c->gone_half)
			ask_if_there(c);
		break;
	case H0_PARSE_BAD:
		refuse(c, c->in.status, NULL, c->in.why);
		break;
	case H0_PARSE_STOPPED:
		refuse(c, c->refuse_status, c->refuse_code, c->refuse_why);
		break;
	}
}

/* What was read behind the last request goes first. */
static void feed_left(struct client *c)
{
	h0_autobuf struct h0_buf left = c->left;
	c->left = (struct h0_buf){0};
	feed(c, left.p, left.len);
}

static void read_some(struct client *c)
{
	struct h0_loop *l = c->loop;
	ssize_t n = recv(c->ev.fd, l->buf, LOOP_BUF, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		c->can_read = errno == EINTR;
		return;
	}
	if (n <= 0) { /* the end; of a request in the middle nobody waits for an answer */
		h0_client_close(c);
		return;
	}
	/* less than was asked for: that was all; the next bytes come with an event of their own */
	c->can_read = (size_t)n == LOOP_BUF || c->gone_half;
	if (c->state == C_READ)
		feed(c, l->buf, (size_t)n);
}

void h0_client_resume(struct client *c)
{
	struct h0_loop *l = c->loop;
	if (c->up) {
		h0_relay_pump(c->up);
		return;
	}
	for (int round = 0; round < 16; round++) {
		if (c->ev.fd < 0 || (c->state != C_READ && c->state != C_LINGER))
			return;
		if (c->left.len)
			feed_left(c);
		else if (c->can_read)
			read_some(c);
		else
			return;
	}
	if (c->ev.fd >= 0)
		h0_loop_again(l, c);
}

/* ---- events ---- */

static void half_closed(struct client *c)
{
	bool known = c->gone_half;
	c->gone_half = true;
	c->can_read = true;
	if (c->state != C_READ && c->state != C_LINGER && !known)
		ask_if_there(c);
}

static void writable(struct client *c)
{
	int rc = flush(c);
	if (rc < 0) {
		h0_client_close(c);
	} else if (rc > 0 && (c->state == C_FLUSH || (c->ask && c->ask->answer_over))) {
		h0_client_finish(c);
	} else if (rc > 0 && c->up) {
		h0_relay_pump(c->up);
	}
}

void h0_client_event(struct client *c, uint32_t events)
{
	if (!c->linked)
		link_client(c->loop, c);
	if (events & (EPOLLHUP | EPOLLERR)) {
		h0_client_close(c);
		return;
	}
	if (events & EPOLLIN)
		c->can_read = true;
	if (events & EPOLLRDHUP)
		half_closed(c);
	if (c->ev.fd >= 0 && (events & EPOLLOUT) && h0_client_is_full(c))
		writable(c);
	if (c->ev.fd >= 0 && (c->state == C_READ || c->state == C_LINGER))
		h0_client_resume(c);
}

/* The server ends. A client between two requests knows how to connect again; one that has just
 * connected is about to ask, and would take the end for a failure. */
static void end_soon(struct client *c)
{
	int64_t soon = c->loop->now + FRESH_MS;
	if (c->served)
		h0_client_close(c);
	else if (c->deadline > soon)
		c->deadline = soon;
}

void h0_client_look(struct client *c)
{
	if (c->state == C_LOAD)
		h0_relay_look(c);
	else if (c->state == C_READ && !c->ask && atomic_load(&c->loop->core->draining))
		end_soon(c);
}

bool h0_client_late(struct client *c)
{
	if (c->state == C_LOAD)
		h0_relay_look(c);
	if (c->ev.fd >= 0 && h0_relay_late(c))
		return true;
	if (c->ev.fd < 0 || !c->deadline || c->loop->now < c->deadline || c->state == C_LOAD)
		return false;
	if (c->state == C_READ && c->ask)
		refuse(c, 408, NULL, "the request did not come in time");
	else
		h0_client_close(c);
	return true;
}

/* What a client that has asked nothing yet is worth when others knock: 2: between two requests, or in
 * a head; 1: long in a body; 0: something is under way for it. */
static int spare(const struct client *c)
{
	if (c->state != C_READ)
		return 0;
	if (!c->ask || c->in.in_head)
		return 2;
	return c->loop->now - c->ask->began >= MAKE_ROOM_MS;
}

bool h0_client_make_room(struct h0_loop *l, const struct h0_resident *from)
{
	struct client *who = NULL;
	for (struct client *c = l->clients; c; c = c->next) /* the oldest are last */
		if ((!from || c->from == from) && spare(c) && (!who || spare(c) >= spare(who)))
			who = c;
	if (who)
		h0_client_close(who);
	return who;
}

/* ---- between two requests ---- */

static void linger(struct client *c)
{
	c->state = C_LINGER;
	c->can_read = true;
	c->deadline = c->loop->now + LINGER_MS;
	shutdown(c->ev.fd, SHUT_WR);
	h0_loop_again(c->loop, c);
}

void h0_client_finish(struct client *c)
{
	h0_ask_free(c);
	c->served = true;
	if (!c->keep || atomic_load(&c->loop->core->draining)) {
		/* a close with unread bytes would take the answer back */
		if (c->refused)
			linger(c);
		else
			h0_client_close(c);
		return;
	}
	c->state = C_READ;
	c->deadline = c->loop->now + IDLE_MS;
	if (c->in.head.text.cap > SHRINK)
		h0_head_done(&c->in.head);
	h0_parse_reset(&c->in);
	if (c->left.len || c->can_read)
		h0_loop_again(c->loop, c);
}
