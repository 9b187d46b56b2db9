/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fish: one `complete` line per verb, option and operand, for the command itself ("hal0-slot")
 * or behind the front ("hal0", all programs).
 */
#include "base/str.h"
#include "gen.h"

static const char helpers[] =
"# fish completion for hal0 and its programs; generated, do not edit\n"
"\n"
"# The words before the cursor that are no options, the program first: \"slot start primary\"\n"
"function __hal0_words\n"
"\tset -l words (commandline -opc)\n"
"\tset words[1] (string replace -r '.*/' '' -- $words[1])\n"
"\tif test $words[1] = hal0\n"
"\t\tset -e words[1]\n"
"\telse\n"
"\t\tset words[1] (string replace 'hal0-' '' -- $words[1])\n"
"\tend\n"
"\tstring match -v -- '-*' $words\n"
"end\n"
"\n"
"# __hal0_at TOOL VERB...: the verb is one of those\n"
"function __hal0_at\n"
"\tset -l words (__hal0_words)\n"
"\ttest \"$words[1]\" = $argv[1]; and contains -- \"$words[2]\" $argv[2..]\n"
"end\n"
"\n"
"# __hal0_bare TOOL: no verb yet\n"
"function __hal0_bare\n"
"\tset -l words (__hal0_words)\n"
"\ttest \"$words[1]\" = $argv[1]; and test (count $words) = 1\n"
"end\n"
"\n"
"# __hal0_operand N TOOL VERB...: the word at the cursor is the Nth operand (0: a later one)\n"
"function __hal0_operand\n"
"\tset -l words (__hal0_words)\n"
"\t__hal0_at $argv[2..]; or return\n"
"\tif test $argv[1] = 0\n"
"\t\ttest (count $words) -gt 2\n"
"\telse\n"
"\t\ttest (count $words) = (math $argv[1] + 1)\n"
"\tend\n"
"end\n"
"\n";

/* " -a 'WORDS'", or what else offers values. */
static void values(enum h0_comp comp, const char *const *choices, struct h0_buf *out)
{
	h0_autobuf struct h0_buf w = {0};
	if (choices) {
		for (const char *const *c = choices; *c; c++)
			h0_buf_addf(&w, "%s%s", c == choices ? "" : " ", *c);
	} else if (gen_dynamic(comp)) {
		h0_buf_addf(&w, "(%s 2>/dev/null)", gen_dynamic(comp));
	} else if (comp == H0_COMP_SLOT_KEY) {
		gen_slot_keys("=", " ", &w);
	} else if (comp == H0_COMP_FILE) {
		h0_buf_adds(out, " -F");
		return;
	} else if (comp == H0_COMP_DIR) {
		h0_buf_adds(&w, "(__fish_complete_directories)");
	}
	if (!w.len)
		return;
	h0_buf_adds(out, " -a '");
	gen_fish_quoted(h0_buf_str(&w), out);
	h0_buf_adds(out, "'");
}

static void option_values(const struct h0_verb *v, const struct h0_opt *o, struct h0_buf *out)
{
	if (gen_takes_cols(v, o)) {
		h0_buf_adds(out, " -a '(__fish_append , ");
		gen_cols(v, " ", out);
		h0_buf_adds(out, ")'");
	} else if (o->comp == H0_COMP_SLOT_KEY) {
		h0_buf_adds(out, " -a '");
		gen_slot_keys("", " ", out);
		h0_buf_adds(out, "'");
	} else {
		values(o->comp, o->choices, out);
	}
}

struct row {
	const char *command;
	const char *condition;
	struct h0_buf *out;
};

static void begin(const struct row *r)
{
	h0_buf_addf(r->out, "complete -c %s -n '%s'", r->command, r->condition);
}

static void described(const char *help, struct h0_buf *out)
{
	h0_buf_adds(out, " -d '");
	gen_fish_quoted(help, out);
	h0_buf_adds(out, "'\n");
}

static void option(const struct h0_verb *v, const struct h0_opt *o, void *arg)
{
	struct row *r = arg;
	begin(r);
	if (o->letter)
		h0_buf_addf(r->out, " -s %c", o->letter);
	h0_buf_addf(r->out, " -l %s", o->name);
	if (o->type != H0_OPT_FLAG) {
		h0_buf_adds(r->out, o->comp == H0_COMP_FILE ? " -r" : " -x");
		option_values(v, o, r->out);
	}
	described(o->help, r->out);
	if (o->flags & H0_OPT_NEGATABLE) {
		begin(r);
		h0_buf_addf(r->out, " -l no-%s", o->name);
		described(o->help, r->out);
	}
}

static void operand(const char *command, const char *at, const char *nth, enum h0_comp comp,
                    const char *const *choices, struct h0_buf *out)
{
	if (!comp)
		return;
	h0_buf_addf(out, "complete -c %s -n '__hal0_operand %s %s'", command, nth, at);
	values(comp, choices, out);
	h0_buf_adds(out, "\n");
}

static void verb(const char *command, const struct gen_tool *t, const struct h0_verb *v,
                 struct h0_buf *out)
{
	h0_autobuf struct h0_buf at = {0}, condition = {0}, bare = {0};
	h0_buf_addf(&at, "%s ", t->name);
	gen_verb_names(v, " ", &at);
	h0_buf_addf(&condition, "__hal0_at %s", h0_buf_str(&at));
	h0_buf_addf(&bare, "__hal0_bare %s", t->name);
	struct row r = {command, h0_buf_str(&bare), out};
	if (!(v->flags & H0_VERB_HIDDEN)) {
		begin(&r);
		h0_buf_addf(out, " -a %s", v->name);
		described(v->help, out);
	}
	if (v->flags & H0_VERB_DEFAULT)
		gen_each_opt(v, option, &r);
	r.condition = h0_buf_str(&condition);
	gen_each_opt(v, option, &r);
	operand(command, h0_buf_str(&at), "1", v->comp, v->choices, out);
	if (v->max_args < 0 || v->max_args > 1)
		operand(command, h0_buf_str(&at), "0", v->comp_rest ? v->comp_rest : v->comp,
		        v->comp_rest ? v->choices_rest : v->choices, out);
}

static void front(struct h0_buf *out)
{
	h0_buf_adds(out, "complete -c hal0 -n 'test -z \"$(__hal0_words)\"' -l version "
	                 "-d 'show the version'\n");
	for (size_t i = 0; i < front_prog.nverbs; i++) {
		const struct h0_verb *v = &front_prog.verbs[i];
		h0_buf_addf(out, "complete -c hal0 -n 'test -z \"$(__hal0_words)\"' -a %s", v->name);
		described(v->help, out);
		h0_buf_addf(out, "complete -c hal0 -n '__hal0_bare help' -a %s\n", v->name);
	}
	h0_buf_adds(out, "complete -c hal0 -n 'test -z \"$(__hal0_words)\"' -a help "
	                 "-d 'open the manual page of a verb'\n");
}

void gen_fish(const char *command, struct h0_buf *out)
{
	h0_buf_adds(out, helpers);
	h0_buf_addf(out, "complete -c %s -f\n", command);
	bool all = h0_streq(command, "hal0");
	if (all)
		front(out);
	for (const struct gen_tool *t = gen_tools; t->name; t++) {
		if (!all && !h0_streq(command + 5, t->name))
			continue;
		for (size_t i = 0; i < t->prog->nverbs; i++)
			verb(command, t, &t->prog->verbs[i], out);
	}
}
