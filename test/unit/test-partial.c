/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/partial.h"
#include "base/str.h"
#include "sys/io.h"

#define BYTES (64 << 20)        /* sparse: little of it is ever written */

static char top[] = "/tmp/hal0-partial.XXXXXX";

static char *at(const char *name)
{
	char *p;
	return asprintf(&p, "%s/%s", top, name) < 0 ? NULL : p;
}

static bool there(const char *name)
{
	h0_autofree char *p = at(name);
	struct stat st;
	return lstat(p, &st) == 0;
}

static void put(const char *name, const char *text)
{
	h0_autofree char *p = at(name);
	h0_autofile FILE *f = fopen(p, "w");
	if (!f || fputs(text, f) < 0)
		abort();
}

static void begin(const char *tag, const char *sum, int64_t bytes, size_t ways, struct h0_partial *p)
{
	h0_autofree char *path = at("m.gguf");
	struct h0_err e = {0};
	if (h0_partial_open(path, p, &e) != H0_PARTIAL_OURS ||
	    h0_partial_begin(p, "https://h/m.gguf?key=secret", tag, sum, bytes, ways, &e) < 0)
		printf("# %s\n", e.msg);
}

/* Four ranges, of each the first `n` bytes. */
static void some(const char *tag, const char *sum, size_t n)
{
	h0_autopartial struct h0_partial p = {.fd = -1};
	h0_autofree char *data = calloc(1, n);
	begin(tag, sum, BYTES, 4, &p);
	for (size_t i = 0; i < p.n; i++)
		h0_partial_write(&p, &p.seg[i], data, n, NULL);
	h0_partial_save(&p, NULL);
}

static void drop(void)
{
	h0_autopartial struct h0_partial p = {.fd = -1};
	begin("t", "", BYTES, 1, &p);
	h0_partial_drop(&p);
	ok(!there(".m.gguf.hal0-part") && !there(".m.gguf.hal0-state"), "dropped: nothing is left");
}

static void test_ranges(void)
{
	static const struct { int64_t bytes; size_t ways, want; } rows[] = {
		{BYTES, 4, 4}, {BYTES, 100, 4}, {BYTES + 1, 3, 3}, {1000, 4, 1}, {0, 4, 1}, {(int64_t)1 << 40, 100, 16}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		h0_autopartial struct h0_partial p = {.fd = -1};
		begin("t", "", rows[i].bytes, rows[i].ways, &p);
		int64_t end = 0;
		for (size_t k = 0; k < p.n && p.seg[k].from == end; k++)
			end = p.seg[k].to;
		ok(p.n == rows[i].want && end == rows[i].bytes, "%lld bytes in %zu ways: %zu ranges, without a gap",
		   (long long)rows[i].bytes, rows[i].ways, p.n);
		h0_partial_drop(&p);
	}
}

