/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdalign.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/mem.h"
#include "sys/clock.h"

static int real_open(const struct h0_ops *o, int dirfd, const char *path, int flags, unsigned mode)
{
	return openat(dirfd, path, flags, mode);
}

static void real_close(const struct h0_ops *o, int fd)
{
	close(fd);
}

static ssize_t real_read(const struct h0_ops *o, int fd, void *buf, size_t n)
{
	return read(fd, buf, n);
}

static int real_fstat(const struct h0_ops *o, int fd, struct stat *ret)
{
	return fstat(fd, ret);
}

static int real_statx(const struct h0_ops *o, int dirfd, const char *path, int flags,
                      struct statx *ret)
{
	return statx(dirfd, path, flags, STATX_BASIC_STATS, ret);
}

static int real_list(const struct h0_ops *o, int dirfd, struct h0_strv *ret)
{
	alignas(struct dirent64) char buf[8192];
	h0_autofd int fd = h0_op_open(o, dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	ssize_t n = -1;
	if (fd < 0)
		return -1;
	while ((n = getdents64(fd, buf, sizeof buf)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *de = (const struct dirent64 *)(const void *)(buf + at);
			if (!h0_streq(de->d_name, ".") && !h0_streq(de->d_name, ".."))
				h0_strv_add(ret, de->d_name);
			at += de->d_reclen;
		}
	return n < 0 ? -1 : 0;
}

static ssize_t real_listxattr(const struct h0_ops *o, int fd, char *buf, size_t n)
{
	return flistxattr(fd, buf, n);
}

static ssize_t real_getxattr(const struct h0_ops *o, int fd, const char *name, void *buf, size_t n)
{
	return fgetxattr(fd, name, buf, n);
}

static ssize_t real_write(const struct h0_ops *o, int fd, const void *buf, size_t n)
{
	return write(fd, buf, n);
}

static ssize_t real_pwrite(const struct h0_ops *o, int fd, const void *buf, size_t n, off_t at)
{
	return pwrite(fd, buf, n, at);
}

static int real_truncate(const struct h0_ops *o, int fd, off_t len)
{
	return ftruncate(fd, len);
}

static int real_chmod(const struct h0_ops *o, int fd, unsigned mode)
{
	return fchmod(fd, mode);
}

static int real_chown(const struct h0_ops *o, int fd, uid_t uid, gid_t gid)
{
	return fchown(fd, uid, gid);
}

static int real_setxattr(const struct h0_ops *o, int fd, const char *name, const void *buf,
                         size_t n)
{
	return fsetxattr(fd, name, buf, n, 0);
}

static int real_fsync(const struct h0_ops *o, int fd)
{
	return fsync(fd);
}

#define SYNC_THREADS 8

struct sync_job {
	const int *fds;
	size_t n, from, step;
	int err;
	bool started;
	pthread_t thread;
};

static void *sync_some(void *arg)
{
	struct sync_job *j = arg;
	for (size_t i = j->from; i < j->n; i += j->step)
		if (fsync(j->fds[i]) < 0 && !j->err)
			j->err = errno;
	return NULL;
}

/* ext4 answers fsyncs that come together with one commit, and without a journal overlaps them: a
 * third to a half of the time. On XFS they wait for each other's log force, and btrfs makes each
 * of several tasks wait a tick where the disk says it rotates: there, one after the other. */
static size_t threads_for(int fd, size_t n)
{
	struct statfs fs;
	if (n < 2 || fstatfs(fd, &fs) < 0 || fs.f_type != EXT4_SUPER_MAGIC)
		return 1;
	return n < SYNC_THREADS ? n : SYNC_THREADS;
}

static int real_fsync_all(const struct h0_ops *o, const int *fds, size_t n)
{
	struct sync_job jobs[SYNC_THREADS];
	size_t step = n ? threads_for(fds[0], n) : 0;
	int err = 0;
	for (size_t t = 0; t < step; t++)
		jobs[t] = (struct sync_job){.fds = fds, .n = n, .from = t, .step = step};
	for (size_t t = 1; t < step; t++)
		jobs[t].started = pthread_create(&jobs[t].thread, NULL, sync_some, &jobs[t]) == 0;
	for (size_t t = 0; t < step; t++) {
		if (jobs[t].started)
			pthread_join(jobs[t].thread, NULL);
		else
			sync_some(&jobs[t]);
		err = err ? err : jobs[t].err;
	}
	errno = err ? err : errno;
	return err ? -1 : 0;
}

static void real_flush_hint(const struct h0_ops *o, int fd)
{
	int err = errno;
	if (sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) < 0)
		errno = err;
}

static int real_rename(const struct h0_ops *o, int dirfd, const char *from, const char *to,
                       unsigned flags)
{
	return renameat2(dirfd, from, dirfd, to, flags);
}

static int real_unlink(const struct h0_ops *o, int dirfd, const char *name, int flags)
{
	return unlinkat(dirfd, name, flags);
}

static int real_mkdir(const struct h0_ops *o, int dirfd, const char *path, unsigned mode)
{
	return mkdirat(dirfd, path, mode);
}

static int real_flock(const struct h0_ops *o, int fd, int op)
{
	return flock(fd, op);
}

static void real_sleep_ms(const struct h0_ops *o, int ms)
{
	h0_sleep_ms(ms);
}

static int64_t real_now(const struct h0_ops *o)
{
	return time(NULL);
}

static uint32_t real_random(const struct h0_ops *o)
{
	uint32_t v;
	if (getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v) {
		struct timespec t;
		clock_gettime(CLOCK_REALTIME, &t);
		v = (uint32_t)(t.tv_nsec * 2654435761u) ^ (uint32_t)getpid();
	}
	return v;
}

const struct h0_ops h0_ops_real = {
	.open = real_open,
	.close = real_close,
	.read = real_read,
	.fstat = real_fstat,
	.statx = real_statx,
	.list = real_list,
	.listxattr = real_listxattr,
	.getxattr = real_getxattr,
	.write = real_write,
	.pwrite = real_pwrite,
	.truncate = real_truncate,
	.chmod = real_chmod,
	.chown = real_chown,
	.setxattr = real_setxattr,
	.fsync = real_fsync,
	.fsync_all = real_fsync_all,
	.flush_hint = real_flush_hint,
	.rename = real_rename,
	.unlink = real_unlink,
	.mkdir = real_mkdir,
	.flock = real_flock,
	.sleep_ms = real_sleep_ms,
	.now = real_now,
	.random = real_random,
};

void h0_opfd_done(struct h0_opfd *f)
{
	int err = errno;
	if (f->fd >= 0)
		f->o->close(f->o, f->fd);
	f->fd = -1;
	errno = err;
}

int h0_op_open(const struct h0_ops *o, int dirfd, const char *path, int flags, unsigned mode)
{
	int fd;
	do
		fd = o->open(o, dirfd, path, flags | O_CLOEXEC | O_NOCTTY, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int h0_op_write(const struct h0_ops *o, int fd, const void *data, size_t n)
{
	const char *p = data;
	while (n) {
		ssize_t w = o->write(o, fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* A read that gives less than was asked for has met the end of a regular file: with its size
 * known, one read is enough. */
static int read_rest(const struct h0_ops *o, int fd, size_t size, size_t max, struct h0_buf *ret)
{
	size_t want = size + 1;
	for (size_t got = 0;;) {
		ssize_t n = o->read(o, fd, h0_buf_room(ret, want), want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		got += (size_t)n;
		ret->len += (size_t)n;
		ret->p[ret->len] = '\0';
		if (got > max) {
			errno = EFBIG;
			return -1;
		}
		if ((size_t)n < want)
			return 0;
		want = got < 4096 ? 4096 : got;
		if (want > max - got + 1)
			want = max - got + 1;
	}
}

int h0_op_read_file(const struct h0_ops *o, int dirfd, const char *path, int flags, size_t max,
                    struct h0_buf *ret, struct stat *st)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not hang us */
	h0_autoopfd f = {o, h0_op_open(o, dirfd, path, O_RDONLY | O_NONBLOCK | flags, 0)};
	struct stat own;
	if (!st)
		st = &own;
	if (f.fd < 0 || o->fstat(o, f.fd, st) < 0)
		return -1;
	if (!S_ISREG(st->st_mode)) {
		errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	if ((uint64_t)st->st_size > max) {
		errno = EFBIG;
		return -1;
	}
	return read_rest(o, f.fd, (size_t)st->st_size, max, ret);
}

/* Signatures over the old bytes, and what only the kernel may set. */
static bool skip_xattr(const char *name)
{
	return h0_streq(name, "security.ima") || h0_streq(name, "security.evm") ||
	       h0_starts(name, "trusted.");
}

static int copy_xattr(const struct h0_ops *o, int from, int to, const char *name)
{
	h0_autofree char *val = NULL;
	ssize_t n = o->getxattr(o, from, name, NULL, 0);
	if (n > 0) {
		val = h0_malloc((size_t)n);
		n = o->getxattr(o, from, name, val, (size_t)n);
	}
	if (n < 0)
		return errno == ENODATA ? 0 : -1;
	if (o->setxattr(o, to, name, val ? val : "", (size_t)n) == 0)
		return 0;
	/* a label the policy gives by itself, or one this process may not choose */
	if (h0_starts(name, "security.") && (errno == EPERM || errno == EACCES || errno == ENOTSUP))
		return 0;
	return -1;
}

static int copy_xattrs(const struct h0_ops *o, int from, int to)
{
	char names[4096];
	ssize_t n = o->listxattr(o, from, names, sizeof names);
	if (n < 0)
		return errno == ENOTSUP || errno == ENOSYS ? 0 : -1;
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
		if (!skip_xattr(names + i) && copy_xattr(o, from, to, names + i) < 0)
			return -1;
	return 0;
}

int h0_op_set_mode(const struct h0_ops *o, int fd, unsigned mode)
{
	struct stat st;
	if (o->fstat(o, fd, &st) < 0)
		return -1;
	return (st.st_mode & 07777) == mode ? 0 : o->chmod(o, fd, mode);
}

int h0_op_copy_meta(const struct h0_ops *o, int from, int to)
{
	struct stat a, b;
	if (o->fstat(o, from, &a) < 0 || o->fstat(o, to, &b) < 0)
		return -1;
	if ((a.st_uid != b.st_uid || a.st_gid != b.st_gid) &&
	    o->chown(o, to, a.st_uid, a.st_gid) < 0)
		return -1;
	if (copy_xattrs(o, from, to) < 0)
		return -1;
	/* last: chown and attributes may have touched the mode */
	return h0_op_set_mode(o, to, a.st_mode & 07777);
}

/* Makes one directory of the way; its name lives in the parent, so that is what is synced. */
static int make_dir(const struct h0_ops *o, const char *path, const char *parent, unsigned mode,
                    bool sync, struct h0_err *e)
{
	bool made = o->mkdir(o, AT_FDCWD, path, mode) == 0;
	if (!made && errno != EEXIST)
		return h0_fail_sys(e, "cannot make the directory %s", path);
	if (made) { /* the mode, whatever the umask */
		h0_autoopfd d = {o, h0_op_open(o, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)};
		if (d.fd < 0 || o->chmod(o, d.fd, mode) < 0)
			return h0_fail_sys(e, "%s", path);
	}
	if (!made && !sync)
		return 0;
	h0_autoopfd d = {o, h0_op_open(o, AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0)};
	if (d.fd < 0 && errno == EACCES && !made)
		return 0; /* not ours to open; somebody made it long ago */
	if (d.fd < 0 || o->fsync(o, d.fd) < 0)
		return h0_fail_sys(e, "%s", parent);
	return 0;
}

int h0_op_mkdirs(const struct h0_ops *o, const char *path, unsigned mode, bool sync,
                 struct h0_err *e)
{
	h0_autofree char *p = h0_strdup(path);
	h0_autofree char *parent = h0_strdup(path[0] == '/' ? "/" : ".");
	for (char *s = p + 1;; s++) {
		char c = *s;
		if (c && c != '/')
			continue;
		*s = '\0';
		if (make_dir(o, p, parent, mode, sync, e) < 0)
			return -1;
		free(parent);
		parent = h0_strdup(p);
		*s = c;
		if (!c)
			return 0;
	}
}
