/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Change sets and snapshots on the real file system. What a crash does is test/fault's subject.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/journal.h"
#include "conf/snapshot.h"
#include "conf/txn.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/lock.h"
#include "sh.h"
#include "tap.h"

static char root[256], etc[300];

static const char *at(const char *path)
{
	static char buf[4][700];
	static int i;
	i = (i + 1) % 4;
	snprintf(buf[i], sizeof buf[i], "%s/%s", etc, path);
	return buf[i];
}

static void put(const char *path, const char *text)
{
	h0_autofile FILE *f = fopen(at(path), "w");
	if (!f || fputs(text, f) < 0)
		abort();
}

static const char *get(const char *path)
{
	static char buf[8192];
	h0_autofile FILE *f = fopen(at(path), "r");
	if (!f)
		return NULL;
	buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
	return buf;
}

static bool exists(const char *path)
{
	struct stat st;
	return lstat(at(path), &st) == 0;
}

static void cleanup(void)
{
	if (root[0])
		sh("chattr -R -i -a '%s' 2>/dev/null; rm -rf '%s'", root, root);
}

static void fresh(void)
{
	cleanup();
	snprintf(root, sizeof root, "%s/hal0-txn.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(root))
		abort();
	snprintf(etc, sizeof etc, "%s/etc/hal0", root);
}

/* A plan that gives the listed files their new text; NULL removes. */
struct want {
	const char *path, *text;
};

static int plan_want(const struct h0_snap *s, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	for (const struct want *w = arg; w->path; w++) {
		const struct h0_snap_file *f = h0_snap_get(s, w->path);
		h0_changeset_add(cs, w->path, f ? f->text : NULL, f ? f->len : 0, w->text,
		                 w->text ? strlen(w->text) : 0);
	}
	return 0;
}

static int apply(struct want *w, bool *changed, struct h0_err *e)
{
	static const char *const argv[] = {"hal0-test", "apply", NULL};
	struct h0_txn_opts o = {.etc = etc, .command_line = argv, .lock_timeout_ms = 100};
	*e = (struct h0_err){0};
	return h0_txn_run(&o, plan_want, w, NULL, changed, e);
}

static struct want three[] = {
	{"capabilities.toml", "cap = 1\n"}, {"slots/a.toml", "a = 1\n"}, {"slots/b.toml", "b = 1\n"}, {0},
};
static struct want three_more[] = {
	{"capabilities.toml", "cap = 2\n"}, {"slots/a.toml", NULL}, {"slots/c.toml", "c = 2\n"}, {0},
};

static void test_basic(void)
{
	struct h0_err e;
	bool changed = false;
	h0_autosnap struct h0_snap s = {0};
	fresh();
	ok(h0_snap_open(etc, &s, &e) == 0 && s.n == 0 && s.generation == 0, "no directory: empty snapshot");
	ok(apply(three, &changed, &e) == 0 && changed, "three files are created, with their directory");
	is_str(get("slots/b.toml"), "b = 1\n", "content");
	ok(apply(three, &changed, &e) == 0 && !changed, "the same again changes nothing");
	ok(!exists(".txn/journal") && exists(".txn/applied"), "retired");
	ok(apply(three_more, &changed, &e) == 0 && changed, "change, remove, create in one");
	h0_snap_done(&s);
	ok(h0_snap_open(etc, &s, &e) == 0 && s.generation == 2 && !s.pending, "second generation");
	is_int((long long)s.n, 3, "files in the snapshot");
	ok(!h0_snap_get(&s, "slots/a.toml"), "the removed one is gone");
	is_str(h0_snap_get(&s, "slots/c.toml")->text, "c = 2\n", "the created one is there");
	struct stat st;
	ok(stat(at("slots/c.toml"), &st) == 0 && (st.st_mode & 07777) == 0644, "mode of a new file");
	ok(stat(at(".txn/lock"), &st) == 0 && (st.st_mode & 07777) == 0600, "mode of the lock");
	ok(stat(at(".txn/applied"), &st) == 0 && (st.st_mode & 07777) == 0644, "mode of the journal");
}

static long count(const char *pattern)
{
	char cmd[700], line[32] = "";
	snprintf(cmd, sizeof cmd, "find '%s' -name '%s' | wc -l", etc, pattern);
	FILE *f = popen(cmd, "r");
	if (!f || !fgets(line, sizeof line, f))
		abort();
	pclose(f);
	return strtol(line, NULL, 10);
}

/* A table that edits a file by hand when the change's first file is being staged. */
static const char *edit_path, *edit_text;

static ssize_t edit_write(const struct h0_ops *o, int fd, const void *buf, size_t n)
{
	if (edit_path)
		put(edit_path, edit_text);
	edit_path = NULL;
	return h0_ops_real.write(&h0_ops_real, fd, buf, n);
}

static const struct h0_ops *editing_ops(const char *path, const char *text)
{
	static struct h0_ops ops;
	ops = h0_ops_real;
	ops.write = edit_write;
	edit_path = path;
	edit_text = text;
	return &ops;
}

static void test_hand_edit(void)
{
	struct h0_err e;
	fresh();
	apply(three, NULL, &e);
	put("slots/a.toml", "a = 'mine'\n");
	/* a plan made from what was there earlier */
	struct want stale[] = {{"slots/b.toml", "b = 3\n"}, {0}};
	ok(apply(stale, NULL, &e) == 0, "an edit of another file is no conflict");
	is_str(get("slots/a.toml"), "a = 'mine'\n", "and it stays");
}

static void test_conflict(void)
{
	struct h0_err e;
	fresh();
	apply(three, NULL, &e);
	/* a plan whose "before" is not what is there (as if a person had saved in between) */
	struct want w[] = {{"slots/a.toml", "a = 9\n"}, {"slots/b.toml", "b = 9\n"}, {0}};
	struct h0_txn_opts o = {.etc = etc};
	o.ops = editing_ops("slots/a.toml", "a = 'mine'\n");
	ok(h0_txn_run(&o, plan_want, w, NULL, NULL, &e) < 0 && e.kind == H0_CONFLICT,
	   "a file edited while the change is staged: conflict");
	is_str(get("slots/a.toml"), "a = 'mine'\n", "the edit stays");
	is_str(get("slots/b.toml"), "b = 1\n", "nothing else is changed");
	ok(strstr(e.msg, "slots/a.toml") && strstr(h0_err_name(&e), "conflict"), "the message names it");
	ok(count("*~") == 0 && count("*.hal0-new") == 0, "nothing is left behind");
}

/* ---- targets that are not to be replaced ---- */

static void refuse(const char *what, enum h0_kind kind, const char *words)
{
	struct h0_err e;
	struct want w[] = {{"capabilities.toml", "cap = 5\n"}, {"slots/a.toml", "a = 5\n"}, {0}};
	int rc = apply(w, NULL, &e);
	ok(rc < 0 && e.kind == kind && strstr(e.msg, words), "%s is refused", what);
	if (rc == 0 || e.kind != kind || !strstr(e.msg, words))
		printf("# %d %d %s\n", rc, e.kind, e.msg);
	is_str(get("capabilities.toml"), "cap = 1\n", "and no other file is changed");
	ok(count("*~") == 0 && count("journal*") == 0, "nor anything left behind");
}

static void test_targets(void)
{
	struct h0_err e;
	fresh();
	apply(three, NULL, &e);
	sh("cd '%s/slots' && mv a.toml real && ln -s real a.toml", etc);
	refuse("a symbolic link", H0_CONFLICT, "symbolic link");
	sh("cd '%s/slots' && rm a.toml && mkfifo a.toml", etc);
	refuse("a FIFO", H0_CONFIG, "not a regular file");
	sh("cd '%s/slots' && rm a.toml && mkdir a.toml", etc);
	refuse("a directory", H0_CONFIG, "not a regular file");
	sh("cd '%s/slots' && rmdir a.toml && mv real a.toml", etc);
	sh("cd '%s' && mv slots elsewhere && ln -s elsewhere slots", etc);
	refuse("a link in the place of slots/", H0_CONFLICT, "slots");
	sh("cd '%s' && rm slots && mv elsewhere slots", etc);
	if (geteuid() != 0 || sh_rc("chattr +i '%s/slots/a.toml' 2>/dev/null", etc) != 0) {
		ok(true, "immutable files # SKIP needs root and chattr");
	} else {
		refuse("an immutable file", H0_SYS, "immutable");
		sh("chattr -i '%s/slots/a.toml' && chattr +a '%s/slots'", etc, etc);
		refuse("an append-only directory", H0_SYS, "");
		sh("chattr -a '%s/slots'", etc);
	}
	if (geteuid() == 0 && mount(at("slots/b.toml"), at("slots/a.toml"), "none", MS_BIND, NULL) == 0) {
		refuse("a mount point", H0_SYS, "mount point");
		umount(at("slots/a.toml"));
	} else {
		ok(true, "mount points # SKIP cannot mount");
	}
}

static void test_metadata(void)
{
	struct h0_err e;
	struct stat st;
	char val[32] = "";
	fresh();
	umask(077);
	ok(apply(three, NULL, &e) == 0, "with a strict umask");
	umask(022);
	ok(stat(at(""), &st) == 0 && (st.st_mode & 07777) == 0755 && stat(at("slots"), &st) == 0 &&
	   (st.st_mode & 07777) == 0755 && stat(at(".txn"), &st) == 0 && (st.st_mode & 07777) == 0755,
	   "directories are 0755 whatever the umask");
	ok(stat(at("slots/a.toml"), &st) == 0 && (st.st_mode & 07777) == 0644, "files are 0644");
	chmod(at("slots/a.toml"), 0640);
	bool owned = chown(at("slots/a.toml"), 12345, 54321) == 0;
	bool attr = setxattr(at("slots/a.toml"), "user.note", "kept", 4, 0) == 0;
	struct want w[] = {{"slots/a.toml", "a = 5\n"}, {0}};
	ok(apply(w, NULL, &e) == 0 && stat(at("slots/a.toml"), &st) == 0, "a file with its own mode");
	is_int(st.st_mode & 07777, 0640, "keeps it");
	ok(!owned || (st.st_uid == 12345 && st.st_gid == 54321), "and its owner%s",
	   owned ? "" : " # SKIP not root");
	ok(!attr || (getxattr(at("slots/a.toml"), "user.note", val, sizeof val) == 4 &&
	             memcmp(val, "kept", 4) == 0), "and its attributes%s",
	   attr ? "" : " # SKIP the file system has none");
	struct want gone[] = {{"slots/a.toml", NULL}, {0}};
	struct h0_txn_opts o = {.etc = etc};
	ok(apply(gone, NULL, &e) == 0 && h0_txn_undo(&o, NULL, NULL, &e) == 0 &&
	   stat(at("slots/a.toml"), &st) == 0, "removed, and the removal undone");
	is_int(st.st_mode & 07777, 0640, "with the mode it had");
}

/* ---- places that cannot be written ---- */

static void test_full_disk(void)
{
	struct h0_err e;
	struct want big[] = {{"capabilities.toml", NULL}, {"slots/b.toml", "b = 3\n"}, {0}};
	h0_autofree char *text = h0_malloc(300001);
	memset(text, '#', 300000);
	text[300000] = '\0';
	big[0].text = text;
	fresh();
	if (geteuid() != 0 || mount("none", root, "tmpfs", 0, "size=256k") < 0) {
		ok(true, "full disk # SKIP cannot mount");
		return;
	}
	ok(apply(three, NULL, &e) == 0, "a small change on a small disk");
	ok(apply(big, NULL, &e) < 0 && e.kind == H0_SYS && e.sys_errno == ENOSPC, "a full disk: exit 6");
	ok(strstr(e.msg, "No space left"), "the message says so");
	is_str(get("capabilities.toml"), "cap = 1\n", "the old files are there");
	ok(count("*~") == 0 && count("journal*") == 0, "nothing is left behind");
	h0_autosnap struct h0_snap s = {0};
	ok(h0_snap_open(etc, &s, &e) == 0 && s.generation == 1, "and are read");
	mount("none", root, "none", MS_REMOUNT | MS_RDONLY, NULL);
	ok(apply(three_more, NULL, &e) < 0 && e.kind == H0_SYS && e.sys_errno == EROFS,
	   "a read-only file system: exit 6");
	bool changed = true;
	ok(apply(three, &changed, &e) == 0 && !changed, "what changes nothing works there");
	umount(root);
}

static void test_no_permission(void)
{
	struct h0_err e;
	fresh();
	apply(three, NULL, &e);
	if (geteuid() != 0) {
		ok(true, "another user # SKIP not root");
		return;
	}
	chmod(root, 0755);
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		bool changed = true, good = setgid(65534) == 0 && setuid(65534) == 0;
		h0_autosnap struct h0_snap s = {0};
		good = good && h0_snap_open(etc, &s, &e) == 0 && s.n == 3;
		good = good && apply(three, &changed, &e) == 0 && !changed;
		good = good && apply(three_more, NULL, &e) < 0 && e.kind == H0_SYS &&
		       e.sys_errno == EACCES;
		_exit(good ? 0 : 1);
	}
	int status = 1;
	waitpid(p, &status, 0);
	ok(status == 0, "another user reads, is told when nothing changes, and cannot write");
}

