/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every verb of every program says when it is misused, and when the world around it is broken:
 * an exit code of the list, one line "PROGRAM: ..." (or one JSON line where --json asks for it) that
 * no data can break in two, and nothing on stdout that could be taken for an answer. The verbs,
 * their options and commands that work are those of the tables. MISUSE_SHOW=1 shows all that is
 * said, to be read.
 */
#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "sys/tree.h"

/* Line ends, escape sequences, a C1 control, and a mark that turns the direction of writing. */
#define EVIL "no\nsuch\033[2J\r\177\302\233thing\342\200\256"

static char lengthy[5000];

/* ---- what is a good complaint ---- */

/* No byte in it could steer a terminal or begin a line of its own. */
static bool is_tame(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i], next = (unsigned char)s[i + 1];
		if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0) ||
		    h0_starts(s + i, "\342\200\256"))
			return false;
	}
	return true;
}

static bool is_message(const struct h0_prog *p, const char *s, size_t n, bool json)
{
	h0_autofree char *line = strndup(s, n);
	size_t name = strlen(p->name);
	struct h0_json *j = NULL;
	if (!is_tame(line, n) || strstr(line, "(null)") || strstr(line, "(nil)"))
		return false;
	if (!json)
		return n > name + 3 && h0_starts(line, p->name) && h0_starts(line + name, ": ") &&
		       !strchr(" :", line[name + 2]) && !strchr(" :", line[n - 1]);
	bool good = h0_json_parse(line, n, "stderr", &j, NULL) == 0 &&
	            (h0_json_get(j, "error") || h0_json_get(j, "warning"));
	h0_json_free(j);
	return good;
}

/* All that stands on stderr are messages; *ret_n counts them. */
static bool are_messages(const struct h0_prog *p, bool json, int *ret_n)
{
	const char *s = h0_buf_str(&got.err);
	for (*ret_n = 0; *s; ++*ret_n) {
		size_t n = strcspn(s, "\n");
		if (s[n] != '\n' || !is_message(p, s, n, json))
			return false;
		s += n + 1;
	}
	return strlen(h0_buf_str(&got.err)) == got.err.len;
}

static void show(const struct h0_prog *p, const struct h0_strv *args)
{
	printf("# %s", p->name);
	for (size_t i = 0; i < args->n; i++) {
		h0_autobuf struct h0_buf b = {0};
		for (const char *c = args->v[i]; *c && b.len < 200; c++)
			h0_buf_addc(&b, *c < ' ' ? '$' : *c);
		printf(" '%s'", h0_buf_str(&b));
	}
	putchar('\n');
	say_if(true);
}

/* `want` is the exit code, -1 any of the list. */
static void judge(const struct h0_prog *p, const struct h0_strv *args, const char *what, int want)
{
	bool json = h0_strv_has(args, "--json");
	int n;
	bool code = want < 0 ? got.exit_code >= 0 && got.exit_code < H0_BUG : got.exit_code == want;
	bool told = are_messages(p, json, &n);
	if (got.exit_code >= H0_USAGE)
		told = told && n > 0 && (!json || tells_json_error());
	if (got.exit_code < H0_USAGE && json)
		told = told && (got.out.len == 0 || is_json(&got.out));
	if (got.exit_code == H0_USAGE)
		told = told && n == 1 && got.out.len == 0;
	bool good = ok(code && told && !got.timed_out, "%s %s%s: %s", p->name, args->v[0],
	               json ? " --json" : "", what);
	if (!good || getenv("MISUSE_SHOW"))
		show(p, args);
}

static void try_once(const struct h0_prog *p, const struct h0_strv *args, const char *what, int want)
{
	run(p, args);
	judge(p, args, what, want);
}

/* Every other time as JSON, where nothing in the command speaks against it. */
static void try(const struct h0_prog *p, const struct h0_strv *args, const char *what, int want)
{
	static unsigned calls;
	h0_autostrv struct h0_strv json = {0};
	bool text = h0_strv_has(args, "--json") || h0_strv_has(args, "--format") ||
	            h0_strv_has(args, "--columns") || h0_strv_has(args, "--follow");
	if (text || calls++ % 2) {
		try_once(p, args, what, want);
		return;
	}
	for (size_t i = 0; i < args->n; i++) {
		h0_strv_add(&json, args->v[i]);
		if (i == 0)
			h0_strv_add(&json, "--json");
	}
	try_once(p, &json, what, want);
}

static void try_words(const struct h0_prog *p, const char *a, const char *b, const char *c,
                      const char *what, int want)
{
	h0_autostrv struct h0_strv args = {0};
	const char *const words[] = {a, b, c};
	for (size_t i = 0; i < H0_ARRAY_LEN(words) && words[i]; i++)
		h0_strv_add(&args, words[i]);
	try(p, &args, what, want);
}

/* ---- the command line ---- */

