/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/clock.h"
#include "fmt/json.h"

#define MAX_REPLY (1u << 20)
#define MAX_WAKE  4
#define MAX_MODELS 1000

enum step { CONNECT, SEND, RECEIVE, DONE };

/* One server being asked: its health first, then what it lists. */
struct talk {
	struct h0_health_ask *ask;
	enum step step;
	bool listing;           /* the second question */
	const char *only;       /* the one path to ask, instead; the reply is kept */
	int patience_ms;        /* for each of the two questions: a slow answer to the first must not */
	int64_t until;          /* cost the second, which then would both be asked again */
	int fd;
	char request[384];
	size_t len, sent;
	struct h0_buf reply;
};

static void talk_close(struct talk *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void decide(struct talk *t, enum h0_health h)
{
	t->ask->health = h;
	t->step = DONE;
	talk_close(t);
}

static const char *path_of(const struct talk *t)
{
	const struct h0_provider_info *p = &h0_providers[t->ask->provider];
	return t->only ? t->only : t->listing ? p->models_path : p->health_path;
}

static void begin(struct talk *t)
{
	const char *key = t->ask->key;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->ask->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	/* HTTP/1.0: the reply ends with the connection and comes in no chunks */
	t->len = (size_t)snprintf(t->request, sizeof t->request,
	                          "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s%s%s\r\n",
	                          path_of(t), t->ask->port,
	                          *key ? "Authorization: Bearer " : "", key, *key ? "\r\n" : "");
	t->sent = 0;
	t->until = h0_now_ms() + t->patience_ms;
	h0_buf_reset(&t->reply);
	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0) {
		decide(t, H0_HEALTH_SILENT);
		return;
	}
	t->step = CONNECT;
	if (connect(t->fd, (struct sockaddr *)&a, sizeof a) == 0)
		t->step = SEND;
	else if (errno != EINPROGRESS)
		decide(t, H0_HEALTH_DOWN);
}

/* ---- replies ---- */
static const char *body_of(const struct h0_buf *reply)
{
	const char *p = strstr(h0_buf_str(reply), "\r\n\r\n");
	return p ? p + 4 : "";
}

static bool names_it(const struct h0_json *entry, const char *model)
{
	const struct h0_json *aliases = h0_json_get(entry, "aliases");
	bool yes = h0_streq(h0_json_str(h0_json_get(entry, "id")), model);
	for (size_t i = 0; i < h0_json_len(aliases) && !yes; i++)
		yes = h0_streq(h0_json_str(h0_json_at(aliases, i)), model);
	return yes;
}

static void add_names(const struct h0_json *entry, struct h0_strv *ret)
{
	const struct h0_json *aliases = h0_json_get(entry, "aliases");
	const char *id = h0_json_str(h0_json_get(entry, "id"));
	if (id && *id && !h0_strv_has(ret, id))
		h0_strv_add(ret, id);
	for (size_t i = 0; i < h0_json_len(aliases); i++) {
		const char *name = h0_json_str(h0_json_at(aliases, i));
		if (name && *name && !h0_strv_has(ret, name))
			h0_strv_add(ret, name);
	}
}

static enum h0_health judge_list(struct talk *t)
{
	h0_autojson struct h0_json *j = NULL;
	const char *body = body_of(&t->reply);
	if (t->ask->status == 503)
		return H0_HEALTH_LOADING;
	if (t->ask->status == 401 && !t->ask->key[0])
		return H0_HEALTH_READY;
	if (t->ask->status != 200 || h0_json_parse(body, strlen(body), "models", &j, NULL) < 0)
		return H0_HEALTH_BROKEN;
	const struct h0_json *data = h0_json_get(j, "data");
	bool found = !t->ask->model && h0_json_len(data);
	for (size_t i = 0; i < h0_json_len(data) && !found; i++)
		found = names_it(h0_json_at(data, i), t->ask->model);
	for (size_t i = 0; t->ask->models && i < h0_json_len(data) && i < MAX_MODELS; i++)
		add_names(h0_json_at(data, i), t->ask->models);
	const char *first = h0_json_str(h0_json_get(h0_json_at(data, 0), "id"));
	snprintf(t->ask->listed, sizeof t->ask->listed, "%s",
	         found && t->ask->model ? t->ask->model : first ? first : "");
	if (found)
		return H0_HEALTH_READY;
	return h0_json_len(data) ? H0_HEALTH_WRONG : H0_HEALTH_LOADING;
}

/* Some servers are well before their model is there, and say so in the reply. */
static bool says_loading(const char *body)
{
	h0_autojson struct h0_json *j = NULL;
	return h0_json_parse(body, strlen(body), "health", &j, NULL) == 0 &&
	       !h0_json_bool(h0_json_get(j, "model_loaded"), true);
}

static void judge(struct talk *t)
{
	if (sscanf(h0_buf_str(&t->reply), "HTTP/%*d.%*d %d", &t->ask->status) != 1) {
		/* closed without a word: it is coming up or going down */
		decide(t, t->reply.len ? H0_HEALTH_BROKEN : H0_HEALTH_LOADING);
		return;
	}
	if (t->only) {
		decide(t, H0_HEALTH_READY);
	} else if (t->listing) {
		decide(t, judge_list(t));
	} else if (t->ask->status == 503) {
		decide(t, H0_HEALTH_LOADING);
	} else if (t->ask->status != 200) {
		decide(t, H0_HEALTH_BROKEN);
	} else if (says_loading(body_of(&t->reply))) {
		decide(t, H0_HEALTH_LOADING);
	} else if (!h0_providers[t->ask->provider].models_path) {
		decide(t, H0_HEALTH_READY);
	} else {
		talk_close(t);
		t->listing = true;
		begin(t);
	}
}

