/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tables of all programs hold what the parser, help, man pages and completions rely on; and
 * a broken table is found, for each way of being broken.
 */
#include "tap.h"

#include <ctype.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "cli/opt.h"
#include "specs.h"
#include "words.h"

#define MAX_HELP 66

extern const struct h0_prog front_prog;
#define TOOL_EXTERN(name) extern const struct h0_prog name##_prog;
HAL0_TOOLS(TOOL_EXTERN)
#define TOOL_ROW(name) &name##_prog,
static const struct h0_prog *const progs[] = {HAL0_TOOLS(TOOL_ROW) NULL};

/* What is wrong, one line each. */
static struct h0_buf faults;

static H0_PRINTF(2, 3) void fault(const char *where, const char *fmt, ...)
{
	va_list ap;
	char text[256];
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	h0_buf_addf(&faults, "%s: %s\n", where, text);
}

static bool is_word(const char *s)
{
	return s && s[0] >= 'a' && s[0] <= 'z' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(s);
}

static void check_help(const char *where, const char *help)
{
	if (!help || !*help)
		fault(where, "no help");
	else if (strlen(help) > MAX_HELP)
		fault(where, "help has %zu columns: %s", strlen(help), help);
	else if (isupper((unsigned char)help[0]) && islower((unsigned char)help[1]))
		fault(where, "help starts with a capital");
	else if (h0_ends(help, ".") && !h0_ends(help, "..."))
		fault(where, "help ends with a full stop");
}

/* ---- options ---- */

static size_t opt_size(const struct h0_opt *o)
{
	switch (o->type) {
	case H0_OPT_FLAG:
		return 1;
	case H0_OPT_LIST:
		return sizeof(struct h0_strv);
	default:
		return 8;
	}
}

static void check_opt_value(const char *where, const struct h0_opt *o)
{
	int64_t v;
	if ((o->type == H0_OPT_FLAG) != !o->arg)
		fault(where, o->arg ? "a flag with a value" : "a value without a name");
	if ((o->type == H0_OPT_ENUM) != (o->choices != NULL))
		fault(where, o->choices ? "choices of no enum" : "an enum without choices");
	if (o->choices && o->comp && o->comp != H0_COMP_CHOICES)
		fault(where, "choices and another completion");
	if (o->comp == H0_COMP_CHOICES && !o->choices)
		fault(where, "completed by choices it does not have");
	if (o->min > o->max)
		fault(where, "min > max");
	if ((o->min || o->max) && o->type != H0_OPT_INT)
		fault(where, "bounds of no integer");
	if ((o->flags & H0_OPT_NEGATABLE) && o->type != H0_OPT_FLAG)
		fault(where, "negatable, but no flag");
	if (o->def && (o->type == H0_OPT_FLAG || o->type == H0_OPT_LIST))
		fault(where, "a default it cannot have");
	if (o->def && o->type == H0_OPT_INT && !h0_num_i64(o->def, INT64_MIN, INT64_MAX, &v))
		fault(where, "a default that is no number");
	if (o->def && o->type == H0_OPT_ENUM) {
		const char *const *c = o->choices;
		while (c && *c && !h0_streq(*c, o->def))
			c++;
		if (!c || !*c)
			fault(where, "a default that is no choice");
	}
	if (o->def && (o->flags & H0_OPT_REQUIRED))
		fault(where, "required, with a default");
}

static void check_opt_pair(const char *where, const struct h0_opt *a, const struct h0_opt *b)
{
	if (h0_streq(a->name, b->name))
		fault(where, "two options --%s", a->name);
	if (a->letter && a->letter == b->letter)
		fault(where, "two options -%c", a->letter);
	if (a->offset < b->offset + opt_size(b) && b->offset < a->offset + opt_size(a))
		fault(where, "--%s and --%s share a place", a->name, b->name);
	const struct h0_opt *no = h0_starts(a->name, "no-") ? a : h0_starts(b->name, "no-") ? b : NULL;
	const struct h0_opt *yes = no == a ? b : a;
	if (no && (yes->flags & H0_OPT_NEGATABLE) && h0_streq(no->name + 3, yes->name))
		fault(where, "--%s twice", no->name);
}

static void check_opts(const char *where, const struct h0_verb *v)
{
	char at[160];
	for (const struct h0_opt *o = v->opts; o && o->type != H0_OPT_END; o++) {
		snprintf(at, sizeof at, "%s --%s", where, o->name);
		if (!is_word(o->name) || strchr(o->name, '_'))
			fault(at, "not a good name");
		if (o->letter && !isalpha((unsigned char)o->letter))
			fault(at, "not a good letter");
		check_help(at, o->help);
		check_opt_value(at, o);
		if (o->offset + opt_size(o) > v->opts_size)
			fault(at, "lies outside of the options struct");
		for (const struct h0_opt *p = v->opts; p < o; p++)
			check_opt_pair(at, o, p);
		for (const struct h0_opt *p = h0_common_opts; p->type != H0_OPT_END; p++)
			if (h0_streq(p->name, o->name) || (p->letter && p->letter == o->letter))
				fault(at, "is a common option");
	}
}