static void test_line(const struct h0_prog *p, const struct h0_verb *v)
{
	h0_autostrv struct h0_strv args = {0};
	if (v->min_args > 0)
		try_words(p, v->name, NULL, NULL, "an operand is missing", H0_USAGE);
	try_words(p, v->name, "--" EVIL, NULL, "an unknown option", H0_USAGE);
	try_words(p, v->name, "--columns", EVIL, "an unknown column", v->cols ? H0_USAGE : -1);
	h0_strv_add(&args, v->name);
	for (int i = 0; i <= v->max_args; i++)
		h0_strv_add(&args, EVIL);
	if (v->max_args >= 0 && !(v->flags & H0_VERB_PASS))
		try(p, &args, "an operand too many", H0_USAGE);
}

static void test_option(const struct h0_prog *p, const struct h0_verb *v, const struct h0_opt *o)
{
	h0_autofree char *name = h0_asprintf("--%s", o->name), *valued = h0_asprintf("--%s=x", o->name);
	if (o->type == H0_OPT_FLAG) {
		try_words(p, v->name, valued, NULL, "a flag with a value", H0_USAGE);
		return;
	}
	h0_autostrv struct h0_strv args = {0};
	h0_strv_add(&args, v->name);
	h0_strv_add(&args, name);
	try_once(p, &args, "an option without its value", H0_USAGE);
	if (o->type == H0_OPT_STR || o->type == H0_OPT_LIST)
		return;
	try_words(p, v->name, name, EVIL, "a value of another type", H0_USAGE);
	try_words(p, v->name, name, "", "an empty value", H0_USAGE);
	try_words(p, v->name, name, "99999999999999999999", "a number that is too large", H0_USAGE);
}

/* ---- commands that work, with one word spoilt ---- */

static bool ends(const struct h0_verb *v, const struct h0_strv *args)
{
	return !(v->flags & H0_VERB_SERVES) && args->n > 0 && h0_streq(args->v[0], v->name);
}

static void test_spoilt(const struct h0_prog *p, const struct h0_strv *args)
{
	static const struct {
		const char *word, *what;
	} bad[] = {{EVIL, "a word of control characters"}, {"", "an empty word"},
	           {lengthy, "a word of five thousand letters"}, {"../nothing", "a path as a word"}};
	for (size_t i = 1; i < args->n; i++) {
		char *word = args->v[i];
		for (size_t k = 0; k < H0_ARRAY_LEN(bad); k++) {
			args->v[i] = (char *)bad[k].word;
			if (word[0] != '-')
				try(p, args, bad[k].what, -1);
		}
		args->v[i] = word;
	}
}

/* ---- files ---- */

static void test_file(const struct h0_prog *p, const struct h0_strv *args)
{
	static const char *const names[] = {"empty", "garbage", "directory", "secret", "missing", "fifo"};
	for (size_t i = 1; i < args->n; i++) {
		char *word = args->v[i];
		for (size_t k = 0; k < H0_ARRAY_LEN(names); k++) {
			h0_autofree char *name = h0_asprintf("bad/%s", names[k]), *file = path(name);
			h0_autofree char *what = h0_asprintf("a file that is %s", names[k]);
			args->v[i] = file;
			if (word[0] != '-' && strpbrk(word, "./"))
				try(p, args, what, -1);
		}
		args->v[i] = word;
	}
}

/* ---- the world ---- */

static void rm_tree(const char *name)
{
	h0_autofree char *p = path(name);
	if (h0_remove_tree(p, NULL) < 0)
		abort();
}

static void fresh_world(void)
{
	static const char *const made[] = {"etc", "var-lib", "run", "models", "cwd", "bad"};
	h0_autofree char *fifo = path("bad/fifo"), *cwd = path("cwd");
	for (size_t i = 0; i < H0_ARRAY_LEN(made); i++)
		rm_tree(made[i]);
	make_world();
	put("bad/empty", "", 0644);
	put("bad/garbage", "\177ELF\001\033[2J\n = [[\n", 0644);
	put("bad/secret", "x", 0600);
	put("bad/directory/x", "", 0644);
	if (mkfifo(fifo, 0666) < 0 || chmod(cwd, 0777) < 0)
		abort();
}

static void break_podman(void)
{
	put("bin/podman", "#!/bin/sh\nprintf 'Error: bo\\033[2Jom\\r\\nmore of it\\n' >&2; exit 125\n", 0755);
}

static void lie_podman(void)
{
	put("bin/podman", "#!/bin/sh\nprintf '\\033[2J{\\n'\n", 0755);
}

static void break_slot(void)
{
	put("etc/hal0/slots/primary.toml", "name = \"a\\nb\"\nport = \"\\u001b\"\n[model]\ndefault = \"x\\ny\"\n", 0644);
}

static void shift_slots(void)
{
	rm_tree("etc/hal0/slots");
	put("etc/hal0/slots", "", 0644);
}