/* ---- the lock ---- */

static void test_lock(void)
{
	struct h0_err e = {0};
	fresh();
	apply(three, NULL, &e);
	int fd = h0_lock(at(".txn/lock"), 0, "hal0-slot set \x1b[31m primary", &e);
	ok(fd >= 0, "the lock is free");
	pid_t p = fork();
	if (p == 0) {
		int rc = apply(three_more, NULL, &e);
		char pid[32];
		snprintf(pid, sizeof pid, "%ld (hal0-slot set ", (long)getppid());
		_exit(rc < 0 && e.kind == H0_BUSY && strstr(e.msg, pid) && !strchr(e.msg, '\x1b') ? 0 : 1);
	}
	int status = 1;
	waitpid(p, &status, 0);
	ok(status == 0, "held: exit 5, naming process and command, without its control characters");
	close(fd);
	ok(apply(three_more, NULL, &e) == 0, "let go: it works");
}

/* ---- signals ---- */

static int raise_rename(const struct h0_ops *o, int dirfd, const char *from, const char *to,
                        unsigned flags)
{
	int rc = h0_ops_real.rename(&h0_ops_real, dirfd, from, to, flags);
	if (strcmp(to, "journal") == 0) {
		raise(SIGINT);
		raise(SIGTERM);
		raise(SIGHUP);
	}
	return rc;
}

