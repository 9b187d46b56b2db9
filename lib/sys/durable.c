/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/mem.h"

/* Opens the staging file alone: its flock says who is writing, and a lock on a file that has
 * meanwhile been renamed to the target is not the one we want. */
static int open_stage(const struct h0_ops *o, int dirfd, const char *stage)
{
	for (;;) {
		h0_autoopfd f = {o, h0_op_open(o, dirfd, stage, O_RDWR | O_CREAT | O_NOFOLLOW, 0600)};
		struct stat st;
		struct statx now;
		int rc;
		if (f.fd < 0)
			return -1;
		do
			rc = o->flock(o, f.fd, LOCK_EX);
		while (rc < 0 && errno == EINTR);
		if (rc < 0 || o->fstat(o, f.fd, &st) < 0)
			return -1;
		if (!S_ISREG(st.st_mode) || st.st_nlink > 1) { /* another file's second name, say */
			errno = EEXIST;
			return -1;
		}
		if (o->statx(o, dirfd, stage, AT_SYMLINK_NOFOLLOW, &now) == 0 &&
		    now.stx_ino == st.st_ino)
			return h0_take_fd(&f.fd);
	}
}

/* Mode, owner, content; durable before it gets its name. */
static int fill(const struct h0_ops *o, int dirfd, const char *name, int fd, const void *data,
                size_t len, unsigned mode)
{
	h0_autoopfd old = {o, h0_op_open(o, dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0)};
	if (old.fd < 0 && errno != ENOENT)
		return -1;
	if (o->truncate(o, fd, 0) < 0)
		return -1;
	if ((old.fd >= 0 ? h0_op_copy_meta(o, old.fd, fd) : o->chmod(o, fd, mode)) < 0)
		return -1;
	if (h0_op_write(o, fd, data, len) < 0)
		return -1;
	return o->fsync(o, fd);
}

int h0_durable_write_ops(const struct h0_ops *o, const char *path, const void *data, size_t len,
                         unsigned mode, struct h0_err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	h0_autofree char *dir = slash == path ? h0_strdup("/")
	                      : slash         ? h0_strndup(path, (size_t)(slash - path))
	                                      : h0_strdup(".");
	h0_autofree char *stage = h0_asprintf(".%s.hal0-w~", name);
	h0_autoopfd d = {o, h0_op_open(o, AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0)};
	struct statx st;
	if (d.fd < 0)
		return h0_fail_sys(e, "%s", path);
	if (o->statx(o, d.fd, name, AT_SYMLINK_NOFOLLOW, &st) == 0 && !S_ISREG(st.stx_mode))
		return h0_fail(e, H0_CONFLICT, "%s is %s; it is not replaced", path,
		               S_ISLNK(st.stx_mode) ? "a symbolic link" : "not a regular file");
	h0_autoopfd f = {o, open_stage(o, d.fd, stage)};
	if (f.fd < 0)
		return h0_fail_sys(e, "%s", path);
	if (fill(o, d.fd, name, f.fd, data, len, mode) < 0 ||
	    o->rename(o, d.fd, stage, name, 0) < 0) {
		h0_fail_sys(e, "%s", path);
		o->unlink(o, d.fd, stage, 0);
		return -1;
	}
	return o->fsync(o, d.fd) < 0 ? h0_fail_sys(e, "%s", dir) : 0;
}

int h0_durable_write(const char *path, const void *data, size_t len, unsigned mode,
                     struct h0_err *e)
{
	return h0_durable_write_ops(&h0_ops_real, path, data, len, mode, e);
}