/* ---- moving bytes ---- */
static void failed(struct talk *t)
{
	if (errno == EAGAIN || errno == EINTR)
		return;
	decide(t, errno == ECONNREFUSED ? H0_HEALTH_DOWN : H0_HEALTH_LOADING);
}

/* A server that keeps the connection all the same says how long its reply is. */
static bool is_whole(const struct h0_buf *reply)
{
	const char *text = h0_buf_str(reply), *end = strstr(text, "\r\n\r\n");
	const char *length = end ? strcasestr(text, "\r\ncontent-length:") : NULL;
	if (!length || length > end)
		return false;
	unsigned long long body = strtoull(length + strlen("\r\ncontent-length:"), NULL, 10);
	return body <= MAX_REPLY && reply->len - (size_t)(end + 4 - text) >= body;
}

static void receive(struct talk *t)
{
	char chunk[8192];
	ssize_t n = recv(t->fd, chunk, sizeof chunk, 0);
	if (n < 0) {
		failed(t);
		return;
	}
	h0_buf_add(&t->reply, chunk, (size_t)n);
	if (t->reply.len > MAX_REPLY)
		decide(t, H0_HEALTH_BROKEN);
	else if (n == 0 || is_whole(&t->reply))
		judge(t);
}

static void advance(struct talk *t)
{
	int err = 0;
	socklen_t len = sizeof err;
	if (t->step == CONNECT) {
		if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err) {
			decide(t, H0_HEALTH_DOWN);
			return;
		}
		t->step = SEND;
	}
	if (t->step == SEND) {
		ssize_t n = send(t->fd, t->request + t->sent, t->len - t->sent, MSG_NOSIGNAL);
		if (n < 0) {
			failed(t);
			return;
		}
		t->sent += (size_t)n;
		t->step = t->sent == t->len ? RECEIVE : SEND;
	} else if (t->step == RECEIVE) {
		receive(t);
	}
}

/* Fills pf with what each talk waits for; gives up on those that waited long enough. How many still
 * talk, and for how long at most until the next is given up. */
static size_t wanted(struct talk *t, size_t n, struct pollfd *pf, int *ret_ms)
{
	size_t open = 0;
	int64_t now = h0_now_ms(), first = INT32_MAX;
	for (size_t i = 0; i < n; i++) {
		bool done = t[i].step == DONE;
		if (!done && t[i].until <= now) {
			decide(&t[i], H0_HEALTH_SILENT);
			done = true;
		}
		pf[i] = (struct pollfd){done ? -1 : t[i].fd,
			t[i].step == RECEIVE ? POLLIN : POLLOUT, 0};
		open += !done;
		if (!done && t[i].until - now < first)
			first = t[i].until - now;
	}
	*ret_ms = (int)first;
	return open;
}

static void converse(struct talk *t, size_t n, struct pollfd *pf, size_t nwake)
{
	int left;
	while (wanted(t, n, pf, &left)) {
		int k = poll(pf, n + nwake, left);
		if (k < 0 && errno != EINTR)
			return;
		for (size_t i = 0; k > 0 && i < n; i++)
			if (pf[i].revents)
				advance(&t[i]);
		for (size_t i = 0; k > 0 && i < nwake; i++)
			if (pf[n + i].revents)
				return;
	}
}

void h0_health_ask(struct h0_health_ask *v, size_t n, int timeout_ms, const int *wake,
                   size_t nwake)
{
	h0_autofree struct talk *t = h0_calloc(n ? n : 1, sizeof *t);
	h0_autofree struct pollfd *pf = h0_calloc(n + MAX_WAKE, sizeof *pf);
	H0_ASSERT(nwake <= MAX_WAKE);
	for (size_t i = 0; i < n; i++) {
		t[i].ask = &v[i];
		t[i].patience_ms = timeout_ms;
		v[i].health = H0_HEALTH_SILENT;
		v[i].status = 0;
		v[i].listed[0] = '\0';
		const struct h0_provider_info *p = &h0_providers[v[i].provider];
		t[i].listing = h0_streq(p->health_path, p->models_path); /* one question does for both */
		begin(&t[i]);
	}
	for (size_t i = 0; i < nwake; i++)
		pf[n + i] = (struct pollfd){wake[i], POLLIN, 0};
	converse(t, n, pf, nwake);
	for (size_t i = 0; i < n; i++) {
		talk_close(&t[i]);
		h0_buf_done(&t[i].reply);
	}
}

int h0_health_get(const struct h0_health_ask *who, const char *path, int timeout_ms,
                  struct h0_buf *ret_body)
{
	struct h0_health_ask ask = *who;
	struct talk t = {.ask = &ask, .only = path, .patience_ms = timeout_ms};
	struct pollfd pf[1 + MAX_WAKE];
	ask.health = H0_HEALTH_SILENT;
	begin(&t);
	converse(&t, 1, pf, 0);
	talk_close(&t);
	bool whole = ask.health == H0_HEALTH_READY;
	if (whole)
		h0_buf_adds(ret_body, body_of(&t.reply));
	h0_buf_done(&t.reply);
	return whole ? ask.status : 0;
}

const char *h0_health_word(enum h0_health h)
{
	static const char *const words[] = {"not asked", "not listening", "not answering", "loading",
		"serving another model", "answering with an error", "ready"};
	return words[h];
}
