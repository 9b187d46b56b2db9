/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parser on its own: what each spelling writes, and where.
 */
#include "tap.h"

#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/opt.h"

struct opts {
	bool all, follow;
	int8_t fast, safe;
	const char *name, *kind;
	int64_t lines, size, wait, zero;
	struct h0_strv tags;
};

#define AT(field) offsetof(struct opts, field)
static const char *const kinds[] = {"red", "green", NULL};
static const struct h0_opt show_opts[] = {
	{'a', "all", H0_OPT_FLAG, AT(all), NULL, "help"},
	{'f', "follow", H0_OPT_FLAG, AT(follow), NULL, "help"},
	{'F', "fast", H0_OPT_FLAG, AT(fast), NULL, "help", .flags = H0_OPT_NEGATABLE},
	{0, "safe", H0_OPT_FLAG, AT(safe), NULL, "help", .flags = H0_OPT_NEGATABLE},
	{'N', "name", H0_OPT_STR, AT(name), "NAME", "help", .def = "nobody"},
	{'k', "kind", H0_OPT_ENUM, AT(kind), "KIND", "help", .choices = kinds},
	{'n', "lines", H0_OPT_INT, AT(lines), "N", "help", .min = 0, .max = 9, .def = "-1"},
	{'s', "size", H0_OPT_SIZE, AT(size), "SIZE", "help"},
	{'w', "wait", H0_OPT_DURATION, AT(wait), "TIME", "help"},
	{'z', "zero", H0_OPT_INT, AT(zero), "N", "help"},
	{'t', "tag", H0_OPT_LIST, AT(tags), "TAG", "help"},
	{0},
};
static const struct h0_opt need_opts[] = {
	{0, "name", H0_OPT_STR, 0, "NAME", "help", .flags = H0_OPT_REQUIRED},
	{0},
};
static const struct h0_verb verbs[] = {
	{.name = "show", .args = "[WORD...]", .max_args = -1, .help = "h", .opts = show_opts,
	 .opts_size = sizeof(struct opts), .flags = H0_VERB_DEFAULT, .exclusive = "all,kind;json,quiet"},
	{.name = "need", .args = "A [B]", .min_args = 1, .max_args = 2, .help = "h",
	 .opts = need_opts, .opts_size = sizeof(char *), .aliases = "want,require"},
	{.name = "pass", .args = "A [B...]", .min_args = 1, .max_args = -1, .help = "h",
	 .flags = H0_VERB_PASS},
};
static const struct h0_prog prog = {"hal0-x", "h", "t", verbs, H0_ARRAY_LEN(verbs)};

static struct h0_parsed got;
static struct h0_err err;
static char *words[40];

/* Parses words separated by '|'. */
static int parse(const char *line)
{
	static char copy[512];
	int argc = 1;
	h0_parsed_done(&got);
	err = (struct h0_err){0};
	snprintf(copy, sizeof copy, "%s", line);
	words[0] = copy + sizeof copy - 1;
	for (char *p = copy; *line && p; argc++) {
		words[argc] = p;
		p = strchr(p, '|');
		if (p)
			*p++ = '\0';
	}
	words[argc] = NULL;
	return h0_parse(&prog, argc, words, &got, &err);
}

static const struct opts *o(void)
{
	return got.opts;
}

static void test_values(void)
{
	is_int(parse(""), 0, "nothing given");
	ok(got.verb == &verbs[0] && !got.named && got.argc == 0 && !got.argv[0], "the default verb");
	is_str(o()->name, "nobody", "default of a string");
	is_int(o()->lines, -1, "a default may lie outside of the bounds");
	is_int(o()->fast, -1, "a negatable flag that is not given");
	is_int(o()->zero, 0, "no default is zero");
	static const char *const spellings[] = {
		"--lines=3|--name=x|-a", "--lines|3|--name|x|--all", "-n3|-Nx|-a", "-n|3|-N|x|-a",
		"-an3|-Nx", "-aNx|-n|3", "-n5|-Ny|-a|-n3|-Nx", "show|-an3|--name|x", "-a|show|-n3|-Nx",
		"-n|3|show|-a|-Nx", "--lines|3|--name|x|show|--all",
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(spellings); i++) {
		parse(spellings[i]);
		ok(o() && o()->lines == 3 && h0_streq(o()->name, "x") && o()->all && got.argc == 0, "%s",
		   spellings[i]);
	}
	parse("-s|1.5K|-w2m|-z-7|--name=|--kind|green");
	ok(o()->size == 1536 && o()->wait == 120 && o()->zero == -7, "size, duration, negative number");
	is_str(o()->name, "", "an empty value is a value");
	is_str(o()->kind, "green", "choice");
	parse("--name|--all|--name=-x");
	ok(h0_streq(o()->name, "-x") && !o()->all, "a value may look like an option");
	parse("-t|a|--tag=b,c|-td");
	ok(o()->tags.n == 3 && h0_strv_has(&o()->tags, "b,c"), "a list collects whole values");
	parse("-F|--no-safe");
	ok(o()->fast == 1 && o()->safe == 0, "--no-");
	parse("--no-fast|--fast");
	is_int(o()->fast, 1, "the last one counts");
}

