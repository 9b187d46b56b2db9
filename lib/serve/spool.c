/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/mem.h"
#include "sys/io.h"

#define SEND_AT_ONCE (1u << 20)

void h0_spool_init(struct h0_spool *s, atomic_size_t *held)
{
	*s = (struct h0_spool){.fd = -1, .held = held};
}

static void forget_memory(struct h0_spool *s)
{
	if (s->held && s->mem.len)
		atomic_fetch_sub_explicit(s->held, s->mem.len, memory_order_relaxed);
	h0_buf_done(&s->mem);
}

/* A file without a name; where the file system cannot make one, its name goes at once. */
static int open_file(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	h0_autofree char *path = h0_asprintf("%s/hal0-body.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static int to_file(struct h0_spool *s, const char *dir, struct h0_err *e)
{
	s->fd = open_file(dir);
	if (s->fd < 0)
		return h0_fail_sys(e, "a file for a long request body in %s", dir);
	if (h0_write_all(s->fd, s->mem.p, s->mem.len, e) < 0)
		return h0_wrap(e, "a long request body");
	forget_memory(s);
	return 0;
}

static bool fits_memory(const struct h0_spool *s, size_t n)
{
	return s->mem.len + n <= H0_SPOOL_MEMORY &&
	       (!s->held || atomic_load_explicit(s->held, memory_order_relaxed) + n <= H0_SPOOL_HELD);
}

int h0_spool_add(struct h0_spool *s, const char *dir, const void *p, size_t n, struct h0_err *e)
{
	s->size += n;
	if (s->fd < 0 && fits_memory(s, n)) {
		h0_buf_add(&s->mem, p, n);
		if (s->held)
			atomic_fetch_add_explicit(s->held, n, memory_order_relaxed);
		return 0;
	}
	if (s->fd < 0 && to_file(s, dir, e) < 0)
		return -1;
	return h0_write_all(s->fd, p, n, e) < 0 ? h0_wrap(e, "a long request body") : 0;
}

void h0_spool_done(struct h0_spool *s)
{
	forget_memory(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->size = 0;
}

uint64_t h0_spool_out_size(const struct h0_spool_out *o)
{
	return o->spool->size - (o->resume - o->cut) + o->text_len;
}

/* The piece of the body at the outgoing position: in [*from, +returned) of the stored bytes, or
 * in the text (*ret_text). */
static uint64_t piece(const struct h0_spool_out *o, uint64_t at, uint64_t *from, const char **ret_text)
{
	*ret_text = NULL;
	*from = 0;
	if (at < o->cut) {
		*from = at;
		return o->cut - at;
	}
	at -= o->cut;
	if (at < o->text_len) {
		*ret_text = o->text + at;
		return o->text_len - at;
	}
	*from = o->resume + (at - o->text_len);
	return o->spool->size - *from;
}

static int send_memory(struct h0_spool_out *o, int sock, const char *head, size_t head_len,
                       size_t *ret_head)
{
	struct iovec v[4] = {{(void *)(uintptr_t)head, head_len}};
	size_t n = 1;
	uint64_t at = o->at, from = 0, len, size = h0_spool_out_size(o);
	const char *text;
	while (at < size && n < 4 && (len = piece(o, at, &from, &text)) > 0) {
		v[n].iov_base = (void *)(uintptr_t)(text ? text : o->spool->mem.p + from);
		v[n++].iov_len = len;
		at += len;
	}
	struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
	ssize_t sent = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	*ret_head = (size_t)sent < head_len ? (size_t)sent : head_len;
	o->at += (uint64_t)sent - *ret_head;
	return *ret_head == head_len && h0_spool_out_over(o);
}

/* One step from the file: 1: something went out. */
static int send_file_piece(struct h0_spool_out *o, int sock)
{
	uint64_t from = 0;
	const char *text;
	uint64_t len = piece(o, o->at, &from, &text);
	off_t off = (off_t)from;
	ssize_t sent = text ? send(sock, text, len, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE)
	                    : sendfile(sock, o->spool->fd, &off, len < SEND_AT_ONCE ? len : SEND_AT_ONCE);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (sent == 0) {
		errno = EIO; /* the file is shorter than it was */
		return -1;
	}
	o->at += (uint64_t)sent;
	return 1;
}

int h0_spool_send(struct h0_spool_out *o, int sock, const char *head, size_t head_len,
                  size_t *ret_head)
{
	*ret_head = 0;
	if (o->spool->fd < 0)
		return send_memory(o, sock, head, head_len, ret_head);
	if (head_len) {
		ssize_t sent = send(sock, head, head_len, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		*ret_head = (size_t)sent;
		if ((size_t)sent < head_len)
			return 0;
	}
	int rc = 1;
	while (rc > 0 && !h0_spool_out_over(o))
		rc = send_file_piece(o, sock);
	return rc;
}
