/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/lock.h"
#include "sys/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define NOTE_SIZE 160 /* fixed, so that a shorter note covers a longer one in a single write */
#define POLL_MS 10

/* Control characters of a command line must not reach somebody's terminal. */
static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static void write_note(const struct h0_ops *o, int fd, const char *note)
{
	char line[NOTE_SIZE + 1];
	int err = errno;
	memset(line, ' ', sizeof line);
	int n = snprintf(line, NOTE_SIZE, "%ld (%s", (long)getpid(), note ? note : "");
	size_t end = n < NOTE_SIZE - 2 ? (size_t)n : NOTE_SIZE - 2;
	line[end] = '\0';
	clean(line);
	line[end] = ')';
	if (end + 1 < NOTE_SIZE - 1)
		line[end + 1] = ' ';
	line[NOTE_SIZE - 1] = '\n';
	if (o->pwrite(o, fd, line, NOTE_SIZE, 0) < 0)
		errno = err; /* only a message would have used it */
}

static int busy(const struct h0_ops *o, int fd, const char *shown, struct h0_err *e)
{
	char line[NOTE_SIZE + 1];
	ssize_t n = o->read(o, fd, line, NOTE_SIZE);
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	line[n > 0 ? n : 0] = '\0';
	clean(line);
	h0_fail(e, H0_BUSY, "%s is held by %s; try again", shown,
	        line[0] ? line : "another process");
	h0_err_code(e, "system.busy");
	return h0_err_detail(e, "holder", "%s", line);
}

int h0_lock_at(const struct h0_ops *o, int dirfd, const char *path, const char *shown,
               int timeout_ms, const char *holder_note, struct h0_err *e)
{
	h0_autoopfd f = {o, h0_op_open(o, dirfd, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600)};
	if (f.fd < 0)
		return h0_fail_sys(e, "%s", shown);
	struct stat st;
	if (o->fstat(o, f.fd, &st) < 0)
		return h0_fail_sys(e, "%s", shown);
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1) /* who holds it is written into it */
		return h0_fail(e, H0_CONFLICT, "%s is no lock file of hal0's: remove it", shown);
	int64_t deadline = h0_now_ms() + timeout_ms;
	while (o->flock(o, f.fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return h0_fail_sys(e, "cannot lock %s", shown);
		if (h0_now_ms() >= deadline)
			return busy(o, f.fd, shown, e);
		o->sleep_ms(o, POLL_MS);
	}
	write_note(o, f.fd, holder_note);
	return h0_take_fd(&f.fd);
}

int h0_lock(const char *path, int timeout_ms, const char *holder_note, struct h0_err *e)
{
	return h0_lock_at(&h0_ops_real, AT_FDCWD, path, path, timeout_ms, holder_note, e);
}