static void test_signals(void)
{
	struct h0_err e;
	fresh();
	apply(three, NULL, &e);
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		struct h0_ops ops = h0_ops_real;
		struct h0_txn_opts o = {.etc = etc, .ops = &ops};
		ops.rename = raise_rename;
		signal(SIGINT, SIG_DFL);
		h0_txn_run(&o, plan_want, three_more, NULL, NULL, &e);
		_exit(0);
	}
	int status = 0;
	waitpid(p, &status, 0);
	ok(WIFSIGNALED(status), "a signal right after the commit does its work");
	ok(!exists(".txn/journal") && get("slots/c.toml"), "but not before the change is complete");
	sigset_t now;
	sigprocmask(SIG_SETMASK, NULL, &now);
	apply(three, NULL, &e);
	sigset_t then;
	sigprocmask(SIG_SETMASK, NULL, &then);
	ok(sigismember(&now, SIGINT) == sigismember(&then, SIGINT), "the mask is as it was");
}

/* ---- journals that are not ours ---- */

static void corrupt(const char *what, const char *text)
{
	struct h0_err e;
	h0_autosnap struct h0_snap s = {0};
	struct h0_txn_opts o = {.etc = etc};
	h0_autorecovery struct h0_recovery r = {0};
	put(".txn/journal", text);
	int rc = apply(three_more, NULL, &e);
	bool good = ok(rc < 0 && e.kind == H0_CONFIG && strstr(e.file, ".txn/journal"),
	               "%s: exit 3, naming the file", what);
	if (!good)
		printf("# %d %d %s %s\n", rc, e.kind, e.file, e.msg);
	ok(h0_snap_open(etc, &s, &e) < 0 && e.kind == H0_CONFIG, "readers refuse as well");
	ok(h0_txn_recover(&o, &r, &e) < 0 && e.kind == H0_CONFIG, "and recovery");
	ok(h0_streq(get(".txn/journal"), text) && h0_streq(get("slots/a.toml"), "a = 1\n") &&
	   h0_streq(get(".txn/applied"), get(".txn/applied")), "nothing is touched");
	unlink(at(".txn/journal"));
}

