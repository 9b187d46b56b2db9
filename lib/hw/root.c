/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/root.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "base/num.h"
#include "sys/io.h"
#include "sys/ops.h"

#define LIST_MAX 4096      /* names taken from one directory */
#define SIDE_FILE_MAX (256 * 1024)
#define AGAIN_MAX 1000     /* openat2(2): a ".." is not followed while anybody renames anything */

static const struct { const char *name; int value; } errnos[] = {
	{"EPERM", EPERM}, {"ENOENT", ENOENT}, {"EIO", EIO}, {"ENXIO", ENXIO}, {"EAGAIN", EAGAIN},
	{"EACCES", EACCES}, {"EBUSY", EBUSY}, {"ENODEV", ENODEV}, {"EINVAL", EINVAL},
	{"ENOSPC", ENOSPC}, {"ENODATA", ENODATA}, {"EOPNOTSUPP", EOPNOTSUPP},
	{"ENOTSUP", ENOTSUP}, {"ETIMEDOUT", ETIMEDOUT}, {"ENOMEM", ENOMEM}, {"ENOSYS", ENOSYS},
};

/* fd or -errno, nothing but the kernel's own resolution. */
static int plain_open(const struct h0_root *r, const char *path, int flags)
{
	int fd;
	if (r->live) {
		fd = h0_op_open(&h0_ops_real, AT_FDCWD, path, flags, 0);
	} else {
		struct open_how how = {
			.flags = (unsigned)(flags | O_CLOEXEC),
			.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
		};
		while (*path == '/')
			path++;
		int left = AGAIN_MAX;
		do
			fd = (int)syscall(SYS_openat2, r->fd, *path ? path : ".", &how, sizeof how);
		while (fd < 0 && errno == EAGAIN && left-- > 0);
	}
	return fd < 0 ? -errno : fd;
}

/* A symlink that became a text file on its way here (an archive or a checkout without symlinks
 * keeps the target as the content): a short relative path without a newline, which no attribute
 * of sysfs is. */
static bool flat_link(const struct h0_root *r, const char *path, char *dst, size_t size)
{
	h0_autofd int fd = plain_open(r, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    (size_t)st.st_size >= size)
		return false;
	ssize_t n = TEMP_FAILURE_RETRY(read(fd, dst, size - 1));
	if (n != st.st_size || memchr(dst, '\n', (size_t)n) || memchr(dst, '\0', (size_t)n))
		return false;
	dst[n] = '\0';
	return dst[0] != '/' && strchr(dst, '/') != NULL;
}

/* Adds one component to a resolved path; ".." at the top stays there. */
static bool push(char *at, size_t size, const char *name, size_t n)
{
	size_t len = strlen(at);
	if (n == 0 || (n == 1 && name[0] == '.'))
		return true;
	if (n == 2 && name[0] == '.' && name[1] == '.') {
		char *slash = strrchr(at, '/');
		if (slash)
			*slash = '\0';
		return true;
	}
	if (len + n + 2 > size)
		return false;
	snprintf(at + len, size - len, "/%.*s", (int)n, name);
	return true;
}

/* Walks `path`, replacing flattened links, the last component's only if `follow`. */
static bool unflatten(const struct h0_root *r, const char *path, bool follow, char *dst,
                      size_t size)
{
	char todo[2048], rest[2048], target[1024];
	snprintf(todo, sizeof todo, "%s", path);
	dst[0] = '\0';
	for (int hops = 0; hops < 40;) {
		const char *name = todo + strspn(todo, "/");
		size_t n = strcspn(name, "/");
		if (!n)
			return true;
		bool last = !name[n + strspn(name + n, "/")];
		if (!push(dst, size, name, n))
			return false;
		snprintf(rest, sizeof rest, "%s", name + n);
		if ((!last || follow) && flat_link(r, dst, target, sizeof target)) {
			push(dst, size, "..", 2);
			if ((size_t)snprintf(todo, sizeof todo, "%s/%s", target, rest) >= sizeof todo)
				return false;
			hops++;
		} else {
			memcpy(todo, rest, sizeof todo);
		}
	}
	return false;
}

