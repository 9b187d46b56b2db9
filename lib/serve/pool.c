/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections to slots. They are kept for the next request, but not for long: a server may keep a
 * thread for each, and closes them by itself after a few seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "serve/inner.h"

#define KEEP_MS  1000
#define KEEP_MAX 1024u  /* of one loop */

static struct up *connect_to(struct h0_loop *l, const struct h0_target *to, int *ret_errno)
{
	h0_autofd int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	if (fd < 0) {
		*ret_errno = errno;
		return NULL;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	bool waits = false;
	if (connect(fd, &to->sa, to->len) < 0) {
		waits = errno == EINPROGRESS;
		if (!waits) {
			*ret_errno = errno;
			return NULL;
		}
	}
	struct up *u = h0_calloc(1, sizeof *u);
	u->ev = (struct ev){.kind = EV_UP, .fd = fd};
	u->loop = l;
	u->to = *to;
	u->connecting = waits;
	if (h0_loop_watch(l, &u->ev, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
		*ret_errno = errno;
		free(u);
		return NULL;
	}
	(void)h0_take_fd(&fd);
	return u;
}

static void forget_idle(struct up *u)
{
	for (struct up **at = &u->loop->idle; *at; at = &(*at)->next)
		if (*at == u) {
			*at = u->next;
			u->loop->nidle--;
			return;
		}
}

/* Nothing has come that nobody asked for, and it is not closed: its event may be behind the one that is
 * looked at now, and what came would be taken for the next answer. */
static bool is_quiet(const struct up *u)
{
	char byte;
	return recv(u->ev.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

struct up *h0_up_get(struct h0_loop *l, const struct h0_target *to, bool fresh, int *ret_errno)
{
	for (struct up *u = l->idle, *next; !fresh && u; u = next) {
		next = u->next;
		if (memcmp(&u->to, to, sizeof *to) != 0)
			continue;
		if (!is_quiet(u)) {
			h0_up_close(u);
			continue;
		}
		forget_idle(u);
		u->next = NULL;
		u->reused = true;
		u->spoke = u->sent = u->can_read = false;
		return u;
	}
	return connect_to(l, to, ret_errno);
}

void h0_up_keep(struct up *u)
{
	struct h0_loop *l = u->loop;
	u->c = NULL;
	u->since = l->now;
	u->next = l->idle;
	l->idle = u;
	if (++l->nidle > KEEP_MAX)
		h0_up_close(u);
}

void h0_up_close(struct up *u)
{
	if (!u->c)
		forget_idle(u);
	else
		u->c->up = NULL;
	h0_parse_done(&u->in);
	h0_loop_bury(u->loop, &u->ev);
}

void h0_up_sweep(struct h0_loop *l, bool all)
{
	for (struct up *u = l->idle, *next; u; u = next) {
		next = u->next;
		if (all || l->now - u->since > KEEP_MS)
			h0_up_close(u);
	}
}