static void test_operands(void)
{
	parse("a|-f|b|--|-a|--");
	ok(got.argc == 4 && h0_streq(got.argv[2], "-a") && h0_streq(got.argv[3], "--") &&
	   o()->follow && !o()->all, "operands between options, then --");
	parse("-|show");
	ok(got.argc == 2 && h0_streq(got.argv[0], "-") && got.verb == &verbs[0],
	   "- is an operand of the default verb");
	parse("x|-5|-.5|-n3|-1e3");
	ok(got.argc == 4 && h0_streq(got.argv[3], "-1e3") && o()->lines == 3,
	   "negative numbers are operands");
	parse("--|show");
	ok(got.argc == 1 && !got.named, "after -- there is no verb");
	parse("pass|-q|cmd|--json|--|-x");
	ok(got.argc == 4 && got.common.quiet && !got.common.json && h0_streq(got.argv[2], "--"),
	   "pass: everything from the first operand on");
	parse("want|--name|x|1");
	ok(got.verb == &verbs[1] && got.index == 1 && got.named, "alias");
	is_int(parse("need|--help"), 0, "help wants nothing else");
	ok(got.common.help && got.verb == &verbs[1], "and knows the verb");
	is_int(parse("help|want"), 0, "help VERB");
	ok(got.common.help && got.verb == &verbs[1] && got.named, "is VERB --help");
	is_int(parse("help"), 0, "help");
	ok(got.common.help && !got.verb, "of the program");
}

static void test_refused(void)
{
	static const struct { const char *line, *want; } bad[] = {
		{"--lines=", "--lines: '' is not a whole number"},
		{"-n1x", "--lines: '1x' is not a whole number"},
		{"-n10", "--lines: 10 is not within 0..9"},
		{"-n-1", "--lines: -1 is not within 0..9"},
		{"-z99999999999999999999", "--zero: '99999999999999999999' is not a whole number"},
		{"-s1Q", "--size: '1Q' is not a size such as 512M or 1.5GiB"},
		{"-wsoon", "--wait: 'soon' is not a duration such as 90, 5m or 1h"},
		{"-kbleu", "--kind: unknown KIND 'bleu'; one of red, green"},
		{"-kgren", "--kind: unknown KIND 'gren' (did you mean green?)"},
		{"--name", "--name needs a value: NAME"},
		{"-aN", "-N needs a value: NAME"},
		{"--all=yes", "--all takes no value"},
		{"--no-all", "unknown option '--no-all' (did you mean --all?)"},
		{"--no-safe=1", "--no-safe takes no value"},
		{"--lin=3", "unknown option '--lin' (did you mean --lines?)"},
		{"--Lines=3", "unknown option '--Lines' (did you mean --lines?)"},
		{"--", NULL},
		{"---", "unknown option '---'; --help lists the options"},
		{"-ax", "unknown option '-x'; --help lists the options"},
		{"--yes", "unknown option '--yes'; --help lists the options"},
		{"--all|--kind|red", "--all and --kind exclude each other"},
		{"--json|-q", "--json and --quiet exclude each other"},
		{"-q|--kind=red", NULL},
		{"need|x", "need: --name NAME is required"},
		{"need|--name|x", "need: missing operand; wants A [B]"},
		{"need|--name|x|1|2|3", "need: unexpected operand '3'; wants A [B]"},
		{"help|nope", "unknown verb 'nope'; one of show, need, pass"},
		{"--color=maybe", "--color: unknown WHEN 'maybe'; one of auto, always, never"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++) {
		int rc = parse(bad[i].line);
		is_str(rc < 0 ? err.msg : NULL, bad[i].want, bad[i].line);
		if (rc < 0)
			is_int(err.kind, H0_USAGE, "is a usage error");
	}
}

/* Any words: an answer or a usage error, and every operand is one of the words. */
static void test_any(void)
{
	static const char *const pieces[] = {"-", "--", "-a", "-an", "-n", "3", "--name", "--name=",
		"=", "--no-", "--no-fast", "help", "show", "need", "pass", "--json", "x", "", "-Fa3",
		"--lines=-", "-t", "--tag", "--help", "-5", "--color", "never", "---", "--no-no-fast"};
	char *argv[10];
	unsigned seed = 1;
	bool good = true;
	for (int round = 0; round < 20000; round++) {
		int argc = 1;
		argv[0] = words[0];
		for (int n = rand_r(&seed) % 8; argc <= n; argc++)
			argv[argc] = (char *)(uintptr_t)pieces[(size_t)rand_r(&seed) % H0_ARRAY_LEN(pieces)];
		argv[argc] = NULL;
		h0_parsed_done(&got);
		err = (struct h0_err){0};
		int rc = h0_parse(&prog, argc, argv, &got, &err);
		good = good && (rc == 0 ? got.verb || got.common.help || got.common.version
		                        : rc == -1 && err.kind == H0_USAGE && err.msg[0]);
		for (int i = 0; rc == 0 && i < got.argc; i++) {
			int k = 1;
			while (k < argc && argv[k] != got.argv[i])
				k++;
			good = good && k < argc;
		}
	}
	ok(good, "any words give an answer or a usage error");
}

int main(void)
{
	test_values();
	test_operands();
	test_refused();
	test_any();
	h0_parsed_done(&got);
	return tap_done();
}