static void framed(char *dst, size_t size, const char *body)
{
	snprintf(dst, size, "hal0-journal 1 2 %zu\n%s", strlen(body), body);
}

static void test_corrupt(void)
{
	struct h0_err e;
	char text[2000];
	fresh();
	apply(three, NULL, &e);
	corrupt("an empty journal", "");
	corrupt("garbage", "what is this?\n");
	corrupt("a header alone", "hal0-journal 1 2 10\n");
	corrupt("a number too large", "hal0-journal 1 99999999999999999999 2\n{}");
	corrupt("a size too large", "hal0-journal 1 2 99999999999\n{}");
	framed(text, sizeof text, "{\"argv\":[],\"time\":1,\"stage\":\"00000000\",\"entries\":[{\"path\":"
	       "\"../../evil\",\"mode\":420,\"before\":null,\"after\":\"x\"}]}");
	corrupt("a path outside", text);
	framed(text, sizeof text, "{\"argv\":[],\"time\":1,\"stage\":\"00000000\",\"entries\":[{\"path\":"
	       "\"slots/../x.toml\",\"mode\":420,\"before\":null,\"after\":\"x\"}]}");
	corrupt("a path that climbs", text);
	framed(text, sizeof text, "{\"argv\":[],\"time\":1,\"stage\":\"../../xx\",\"entries\":[{\"path\":"
	       "\"hal0.toml\",\"mode\":420,\"before\":null,\"after\":\"x\"}]}");
	corrupt("a tag that climbs", text);
	framed(text, sizeof text, "{\"argv\":[],\"time\":1,\"stage\":\"00000000\",\"entries\":[]}");
	corrupt("no entries", text);
	sh("truncate -s 80M '%s/.txn/journal'", etc);
	ok(apply(three_more, NULL, &e) < 0 && e.kind == H0_CONFIG, "a huge journal is not read");
	unlink(at(".txn/journal"));
	sh("ln -s ../capabilities.toml '%s/.txn/journal'", etc);
	ok(apply(three_more, NULL, &e) < 0 && e.kind == H0_CONFIG, "nor one that is a link");
	unlink(at(".txn/journal"));
	put(".txn/applied", "garbage");
	ok(apply(three_more, NULL, &e) == 0, "a damaged 'applied' stops nobody");
	h0_autosnap struct h0_snap s = {0};
	ok(h0_snap_open(etc, &s, &e) == 0 && s.generation == 1, "counting begins anew");
}

