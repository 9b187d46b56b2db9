/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "sys/ops.h"

static int read_some(int fd, size_t max, struct h0_buf *ret)
{
	size_t start = ret->len;
	for (;;) {
		size_t have = ret->len - start;
		size_t want = have < 4096 ? 4096 : have;
		if (want > max - have + 1)
			want = max - have + 1;
		ssize_t n = read(fd, h0_buf_room(ret, want), want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		ret->len += (size_t)n;
		ret->p[ret->len] = '\0';
		if (ret->len - start > max) {
			errno = EFBIG;
			return -1;
		}
	}
}

int h0_read_fd(int fd, size_t max, struct h0_buf *ret, struct h0_err *e)
{
	return read_some(fd, max, ret) < 0 ? h0_fail_sys(e, "read") : 0;
}

int h0_read_file(const char *path, size_t max, struct h0_buf *ret, struct h0_err *e)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not hang us */
	h0_autofd int fd = h0_op_open(&h0_ops_real, AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return h0_fail_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return h0_fail_sys(e, "%s", path);
	}
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return h0_fail(e, H0_SYS, "%s is not a regular file", path);
	}
	return read_some(fd, max, ret) < 0 ? h0_fail_sys(e, "%s", path) : 0;
}

DIR *h0_opendir(const char *path)
{
	h0_autofd int fd = h0_op_open(&h0_ops_real, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d)
		h0_take_fd(&fd);
	return d;
}

int h0_write_all(int fd, const void *data, size_t n, struct h0_err *e)
{
	const char *p = data;
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return h0_fail_sys(e, "write");
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int h0_mkdirs(const char *path, unsigned mode, struct h0_err *e)
{
	h0_autofree char *p = h0_strdup(path);
	for (char *s = p + 1;; s++) {
		char c = *s;
		if (c && c != '/')
			continue;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return h0_fail_sys(e, "cannot make the directory %s", p);
		*s = c;
		if (!c)
			return 0;
	}
}
