/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A program made of a table, run for real in a child: its stdout, stderr and exit code.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/main.h"
#include "fmt/json.h"
#include "sys/io.h"

struct opts {
	int64_t lines;
	bool follow;
	int8_t fast;
	const char *kind;
	struct h0_strv tags;
};

static const char *const kinds[] = {"gpu-rocm", "gpu-vulkan", "cpu", NULL};
static const struct h0_opt list_opts[] = {
	{'n', "lines", H0_OPT_INT, offsetof(struct opts, lines), "N", "print N rows", .min = 1,
	 .max = 1000, .def = "2"},
	{'f', "follow", H0_OPT_FLAG, offsetof(struct opts, follow), NULL, "go on"},
	{0, "fast", H0_OPT_FLAG, offsetof(struct opts, fast), NULL, "hurry",
	 .flags = H0_OPT_NEGATABLE},
	{0, "kind", H0_OPT_ENUM, offsetof(struct opts, kind), "KIND", "kind of row",
	 H0_COMP_CHOICES, kinds},
	{'t', "tag", H0_OPT_LIST, offsetof(struct opts, tags), "TAG", "tag the rows"},
	{0},
};
static const struct h0_col list_cols[] = {
	{"name", NULL, H0_COL_STR, "name of the row"},
	{"size", "size_bytes", H0_COL_BYTES, "its size"},
	{"up", "up_s", H0_COL_SECONDS, "time since start"},
	{"on", NULL, H0_COL_BOOL, "whether it is on", H0_COL_EXTRA},
	{0},
};
static const struct h0_verb verbs[] = {
	{.name = "list", .args = "", .help = "list rows", .opts = list_opts,
	 .opts_size = sizeof(struct opts), .cols = list_cols, .aliases = "ls", .exclusive = "fast,kind"},
	{.name = "fail", .args = "[HOW]", .max_args = 1, .help = "fail"},
	{.name = "del", .args = "NAME", .min_args = 1, .max_args = 1, .help = "delete a row",
	 .cols = list_cols, .flags = H0_VERB_WRITES | H0_VERB_ASKS},
	{.name = "run", .args = "NAME [ARG...]", .min_args = 1, .max_args = -1, .help = "run it",
	 .flags = H0_VERB_PASS},
};
static const struct h0_prog prog = {
	.name = "hal0-test", .summary = "a test", .verbs = verbs, .nverbs = H0_ARRAY_LEN(verbs),
};

static int do_list(struct h0_ctx *ctx, const void *v, struct h0_err *e)
{
	const struct opts *o = v;
	struct h0_rec *r = h0_rec_new(list_cols);
	for (int64_t i = 0; i < o->lines; i++) {
		h0_rec_row(r);
		h0_rec_str(r, 0, i ? "b\033[31m" : "alpha");
		h0_rec_int(r, 1, (int64_t)1536 << (10 * (i % 4)));
		if (i)
			h0_rec_int(r, 2, 3900);
		h0_rec_bool(r, 3, o->fast == 1);
	}
	struct h0_json *more = h0_json_object();
	h0_json_set_int(more, "tags", (int64_t)o->tags.n);
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}

static int do_fail(struct h0_ctx *ctx, const void *v, struct h0_err *e)
{
	if (ctx->argc && ctx->argv[0][0] == 'n')
		return H0_NO;
	h0_warn(ctx, "look out for '%s'", "a\r\n\033b");
	h0_say(ctx, "chatter");
	h0_progress(ctx, "a", "step %d", 1);
	h0_progress(ctx, "a", "step %d", 2);
	h0_out_text(ctx, "partial\n", e);
	h0_fail_at(e, "x.toml", 3, 4, "a.b", "bad\033 value\n");
	h0_err_code(e, "slot.config_error");
	return h0_err_detail(e, "wanted", "%s", "c");
}

static int do_del(struct h0_ctx *ctx, const void *v, struct h0_err *e)
{
	if (!h0_confirm(ctx, e, "Delete %s?", ctx->argv[0]))
		return -1;
	return h0_out_text(ctx, ctx->dry_run ? "would\n" : "deleted\n", e);
}

static int do_run(struct h0_ctx *ctx, const void *v, struct h0_err *e)
{
	for (int i = 0; i < ctx->argc; i++) {
		h0_out_text(ctx, ctx->argv[i], e);
		h0_out_text(ctx, "|", e);
	}
	return 0;
}

static const h0_verb_fn fns[] = {do_list, do_fail, do_del, do_run};

