/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Machines that lie: every file that a probe opens in a machine's tree is spoilt in every way there
 * is, one at a time. Whatever comes of it: the rules of truth hold, the document fits its schema,
 * a number that cannot be read is no 0, the wrong answers that expected.json names are not given,
 * and the program ends with one of its exit codes. Our own machines, and those of
 * $HAL0_SHARED/machines where they are. Some of it by default, all of it with the argument "all".
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/doctor.h"
#include "model/hwdoc.h"
#include "model/membar.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/spawn.h"
#include "tap.h"
#include "truth.h"

#define FILE_MAX (4u << 20)

static unsigned stride = 11;     /* every so many of all the ways to spoil */
static char top[64];             /* everything is below it */
static char spoilt[PATH_MAX + 64]; /* what is wrong just now, for the last words of a crash */

static void last_words(int sig)
{
	size_t n = strlen(spoilt);
	if (write(STDERR_FILENO, spoilt, n) == (ssize_t)n)
		(void)!write(STDERR_FILENO, "\n", 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static bool run(const char *const *argv, int *ret_code)
{
	h0_autospawned struct h0_spawned r = {0};
	struct h0_spawn s = {.argv = argv, .timeout_ms = 20000};
	if (h0_spawn(&s, &r, NULL) < 0)
		return false;
	*ret_code = r.exit_code;
	return !r.timed_out && !r.signal;
}

static void leave(void)
{
	int code;
	run((const char *const[]){"rm", "-rf", top, NULL}, &code);
}

/* ---- which files a probe reads ---- */

struct watches {
	int fd;
	struct h0_strv dirs; /* by watch descriptor, from 1 */
};

static void watch(struct watches *w, const char *dir)
{
	if (inotify_add_watch(w->fd, dir, IN_OPEN) != (int)w->dirs.n + 1)
		return;
	h0_strv_add(&w->dirs, dir);
	DIR *d = opendir(dir);
	for (struct dirent *de; d && (de = readdir(d));) {
		h0_autofree char *path = h0_asprintf("%s/%s", dir, de->d_name);
		if (de->d_type == DT_DIR && de->d_name[0] != '.')
			watch(w, path);
	}
	if (d)
		closedir(d);
}

static void take_events(const struct watches *w, struct h0_strv *ret)
{
	_Alignas(struct inotify_event) char buf[65536];
	for (ssize_t n; (n = read(w->fd, buf, sizeof buf)) > 0;)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *ev = (const struct inotify_event *)(const void *)p;
			p += sizeof *ev + ev->len;
			if (!ev->len || (ev->mask & IN_ISDIR) || ev->wd < 1 || (size_t)ev->wd > w->dirs.n)
				continue;
			h0_autofree char *path = h0_asprintf("%s/%s", w->dirs.v[ev->wd - 1], ev->name);
			if (!h0_strv_has(ret, path))
				h0_strv_add(ret, path);
		}
}

/* ---- one look ---- */

static struct h0_json *look(const char *root_dir, const char **ret_wrong)
{
	h0_autoroot struct h0_root root = {.fd = -1};
	h0_autofree struct h0_checks *c = h0_calloc(1, sizeof *c);
	h0_autofree struct h0_membar *bars = h0_calloc(1, sizeof *bars);
	if (h0_root_open(&root, root_dir, NULL) < 0)
		abort();
	h0_autohw struct h0_hw *hw = h0_hw_probe(&root, H0_HW_VULKAN);
	h0_autofree struct h0_machine *m = h0_machine(hw);
	struct h0_json *doc = h0_hwdoc(m, NULL);
	h0_doctor(m, NULL, 0, c);
	h0_membar(m, bars);
	*ret_wrong = truth_machine(m);
	if (!*ret_wrong)
		*ret_wrong = truth_schema(doc, h0_schema_hardware.keys);
	return doc;
}

/* The first number that was something and is now nothing, or less. */
static bool fell(const struct h0_json *was, const struct h0_json *is, char *path, size_t size)
{
	enum h0_json_type t = h0_json_type(was);
	size_t have = strlen(path);
	if (t == H0_JSON_INT || t == H0_JSON_REAL)
		return h0_json_num(was, 0) > 0 && h0_json_type(is) != H0_JSON_NULL &&
		       h0_json_num(is, 1) <= 0;
	const char *key;
	const struct h0_json *val;
	for (void *it = NULL; t == H0_JSON_OBJECT && (it = h0_json_next(was, it, &key, &val));) {
		snprintf(path + have, size - have, ".%s", key);
		if (fell(val, h0_json_get(is, key), path, size))
			return true;
	}
	/* lists may have lost an element: only equally long ones are the same things */
	for (size_t i = 0; t == H0_JSON_ARRAY && h0_json_len(was) == h0_json_len(is) && i < h0_json_len(was); i++) {
		snprintf(path + have, size - have, "[%zu]", i);
		if (fell(h0_json_at(was, i), h0_json_at(is, i), path, size))
			return true;
	}
	path[have] = '\0';
	return false;
}

/* ---- spoiling ---- */

enum spoil {
	MISSING, EMPTY, BINARY, DIRECTORY, LOOP, FIFO, HALF, TWICE, ZERO, NEGATIVE, HUGE, BEYOND, NINES,
	DIGITS, MINUS, SPOILS
};
static const char *const spoil_names[] = {"missing", "empty", "binary", "a directory", "a loop",
	"a FIFO", "half of it", "twice", "0", "-1", "2^63-1", "2^64", "a line of nines",
	"other digits", "every number negative"};

static void put(const char *path, const void *p, size_t n)
{
	h0_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
}

static void put_text(const char *path, const struct h0_buf *was, enum spoil how)
{
	h0_autobuf struct h0_buf b = {0};
	for (size_t i = 0; i < was->len; i++) {
		char c = was->p[i];
		bool digit = c >= '0' && c <= '9', first = digit && (!i || was->p[i - 1] <= ' ');
		if (first && how == MINUS)
			h0_buf_addc(&b, '-');
		h0_buf_addc(&b, digit && how == DIGITS ? (char)('0' + (c - '0' + 7) % 10) : c);
	}
	put(path, h0_buf_str(&b), b.len);
}

static void spoil(const char *path, const struct h0_buf *was, enum spoil how)
{
	static const char *const texts[SPOILS] = {[EMPTY] = "", [ZERO] = "0\n", [NEGATIVE] = "-1\n",
		[HUGE] = "9223372036854775807\n", [BEYOND] = "18446744073709551616\n"};
	char junk[70000];
	unlink(path);
	switch (how) {
	case MISSING:
		break;
	case DIRECTORY:
		mkdir(path, 0755);
		break;
	case LOOP:
		(void)!symlink(strrchr(path, '/') + 1, path);
		break;
	case FIFO:
		mkfifo(path, 0644);
		break;
	case BINARY:
		for (size_t i = 0; i < sizeof junk; i++)
			junk[i] = (char)(i * i * 31 + i / 7);
		put(path, junk, 5000);
		break;
	case NINES:
		memset(junk, '9', sizeof junk);
		put(path, junk, sizeof junk);
		break;
	case HALF:
		put(path, h0_buf_str(was), was->len / 2);
		break;
	case TWICE:
		put(path, h0_buf_str(was), was->len);
		if (was->len) {
			h0_autofd int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
			(void)!write(fd, was->p, was->len);
		}
		break;
	case DIGITS:
	case MINUS:
		put_text(path, was, how);
		break;
	default:
		put(path, texts[how], strlen(texts[how]));
	}
}

static void mend(const char *path, const struct h0_buf *was)
{
	if (rmdir(path) < 0)
		unlink(path);
	put(path, h0_buf_str(was), was->len);
}

/* ---- a machine ---- */

static void show_both(const struct h0_json *was, const struct h0_json *is)
{
	h0_autobuf struct h0_buf a = {0}, b = {0};
	h0_json_dump(was, 0, true, &a);
	h0_json_dump(is, 0, true, &b);
	printf("# was %s\n# is  %s\n", h0_buf_str(&a), h0_buf_str(&b));
}

struct tally {
	long looks, bad;
	char first[PATH_MAX + 300];
};

static void complain(struct tally *t, const char *what, const char *detail)
{
	if (!t->bad++)
		snprintf(t->first, sizeof t->first, "%s: %s %s", spoilt, what, detail);
}

/* "cpu" is right where what is left of the files shows no usable GPU. */
static bool excused(const struct h0_json *doc, const struct h0_json *entry)
{
	const struct h0_json *gpus = h0_json_get(doc, "gpus");
	if (!h0_streq(h0_json_str(h0_json_get(entry, "field")), "recommended_device"))
		return false;
	for (size_t i = 0; i < h0_json_len(gpus); i++)
		if (h0_json_bool(h0_json_get(h0_json_at(gpus, i), "usable"), false))
			return false;
	return h0_streq(h0_json_str(h0_json_get(entry, "value")), "cpu");
}

static void judge(struct tally *t, enum spoil how, const struct h0_json *was,
                  const struct h0_json *want, const char *root)
{
	const char *wrong = NULL;
	char path[300] = "";
	h0_autojson struct h0_json *doc = look(root, &wrong);
	const struct h0_json *answers = h0_json_get(want, "wrong_answers");
	t->looks++;
	if (wrong)
		complain(t, "truth:", wrong);
	if (how <= FIFO && fell(was, doc, path, sizeof path))
		complain(t, "0 for unknown:", path);
	for (size_t i = 0; i < h0_json_len(answers); i++)
		if (answer_is(doc, h0_json_at(answers, i)) && !excused(doc, h0_json_at(answers, i)))
			complain(t, "wrong answer:", h0_json_str(h0_json_get(h0_json_at(answers, i), "why")));
}

/* The program itself, with a verb each time. */
static void call(struct tally *t, const char *root)
{
	static const struct { const char *verb, *codes; } verbs[] = {
		{"show", "0"}, {"doctor", "018"}, {"memory", "06"}, {"tune", "018"}, {"recommend", "0"}};
	static unsigned turn;
	const char *build = getenv("HAL0_BUILD");
	h0_autofree char *probe = h0_asprintf("%s/cmd/hal0-probe", build ? build : "build");
	size_t i = turn++ % H0_ARRAY_LEN(verbs);
	int code = -1;
	if (!run((const char *const[]){probe, verbs[i].verb, "--json", "--sysroot", root, NULL}, &code) ||
	    code < 0 || code > 9 || !strchr(verbs[i].codes, '0' + code))
		complain(t, "exit code of", verbs[i].verb);
}

static void machine(const char *name, const char *root, const struct h0_json *want)
{
	const char *wrong = NULL;
	struct tally t = {0};
	struct watches w = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
	h0_autostrv struct h0_strv files = {0};
	watch(&w, root);
	h0_autojson struct h0_json *was = look(root, &wrong);
	take_events(&w, &files);
	close(w.fd);
	h0_strv_done(&w.dirs);
	h0_strv_sort(&files);
	ok(!wrong && files.n > 20, "%s: a probe opens %zu files", name, files.n);
	for (size_t i = 0; i < files.n; i++) {
		h0_autobuf struct h0_buf text = {0};
		const char *path = files.v[i];
		if (h0_read_file(path, FILE_MAX, &text, NULL) < 0)
			continue;
		for (enum spoil how = 0; how < SPOILS; how++) {
			if ((i * SPOILS + how) % stride)
				continue;
			snprintf(spoilt, sizeof spoilt, "%s%s is %s", name, path + strlen(root), spoil_names[how]);
			spoil(path, &text, how);
			judge(&t, how, was, want, root);
			if (t.looks % 30 == 0)
				call(&t, root);
			mend(path, &text);
		}
	}
	h0_autojson struct h0_json *again = look(root, &wrong);
	ok(!t.bad, "%s: %ld looks at spoilt files", name, t.looks);
	if (t.bad)
		printf("# %ld, first: %s\n", t.bad, t.first);
	if (!ok(h0_json_equal(was, again), "%s: mended, it reads as before", name))
		show_both(was, again);
}

static void ours(const char *name)
{
	const char *source = getenv("HAL0_SOURCE");
	h0_autofree char *make = h0_asprintf("%s/test/machines/make.sh", source ? source : ".");
	h0_autofree char *root = h0_asprintf("%s/%s", top, name);
	int code = -1;
	if (ok(run((const char *const[]){"sh", make, name, root, NULL}, &code) && !code, "%s: made", name))
		machine(name, root, NULL);
}

static void known(const char *dir, const char *name)
{
	h0_autofree char *from = h0_asprintf("%s/%s", dir, name);
	h0_autofree char *root = h0_asprintf("%s/%s", top, name);
	h0_autofree char *expected = h0_asprintf("%s/expected.json", from);
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *want = NULL;
	int code = -1;
	if (ok(h0_read_file(expected, FILE_MAX, &text, NULL) == 0 &&
	       h0_json_parse(text.p, text.len, expected, &want, NULL) == 0 &&
	       run((const char *const[]){"cp", "-a", from, root, NULL}, &code) && !code, "%s: copied", name))
		machine(name, root, want);
}

int main(int argc, char **argv)
{
	static const char *const own[] = {"halo-512m", "halo-lxc-priv", "xtx", "nvidia-nodriver",
	                                  "vm-virtio"};
	const char *shared = getenv("HAL0_SHARED"), *source = getenv("HAL0_SOURCE");
	h0_autofree char *dir = shared ? h0_asprintf("%s/machines", shared)
	                               : h0_asprintf("%s/../shared/machines", source ? source : ".");
	h0_autostrv struct h0_strv names = {0};
	snprintf(top, sizeof top, "%s/hal0-spoilt.XXXXXX",
	         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(top))
		return 1;
	atexit(leave);
	if (argc > 1 && strcmp(argv[1], "all") == 0)
		stride = 1;
	signal(SIGSEGV, last_words);
	signal(SIGABRT, last_words);
	for (size_t i = 0; i < H0_ARRAY_LEN(own); i++)
		ours(own[i]);
	DIR *d = opendir(dir);
	for (struct dirent *de; d && (de = readdir(d));)
		if (de->d_name[0] != '.' && strcmp(de->d_name, "README.md") != 0)
			h0_strv_add(&names, de->d_name);
	if (d)
		closedir(d);
	else
		printf("# SKIP machines with known answers: there is no directory of them\n");
	h0_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		known(dir, names.v[i]);
	return tap_done();
}