static void garble_files(void)
{
	static const char *const names[] = {"hal0.toml", "capabilities.toml", "profiles.toml",
		"images.lock.json", "hardware.json", "proxmox.json", "upstreams.toml"};
	for (size_t i = 0; i < H0_ARRAY_LEN(names); i++) {
		h0_autofree char *name = h0_asprintf("etc/hal0/%s", names[i]);
		put(name, "a = \"\033\" \302\233\n", 0600);
	}
}

static void garble_state(void)
{
	put("var-lib/hal0/slots/primary/state.json", "{\"state\": \"\\u001b\\n", 0644);
	put("var-lib/hal0/registry/registry.toml", "= \033\n", 0644);
	put("run/hal0/ledger.json", "\033", 0644);
	put("etc/hal0/.txn/journal", "\033\n", 0644);
}

static const struct trouble {
	const char *what;
	void (*make)(void);
	const char *before[6], *home, *path;
} troubles[] = {
	{"all is well", NULL},
	{"no podman", .path = "/nowhere"},
	{"podman fails", break_podman},
	{"podman lies", lie_podman},
	{"a slot that is invalid", break_slot},
	{"slots is a file", shift_slots},
	{"every file is garbage", garble_files},
	{"every state is garbage", garble_state},
	{"HAL0_HOME is no path", .home = "rela\ntive"},
	{"HAL0_HOME is a file", .home = "/dev/null"},
	{"HAL0_HOME cannot be made", .home = "/proc/none"},
	{"nobody calls it", .before = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}},
};

/* Where the programs can be called so, and write nothing of their own into the build tree (coverage). */
static bool can_call(const struct h0_prog *p, const struct trouble *t)
{
	h0_autostrv struct h0_strv args = {0};
	if (!t->before[0])
		return true;
	if (geteuid() != 0)
		return false;
	h0_strv_add(&args, "--help");
	caller = (struct caller){.before = t->before};
	run(p, &args);
	caller = (struct caller){0};
	return got.exit_code == 0 && got.err.len == 0;
}

static void test_world(const struct h0_prog *p, const struct h0_strv *args)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(troubles); i++) {
		const struct trouble *t = &troubles[i];
		if (!can_call(p, t))
			continue;
		fresh_world();
		if (t->make)
			t->make();
		caller = (struct caller){.before = t->before, .home = t->home, .path = t->path};
		try(p, args, t->what, -1);
		caller = (struct caller){0};
	}
}

/* What is printed cannot be written: that is an error, unless the reader has merely left. */
static void test_output(const struct h0_prog *p, const struct h0_verb *v, const struct h0_strv *good)
{
	static const struct {
		const char *what, *script;
	} ways[] = {
		{"standard output is closed", "exec \"$@\" >&-"},
		{"standard output is full", "exec \"$@\" >/dev/full"},
		{"the reader has left", "set -o pipefail; \"$@\" | :"},
	};
	h0_autostrv struct h0_strv args = {0};
	for (size_t i = 0; i < good->n; i++)
		h0_strv_add(&args, good->v[i]);
	if (v->flags & H0_VERB_WRITES && !h0_strv_has(&args, "--dry-run"))
		h0_strv_add(&args, "--dry-run");
	fresh_world();
	run(p, &args);
	int code = got.exit_code, lost = got.out.len && code < H0_USAGE ? H0_SYS : code;
	for (size_t i = 0; i < H0_ARRAY_LEN(ways); i++) {
		const char *const before[] = {"bash", "-c", ways[i].script, "bash", NULL};
		caller = (struct caller){.before = before};
		try_once(p, &args, ways[i].what, i < 2 ? lost : code);
		caller = (struct caller){0};
	}
}

static void test_verb(const struct h0_prog *p, const struct h0_verb *v)
{
	bool first = true;
	fresh_world();
	test_line(p, v);
	for (const struct h0_opt *o = v->opts; o && o->type; o++)
		test_option(p, v, o);
	for (const struct h0_example *x = v->examples; x && x->cmd; x++) {
		h0_autostrv struct h0_strv args = {0};
		if (!example_args(x, &args) || !ends(v, &args))
			continue;
		test_spoilt(p, &args);
		if (first) {
			test_file(p, &args);
			test_world(p, &args);
			test_output(p, v, &args);
		}
		first = false;
	}
}

int main(void)
{
#ifdef __SANITIZE_ADDRESS__
	const size_t every = 3; /* verb: programs are slow to start */
#else
	const size_t every = 1;
#endif
	if (!getenv("HAL0_BUILD") || !mkdtemp(top) || chmod(top, 0755) < 0)
		return tap_skip_all("HAL0_BUILD is not set");
	memset(lengthy, 'x', sizeof lengthy - 1);
	for (size_t i = 0; progs[i]; i++)
		for (size_t k = 0; k < progs[i]->nverbs; k++)
			if ((i + k) % every == 0 && !(progs[i]->verbs[k].flags & H0_VERB_HIDDEN))
				test_verb(progs[i], &progs[i]->verbs[k]);
	h0_spawned_done(&got);
	rm_tree("");
	return tap_done();
}