static void check_exclusive(const char *where, const struct h0_verb *v)
{
	for (const char *w = v->exclusive; w && *w;) {
		size_t n = strcspn(w, ",;");
		bool known = false;
		for (const struct h0_opt *o = v->opts; o && o->type != H0_OPT_END; o++)
			known = known || (strlen(o->name) == n && memcmp(o->name, w, n) == 0);
		for (const struct h0_opt *o = h0_common_opts; o->type != H0_OPT_END; o++)
			known = known || (h0_common_applies(o, v) && strlen(o->name) == n &&
			                  memcmp(o->name, w, n) == 0);
		if (!known)
			fault(where, "exclusive names unknown option '%.*s'", (int)n, w);
		w += n + (w[n] != '\0');
	}
}

/* ---- operands: "SLOT [KEY=VALUE...]" against min_args and max_args ---- */

static void check_args(const char *where, const struct h0_verb *v)
{
	int least = 0, most = 0;
	bool any = false;
	if (!v->args) {
		if (v->min_args || v->max_args)
			fault(where, "operands without a name");
		return;
	}
	int depth = 0;
	for (const char *p = v->args; *p;) {
		size_t n = strcspn(p, " ");
		depth += *p == '[';
		least += depth == 0;
		most++;
		for (size_t i = 0; i < n; i++)
			any = any || h0_starts(p + i, "...");
		for (size_t i = 0; i < n; i++)
			depth -= p[i] == ']';
		p += n + (p[n] == ' ');
	}
	if (least != v->min_args)
		fault(where, "'%s' is at least %d operands, min_args %d", v->args, least, v->min_args);
	if ((any ? -1 : most) != v->max_args)
		fault(where, "'%s' is at most %d operands, max_args %d", v->args, any ? -1 : most,
		      v->max_args);
}

/* ---- columns ---- */

static void check_cols(const char *where, const struct h0_col *cols)
{
	char at[160];
	for (const struct h0_col *c = cols; c && c->name; c++) {
		snprintf(at, sizeof at, "%s column %s", where, c->name);
		if (!is_word(c->name) || (c->json && !is_word(c->json)))
			fault(at, "not a good name");
		const char *key = c->json ? c->json : c->name;
		if (strchr(key, '-'))
			fault(at, "'-' in the JSON key");
		if (c->type == H0_COL_BYTES && !h0_ends(key, "_bytes") && !h0_streq(key, "bytes"))
			fault(at, "the JSON key of bytes ends with _bytes");
		if (c->type == H0_COL_SECONDS && !h0_ends(key, "_s"))
			fault(at, "the JSON key of seconds ends with _s");
		check_help(at, c->help);
		for (const struct h0_col *d = cols; d < c; d++)
			if (h0_streq(c->name, d->name) || h0_streq(key, d->json ? d->json : d->name))
				fault(at, "twice");
	}
}

/* ---- examples: parsed by the parser itself ---- */

static void check_example(const char *where, const struct h0_prog *p, const struct h0_verb *v,
                          const struct h0_example *x)
{
	h0_autostrv struct h0_strv w = {0};
	struct h0_err e = {0};
	size_t at = 0;
	if (!x->what || !*x->what || h0_ends(x->what, "."))
		fault(where, "example '%s': one sentence without a full stop", x->cmd);
	if (!words_split(x->cmd, &w))
		fault(where, "example '%s': open quote", x->cmd);
	if (at + 1 < w.n && h0_streq(w.v[at], "hal0"))
		at++;
	const char *tool = h0_starts(p->name, "hal0-") ? p->name + 5 : p->name;
	if (at >= w.n || !(h0_streq(w.v[at], tool) || h0_streq(w.v[at], p->name))) {
		fault(where, "example '%s' does not call it", x->cmd);
		return;
	}
	h0_auto(h0_parsed_done) struct h0_parsed r = {0};
	if (h0_parse(p, (int)(w.n - at), w.v + at, &r, &e) < 0)
		fault(where, "example '%s': %s", x->cmd, e.msg);
	else if (r.verb != v)
		fault(where, "example '%s' is of another verb", x->cmd);
}

/* ---- verbs and programs ---- */

