/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/fileset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/mem.h"
#include "sys/durable.h"

#define PREFIX   "set-"
#define DIGITS   12
#define MAX_FILE (16u << 20)

/* Does the name of a set end at `end`? */
static bool is_set(const char *s, char end)
{
	return h0_starts(s, PREFIX) && strspn(s + strlen(PREFIX), "0123456789abcdef") == DIGITS &&
	       s[strlen(PREFIX) + DIGITS] == end;
}

bool h0_fileset_named(const char *text, char dst[H0_FILESET_NAME])
{
	const char *p = text;
	while ((p = strstr(p, "/" PREFIX)) != NULL && !is_set(p + 1, '/'))
		p++;
	if (p)
		snprintf(dst, H0_FILESET_NAME, "%s", p + 1);
	return p;
}

/* From now on nobody goes back to it: its copy of the first file is gone for good before anything else of
 * it goes. Whether the rest goes matters to nobody. */
static int remove_set(const struct h0_ops *o, int dir, const char *set, const char *first)
{
	h0_autostrv struct h0_strv names = {0};
	h0_autoopfd d = {o, h0_op_open(o, dir, set, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)};
	if (d.fd < 0 || o->list(o, d.fd, &names) < 0)
		return -1;
	if ((o->unlink(o, d.fd, first, 0) < 0 && errno != ENOENT) || o->fsync(o, d.fd) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		(void)o->unlink(o, d.fd, names.v[i], 0);
	(void)o->unlink(o, dir, set, AT_REMOVEDIR);
	return 0;
}

static int sweep(const struct h0_ops *o, int dir, const char *now, const char *next, const char *first)
{
	h0_autostrv struct h0_strv names = {0};
	if (o->list(o, dir, &names) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (is_set(names.v[i], '\0') && strcmp(names.v[i], now) != 0 && strcmp(names.v[i], next) != 0 &&
		    remove_set(o, dir, names.v[i], first) < 0)
			return -1;
	return 0;
}

static int put(const struct h0_ops *o, const char *dir, const struct h0_fileset_file *f, struct h0_err *e)
{
	h0_autobuf struct h0_buf old = {0};
	h0_autofree char *path = h0_asprintf("%s/%s", dir, f->name);
	struct stat st;
	int rc = h0_op_read_file(o, AT_FDCWD, path, O_NOFOLLOW, MAX_FILE, &old, &st);
	bool same = rc == 0 && old.len == f->len && memcmp(h0_buf_str(&old), f->text, f->len) == 0;
	if (same && (st.st_mode & 07777) == f->mode)
		return 0;
	if (!same && h0_durable_write_ops(o, path, f->text, f->len, f->mode, e) < 0)
		return -1;
	h0_autoopfd d = {o, h0_op_open(o, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0)};
	return d.fd < 0 || h0_op_set_mode(o, d.fd, f->mode) < 0 ? h0_fail_sys(e, "%s", path) : 0;
}

/* The set in force, "" = none; its copy of the first file is there, and as that is now. */
static int look_at_now(const struct h0_ops *o, const char *dir, int dir_fd, const struct h0_fileset_file *first,
                       char ret_now[H0_FILESET_NAME], struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	ret_now[0] = '\0';
	if (h0_op_read_file(o, dir_fd, first->name, O_NOFOLLOW, MAX_FILE, &text, NULL) < 0 ||
	    !h0_fileset_named(h0_buf_str(&text), ret_now))
		return 0;
	h0_autofree char *in = h0_asprintf("%s/%s", dir, ret_now);
	h0_autoopfd d = {o, h0_op_open(o, dir_fd, ret_now, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)};
	struct h0_fileset_file copy = {first->name, h0_buf_str(&text), text.len, first->mode};
	if (d.fd < 0 && errno == ENOENT)
		return 0;
	return d.fd < 0 ? h0_fail_sys(e, "%s", in) : put(o, in, &copy, e);
}

static int open_alone(const struct h0_ops *o, const char *dir)
{
	h0_autoopfd d = {o, h0_op_open(o, AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0)};
	int rc = d.fd;
	while (d.fd >= 0 && (rc = o->flock(o, d.fd, LOCK_EX)) < 0 && errno == EINTR)
		;
	return rc < 0 ? -1 : h0_take_fd(&d.fd);
}

int h0_fileset_write(const struct h0_ops *o, const char *dir, const char *set, const struct h0_fileset_file *v,
                     size_t n, struct h0_err *e)
{
	char now[H0_FILESET_NAME];
	h0_autofree char *in = h0_asprintf("%s/%s", dir, set);
	if (h0_op_mkdirs(o, dir, 0755, true, e) < 0)
		return -1;
	h0_autoopfd d = {o, open_alone(o, dir)};
	if (d.fd < 0)
		return h0_fail_sys(e, "%s", dir);
	if (look_at_now(o, dir, d.fd, &v[0], now, e) < 0)
		return -1;
	if ((o->mkdir(o, d.fd, set, 0755) < 0 && errno != EEXIST) || o->fsync(o, d.fd) < 0)
		return h0_fail_sys(e, "%s", in);
	for (size_t i = 1; i < n; i++)
		if (put(o, in, &v[i], e) < 0)
			return -1;
	/* the way back: from the moment of the commit on there is one set it can lead to */
	if (strcmp(now, set) != 0 && sweep(o, d.fd, now, set, v[0].name) < 0)
		return h0_fail_sys(e, "%s", dir);
	return put(o, dir, &v[0], e) < 0 ? -1 : put(o, in, &v[0], e);
}

/* The other whole set there is, and what the first file was with it. */
static bool before(const struct h0_ops *o, int dir, const char *first, const char *now, struct h0_buf *ret)
{
	h0_autostrv struct h0_strv names = {0};
	if (o->list(o, dir, &names) < 0)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		h0_autofree char *path = h0_asprintf("%s/%s", names.v[i], first);
		h0_buf_reset(ret);
		if (is_set(names.v[i], '\0') && strcmp(names.v[i], now) != 0 &&
		    h0_op_read_file(o, dir, path, O_NOFOLLOW, MAX_FILE, ret, NULL) == 0)
			return true;
	}
	return false;
}

int h0_fileset_back(const struct h0_ops *o, const char *dir, const char *first, unsigned mode, bool dry_run,
                    struct h0_buf *ret_old, struct h0_buf *ret_new, struct h0_err *e)
{
	char now[H0_FILESET_NAME];
	h0_autoopfd d = {o, open_alone(o, dir)};
	if (d.fd < 0 && errno != ENOENT)
		return h0_fail_sys(e, "%s", dir);
	h0_buf_reset(ret_old);
	if (d.fd < 0 || h0_op_read_file(o, d.fd, first, O_NOFOLLOW, MAX_FILE, ret_old, NULL) < 0 ||
	    !h0_fileset_named(h0_buf_str(ret_old), now) || !before(o, d.fd, first, now, ret_new))
		return h0_fail(e, H0_NO, "%s: nothing was there before to go back to", dir);
	struct h0_fileset_file f = {first, h0_buf_str(ret_new), ret_new->len, mode};
	return dry_run ? 0 : put(o, dir, &f, e);
}
