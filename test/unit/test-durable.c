/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Single durable files, the lock, and the diff, on the real file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/diff.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/lock.h"
#include "sh.h"
#include "tap.h"

static char root[200];

static const char *at(const char *name)
{
	static char p[4][300];
	static int i;
	i = (i + 1) % 4;
	snprintf(p[i], sizeof p[i], "%s/%s", root, name);
	return p[i];
}

static const char *get(const char *name)
{
	static struct h0_buf b;
	h0_buf_reset(&b);
	return h0_read_file(at(name), 1u << 20, &b, NULL) == 0 ? h0_buf_str(&b) : NULL;
}

static bool only(const char *name)
{
	return sh_rc("test \"$(ls -A '%s')\" = '%s'", root, name) == 0;
}

static ssize_t no_space(const struct h0_ops *o, int fd, const void *buf, size_t n)
{
	errno = ENOSPC;
	return -1;
}

static void test_write(void)
{
	struct h0_err e = {0};
	struct stat st;
	umask(077);
	ok(h0_durable_write(at("f"), "one", 3, 0644, &e) == 0, "a new file");
	umask(022);
	is_str(get("f"), "one", "its content");
	ok(stat(at("f"), &st) == 0 && (st.st_mode & 07777) == 0644, "its mode, whatever the umask");
	chmod(at("f"), 0600);
	ok(h0_durable_write(at("f"), "", 0, 0644, &e) == 0, "replaced by an empty one");
	is_str(get("f"), "", "its content");
	ok(stat(at("f"), &st) == 0 && (st.st_mode & 07777) == 0600, "an existing file keeps its mode");
	ok(only("f"), "nothing beside it");

	struct h0_ops ops = h0_ops_real;
	ops.write = no_space;
	ok(h0_durable_write_ops(&ops, at("f"), "two", 3, 0644, &e) < 0 && e.kind == H0_SYS &&
	   e.sys_errno == ENOSPC, "a full disk is an error");
	is_str(get("f"), "", "the old file is there");
	ok(only("f"), "and nothing else");

	sh("echo left >'%s/.f.hal0-w~'", root);
	ok(h0_durable_write(at("f"), "three", 5, 0644, &e) == 0 && only("f"),
	   "what a killed writer left is taken over");
	is_str(get("f"), "three", "with none of its bytes");
	sh("cd '%s' && mv f g && ln -s g f", root);
	ok(h0_durable_write(at("f"), "x", 1, 0644, &e) < 0 && e.kind == H0_CONFLICT,
	   "a symbolic link is refused");
	is_str(get("g"), "three", "and not followed");
	sh("cd '%s' && rm f && mkdir f", root);
	ok(h0_durable_write(at("f"), "x", 1, 0644, &e) < 0 && e.kind == H0_CONFLICT, "so is a directory");
	ok(h0_durable_write(at("none/f"), "x", 1, 0644, &e) < 0 && e.sys_errno == ENOENT,
	   "the directory must exist");
	sh("rmdir '%s/f'", root);
}

/* Four writers at once, each with bytes of its own: what stays is one of them, whole. */
static void test_concurrent(void)
{
	enum { N = 4, ROUNDS = 25, SIZE = 20000 };
	pid_t p[N];
	bool good = true;
	for (int i = 0; i < N; i++) {
		p[i] = fork();
		if (p[i] == 0) {
			char *text = h0_malloc(SIZE);
			memset(text, 'a' + i, SIZE);
			int rc = 0;
			for (int k = 0; k < ROUNDS; k++)
				rc |= h0_durable_write(at("shared"), text, SIZE, 0644, NULL);
			free(text);
			_exit(rc ? 1 : 0);
		}
	}
	for (int i = 0; i < N; i++) {
		int status = 1;
		waitpid(p[i], &status, 0);
		good &= status == 0;
	}
	const char *text = get("shared");
	ok(good, "four writers of one file at once succeed");
	ok(text && strlen(text) == SIZE && strspn(text, (char[]){text[0], 0}) == SIZE,
	   "and the file is one of theirs, whole");
	unlink(at("shared"));
}

