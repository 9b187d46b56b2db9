/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sockets as tests use them: blocking, on loopback.
 */
#ifndef TEST_SOCK_H
#define TEST_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

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

#endif