static struct h0_buf out, err;

/* Runs the program on words separated by spaces; mode "" captures stdout. */
static int run(const char *mode, const char *words)
{
	char line[512], *argv[32] = {(char *)(uintptr_t)"hal0-test"};
	int argc = 1, o[2], x[2], status = 0;
	snprintf(line, sizeof line, "%s", words);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	h0_buf_reset(&out);
	h0_buf_reset(&err);
	if (pipe(o) || pipe(x))
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(o[1], 1);
		dup2(x[1], 2);
		if (strcmp(mode, "closed") == 0)
			close(1);
		if (strcmp(mode, "all-closed") == 0)
			close(0), close(1), close(2);
		if (strcmp(mode, "full") == 0)
			dup2(open("/dev/full", O_WRONLY), 1);
		for (int fd = 3; fd < 20; fd++)
			close(fd);
		exit(h0_main(&prog, fns, argc, argv));
	}
	close(o[1]);
	close(x[1]);
	if (strcmp(mode, "gone") == 0)
		close(o[0]);
	else
		h0_read_fd(o[0], 1 << 20, &out, NULL);
	h0_read_fd(x[0], 1 << 20, &err, NULL);
	if (strcmp(mode, "gone") != 0)
		close(o[0]);
	close(x[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_table(void)
{
	is_int(run("", "list"), 0, "list");
	is_str(h0_buf_str(&out),
	       "NAME       SIZE    UP\n"
	       "alpha   1.5 KiB     -\n"
	       "b?[31m  1.5 MiB  1h5m\n", "table");
	is_str(h0_buf_str(&err), "", "nothing on stderr");
	run("", "list --no-header --columns on,name --fast");
	is_str(h0_buf_str(&out), "yes  alpha\nyes  b?[31m\n", "columns chosen, no heading");
	run("", "list --format {name}\\t{size_bytes}/{up} -n1");
	is_str(h0_buf_str(&out), "alpha\t1536/\n", "format is exact");
	is_int(run("", "list --columns nmae"), 2, "unknown column");
	is_str(h0_buf_str(&err), "hal0-test: unknown column 'nmae' (did you mean name?)\n", "and says so");
	is_int(run("", "del x --yes --format {nmae}"), 2, "unknown column of a verb that writes");
	is_str(h0_buf_str(&out), "", "is found before anything is done");
}

static void test_json(void)
{
	struct h0_err e;
	is_int(run("", "--json list -t a --tag=b -n 1"), 0, "--json before the verb");
	h0_autojson struct h0_json *j = NULL;
	ok(h0_json_parse(out.p, out.len, "out", &j, &e) == 0, "is JSON");
	const struct h0_json *row = h0_json_at(h0_json_get(j, "items"), 0);
	is_int(h0_json_int(h0_json_get(j, "schema"), 0), 1, "schema");
	is_int(h0_json_int(h0_json_get(j, "tags"), 0), 2, "member of the verb's own");
	is_int(h0_json_int(h0_json_get(row, "size_bytes"), 0), 1536, "exact bytes");
	ok(h0_json_get(row, "up_s") && h0_json_type(h0_json_get(row, "up_s")) == H0_JSON_NULL,
	   "unknown is null");
	ok(h0_json_type(h0_json_get(row, "on")) == H0_JSON_BOOL, "extra columns are in JSON");
	is_int(run("", "fail --json"), 3, "failure with --json");
	is_str(h0_buf_str(&err),
	       "{\"warning\":{\"message\":\"look out for 'a\\r\\n\\u001Bb'\"}}\n"
	       "{\"error\":{\"code\":\"slot.config_error\",\"message\":\"bad\\u001B value\\n\",\"details\":"
	       "{\"file\":\"x.toml\",\"line\":3,\"col\":4,\"key\":\"a.b\",\"wanted\":\"c\"}}}\n",
	       "JSON lines on stderr");
	is_int(run("", "lsit --json"), 2, "usage error with --json");
	ok(strstr(h0_buf_str(&err), "\"code\":\"system.usage\""), "is JSON as well");
	run("", "list --json --format x");
	ok(strstr(h0_buf_str(&err), "--json and --format exclude each other"), "--json or --format");
}

static void test_errors(void)
{
	is_int(run("", "fail"), 3, "exit code is the kind");
	is_str(h0_buf_str(&out), "partial\n", "what was printed before stays");
	is_str(h0_buf_str(&err),
	       "hal0-test: warning: look out for 'a? ?b'\nhal0-test: chatter\nhal0-test: step 1\n"
	       "hal0-test: x.toml:3:4: a.b: bad? value\n", "messages");
	is_int(run("", "fail -q no"), 1, "an answer of no");
	is_str(h0_buf_str(&err), "", "is no error");
	static const struct { const char *argv, *want; } bad[] = {
		{"", "no verb given; one of list, fail, del, run"},
		{"lst", "unknown verb 'lst' (did you mean list?)"},
		{"zzzzzzz", "unknown verb 'zzzzzzz'; one of list, fail, del, run"},
		{"list --lnies 3", "unknown option '--lnies' for list (did you mean --lines?)"},
		{"list --lin 3", "unknown option '--lin' for list (did you mean --lines?)"},
		{"list -z", "unknown option '-z' for list; --help lists the options"},
		{"list --lines", "--lines needs a value: N"},
		{"list -n x", "--lines: 'x' is not a whole number"},
		{"list -n 0", "--lines: 0 is not within 1..1000"},
		{"list --kind gpu-rcom", "--kind: unknown KIND 'gpu-rcom' (did you mean gpu-rocm?)"},
		{"list --follow=1", "--follow takes no value"},
		{"list --no-follow", "unknown option '--no-follow' for list (did you mean --follow?)"},
		{"list --fast --kind cpu", "--fast and --kind exclude each other"},
		{"list extra", "list: unexpected operand 'extra'"},
		{"del", "del: missing operand; wants NAME"},
		{"list --dry-run", "unknown option '--dry-run' for list; --help lists the options"},
		{"del x", "Delete x?  Nobody to ask: say --yes"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++) {
		char want[256];
		snprintf(want, sizeof want, "hal0-test: %s\n", bad[i].want);
		is_int(run("", bad[i].argv), 2, bad[i].argv);
		is_str(h0_buf_str(&err), want, bad[i].want);
	}
}

static void test_grammar(void)
{
	run("", "run -q x --json -n 5 -- y");
	is_str(h0_buf_str(&out), "x|--json|-n|5|--|y|", "options after the operand are somebody else's");
	run("", "run -- -x");
	is_str(h0_buf_str(&out), "-x|", "-- ends the options");
	is_int(run("", "-fn1 ls --no-header --columns=name"), 0, "cluster before the verb, alias");
	is_str(h0_buf_str(&out), "alpha\n", "both applied");
	is_int(run("", "del x -y --dry-run"), 0, "--yes and --dry-run");
	is_str(h0_buf_str(&out), "would\n", "dry run");
	is_int(run("", "list --no-fast --columns=on -n1 --no-header"), 0, "negated");
	is_str(h0_buf_str(&out), "no\n", "no");
}

/* The same on a terminal of 40 columns on which `keys` are typed; out is all it shows. */
static int run_tty(const char *keys, const char *words)
{
	char line[512], *argv[32] = {(char *)(uintptr_t)"hal0-test"};
	int argc = 1, master, status = 0;
	struct winsize size = {.ws_row = 24, .ws_col = 40};
	snprintf(line, sizeof line, "%s", words);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	h0_buf_reset(&out);
	pid_t pid = forkpty(&master, NULL, NULL, &size);
	if (pid == 0)
		exit(h0_main(&prog, fns, argc, argv));
	if (write(master, keys, strlen(keys)) < 0)
		abort();
	/* ends with EIO when the other side is closed */
	char part[1024];
	for (ssize_t n; (n = read(master, part, sizeof part)) > 0;)
		h0_buf_add(&out, part, (size_t)n);
	close(master);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_tty(void)
{
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	run_tty("", "list");
	is_str(h0_buf_str(&out), "\033[1mNAME       SIZE    UP\033[0m\r\nalpha   1.5 KiB     -\r\n"
	                         "b?[31m  1.5 MiB  1h5m\r\n", "the heading is bold");
	run_tty("", "list --format {name}");
	is_str(h0_buf_str(&out), "alpha\r\nb?[31m\r\n", "no value steers the terminal");
	run("", "list --format {name}");
	is_str(h0_buf_str(&out), "alpha\nb\033[31m\n", "elsewhere it is as it is");
	run_tty("", "list --color never -n1 --columns name");
	is_str(h0_buf_str(&out), "NAME\r\nalpha\r\n", "--color never");
	setenv("NO_COLOR", "1", 1);
	run_tty("", "list -n1 --columns name");
	is_str(h0_buf_str(&out), "NAME\r\nalpha\r\n", "NO_COLOR");
	run("", "list -n1 --columns name --color=always");
	is_str(h0_buf_str(&out), "\033[1mNAME\033[0m\nalpha\n", "--color=always wins, also in a pipe");
	is_int(run_tty("", "fail"), 3, "messages on a terminal");
	is_str(h0_buf_str(&out),
	       "hal0-test: warning: look out for 'a? ?b'\r\nhal0-test: chatter\r\n\r\033[Kstep 1\r\033[Kstep 2"
	       "\r\033[Kpartial\r\nhal0-test: x.toml:3:4: a.b: bad? value\r\n",
	       "progress is one line that goes away");
	is_int(run_tty("y\n", "del x"), 0, "asked and told yes");
	ok(strstr(h0_buf_str(&out), "Delete x? [y/N] ") && strstr(h0_buf_str(&out), "deleted\r\n"),
	   "it is done");
	is_int(run_tty("\n", "del x"), 1, "told nothing");
	ok(strstr(h0_buf_str(&out), "hal0-test: left as it is\r\n") &&
	   !strstr(h0_buf_str(&out), "deleted"), "it is not done");
	is_int(run_tty("\004", "del x"), 1, "end of input is no");
	run_tty("", "list --help");
	bool narrow = true;
	for (const char *l = h0_buf_str(&out); *l; l += strcspn(l, "\n"), l += *l == '\n')
		narrow = narrow && strcspn(l, "\r\n") <= 60;
	ok(narrow && strstr(h0_buf_str(&out), "  -n, --lines N"), "help is wrapped");
}

static void test_stdout(void)
{
	is_int(run("closed", "list"), 6, "closed stdout");
	is_str(h0_buf_str(&err), "hal0-test: standard output is closed\n", "is an error");
	is_int(run("full", "list"), 6, "full stdout");
	is_str(h0_buf_str(&err), "hal0-test: standard output: No space left on device\n", "is an error");
	is_int(run("all-closed", "list"), 6, "all three closed");
	is_int(run("all-closed", "fail no"), 1, "closed, and nothing to say");
	is_int(run("gone", "list -n 1000"), 0, "reader gone");
	is_str(h0_buf_str(&err), "", "is none");
}

static const char list_help[] =
	"Usage: hal0 test list [OPTION...]\n"
	"\n"
	"List rows.\n"
	"Also called ls.\n"
	"\n"
	"Options:\n"
	"  -n, --lines N      print N rows (default: 2)\n"
	"  -f, --follow       go on\n"
	"      --[no-]fast    hurry\n"
	"      --kind KIND    kind of row: gpu-rocm, gpu-vulkan or cpu\n"
	"  -t, --tag TAG      tag the rows; may be repeated\n"
	"  -h, --help         show this help\n"
	"      --json         print JSON; errors too, on standard error\n"
	"      --columns A,B  print these columns, in this order\n"
	"      --format TEXT  print TEXT for each row; {name} is a column, \\t a tab\n"
	"      --no-header    print the table without its heading\n"
	"  -q, --quiet        print no messages but warnings and errors\n"
	"      --color WHEN   colour the output: auto, always or never (default: auto)\n"
	"\n"
	"Columns (+ only when asked for, or with --json):\n"
	"  name    name of the row\n"
	"  size    its size\n"
	"  up      time since start\n"
	"  on +    whether it is on\n";

static void test_help(void)
{
	is_int(run("", "--help"), 0, "--help");
	ok(strstr(h0_buf_str(&out), "\nVerbs:\n  list  list rows\n"), "lists the verbs");
	is_int(run("", "list -h"), 0, "VERB -h");
	h0_autofree char *one = h0_strdup(h0_buf_str(&out));
	is_int(run("", "help list"), 0, "help VERB");
	is_str(h0_buf_str(&out), one, "says the same");
	is_str(one, list_help, "all of it");
	is_int(run("", "help lits"), 2, "help of no verb");
	is_int(run("", "del --help"), 0, "help needs no operand");
	is_int(run("full", "--help"), 6, "help is data as well");
	is_int(run("", "--version"), 0, "--version");
	is_str(h0_buf_str(&out), "hal0-test " HAL0_VERSION "\n", "version");
}

int main(void)
{
	test_table();
	test_json();
	test_errors();
	test_grammar();
	test_stdout();
	test_tty();
	test_help();
	h0_buf_done(&out);
	h0_buf_done(&err);
	return tap_done();
}
