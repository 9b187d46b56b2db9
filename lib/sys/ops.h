/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The file system as a table of calls: what durable files, locks and change sets do to the disk
 * goes through one of these, so that a test can stand a file system that crashes, fills up or
 * fails in the place of the real one. Each call has the meaning of the system call it is named
 * after: -1 and errno. Nothing is retried in here.
 */
#ifndef H0_SYS_OPS_H
#define H0_SYS_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct h0_ops {
	void *ctx; /* the double's own; the real table has NULL */

	/* reading */
	int (*open)(const struct h0_ops *o, int dirfd, const char *path, int flags, unsigned mode);
	void (*close)(const struct h0_ops *o, int fd);
	ssize_t (*read)(const struct h0_ops *o, int fd, void *buf, size_t n);
	int (*fstat)(const struct h0_ops *o, int fd, struct stat *ret);
	int (*statx)(const struct h0_ops *o, int dirfd, const char *path, int flags,
	             struct statx *ret);
	/* Adds every name in the directory but . and .. */
	int (*list)(const struct h0_ops *o, int dirfd, struct h0_strv *ret);
	ssize_t (*listxattr)(const struct h0_ops *o, int fd, char *buf, size_t n);
	ssize_t (*getxattr)(const struct h0_ops *o, int fd, const char *name, void *buf, size_t n);

	/* changing (and open with O_CREAT) */
	ssize_t (*write)(const struct h0_ops *o, int fd, const void *buf, size_t n);
	ssize_t (*pwrite)(const struct h0_ops *o, int fd, const void *buf, size_t n, off_t at);
	int (*truncate)(const struct h0_ops *o, int fd, off_t len);
	int (*chmod)(const struct h0_ops *o, int fd, unsigned mode);
	int (*chown)(const struct h0_ops *o, int fd, uid_t uid, gid_t gid);
	int (*setxattr)(const struct h0_ops *o, int fd, const char *name, const void *buf, size_t n);
	int (*fsync)(const struct h0_ops *o, int fd);
	/* All of them, at the same time where that is possible; -1 when any failed. */
	int (*fsync_all)(const struct h0_ops *o, const int *fds, size_t n);
	/* Starts writing the file's data out, so that several fsyncs share one disk commit. A hint:
	 * nothing relies on it, a failure means nothing. */
	void (*flush_hint)(const struct h0_ops *o, int fd);
	/* Within one directory. flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE; where the file system
	 * knows no flags: EINVAL. */
	int (*rename)(const struct h0_ops *o, int dirfd, const char *from, const char *to,
	              unsigned flags);
	int (*unlink)(const struct h0_ops *o, int dirfd, const char *name, int flags);
	int (*mkdir)(const struct h0_ops *o, int dirfd, const char *path, unsigned mode);

	/* waiting, the time of day in seconds since 1970, and a number nobody else has just drawn */
	int (*flock)(const struct h0_ops *o, int fd, int op);
	void (*sleep_ms)(const struct h0_ops *o, int ms);
	int64_t (*now)(const struct h0_ops *o);
	uint32_t (*random)(const struct h0_ops *o);
};

extern const struct h0_ops h0_ops_real;

/* A descriptor that closes itself through its table: `h0_autoopfd f = {o, -1}`. */
struct h0_opfd {
	const struct h0_ops *o;
	int fd;
};
void h0_opfd_done(struct h0_opfd *f);
#define h0_autoopfd h0_auto(h0_opfd_done) struct h0_opfd

/* open() through EINTR, always with O_CLOEXEC and O_NOCTTY. */
int h0_op_open(const struct h0_ops *o, int dirfd, const char *path, int flags, unsigned mode);
/* Writes all n bytes through EINTR and short writes; -1 and errno. */
int h0_op_write(const struct h0_ops *o, int fd, const void *data, size_t n);
/* Appends a whole regular file to `ret`, at most max bytes (EFBIG). flags: O_NOFOLLOW or 0.
 * -1 and errno: ENOENT absent, EISDIR or EINVAL not a regular file. st may be NULL. */
int h0_op_read_file(const struct h0_ops *o, int dirfd, const char *path, int flags, size_t max,
                    struct h0_buf *ret, struct stat *st);
/* The mode, whatever the umask was; no call when it is right already. -1 and errno. */
int h0_op_set_mode(const struct h0_ops *o, int fd, unsigned mode);
/* Gives the open file `to` the mode, owner and extended attributes of the open file `from`.
 * -1 and errno. Attributes the kernel keeps for itself are left out. */
int h0_op_copy_meta(const struct h0_ops *o, int from, int to);
/* mkdir -p, each new directory durable in its parent; with `sync` existing ones are made durable
 * too. H0_SYS. */
int h0_op_mkdirs(const struct h0_ops *o, const char *path, unsigned mode, bool sync,
                 struct h0_err *e);

#endif
