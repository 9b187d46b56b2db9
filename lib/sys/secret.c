/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/secret.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "sys/io.h"

void h0_secret_hold(void)
{
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

void h0_secret_wipe(struct h0_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	h0_buf_done(b);
}

static bool is_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

int h0_secret_read(const char *path, size_t max, struct h0_buf *ret, struct h0_err *e)
{
	struct stat st, entry;
	h0_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || lstat(path, &entry) < 0)
		return h0_fail_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return h0_fail_at(e, path, 0, 0, NULL, "not a regular file");
	if (st.st_mode & 077)
		return h0_fail_at(e, path, 0, 0, NULL, "others may read the secret in it: chmod 600 %s", path);
	if (!is_ours(&st) || !is_ours(&entry))
		return h0_fail_at(e, path, 0, 0, NULL, "a secret, and another user's file: chown root %s", path);
	h0_secret_hold();
	/* all at once: a buffer that grows leaves copies behind */
	h0_buf_room(ret, (size_t)st.st_size < max ? (size_t)st.st_size + 8192 : max + 8192);
	int rc = h0_read_fd(fd, max, ret, e);
	return rc < 0 ? h0_wrap(e, "%s", path) : 0;
}