static void test_resume(void)
{
	static const char sum[] = "sha256:aa", other[] = "sha256:bb";
	static const struct { const char *tag, *sum; int64_t bytes, have; const char *what; } rows[] = {
		{"\"t\"", "", BYTES, 4000, "the same tag"}, {"\"u\"", "", BYTES, 0, "another tag"},
		{"", "", BYTES, 0, "no tag"}, {"\"t\"", "", BYTES + 1, 0, "another length"},
		{"\"u\"", sum, BYTES, 4000, "the same sum"}, {"", other, BYTES, 0, "another sum"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		some("\"t\"", sum, 1000);
		h0_autopartial struct h0_partial p = {.fd = -1};
		begin(rows[i].tag, rows[i].sum, rows[i].bytes, 4, &p);
		is_int(h0_partial_have(&p), rows[i].have, rows[i].what);
		h0_partial_drop(&p);
	}
	some("\"t\"", "", 1000);
	h0_autofree char *state = at(".m.gguf.hal0-state"), *part = at(".m.gguf.hal0-part");
	h0_autobuf struct h0_buf b = {0};
	h0_read_file(state, 1 << 16, &b, NULL);
	ok(!strstr(h0_buf_str(&b), "secret"), "no key of an address is written down");
	if (truncate(part, 500) < 0)
		abort();
	h0_autopartial struct h0_partial p = {.fd = -1};
	begin("\"t\"", "", BYTES, 4, &p);
	is_int(h0_partial_have(&p), 0, "a state that claims more than the file has");
	h0_partial_drop(&p);
}

static void test_states(void)
{
#define STATE(ranges) "{\"schema\":1,\"etag\":\"t\",\"bytes\":67108864,\"ranges\":" ranges "}"
	static const struct { const char *text; int64_t have; } rows[] = {
		{STATE("[[0,100,67108864]]"), 100}, {STATE("[[0,0,50],[50,67108864,67108864]]"), -1},
		{"", 0}, {"{", 0}, {"[]", 0}, {STATE("[]"), 0}, {STATE("{}"), 0}, {STATE("[[0,9,10]]"), 0},
		{STATE("[[1,2,67108864]]"), 0}, {STATE("[[0,10,5],[5,5,67108864]]"), 0},
		{STATE("[[0,-1,67108864]]"), 0}, {STATE("[[0,1e3,67108864]]"), 0}, {STATE("[[0,5]]"), 0},
		{STATE("[[0,67108865,67108864]]"), 0}, {STATE("[[0,9223372036854775807,67108864]]"), 0},
		{STATE("[[0,0,9],[9,9,1],[1,1,67108864]]"), 0}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		h0_autopartial struct h0_partial p = {.fd = -1};
		h0_autofree char *part = at(".m.gguf.hal0-part");
		put(".m.gguf.hal0-part", "x");
		put(".m.gguf.hal0-state", rows[i].text);
		if (truncate(part, BYTES) < 0)
			abort();
		begin("t", "", BYTES, 4, &p);
		is_int(h0_partial_have(&p), rows[i].have < 0 ? BYTES - 50 : rows[i].have, rows[i].text);
		ok(p.n == (rows[i].have > 0 ? 1 : rows[i].have < 0 ? 2 : 4), "its ranges");
		h0_partial_drop(&p);
	}
}

static void test_owners(void)
{
	h0_autofree char *path = at("m.gguf");
	h0_autopartial struct h0_partial p = {.fd = -1};
	struct h0_err e = {0};
	begin("t", "", BYTES, 1, &p);
	h0_partial_write(&p, &p.seg[0], "abcd", 4, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		struct h0_partial q;
		_exit(h0_partial_open(path, &q, NULL) == H0_PARTIAL_HELD && h0_partial_held(path) > 0 ? 0 : 1);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	is_int(status, 0, "another process sees that it is held");
	/* its owner's file is replaced under it: whoever opens it next has the new one */
	h0_autofree char *part = at(".m.gguf.hal0-part");
	unlink(part);
	put(".m.gguf.hal0-part", "other");
	struct h0_partial q = {.fd = -1};
	is_int(h0_partial_open(path, &q, &e), H0_PARTIAL_OURS, "a part that was replaced is another");
	h0_partial_done(&q);
	h0_partial_drop(&p);
	/* a link where the part should be leads nowhere */
	put("victim", "precious");
	h0_autofree char *victim = at("victim");
	if (symlink(victim, part) < 0)
		abort();
	is_int(h0_partial_open(path, &q, &e), -1, "a link in its place is refused");
	h0_autobuf struct h0_buf b = {0};
	h0_read_file(victim, 100, &b, NULL);
	is_str(h0_buf_str(&b), "precious", "and what it led to is as it was");
	unlink(part);
}

static void test_finish(void)
{
	h0_autofree char *path = at("m.gguf");
	struct h0_err e = {0};
	h0_autobuf struct h0_buf b = {0};
	{
		h0_autopartial struct h0_partial p = {.fd = -1};
		begin("t", "", 4, 4, &p);
		h0_partial_write(&p, &p.seg[0], "whol", 4, NULL);
		h0_partial_save(&p, NULL);
		ok(!there("m.gguf"), "not there before it is whole");
		is_int(h0_partial_finish(&p, &e), 0, "finished");
	}
	h0_read_file(path, 100, &b, NULL);
	is_str(h0_buf_str(&b), "whol", "it is there");
	ok(!there(".m.gguf.hal0-part") && !there(".m.gguf.hal0-state"), "and nothing else");
	h0_autopartial struct h0_partial p = {.fd = -1};
	is_int(h0_partial_open(path, &p, &e), H0_PARTIAL_THERE, "then there is nothing to do");
	unlink(path);
	begin("t", "", 4, 1, &p);
	put("m.gguf", "mine");
	is_int(h0_partial_finish(&p, &e), -1, "one that came meanwhile");
	ok(e.kind == H0_CONFLICT, "is a conflict");
	h0_buf_reset(&b);
	h0_read_file(path, 100, &b, NULL);
	is_str(h0_buf_str(&b), "mine", "and kept");
	h0_partial_drop(&p);
	unlink(path);
}

/* The disk's end, by a limit on the size of files. */
static void test_full(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit small = {1000, 1000};
		struct h0_partial p = {.fd = -1};
		struct h0_err e = {0};
		char data[3000] = "x";
		signal(SIGXFSZ, SIG_IGN);
		begin("t", "", 3000, 1, &p);
		setrlimit(RLIMIT_FSIZE, &small);
		int rc = h0_partial_write(&p, &p.seg[0], data, sizeof data, &e);
		_exit(rc < 0 && e.kind == H0_SYS && p.seg[0].pos == 1000 ? 0 : 1);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	is_int(status, 0, "a write that ends early: what came counts, the rest is an error");
}

int main(void)
{
	if (!mkdtemp(top))
		return tap_skip_all("no temporary directory");
	test_ranges();
	test_resume();
	test_states();
	test_owners();
	test_finish();
	test_full();
	drop();
	h0_autofree char *victim = at("victim");
	unlink(victim);
	ok(rmdir(top) == 0, "nothing is left");
	return tap_done();
}