static void check_verb(const struct h0_prog *p, const struct h0_verb *v)
{
	char where[96];
	snprintf(where, sizeof where, "%s %s", p->name, v->name ? v->name : "?");
	if (!is_word(v->name) || h0_streq(v->name, "help"))
		fault(where, "not a good name");
	check_help(where, v->help);
	check_opts(where, v);
	check_exclusive(where, v);
	check_args(where, v);
	check_cols(where, v->cols);
	check_cols(where, v->or_cols);
	if (!v->or_cols != !v->or_when || (v->or_cols && !v->cols))
		fault(where, "another report is one beside the usual, and says what asks for it");
	if (!(v->flags & H0_VERB_HIDDEN) && (!v->examples || !v->examples->cmd))
		fault(where, "no example");
	for (const struct h0_example *x = v->examples; x && x->cmd; x++)
		check_example(where, p, v, x);
	if ((v->flags & H0_VERB_ASKS) && !(v->flags & H0_VERB_WRITES))
		fault(where, "asks, but does not write");
	if ((v->comp_rest == H0_COMP_CHOICES) != (v->choices_rest != NULL))
		fault(where, "later operands: completed by choices it does not have, or with choices that are of no use");
	if (v->comp == H0_COMP_CHOICES && !v->choices)
		fault(where, "completed by choices it does not have");
	for (size_t i = 0; i < p->nverbs && &p->verbs[i] != v; i++) {
		const struct h0_verb *o = &p->verbs[i];
		if (h0_streq(o->name, v->name) || h0_list_has(o->aliases, v->name) ||
		    h0_list_has(v->aliases, o->name))
			fault(where, "a name of %s", o->name);
		if ((o->flags & v->flags) & H0_VERB_DEFAULT)
			fault(where, "a second default");
	}
}

/* An option means the same in every verb of every program: same letter, same kind. */
static void check_same(const struct h0_prog *p, const struct h0_verb *v, const struct h0_prog *q,
                       const struct h0_verb *w)
{
	for (const struct h0_opt *a = v->opts; a && a->type != H0_OPT_END; a++)
		for (const struct h0_opt *b = w->opts; b && b->type != H0_OPT_END; b++) {
			if (!h0_streq(a->name, b->name))
				continue;
			if (a->letter && b->letter && a->letter != b->letter)
				fault(a->name, "another letter in '%s %s' than in '%s %s'", p->name, v->name,
				      q->name, w->name);
			if ((a->type == H0_OPT_FLAG) != (b->type == H0_OPT_FLAG))
				fault(a->name, "takes a value in only one of '%s %s' and '%s %s'", p->name,
				      v->name, q->name, w->name);
		}
}

static void check_prog(const struct h0_prog *p)
{
	if (!h0_starts(p->name, "hal0"))
		fault(p->name, "not a good name");
	check_help(p->name, p->summary);
	if (!p->text || !*p->text)
		fault(p->name, "no description");
	for (size_t i = 0; i < p->nverbs; i++) {
		check_verb(p, &p->verbs[i]);
		for (size_t k = 0; k < i; k++)
			check_same(p, &p->verbs[i], p, &p->verbs[k]);
	}
}

/* ---- broken tables ---- */

struct broken_opts {
	const char *a, *b;
	bool flag;
};
#define A offsetof(struct broken_opts, a)
#define B offsetof(struct broken_opts, b)
#define F offsetof(struct broken_opts, flag)
#define STR(letter, name, at) {letter, name, H0_OPT_STR, at, "X", "help"}

