/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A slot that answers at once: bench-upstream PORT. One thread, one fixed answer of 400 bytes for
 * each whole request with Content-Length, connections kept. So fast that a proxy is what counts.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 256

static char answer[1024];
static size_t answer_len;

/* A request that does not come in one read is more than this program is for. */
static void serve(int fd)
{
	char in[65536];
	ssize_t n = recv(fd, in, sizeof in - 1, 0);
	if (n <= 0) {
		close(fd);
		return;
	}
	in[n] = '\0';
	for (char *p = in, *end; (end = strstr(p, "\r\n\r\n"));) {
		const char *cl = strcasestr(p, "content-length:");
		p = end + 4 + (cl && cl < end ? atoi(cl + 15) : 0);
		if (send(fd, answer, answer_len, MSG_NOSIGNAL) < 0 || p >= in + n)
			break;
	}
}

static void make_answer(void)
{
	char body[401];
	memset(body, 'x', sizeof body - 1);
	memcpy(body, "{\"a\":\"", 6);
	memcpy(body + 398, "\"}", 3);
	answer_len = (size_t)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	                              "Content-Length: 400\r\n\r\n%s", body);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN}, got[BATCH];
	int one = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), ep = epoll_create1(0);
	if (argc != 2)
		return 2;
	a.sin_port = htons((uint16_t)atoi(argv[1]));
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 1024) < 0) {
		perror("bench-upstream");
		return 6;
	}
	make_answer();
	ev.data.fd = l;
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev);
	for (;;) {
		int n = epoll_wait(ep, got, BATCH, -1);
		for (int i = 0; i < n; i++) {
			if (got[i].data.fd != l) {
				serve(got[i].data.fd);
				continue;
			}
			ev.data.fd = accept(l, NULL, NULL);
			if (ev.data.fd < 0)
				continue;
			setsockopt(ev.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
			epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
		}
	}
}