static void test_bounds(void)
{
	struct h0_err e;
	fresh();
	static const char *const bad[] = {"../x.toml", "slots/A.toml", "slots/.toml", "slots/a/b.toml",
		"slots/-a.toml", "slots/a.toml.bak", "hardware.json", "proxmox.json", "/etc/passwd",
		"slots/abcdefghijklmnopqrstuvwxyz0123456.toml", ""};
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++) {
		struct want w[] = {{bad[i], "x"}, {0}};
		ok(!h0_changeset_path_ok(bad[i]) && apply(w, NULL, &e) < 0 && e.kind == H0_USAGE,
		   "'%s' is no file of change sets", bad[i]);
	}
	static struct want many[400];
	static char names[399][32];
	for (size_t i = 0; i < H0_ARRAY_LEN(names); i++) {
		snprintf(names[i], sizeof names[i], "slots/s%zu.toml", i);
		many[i] = (struct want){names[i], "n = 1\n"};
	}
	ok(apply(many, NULL, &e) < 0 && e.kind == H0_USAGE, "too many files in one change");
	many[200] = (struct want){0};
	ok(apply(many, NULL, &e) == 0, "two hundred are fine");
	h0_autosnap struct h0_snap s = {0};
	ok(h0_snap_open(etc, &s, &e) == 0 && s.n == 200, "and read back");
	sh("truncate -s 17M '%s/hal0.toml'", etc);
	h0_snap_done(&s);
	ok(h0_snap_open(etc, &s, &e) < 0 && e.kind == H0_CONFIG && strstr(e.file, "hal0.toml"),
	   "a file beyond the bound is refused by name");
}