/* fd or -errno. The live tree is opened by absolute path, as any program would. */
static int root_open(const struct h0_root *r, const char *path, int flags)
{
	char real[2048];
	int fd = plain_open(r, path, flags);
	if (fd != -ENOTDIR || r->live || !unflatten(r, path, !(flags & O_NOFOLLOW), real, sizeof real))
		return fd;
	return plain_open(r, real, flags);
}

/* Path below the root that an fd stands for; false when it cannot be told. */
static bool fd_path(const struct h0_root *r, int fd, char *dst, size_t size)
{
	char proc[64];
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(proc, dst, size - 1);
	if (n <= 0)
		return false;
	dst[n] = '\0';
	size_t skip = strlen(r->path);
	if ((size_t)n < skip || strncmp(dst, r->path, skip) != 0)
		return false;
	memmove(dst, dst + skip, (size_t)n - skip + 1);
	return true;
}

/* The errno unreadable.list gives this file, or 0. */
static int unreadable(const struct h0_root *r, const char *path, int fd)
{
	char real[1536];
	if (!r->unreadable.n)
		return 0;
	bool told = fd >= 0 && fd_path(r, fd, real, sizeof real);
	for (size_t i = 0; i < r->unreadable.n; i++)
		if (strcmp(r->unreadable.v[i], path) == 0 ||
		    (told && strcmp(r->unreadable.v[i], real) == 0))
			return r->unreadable_errno[i];
	return 0;
}

static int errno_of(const char *name)
{
	int64_t n;
	for (size_t i = 0; i < H0_ARRAY_LEN(errnos); i++)
		if (strcmp(errnos[i].name, name) == 0)
			return errnos[i].value;
	return h0_num_i64(name, 1, 4095, &n) ? (int)n : EIO;
}

static void add_unreadable(struct h0_root *r, size_t *cap, const char *path, int err)
{
	r->unreadable_errno =
	    h0_grow(r->unreadable_errno, r->unreadable.n, cap, sizeof *r->unreadable_errno);
	r->unreadable_errno[r->unreadable.n] = err;
	h0_strv_add(&r->unreadable, path);
}

static void load_unreadable(struct h0_root *r)
{
	h0_autobuf struct h0_buf text = {0};
	char *save = NULL;
	size_t cap = 0;
	if (h0_root_read(r, SIDE_FILE_MAX, &text, "/unreadable.list") < 0)
		return;
	for (char *line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char path[1024], name[32];
		if (sscanf(line, "%1023s %31s", path, name) != 2 || path[0] != '/')
			continue;
		char real[1536];
		h0_autofd int fd = root_open(r, path, O_PATH);
		bool told = fd >= 0 && fd_path(r, fd, real, sizeof real);
		add_unreadable(r, &cap, path, errno_of(name));
		if (told && strcmp(real, path) != 0)
			add_unreadable(r, &cap, real, errno_of(name));
	}
}

static int cannot_open(bool live, const char *dir, int error, struct h0_err *e)
{
	if (live)
		return h0_fail(e, H0_SYS, "/: %s", strerror(error));
	return h0_fail(e, error == ENOENT || error == ENOTDIR ? H0_USAGE : H0_SYS, "--sysroot %s: %s", dir,
	               strerror(error));
}

