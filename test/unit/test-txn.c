/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Change sets and snapshots on the real file system. What a crash does is test/fault's subject.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/journal.h"
#include "conf/snapshot.h"
#include "conf/txn.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/lock.h"
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

static void h0_sh(const char *fmt, ...) H0_PRINTF(1, 2);
static void h0_sh(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		abort();
}

static void cleanup(void)
{
	if (root[0])
		h0_sh("chattr -R -i -a '%s' 2>/dev/null; rm -rf '%s'", root, root);
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

int main(void)
{
	test_basic();
	test_hand_edit();
	cleanup();
	return tap_done();
}
