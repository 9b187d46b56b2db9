/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A change set from the command line, for the tests that kill and trace a real process:
 *   txn-apply [--ops] [--lock-ms N] ETC PATH=TEXT... PATH-...   PATH- removes
 *   txn-apply --show ETC                       the snapshot, "PATH=TEXT" with \n for newlines
 *   txn-apply --hold MS ETC                    takes the lock and keeps it that long
 * --ops prints what went through the table of calls, one line each, when all is over.
 */
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "conf/snapshot.h"
#include "conf/publish.h"
#include "conf/txn.h"

/* ---- a table that writes down what changes the disk ---- */

static struct h0_buf op_log;

#define REAL h0_ops_real

static int log_open(const struct h0_ops *o, int dirfd, const char *path, int flags, unsigned mode)
{
	if (flags & O_CREAT)
		h0_buf_adds(&op_log, "openat\n");
	return REAL.open(&REAL, dirfd, path, flags, mode);
}

static ssize_t log_write(const struct h0_ops *o, int fd, const void *buf, size_t n)
{
	h0_buf_addf(&op_log, "write %zu\n", n);
	return REAL.write(&REAL, fd, buf, n);
}

static ssize_t log_pwrite(const struct h0_ops *o, int fd, const void *buf, size_t n, off_t at)
{
	h0_buf_addf(&op_log, "pwrite64 %zu\n", n);
	return REAL.pwrite(&REAL, fd, buf, n, at);
}

static int log_truncate(const struct h0_ops *o, int fd, off_t len)
{
	h0_buf_adds(&op_log, "ftruncate\n");
	return REAL.truncate(&REAL, fd, len);
}

static int log_chmod(const struct h0_ops *o, int fd, unsigned mode)
{
	h0_buf_adds(&op_log, "fchmod\n");
	return REAL.chmod(&REAL, fd, mode);
}

static int log_chown(const struct h0_ops *o, int fd, uid_t uid, gid_t gid)
{
	h0_buf_adds(&op_log, "fchown\n");
	return REAL.chown(&REAL, fd, uid, gid);
}

static int log_setxattr(const struct h0_ops *o, int fd, const char *name, const void *buf, size_t n)
{
	h0_buf_addf(&op_log, "fsetxattr %s\n", name);
	return REAL.setxattr(&REAL, fd, name, buf, n);
}

static int log_fsync(const struct h0_ops *o, int fd)
{
	h0_buf_adds(&op_log, "fsync\n");
	return REAL.fsync(&REAL, fd);
}

static int log_fsync_all(const struct h0_ops *o, const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h0_buf_adds(&op_log, "fsync\n");
	return REAL.fsync_all(&REAL, fds, n);
}

static int log_rename(const struct h0_ops *o, int dirfd, const char *from, const char *to,
                      unsigned flags)
{
	h0_buf_addf(&op_log, "renameat2 %s %s\n", from, to);
	return REAL.rename(&REAL, dirfd, from, to, flags);
}

static int log_unlink(const struct h0_ops *o, int dirfd, const char *name, int flags)
{
	h0_buf_addf(&op_log, "unlinkat %s\n", name);
	return REAL.unlink(&REAL, dirfd, name, flags);
}

static int log_mkdir(const struct h0_ops *o, int dirfd, const char *path, unsigned mode)
{
	h0_buf_addf(&op_log, "mkdirat %s\n", path);
	return REAL.mkdir(&REAL, dirfd, path, mode);
}

static struct h0_ops logging_ops(void)
{
	struct h0_ops o = REAL;
	o.open = log_open;
	o.write = log_write;
	o.pwrite = log_pwrite;
	o.truncate = log_truncate;
	o.chmod = log_chmod;
	o.chown = log_chown;
	o.setxattr = log_setxattr;
	o.fsync = log_fsync;
	o.fsync_all = log_fsync_all;
	o.rename = log_rename;
	o.unlink = log_unlink;
	o.mkdir = log_mkdir;
	return o;
}

/* ---- the commands ---- */

static int plan(const struct h0_snap *s, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	for (char **a = arg; *a; a++) {
		char *eq = strchr(*a, '=');
		size_t n = eq ? (size_t)(eq - *a) : strlen(*a) - 1;
		h0_autofree char *path = h0_strndup(*a, n);
		h0_autofree char *text = eq ? h0_asprintf("%s\n", eq + 1) : NULL;
		const struct h0_snap_file *f = h0_snap_get(s, path);
		h0_changeset_add(cs, path, f ? f->text : NULL, f ? f->len : 0, text,
		                 text ? strlen(text) : 0);
	}
	return 0;
}

static int show(const char *etc, struct h0_err *e)
{
	h0_autosnap struct h0_snap s = {0};
	if (h0_snap_open(etc, &s, e) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		printf("%s=", s.files[i].path);
		for (const char *c = s.files[i].text; *c; c++)
			if (*c != '\n')
				putchar(*c);
			else
				fputs("\\n", stdout);
		putchar('\n');
	}
	return 0;
}

static int hold(const char *etc, int ms, struct h0_err *e)
{
	static const char *const note[] = {"txn-apply", "--hold", NULL};
	h0_autoconfdir struct h0_confdir d = H0_CONFDIR_CLOSED(NULL);
	if (h0_confdir_lock(&REAL, etc, 1000, note, &d, e) < 0)
		return -1;
	puts("held");
	fflush(stdout);
	REAL.sleep_ms(&REAL, ms);
	return 0;
}

static int run(int argc, char **argv, struct h0_err *e)
{
	struct h0_ops logged = logging_ops();
	struct h0_txn_opts o = {.command_line = (const char *const *)argv};
	int i = 1;
	if (argc == 3 && h0_streq(argv[1], "--show"))
		return show(argv[2], e);
	if (argc == 4 && h0_streq(argv[1], "--hold"))
		return hold(argv[3], atoi(argv[2]), e);
	if (i < argc && h0_streq(argv[i], "--ops")) {
		o.ops = &logged;
		i++;
	}
	if (i + 1 < argc && h0_streq(argv[i], "--lock-ms")) {
		o.lock_timeout_ms = atoi(argv[i + 1]);
		i += 2;
	}
	if (i + 1 >= argc)
		return h0_fail(e, H0_USAGE, "usage: see the source");
	o.etc = argv[i];
	int rc = h0_txn_run(&o, plan, argv + i + 1, NULL, NULL, e);
	fputs(h0_buf_str(&op_log), stdout);
	h0_buf_done(&op_log);
	return rc;
}

int main(int argc, char **argv)
{
	struct h0_err e = {0};
	char text[1400];
	if (run(argc, argv, &e) == 0)
		return 0;
	h0_err_text(&e, text, sizeof text);
	fprintf(stderr, "txn-apply: %s\n", text);
	return e.kind;
}
