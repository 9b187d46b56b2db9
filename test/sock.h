/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sockets as tests use them: blocking, on loopback.
 */
#ifndef TEST_SOCK_H
#define TEST_SOCK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* All of it, or false: the other side has gone. */
__attribute__((unused)) static bool put(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

__attribute__((unused)) static bool say(int fd, const char *s)
{
	return put(fd, s, strlen(s));
}

/* A listening socket on *port, or, if that is 0, on a free one, which is then *port; -1: it is taken. */
__attribute__((unused)) static int listen_on(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_port = htons((uint16_t)*port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1024) < 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}

/* A request's head, as text, and what came along with it; 0 bytes: the other side has gone. */
__attribute__((unused)) static size_t read_head(int fd, char *dst, size_t size)
{
	size_t n = 0;
	ssize_t got;
	dst[0] = '\0';
	while (n < size - 1 && !strstr(dst, "\r\n\r\n") && (got = recv(fd, dst + n, size - 1 - n, 0)) > 0) {
		n += (size_t)got;
		dst[n] = '\0';
	}
	return n;
}

#endif
