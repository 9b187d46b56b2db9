/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Between a client and a slot: the request goes out, the answer comes back as it is made.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "serve/inner.h"
#include "sys/clock.h"

#define STALE_MS 1000

static void start(struct client *c, bool fresh);
static void cold(struct client *c);
static void fail(struct client *c, int status, const char *code, const char *message);

/* ---- what the slot says ---- */

static void note_first_byte(struct ask *a)
{
	static const unsigned bucket_ms[] = FIRST_BYTE_BUCKETS;
	struct h0_peer *p = a->d->peer;
	uint64_t us = (uint64_t)h0_now_ns() / 1000 - a->began_us;
	size_t i = 0;
	while (i < NBUCKETS && us > bucket_ms[i] * 1000ull)
		i++;
	atomic_fetch_add_explicit(&p->first_byte[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->first_byte_us, us, memory_order_relaxed);
}

static int on_head(void *arg)
{
	struct up *u = arg;
	struct client *c = u->c;
	struct ask *a = c->ask;
	const struct h0_head *h = &u->in.head;
	if (h->status < 200)
		return h->status == 101 ? -1 : 0;
	a->status = h->status;
	/* "still loading" is not passed on while there is time to wait, nor a quarrel over a key that
	 * is none of the client's */
	const struct h0_serve_conf *conf = c->loop->core->conf;
	a->holding = !a->is_head && !a->d->remote && ((h->status == 503 && conf->load) || (h->status == 401 && conf->key));
	h0_heads_answer(c, h); /* over the request, which has been sent */
	const char *type = h0_head_get(h, H0_FIELD_CONTENT_TYPE);
	a->is_events = a->framing == FRAME_CHUNKED && type && strncasecmp(type, "text/event-stream", 17) == 0;
	return a->is_head;
}

static void note_tail(struct ask *a, const char *p, size_t n)
{
	if (n >= TAIL) {
		memcpy(a->tail, p + n - TAIL, TAIL);
		a->tail_len = TAIL;
		return;
	}
	if (a->tail_len + n > TAIL) {
		size_t drop = a->tail_len + n - TAIL;
		memmove(a->tail, a->tail + drop, a->tail_len - drop);
		a->tail_len -= drop;
	}
	memcpy(a->tail + a->tail_len, p, n);
	a->tail_len += n;
}

static int emit(struct client *c, bool over);

static int on_body(const char *p, size_t n, void *arg)
{
	struct up *u = arg;
	struct client *c = u->c;
	struct h0_loop *l = c->loop;
	struct ask *a = c->ask;
	if (a->framing == FRAME_NONE)
		return 0;
	note_tail(a, p, n);
	if (a->holding && a->hold.len + n <= HOLD) {
		h0_buf_add(&a->hold, p, n);
		return 0;
	}
	a->holding = false; /* too long to be what we wait for */
	if (l->nspans == MAX_SPANS && emit(c, false) < 0)
		return -1;
	l->span[2 + l->nspans++] = (struct iovec){(void *)(uintptr_t)p, n};
	l->span_bytes += n;
	return 0;
}

/* "1f" CR LF, at most 10 bytes: a read is no longer than LOOP_BUF, what was held HOLD. */
static size_t chunk_head(char *dst, size_t n)
{
	size_t len = 0;
	for (int shift = 28; shift >= 0; shift -= 4)
		if (n >> shift || !shift)
			dst[len++] = "0123456789abcdef"[n >> shift & 15];
	dst[len++] = '\r';
	dst[len++] = '\n';
	return len;
}

/* Hands on what the last read brought: the head if it is still here, then the pieces. */
static int emit(struct client *c, bool over)
{
	struct h0_loop *l = c->loop;
	struct ask *a = c->ask;
	char size[16];
	struct iovec *v = l->span, *end;
	bool chunked = a->framing == FRAME_CHUNKED;
	if (a->holding || (a->answer_begun && !l->nspans && !over))
		return 0;
	if (a->hold.len) { /* what was held goes before the rest; only a 503 or 401 ever comes here */
		memmove(&l->span[3], &l->span[2], l->nspans * sizeof *v);
		l->span[2] = (struct iovec){a->hold.p, a->hold.len};
		l->span_bytes += a->hold.len;
		l->nspans++;
	}
	end = v + 2 + l->nspans;
	v[0] = (struct iovec){a->head.p, a->answer_begun ? 0 : a->head.len};
	v[1] = (struct iovec){size, 0};
	if (chunked && l->span_bytes) {
		v[1].iov_len = chunk_head(size, l->span_bytes);
		*end++ = (struct iovec){(void *)(uintptr_t)"\r\n", 2};
	}
	if (chunked && over)
		*end++ = (struct iovec){(void *)(uintptr_t)"0\r\n\r\n", 5};
	l->nspans = l->span_bytes = 0;
	if (!a->answer_begun)
		note_first_byte(a);
	a->answer_begun = true;
	c->state = C_ANSWER;
	int rc = h0_client_write(c, v, (size_t)(end - v));
	h0_buf_done(&a->hold);
	return rc;
}

/* The 503 that was held says that the model is being loaded. */
static bool says_loading(const struct ask *a)
{
	return a->holding && a->status == 503 && a->hold.len && strcasestr(a->hold.p, "loading");
}

/* The 401 that was held: the slot has another key by now, or we have none that it takes. */
static void other_key(struct client *c)
{
	const struct h0_serve_conf *conf = c->loop->core->conf;
	struct ask *a = c->ask;
	char key[H0_SERVE_KEY] = "", text[224];
	conf->key(a->d->peer->name, key, conf->arg);
	bool again = !a->rekeyed && key[0]; /* another request may have read it for all of them */
	memcpy(a->d->key, key, sizeof key);
	explicit_bzero(key, sizeof key);
	a->holding = false;
	a->status = 0;
	h0_buf_done(&a->hold);
	if (again) {
		a->rekeyed = true;
		start(c, true);
		return;
	}
	snprintf(text, sizeof text, "slot %s does not take the key hal0 has for it: hal0 slot restart %s",
	         a->d->peer->name, a->d->peer->name);
	fail(c, 502, "dispatch.upstream_failed", text);
}

/* The answer is complete. `clean`: nothing follows it on the slot's connection. */
static void complete(struct up *u, bool clean)
{
	struct client *c = u->c;
	struct ask *a = c->ask;
	bool keep = clean && u->sent && u->in.head.keep_alive && !u->ended;
	c->up = NULL;
	u->c = NULL;
	if (keep)
		h0_up_keep(u);
	else
		h0_up_close(u);
	if (says_loading(a)) {
		cold(c);
		return;
	}
	if (a->holding && a->status == 401) {
		other_key(c);
		return;
	}
	a->holding = false;
	if (emit(c, true) < 0) {
		h0_client_close(c);
		return;
	}
	a->answer_over = true;
	if (!h0_client_is_full(c))
		h0_client_finish(c);
}

/* ---- what goes wrong ---- */

static void fail(struct client *c, int status, const char *code, const char *message)
{
	struct h0_err details = {0};
	h0_err_detail(&details, c->ask->d->remote ? "upstream" : "slot", "%s", strchr(c->ask->d->who, ' ') + 1);
	c->ask->status = status;
	c->ask->answer_over = true;
	h0_answer_error(c, status, code, message, &details, -1);
}

/* The slot's connection ended, or failed with `err`, before the answer was complete. */
static void broken(struct up *u, int err)
{
	struct client *c = u->c;
	struct ask *a = c->ask;
	char text[256];
	/* A kept connection that had ended shows it at once. A slot that ends later did so over this
	 * request, and shall not be given it again. */
	bool again = u->reused && !u->spoke && !a->retried && c->loop->now - u->since < STALE_MS;
	bool refused = err == ECONNREFUSED && u->connecting;
	h0_up_close(u);
	c->loop->nspans = c->loop->span_bytes = 0;
	if (a->answer_begun) { /* the client learns it by the missing end */
		h0_client_close(c);
	} else if (again) {
		a->retried = true;
		atomic_fetch_add_explicit(&a->d->peer->retries, 1, memory_order_relaxed);
		start(c, true);
	} else if (refused) {
		cold(c);
	} else {
		snprintf(text, sizeof text, "%s %s%s%s", a->d->who,
		         a->holding || a->status ? "broke off its answer" : "gave no answer",
		         err ? ": " : "", err ? strerror(err) : "");
		fail(c, 502, "dispatch.upstream_failed", text);
	}
}

static void bad_answer(struct up *u)
{
	struct client *c = u->c;
	char text[256];
	snprintf(text, sizeof text, "%s gave no good HTTP answer: %s", c->ask->d->who,
	         u->in.why ? u->in.why : "?");
	h0_up_close(u);
	c->loop->nspans = c->loop->span_bytes = 0;
	if (c->ask->answer_begun)
		h0_client_close(c);
	else
		fail(c, 502, "dispatch.upstream_failed", text);
}

/* ---- loading ---- */

static void answer_loading(struct client *c)
{
	struct h0_peer *p = c->ask->d->peer;
	struct h0_err details = {0};
	char text[160];
	double progress;
	int s = h0_peer_retry_after(c->loop->core, p, c->loop->now, &progress);
	h0_err_detail(&details, "slot", "%s", p->name);
	if (progress >= 0)
		h0_err_detail(&details, "progress", "%.2f", progress);
	snprintf(text, sizeof text, "slot %s is loading its model: try again in %d s", p->name, s);
	c->ask->status = 503;
	c->ask->answer_over = true;
	h0_answer_error(c, 503, "slot.loading", text, &details, s);
}

/* The slot does not run, or not yet: bring it up and wait, if that is wanted. */
static void cold(struct client *c)
{
	struct h0_core *core = c->loop->core;
	struct ask *a = c->ask;
	char text[160];
	a->status = 0;
	a->holding = false;
	h0_buf_done(&a->hold);
	if (a->d->remote) {
		snprintf(text, sizeof text, "%s refuses connections", a->d->who);
		fail(c, 502, "dispatch.upstream_unavailable", text);
		return;
	}
	if (!core->conf->load) {
		snprintf(text, sizeof text, "slot %s does not run: start it with: hal0 slot start %s",
		         a->d->peer->name, a->d->peer->name);
		fail(c, 503, "slot.not_ready", text);
		return;
	}
	if (!a->load_until)
		a->load_until = c->loop->now + core->conf->wait_ms;
	c->state = C_LOAD;
	h0_peer_load(core, a->d->peer);
	h0_relay_look(c);
}

/* Of the NPU's trio: why the slot that answers for this one did not come up. */
static void of_record(const struct ask *a, struct h0_err *err)
{
	h0_wrap(err, "slot %s is answered by the server of the NPU's chat slot", a->d->record);
	h0_err_code(err, "npu.trio_unavailable");
	if (a->endpoint)
		h0_err_detail(err, "endpoint", "%s", a->endpoint->path);
}

void h0_relay_look(struct client *c)
{
	struct h0_core *core = c->loop->core;
	struct h0_peer *p = c->ask->d->peer;
	pthread_mutex_lock(&core->lock);
	enum load_state state = p->load;
	struct h0_err err = p->load_err;
	pthread_mutex_unlock(&core->lock);
	if (state == LOAD_FAILED) {
		c->ask->status = 503;
		c->ask->answer_over = true;
		if (c->ask->d->record)
			of_record(c->ask, &err);
		h0_answer_error(c, 503, err.code[0] ? err.code : "slot.not_ready", err.msg, &err, -1);
	} else if (c->loop->now >= c->ask->load_until || atomic_load(&core->draining)) {
		answer_loading(c);
	} else if (state != LOAD_RUNNING) {
		start(c, true);
	}
}

/* ---- the way there ---- */

static const struct h0_parse_calls calls = {on_head, on_body};

static void send_request(struct up *u)
{
	struct ask *a = u->c->ask;
	size_t sent;
	int rc = h0_spool_send(&a->out, u->ev.fd, a->head.p + a->head_sent, a->head.len - a->head_sent, &sent);
	a->head_sent += sent;
	u->sent = rc > 0;
	/* a server that refuses early may have closed its reading side: its answer tells */
	if (rc < 0 && (u->reused || (errno != EPIPE && errno != ECONNRESET)))
		broken(u, errno);
}

static void start(struct client *c, bool fresh)
{
	struct ask *a = c->ask;
	int err = 0;
	char text[160];
	struct up *u = h0_up_get(c->loop, &a->d->to, fresh, &err);
	c->state = C_SEND;
	if (!u && err == ECONNREFUSED) {
		cold(c);
		return;
	}
	if (!u) {
		snprintf(text, sizeof text, "%s cannot be reached: %s", a->d->who, strerror(err));
		fail(c, 502, "dispatch.upstream_unavailable", text);
		return;
	}
	if (u->in.calls)
		h0_parse_reset(&u->in);
	else
		h0_parse_init(&u->in, true, &calls, u);
	u->c = c;
	u->since = c->loop->now;
	u->deadline = a->d->timeout_ms ? c->loop->now + a->d->timeout_ms : 0;
	c->up = u;
	a->out.at = a->head_sent = a->tail_len = 0;
	h0_heads_request(c);
	if (!u->connecting)
		send_request(u);
}

void h0_relay_begin(struct client *c)
{
	struct h0_peer *p = c->ask->d->peer;
	c->ask->counted = true;
	atomic_fetch_add_explicit(&p->in_flight, 1, memory_order_relaxed);
	h0_set(&p->touched);
	start(c, false);
}

/* ---- the way back ---- */

/* One read's worth of the answer. */
static void take(struct up *u, const char *p, size_t n)
{
	struct client *c = u->c;
	size_t at = 0, used;
	u->spoke = true;
	if (u->deadline)
		u->deadline = c->loop->now + c->ask->d->timeout_ms;
	while (at < n) {
		enum h0_parse_state st = h0_parse_feed(&u->in, p + at, n - at, &used);
		at += used;
		if (st == H0_PARSE_MORE)
			break;
		if (st != H0_PARSE_DONE) {
			bad_answer(u);
			return;
		}
		if (u->in.head.status >= 200) {
			complete(u, at == n);
			return;
		}
		h0_parse_reset(&u->in); /* an interim answer; the real one follows */
	}
	if (c->ask->status && emit(c, false) < 0)
		h0_client_close(c);
}

static void ended(struct up *u)
{
	u->ended = true;
	if (u->spoke && h0_parse_eof(&u->in) == H0_PARSE_DONE)
		complete(u, true);
	else
		broken(u, 0);
}

void h0_relay_pump(struct up *u)
{
	struct client *c = u->c;
	struct h0_loop *l = u->loop;
	for (int round = 0; round < 8; round++) {
		if (u->ev.fd < 0 || c->ev.fd < 0 || c->up != u || !u->can_read || h0_client_is_full(c))
			return;
		ssize_t n = recv(u->ev.fd, l->buf, LOOP_BUF, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			u->can_read = errno == EINTR;
			continue;
		}
		if (n < 0) {
			broken(u, errno);
			return;
		}
		if (n == 0) {
			ended(u);
			return;
		}
		u->can_read = (size_t)n == LOOP_BUF || u->ended;
		take(u, l->buf, (size_t)n);
	}
	if (c->ev.fd >= 0 && c->up == u)
		h0_loop_again(l, c);
}

void h0_relay_event(struct up *u, uint32_t events)
{
	if (!u->c) { /* kept: nothing but its end can come */
		if (events & ~(uint32_t)EPOLLOUT)
			h0_up_close(u);
		return;
	}
	if (u->connecting) {
		int err = 0;
		socklen_t len = sizeof err;
		getsockopt(u->ev.fd, SOL_SOCKET, SO_ERROR, &err, &len);
		if (err) {
			broken(u, err);
			return;
		}
		if (!(events & EPOLLOUT))
			return;
		u->connecting = false;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		u->can_read = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		u->ended = true;
	if ((events & EPOLLOUT) && !u->sent && !u->ended) {
		struct client *c = u->c;
		send_request(u);
		if (c->up != u)
			return;
	}
	if (u->can_read)
		h0_relay_pump(u);
}

bool h0_relay_late(struct client *c)
{
	struct up *u = c->up;
	char text[160];
	if (!u || !u->deadline || c->loop->now < u->deadline || h0_client_is_full(c))
		return false;
	snprintf(text, sizeof text, "%s has been silent for %d s", c->ask->d->who, c->ask->d->timeout_ms / 1000);
	bool begun = c->ask->answer_begun;
	h0_up_close(u);
	if (begun)
		h0_client_close(c);
	else
		fail(c, 504, "dispatch.upstream_failed", text);
	return true;
}

void h0_relay_drop(struct client *c)
{
	if (c->up)
		h0_up_close(c->up);
}
