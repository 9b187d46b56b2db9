/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/loopback.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/buf.h"
#include "sys/io.h"

#define TABLE_MAX (16u << 20)
#define ESTABLISHED 1 /* of the kernel's include/net/tcp_states.h */
#define LISTENING   10

bool h0_loopback_bound(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int one = 1;
	h0_autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
		return false;
	return bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 && errno == EADDRINUSE;
}

/* A socket of 127.0.0.1 or every address at that port in this state, in one of the kernel's tables. */
static bool find_socket(const char *table, int port, unsigned want, uint64_t *ret_inode)
{
	h0_autobuf struct h0_buf b = {0};
	if (h0_read_file(table, TABLE_MAX, &b, NULL) < 0)
		return false;
	for (const char *p = h0_buf_str(&b); *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char address[64];
		unsigned at, state;
		if (sscanf(p, " %*d: %63[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64,
		           address, &at, &state, ret_inode) != 4)
			continue;
		/* 127.0.0.1, 0.0.0.0, :: and ::1 or ::ffff:127.0.0.1 */
		bool ours = strcmp(address, "0100007F") == 0 || strspn(address, "0") == strlen(address) ||
		            strncmp(address, "000000000000000000000000", 24) == 0 ||
		            strcmp(address, "0000000000000000FFFF00000100007F") == 0;
		if (state == want && (int)at == port && ours)
			return true;
	}
	return false;
}

static bool find_any(int port, unsigned want, uint64_t *ret_inode)
{
	return find_socket("/proc/net/tcp", port, want, ret_inode) ||
	       find_socket("/proc/net/tcp6", port, want, ret_inode);
}

bool h0_loopback_connected(int port)
{
	uint64_t inode;
	return find_any(port, ESTABLISHED, &inode);
}

static bool has_socket(const char *pid, uint64_t inode)
{
	char dir[64], want[64], link[128];
	snprintf(dir, sizeof dir, "/proc/%.20s/fd", pid);
	snprintf(want, sizeof want, "socket:[%" PRIu64 "]", inode);
	DIR *d = h0_opendir(dir);
	bool found = false;
	for (struct dirent *ent; d && !found && (ent = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), ent->d_name, link, sizeof link - 1);
		link[n > 0 ? n : 0] = '\0';
		found = strcmp(link, want) == 0;
	}
	if (d)
		closedir(d);
	return found;
}

pid_t h0_loopback_pid(int port)
{
	uint64_t inode;
	if (!find_any(port, LISTENING, &inode))
		return 0;
	DIR *d = h0_opendir("/proc");
	pid_t pid = 0;
	for (struct dirent *ent; d && !pid && (ent = readdir(d));)
		if (isdigit((unsigned char)ent->d_name[0]) && has_socket(ent->d_name, inode))
			pid = (pid_t)strtol(ent->d_name, NULL, 10);
	if (d)
		closedir(d);
	return pid;
}

void h0_loopback_holder(int port, char *dst, size_t size)
{
	h0_autobuf struct h0_buf comm = {0};
	char path[64];
	pid_t pid = h0_loopback_pid(port);
	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	if (!pid || h0_read_file(path, 64, &comm, NULL) < 0) {
		snprintf(dst, size, "another program");
		return;
	}
	snprintf(dst, size, "%.*s, pid %d", (int)strcspn(h0_buf_str(&comm), "\n"), h0_buf_str(&comm),
	         (int)pid);
}