static const char *const two[] = {"one", "two", NULL};
static const struct {
	const char *want;
	struct h0_opt opts[4];
	struct h0_verb verb;
} broken[] = {
	{"two options --x", {STR(0, "x", A), STR(0, "x", B)}},
	{"two options -x", {STR('x', "x", A), STR('x', "y", B)}},
	{"share a place", {STR(0, "x", A), STR(0, "y", A)}},
	{"share a place", {STR(0, "x", A), {0, "f", H0_OPT_FLAG, A + 4, NULL, "help"}}},
	{"outside", {STR(0, "x", sizeof(struct broken_opts))}},
	{"is a common option", {STR(0, "json", A)}},
	{"is a common option", {STR('q', "x", A)}},
	{"no help", {{0, "x", H0_OPT_STR, A, "X", NULL}}},
	{"columns", {{0, "x", H0_OPT_STR, A, "X",
	              "a help text that goes on and on until nobody can read it on one line"}}},
	{"a capital", {{0, "x", H0_OPT_STR, A, "X", "Help"}}},
	{"full stop", {{0, "x", H0_OPT_STR, A, "X", "help."}}},
	{"not a good name", {STR(0, "X", A)}},
	{"an enum without choices", {{0, "x", H0_OPT_ENUM, A, "X", "help"}}},
	{"choices of no enum", {{0, "x", H0_OPT_STR, A, "X", "help", .choices = two}}},
	{"no choice", {{0, "x", H0_OPT_ENUM, A, "X", "help", .choices = two, .def = "three"}}},
	{"no number", {{0, "x", H0_OPT_INT, A, "X", "help", .def = "three"}}},
	{"a flag with a value", {{0, "x", H0_OPT_FLAG, F, "X", "help"}}},
	{"a value without a name", {{0, "x", H0_OPT_STR, A, NULL, "help"}}},
	{"min > max", {{0, "x", H0_OPT_INT, A, "X", "help", .min = 2, .max = 1}}},
	{"--no-x twice", {{0, "x", H0_OPT_FLAG, A, NULL, "help", .flags = H0_OPT_NEGATABLE},
	                  {0, "no-x", H0_OPT_FLAG, B, NULL, "help"}}},
	{"unknown option 'y'", {STR(0, "x", A)}, {.exclusive = "x,y"}},
	{"at least 1 operands", {{0}}, {.args = "A [B...]", .min_args = 0, .max_args = -1}},
	{"at most -1 operands", {{0}}, {.args = "A [B...]", .min_args = 1, .max_args = 2}},
	{"at least 2 operands", {{0}}, {.args = "A B", .min_args = 1, .max_args = 2}},
	{"operands without a name", {{0}}, {.max_args = 1}},
	{"no example", {{0}}},
	{"missing operand", {{0}}, {.args = "A", .min_args = 1, .max_args = 1,
	 .examples = (const struct h0_example[]){{"hal0 x v", "Runs it"}, {0}}}},
	{"unknown option '--nope'", {{0}},
	 {.examples = (const struct h0_example[]){{"hal0 x v --nope | sort", "Runs it"}, {0}}}},
	{"unknown option '--nope'", {{0}},
	 {.examples = (const struct h0_example[]){{"echo 'a b' | A=1 hal0 x v --nope", "Runs"}, {0}}}},
	{"of another verb", {{0}},
	 {.examples = (const struct h0_example[]){{"hal0-x other", "Runs it"}, {0}}}},
	{"does not call it", {{0}},
	 {.examples = (const struct h0_example[]){{"hal0 y v", "Runs it"}, {0}}}},
	{"asks, but", {{0}}, {.flags = H0_VERB_ASKS}},
	{"a name of v", {{0}}, {.aliases = "other"}},
	{"ends with _bytes", {{0}},
	 {.cols = (const struct h0_col[]){{"size", NULL, H0_COL_BYTES, "help"}, {0}}}},
	{"twice", {{0}}, {.cols = (const struct h0_col[]){{"a", NULL, H0_COL_STR, "help"},
	                                                 {"b", "a", H0_COL_STR, "help"}, {0}}}},
	{"says what asks for it", {{0}},
	 {.cols = (const struct h0_col[]){{0}}, .or_cols = (const struct h0_col[]){{0}}}},
};

static void test_broken(void)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(broken); i++) {
		struct h0_verb verbs[2] = {broken[i].verb, {.name = "other", .help = "help"}};
		verbs[0].name = "v";
		verbs[0].help = "help";
		verbs[0].opts = broken[i].opts;
		verbs[0].opts_size = sizeof(struct broken_opts);
		struct h0_prog p = {"hal0-x", "help", "text", verbs, 2};
		h0_buf_reset(&faults);
		check_prog(&p);
		if (!ok(strstr(h0_buf_str(&faults), broken[i].want), "found: %s", broken[i].want))
			printf("# got %s\n", h0_buf_str(&faults));
	}
}

static void test_no_faults(const char *what)
{
	if (ok(faults.len == 0, "%s", what))
		return;
	for (char *line = strtok(faults.p, "\n"); line; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
	h0_buf_reset(&faults);
}

/* The front repeats each program's summary. */
static void test_front(void)
{
	for (size_t i = 0; progs[i]; i++) {
		const char *tool = progs[i]->name + 5, *said = NULL;
		for (size_t k = 0; k < front_prog.nverbs; k++)
			if (h0_streq(front_prog.verbs[k].name, tool))
				said = front_prog.verbs[k].help;
		is_str(said, progs[i]->summary, progs[i]->name);
	}
}

int main(void)
{
	h0_buf_reset(&faults);
	for (size_t i = 0; progs[i]; i++) {
		check_prog(progs[i]);
		test_no_faults(progs[i]->name);
	}
	for (size_t i = 0; progs[i]; i++)
		for (size_t k = 0; k < i; k++)
			for (size_t a = 0; a < progs[i]->nverbs; a++)
				for (size_t b = 0; b < progs[k]->nverbs; b++)
					check_same(progs[i], &progs[i]->verbs[a], progs[k], &progs[k]->verbs[b]);
	test_no_faults("options mean the same everywhere");
	test_front();
	test_broken();
	h0_buf_done(&faults);
	return tap_done();
}