static void test_lock(void)
{
	struct h0_err e = {0};
	int a = h0_lock(at("lock"), 0, "first", &e);
	ok(a >= 0, "a lock nobody holds");
	struct stat st;
	ok(stat(at("lock"), &st) == 0 && (st.st_mode & 07777) == 0600, "its file is private");
	int b = h0_lock(at("lock"), 30, NULL, &e);
	char want[64];
	snprintf(want, sizeof want, "held by %ld (first)", (long)getpid());
	ok(b < 0 && e.kind == H0_BUSY && strstr(e.msg, want), "a held one: busy, and by whom");
	close(a);
	char note[400];
	memset(note, 'n', sizeof note - 1);
	note[sizeof note - 1] = '\0';
	a = h0_lock(at("lock"), 0, note, &e);
	ok(a >= 0, "a note longer than there is room for");
	close(a);
	a = h0_lock(at("lock"), 0, "x", &e);
	b = h0_lock(at("lock"), 0, NULL, &e);
	ok(b < 0 && strstr(e.msg, "(x);"), "a shorter note covers a longer one");
	close(a);
	sh("ln -s lock '%s/link'", root);
	ok(h0_lock(at("link"), 0, NULL, &e) < 0 && e.kind == H0_SYS, "a link is no lock");
}

/* ---- the diff, against diff(1) ---- */

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Lines from a small alphabet, so that many are alike; perhaps no newline at the end. */
static void random_text(uint64_t *r, struct h0_buf *b)
{
	size_t n = next_random(r) % 30;
	for (size_t i = 0; i < n; i++)
		h0_buf_addf(b, "%c\n", (char)('a' + next_random(r) % 5));
	if (n && next_random(r) % 4 == 0)
		b->p[--b->len] = '\0';
}

static void edited(uint64_t *r, const struct h0_buf *a, struct h0_buf *b)
{
	for (size_t i = 0; i < a->len; i++) {
		if (a->p[i] != '\n' && next_random(r) % 12 == 0)
			h0_buf_addf(b, "new%u\n", (unsigned)(next_random(r) % 3));
		if (a->p[i] == '\n' || next_random(r) % 12)
			h0_buf_addc(b, a->p[i]);
	}
}

static void write_text(const char *name, const struct h0_buf *b)
{
	h0_autofile FILE *f = fopen(at(name), "w");
	if (!f || fwrite(h0_buf_str(b), 1, b->len, f) != b->len)
		abort();
}

static void test_diff(void)
{
	uint64_t r = 88172645463325252u;
	int bad = 0, rounds = 60;
	if (system("patch --version >/dev/null 2>&1") != 0) {
		ok(true, "diff # SKIP patch is not installed");
		return;
	}
	for (int i = 0; i < rounds; i++) {
		h0_autobuf struct h0_buf a = {0}, b = {0}, diff = {0};
		random_text(&r, &a);
		edited(&r, &a, &b);
		h0_diff("f", h0_buf_str(&a), a.len, h0_buf_str(&b), b.len, &diff);
		if (a.len == b.len && memcmp(h0_buf_str(&a), h0_buf_str(&b), a.len) == 0) {
			bad += diff.len != 0;
			continue;
		}
		write_text("f", &a);
		write_text("want", &b);
		write_text("diff", &diff);
		bad += sh_rc("cd '%s' && patch -s -p1 --posix -F0 <diff && cmp -s f want &&"
		             " test -z \"$(ls *.orig *.rej 2>/dev/null)\"", root) != 0;
	}
	is_int(bad, 0, "patch(1) makes the new text of the old one from every diff");
}

static void test_diff_text(void)
{
	h0_autobuf struct h0_buf d = {0};
	const char a[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", b[] = "1\n2\n3\n4\nX\n6\n7\n8\n9\n10\n11\n";
	h0_diff("slots/a.toml", a, strlen(a), b, strlen(b), &d);
	is_str(h0_buf_str(&d),
	       "--- a/slots/a.toml\n+++ b/slots/a.toml\n@@ -2,11 +2,10 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n 9\n"
	       " 10\n 11\n-12\n", "changes with six lines between share a hunk");
	h0_buf_reset(&d);
	h0_diff("f", "a", 1, "a\n", 2, &d);
	is_str(h0_buf_str(&d), "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n",
	       "a newline at the end");
	h0_buf_reset(&d);
	h0_diff("f", "a\n", 2, NULL, 0, &d);
	is_str(h0_buf_str(&d), "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "a removed file");
	h0_buf_reset(&d);
	h0_diff("f", NULL, 0, "", 0, &d);
	is_str(h0_buf_str(&d), "--- /dev/null\n+++ b/f\n", "an empty file that is created");
	h0_buf_reset(&d);
	h0_diff("f", "a\n", 2, "a\n", 2, &d);
	is_str(h0_buf_str(&d), "", "no difference, no diff");
}

int main(void)
{
	snprintf(root, sizeof root, "%s/hal0-durable.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(root))
		return 1;
	test_write();
	test_concurrent();
	sh("rm -rf '%s' && mkdir '%s'", root, root);
	test_lock();
	test_diff_text();
	test_diff();
	sh("rm -rf '%s'", root);
	return tap_done();
}