int h0_root_open(struct h0_root *ret, const char *dir, struct h0_err *e)
{
	struct h0_root r = {.fd = -1};
	r.live = !dir || !*dir || strcmp(dir, "/") == 0;
	r.fd = TEMP_FAILURE_RETRY(open(r.live ? "/" : dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (r.fd < 0)
		return cannot_open(r.live, dir, errno, e);
	if (!r.live) {
		char real[1024];
		if (!fd_path(&r, r.fd, real, sizeof real)) {
			int error = errno;
			close(r.fd);
			return cannot_open(false, dir, error, e);
		}
		memcpy(r.path, real, sizeof r.path);
		int probe = root_open(&r, ".", O_PATH);
		if (probe < 0) {
			close(r.fd);
			return h0_fail(e, H0_SYS, "--sysroot needs openat2(2): %s", strerror(-probe));
		}
		close(probe);
		load_unreadable(&r);
		h0_root_read(&r, SIDE_FILE_MAX, &r.manifest, "/dev.manifest");
	}
	*ret = r;
	return 0;
}

void h0_root_close(struct h0_root *r)
{
	h0_cleanup_fd(&r->fd);
	h0_strv_done(&r->unreadable);
	free(r->unreadable_errno);
	h0_buf_done(&r->manifest);
	*r = (struct h0_root){.fd = -1};
}

/* The formatted path in `path`; a too long one becomes one that does not exist. */
H0_PRINTF(3, 0)
static void path_of(char *path, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(path, size, fmt, ap);
	if (n < 0 || (size_t)n >= size)
		snprintf(path, size, "/-too-long");
}

#define PATH_FROM(path, fmt)                            \
	do {                                            \
		va_list ap_;                            \
		va_start(ap_, fmt);                     \
		path_of(path, sizeof(path), fmt, ap_);  \
		va_end(ap_);                            \
	} while (0)

/* A regular file that may be read, or -errno. */
static int open_file(const struct h0_root *r, const char *path)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not hang us */
	h0_autofd int fd = root_open(r, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	if (fd < 0)
		return fd;
	int err = unreadable(r, path, fd);
	if (err)
		return -err;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? h0_take_fd(&fd) : -EINVAL;
}

static int read_path(const struct h0_root *r, const char *path, size_t max, struct h0_buf *ret)
{
	h0_autofd int fd = open_file(r, path);
	struct h0_err e = {0};
	if (fd < 0)
		return fd;
	size_t before = ret->len;
	if (h0_read_fd(fd, max, ret, &e) < 0) {
		ret->len = before;
		return e.sys_errno ? -e.sys_errno : -EIO;
	}
	return ret->len == before ? -ENODATA : 0;
}

int h0_root_read(const struct h0_root *r, size_t max, struct h0_buf *ret, const char *fmt, ...)
{
	char path[1024];
	PATH_FROM(path, fmt);
	return read_path(r, path, max, ret);
}

/* Fills up what is behind `have` bytes of the block; how many there are then, or -errno. */
static ssize_t fill(int fd, char *block, size_t have)
{
	while (have < H0_PARAGRAPH_MAX) {
		ssize_t n = TEMP_FAILURE_RETRY(read(fd, block + have, H0_PARAGRAPH_MAX - have));
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int h0_root_paragraph(const struct h0_root *r, size_t max, const char *line, struct h0_buf *ret,
                      const char *path)
{
	h0_autofd int fd = open_file(r, path);
	h0_autofree char *block = h0_malloc(H0_PARAGRAPH_MAX), *whole = h0_asprintf("\n%s\n", line);
	size_t len = strlen(whole), keep = 0;
	if (fd < 0)
		return fd;
	for (size_t all = 0; all < max; all += H0_PARAGRAPH_MAX - keep) {
		ssize_t have = fill(fd, block, keep);
		if (have < 0)
			return (int)have;
		char *at = memmem(block, (size_t)have, whole, len);
		if (at) {
			size_t rest = (size_t)(block + have - at) - 1;
			memmove(block, at + 1, rest);
			have = fill(fd, block, rest);
			const char *end = have < 0 ? NULL : memmem(block, (size_t)have, "\n\n", 2);
			if (have > 0)
				h0_buf_add(ret, block, end ? (size_t)(end - block) : (size_t)have);
			return have < 0 ? (int)have : 0;
		}
		if (have < H0_PARAGRAPH_MAX)
			break;
		keep = len - 1; /* the line may begin at the end of this piece */
		memmove(block, block + have - keep, keep);
	}
	return -ENODATA;
}

void h0_text_clean(char *dst, size_t size, const char *src, size_t n)
{
	size_t out = 0;
	n = strnlen(src, n);
	while (n && isspace((unsigned char)*src)) {
		src++;
		n--;
	}
	while (n && isspace((unsigned char)src[n - 1]))
		n--;
	for (size_t i = 0; i < n && out + 1 < size; i++) {
		unsigned char c = (unsigned char)src[i];
		dst[out++] = c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	dst[out] = '\0';
}

static int text_path(const struct h0_root *r, char *dst, size_t size, const char *path)
{
	h0_autobuf struct h0_buf b = {0};
	dst[0] = '\0';
	int rc = read_path(r, path, 16384, &b);
	if (rc < 0)
		return rc;
	size_t n = strcspn(b.p, "\n");
	if (n >= size)
		return -EOVERFLOW;
	h0_text_clean(dst, size, b.p, n);
	return *dst ? 0 : -ENODATA;
}

int h0_root_text(const struct h0_root *r, char *dst, size_t size, const char *fmt, ...)
{
	char path[1024];
	PATH_FROM(path, fmt);
	return text_path(r, dst, size, path);
}

int64_t h0_root_int(const struct h0_root *r, int64_t min, int64_t max, const char *fmt, ...)
{
	char path[1024], text[64];
	int64_t v;
	PATH_FROM(path, fmt);
	if (text_path(r, text, sizeof text, path) < 0)
		return H0_UNKNOWN;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		const char *hex = text + 2;
		if (!*hex || strlen(hex) > 15 || strspn(hex, "0123456789abcdefABCDEF") != strlen(hex))
			return H0_UNKNOWN;
		v = (int64_t)strtoull(hex, NULL, 16);
		return v < min || v > max ? H0_UNKNOWN : v;
	}
	return h0_num_i64(text, min, max, &v) ? v : H0_UNKNOWN;
}

/* Name of the directory a link leads to, for link texts like "../..". */
static bool real_name(const struct h0_root *r, const char *path, char *dst, size_t size)
{
	char real[1024];
	h0_autofd int fd = root_open(r, path, O_PATH);
	if (fd < 0 || !fd_path(r, fd, real, sizeof real))
		return false;
	const char *slash = strrchr(real, '/');
	snprintf(dst, size, "%s", slash ? slash + 1 : real);
	return true;
}

int h0_root_link(const struct h0_root *r, char *dst, size_t size, const char *fmt, ...)
{
	char path[1024], asked[1024], target[1024];
	PATH_FROM(path, fmt);
	memcpy(asked, path, sizeof asked);
	dst[0] = '\0';
	h0_autofd int fd = root_open(r, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	ssize_t n = readlinkat(fd, "", target, sizeof target - 1);
	if (n >= 0)
		target[n] = '\0';
	else if (r->live || !fd_path(r, fd, path, sizeof path) ||
	         !flat_link(r, path, target, sizeof target))
		return -EINVAL;
	const char *slash = strrchr(target, '/');
	const char *name = slash ? slash + 1 : target;
	if (strcmp(name, "..") == 0) {
		if (!real_name(r, asked, target, sizeof target))
			return -ENOENT;
		name = target;
	}
	if (strlen(name) >= size)
		return -EOVERFLOW;
	h0_text_clean(dst, size, name, strlen(name));
	return *dst ? 0 : -ENODATA;
}

int h0_root_list(const struct h0_root *r, struct h0_strv *ret, const char *fmt, ...)
{
	char path[1024];
	PATH_FROM(path, fmt);
	DIR *d;
	if (r->live) {
		d = h0_opendir(path);
		if (!d)
			return -errno;
	} else {
		int fd = root_open(r, path, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return fd;
		int err = unreadable(r, path, fd);
		d = err ? NULL : fdopendir(fd);
		if (!d) {
			err = err ? err : errno;
			close(fd);
			return -err;
		}
	}
	struct dirent *de;
	while (ret->n < LIST_MAX && (de = readdir(d)))
		if (de->d_name[0] != '.')
			h0_strv_add(ret, de->d_name);
	closedir(d);
	h0_strv_sort(ret);
	return 0;
}

bool h0_root_exists(const struct h0_root *r, const char *fmt, ...)
{
	char path[1024];
	PATH_FROM(path, fmt);
	h0_autofd int fd = root_open(r, path, O_PATH);
	return fd >= 0;
}

bool h0_root_plain(const struct h0_root *r, const char *path)
{
	h0_autofd int fd = root_open(r, path, O_PATH);
	struct stat in, out;
	char whole[2100];
	snprintf(whole, sizeof whole, "%s%s", r->path, path);
	if (fd < 0 || fstat(fd, &in) < 0 || stat(whole, &out) < 0)
		return false;
	return S_ISREG(in.st_mode) && in.st_dev == out.st_dev && in.st_ino == out.st_ino &&
	       !unreadable(r, path, fd);
}

static void access_of(struct h0_node *n, int err)
{
	n->err = err;
	n->access = !err                                      ? H0_ACCESS_OK
	            : err == EACCES || err == EPERM           ? H0_ACCESS_DENIED
	            : err == ENOENT || err == ENOTDIR || err == ELOOP ? H0_ACCESS_ABSENT
	                                                      : H0_ACCESS_FAILED;
}

/* What dev.manifest says about a node of a re-rooted tree. */
static void from_manifest(const struct h0_root *r, struct h0_node *n)
{
	const char *text = h0_buf_str(&r->manifest);
	while (*text) {
		char type[8], mode[16], owner[32], group[32], path[256];
		long long major, minor;
		if (sscanf(text, "%7s %lld %lld %15s %31s %31s %255s", type, &major, &minor, mode,
		           owner, group, path) == 7 && strcmp(path, n->path) == 0) {
			n->major = major;
			n->minor = minor;
			n->mode = strtol(mode, NULL, 8);
			snprintf(n->group, sizeof n->group, "%s", group);
			return;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

static void live_node(const struct h0_root *r, struct h0_node *n)
{
	h0_autofd int fd = root_open(r, n->path, O_RDWR | O_NONBLOCK);
	struct stat st;
	access_of(n, fd < 0 ? -fd : 0);
	if (stat(n->path, &st) < 0)
		return;
	if (!S_ISCHR(st.st_mode) && n->access == H0_ACCESS_OK)
		access_of(n, ENOTTY);
	n->major = (int64_t)(st.st_rdev >> 8 & 0xfff);
	n->minor = (int64_t)((st.st_rdev & 0xff) | (st.st_rdev >> 12 & 0xfff00));
	n->mode = st.st_mode & 07777;
	n->uid = st.st_uid;
	n->gid = st.st_gid;
}

void h0_root_node(const struct h0_root *r, struct h0_node *ret, const char *fmt, ...)
{
	char path[1024];
	PATH_FROM(path, fmt);
	*ret = (struct h0_node){.major = H0_UNKNOWN, .minor = H0_UNKNOWN, .mode = H0_UNKNOWN,
	                        .uid = H0_UNKNOWN, .gid = H0_UNKNOWN};
	snprintf(ret->path, sizeof ret->path, "%s", path);
	if (r->live) {
		live_node(r, ret);
		return;
	}
	h0_autofd int fd = root_open(r, path, O_PATH);
	int err = fd < 0 ? -fd : unreadable(r, path, fd);
	access_of(ret, err);
	if (fd >= 0)
		from_manifest(r, ret);
}

const char *h0_access_name(enum h0_access a)
{
	static const char *const names[] = {
		[H0_ACCESS_UNKNOWN] = "unknown", [H0_ACCESS_OK] = "ok",
		[H0_ACCESS_ABSENT] = "absent", [H0_ACCESS_DENIED] = "no-permission",
		[H0_ACCESS_FAILED] = "failed",
	};
	return names[a];
}

bool h0_text_field(const char *text, const char *key, char *dst, size_t size)
{
	size_t n = strlen(key);
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		if (len > n && strncmp(line, key, n) == 0) {
			size_t at = n + strspn(line + n, " \t");
			if (line[at] == ':' || line[at] == '=') {
				h0_text_clean(dst, size, line + at + 1, len - at - 1);
				return true;
			}
		}
		line += len;
		line += *line == '\n';
	}
	return false;
}

bool h0_text_word(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || isspace((unsigned char)at[-1])) &&
		    (!at[n] || isspace((unsigned char)at[n])))
			return true;
	return false;
}

const char *h0_errno_name(int err)
{
	const char *name = strerrorname_np(err);
	return name ? name : "an unknown error";
}