static void test_images(void)
{
	struct h0_err e;
	fresh();
	struct h0_txn_opts o = {.etc = etc};
	apply(three, NULL, &e);
	sh("printf 'x = \\377\\376\\000y' >'%s/slots/a.toml'", etc);
	struct want w[] = {{"slots/a.toml", NULL}, {0}};
	ok(apply(w, NULL, &e) == 0 && !exists("slots/a.toml"), "a file that is no text can be removed");
	ok(h0_txn_undo(&o, NULL, NULL, &e) == 0, "and the removal undone");
	h0_autobuf struct h0_buf b = {0};
	h0_read_file(at("slots/a.toml"), 100, &b, &e);
	ok(b.len == 8 && memcmp(b.p, "x = \xff\xfe\0y", 8) == 0, "byte for byte");
}

static void test_undo(void)
{
	struct h0_err e;
	struct h0_txn_opts o = {.etc = etc};
	bool changed;
	fresh();
	ok(h0_txn_undo(&o, NULL, NULL, &e) < 0 && e.kind == H0_NO, "nothing to undo: exit 1");
	apply(three, NULL, &e);
	apply(three_more, NULL, &e);
	h0_autochangeset struct h0_changeset cs = {0};
	o.dry_run = true;
	ok(h0_txn_undo(&o, &cs, &changed, &e) == 0 && changed && cs.n == 3 && !exists("slots/a.toml"),
	   "a dry run says what would change, and changes nothing");
	o.dry_run = false;
	ok(h0_txn_undo(&o, NULL, &changed, &e) == 0 && changed, "undo");
	ok(h0_streq(get("slots/a.toml"), "a = 1\n") && h0_streq(get("capabilities.toml"), "cap = 1\n") &&
	   !exists("slots/c.toml"), "all three are as before");
	ok(h0_txn_undo(&o, NULL, NULL, &e) == 0 && !exists("slots/a.toml") && exists("slots/c.toml"),
	   "undo again: redo");
	put("slots/c.toml", "c = 'mine'\n");
	ok(h0_txn_undo(&o, NULL, NULL, &e) < 0 && e.kind == H0_CONFLICT, "a file edited since: exit 4");
	ok(h0_streq(get("slots/c.toml"), "c = 'mine'\n") && !exists("slots/a.toml"),
	   "and nothing is changed");
	put(".txn/applied", "garbage");
	ok(h0_txn_undo(&o, NULL, NULL, &e) < 0 && e.kind == H0_CONFIG, "a damaged record: exit 3");
}

static int plan_fails(const struct h0_snap *s, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	return h0_fail(e, H0_NO, "no");
}

static void test_dry(void)
{
	struct h0_err e = {0};
	h0_autochangeset struct h0_changeset cs = {0};
	h0_autobuf struct h0_buf diff = {0};
	bool changed = false;
	fresh();
	struct h0_txn_opts o = {.etc = etc, .dry_run = true};
	ok(h0_txn_run(&o, plan_want, three, &cs, &changed, &e) == 0 && changed && cs.n == 3,
	   "a dry run where there is no directory");
	struct stat st;
	ok(stat(etc, &st) < 0, "makes none");
	h0_changeset_diff(&cs, &diff);
	ok(h0_starts(h0_buf_str(&diff), "--- /dev/null\n+++ b/capabilities.toml\n@@ -0,0 +1 @@\n+cap = 1\n"),
	   "its diff");
	o.dry_run = false;
	ok(h0_txn_run(&o, plan_fails, NULL, NULL, NULL, &e) < 0 && e.kind == H0_NO && stat(etc, &st) < 0,
	   "a plan that refuses leaves no trace");
	ok(h0_txn_run(&o, plan_fails, NULL, NULL, NULL, NULL) < 0, "and needs no error value");
}

int main(void)
{
	test_basic();
	test_hand_edit();
	test_conflict();
	test_targets();
	test_metadata();
	test_full_disk();
	test_no_permission();
	test_lock();
	test_signals();
	test_corrupt();
	test_bounds();
	test_images();
	test_undo();
	test_dry();
	cleanup();
	return tap_done();
}
