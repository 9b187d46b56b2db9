/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"

#define LINKS_MAX 40

struct walk {
	const char *path;       /* the whole, for messages */
	unsigned mode;
	int links;
	struct h0_err *e;
};

static int walk(struct walk *w, int at, const char *path);

/* The link itself is open, so that it cannot become another between the look and the reading. */
static int follow(struct walk *w, int at, int link, const struct stat *st, const char *name)
{
	char to[PATH_MAX];
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return h0_fail(w->e, H0_CONFLICT, "%s: %s in it is a symbolic link of another user: not followed",
		               w->path, name);
	ssize_t n = readlinkat(link, "", to, sizeof to - 1);
	if (n < 0 || ++w->links > LINKS_MAX) {
		errno = n < 0 ? errno : ELOOP;
		return h0_fail_sys(w->e, "%s", w->path);
	}
	to[n] = '\0';
	return walk(w, at, to);
}

/* A new one, with its mode whatever the umask: what it is for reads it as somebody else. */
static int make(const struct walk *w, int at, const char *name)
{
	struct stat st;
	if (mkdirat(at, name, w->mode) < 0)
		return errno == EEXIST ? 0 : -1;
	h0_autofd int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid())
		(void)fchmod(fd, w->mode); /* not on every file system */
	return 0;
}

static int step(struct walk *w, int at, const char *name)
{
	struct stat st;
	h0_autofd int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && w->mode && make(w, at, name) == 0)
		fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return h0_fail_sys(w->e, "%s", w->path);
	if (S_ISLNK(st.st_mode))
		return follow(w, at, fd, &st, name);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return h0_fail_sys(w->e, "%s", w->path);
	}
	return h0_take_fd(&fd);
}

static int walk(struct walk *w, int at, const char *path)
{
	h0_autofree char *copy = h0_strdup(path);
	char *save = NULL;
	h0_autofd int fd = openat(at, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return h0_fail_sys(w->e, "%s", w->path);
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next = step(w, fd, name);
		if (next < 0)
			return -1;
		close(fd);
		fd = next;
	}
	return h0_take_fd(&fd);
}

int h0_trust_open(const char *path, unsigned mode, struct h0_err *e)
{
	struct walk w = {.path = path, .mode = mode, .e = e};
	h0_autofd int place = walk(&w, AT_FDCWD, *path ? path : ".");
	if (place < 0)
		return -1;
	int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? h0_fail_sys(e, "%s", path) : fd;
}

void h0_trust_path(int fd, char dst[H0_TRUST_PATH])
{
	snprintf(dst, H0_TRUST_PATH, "/proc/self/fd/%d", fd);
}
