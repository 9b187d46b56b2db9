/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * zsh: one function per program in terms of _arguments, so that every option shows its help.
 */
#include "base/str.h"
#include "gen.h"

static const char head[] =
"#compdef hal0";

static const char helpers[] =
"# zsh completion for hal0 and its programs; generated, do not edit\n"
"\n"
"_hal0_run() { # TAG COMMAND...\n"
"\tlocal tag=$1\n"
"\tlocal -a found\n"
"\tshift\n"
"\tfound=(${(f)\"$(_call_program $tag ${(q)@} 2>/dev/null)\"})\n"
"\t(( $#found )) && _wanted $tag expl $tag compadd -a found\n"
"}\n"
"\n"
"_hal0_keys() {\n"
"\tlocal -a keys\n"
"\tkeys=(";

/* Text inside '...' of an _arguments spec: brackets and colons mean something there. */
static void spec_text(const char *s, struct h0_buf *out)
{
	for (; *s; s++) {
		if (*s == '[' || *s == ']' || *s == ':' || *s == '\\')
			h0_buf_addc(out, '\\');
		if (*s == '\'')
			h0_buf_adds(out, "'\\''");
		else
			h0_buf_addc(out, *s);
	}
}

/* ":MESSAGE:ACTION" */
static void action(const char *message, enum h0_comp comp, const char *const *choices,
                   struct h0_buf *out)
{
	h0_buf_addc(out, ':');
	spec_text(message, out);
	h0_buf_addc(out, ':');
	if (choices) {
		h0_buf_addc(out, '(');
		for (const char *const *c = choices; *c; c++)
			h0_buf_addf(out, "%s%s", c == choices ? "" : " ", *c);
		h0_buf_addc(out, ')');
	} else if (comp == H0_COMP_FILE) {
		h0_buf_adds(out, "_files");
	} else if (comp == H0_COMP_DIR) {
		h0_buf_adds(out, "_files -/");
	} else if (comp == H0_COMP_SLOT_KEY) {
		h0_buf_adds(out, "_hal0_keys");
	} else if (gen_dynamic(comp)) {
		h0_autobuf struct h0_buf cmd = {0};
		h0_buf_addf(&cmd, " _hal0_run %ss %s", comp == H0_COMP_SLOT      ? "slot"
		                                      : comp == H0_COMP_PROFILE ? "profile"
		                                                                : "model",
		            gen_dynamic(comp));
		gen_sh_quoted(h0_buf_str(&cmd), out);
	} else {
		h0_buf_addc(out, ' ');
	}
}

static void one(const struct h0_verb *v, const struct h0_opt *o, const char *spelling, bool with_value, struct h0_buf *out)
{
	h0_buf_addf(out, " \\\n\t\t'%s%s%s[", o->type == H0_OPT_LIST ? "*" : "", spelling,
	            with_value && spelling[1] == '-' ? "=" : with_value ? "+" : "");
	spec_text(o->help, out);
	h0_buf_addc(out, ']');
	if (with_value && gen_takes_cols(v, o)) {
		h0_buf_adds(out, ":column:_values -s , column ");
		gen_cols(v, " ", out);
	} else if (with_value && o->comp == H0_COMP_SLOT_KEY) {
		h0_buf_adds(out, ":key:(");
		gen_slot_keys("", " ", out);
		h0_buf_addc(out, ')');
	} else if (with_value) {
		action(o->arg, o->comp, o->choices, out);
	}
	h0_buf_addc(out, '\'');
}

static void option(const struct h0_verb *v, const struct h0_opt *o, void *arg)
{
	char spelling[64];
	bool with_value = o->type != H0_OPT_FLAG;
	snprintf(spelling, sizeof spelling, "--%s", o->name);
	one(v, o, spelling, with_value, arg);
	if (o->flags & H0_OPT_NEGATABLE) {
		snprintf(spelling, sizeof spelling, "--no-%s", o->name);
		one(v, o, spelling, false, arg);
	}
	if (o->letter) {
		snprintf(spelling, sizeof spelling, "-%c", o->letter);
		one(v, o, spelling, with_value, arg);
	}
}

static void operands(const struct h0_verb *v, struct h0_buf *out)
{
	enum h0_comp rest = v->comp_rest ? v->comp_rest : v->comp;
	const char *const *rest_choices = v->comp_rest ? v->choices_rest : v->choices;
	if (v->max_args == 0)
		return;
	h0_buf_adds(out, " \\\n\t\t'1");
	action(v->args, v->comp, v->choices, out);
	h0_buf_addc(out, '\'');
	if (v->max_args > 0 && v->max_args < 2)
		return;
	h0_buf_adds(out, v->flags & H0_VERB_PASS ? " \\\n\t\t'*:" : " \\\n\t\t'*");
	action(v->args, rest, rest_choices, out);
	h0_buf_addc(out, '\'');
}

static void verb_case(const struct h0_verb *v, struct h0_buf *out)
{
	h0_buf_adds(out, "\t");
	gen_verb_names(v, "|", out);
	h0_buf_adds(out, ")\n\t\t_arguments -s -S");
	gen_each_opt(v, option, out);
	operands(v, out);
	h0_buf_adds(out, "\n\t\t;;\n");
}

static void tool(const struct gen_tool *t, struct h0_buf *out)
{
	const struct h0_verb *def = gen_default_verb(t->prog);
	static const struct h0_verb nothing = {.name = ""};
	h0_buf_addf(out, "_hal0_%s() {\n\tlocal curcontext=$curcontext state state_descr line expl\n"
	            "\tlocal -A opt_args\n\tlocal -a verbs\n\tverbs=(\n", t->name);
	for (size_t i = 0; i < t->prog->nverbs; i++) {
		const struct h0_verb *v = &t->prog->verbs[i];
		if (v->flags & H0_VERB_HIDDEN)
			continue;
		h0_buf_addf(out, "\t\t'%s:", v->name);
		gen_sh_quoted(v->help, out);
		h0_buf_adds(out, "'\n");
	}
	h0_buf_adds(out, "\t\t'help:show the help of a verb'\n\t)\n\t_arguments -C -s -S");
	gen_each_opt(def ? def : &nothing, option, out);
	h0_buf_adds(out, " \\\n\t\t'1: :->verb' \\\n\t\t'*:: :->rest' && return\n\tcase $state in\n"
	                 "\tverb)\n\t\t_describe -t verbs verb verbs\n\t\t;;\n\trest)\n"
	                 "\t\tcase $words[1] in\n");
	for (size_t i = 0; i < t->prog->nverbs; i++)
		verb_case(&t->prog->verbs[i], out);
	h0_buf_adds(out, "\thelp)\n\t\t_describe -t verbs verb verbs\n\t\t;;\n\t\tesac\n\t\t;;\n\tesac\n"
	                 "}\n\n");
}

static void front(struct h0_buf *out)
{
	h0_buf_adds(out, "_hal0_front() {\n\tlocal curcontext=$curcontext state state_descr line expl\n"
	                 "\tlocal -A opt_args\n\tlocal -a tools\n\ttools=(\n");
	for (size_t i = 0; i < front_prog.nverbs; i++) {
		h0_buf_addf(out, "\t\t'%s:", front_prog.verbs[i].name);
		gen_sh_quoted(front_prog.verbs[i].help, out);
		h0_buf_adds(out, "'\n");
	}
	h0_buf_adds(out, "\t\t'help:open the manual page of a verb'\n\t)\n"
	                 "\t_arguments -C '(- *)--version[show the version]' "
	                 "'(- *)'{-h,--help}'[show the verbs]' \\\n"
	                 "\t\t'1: :->tool' '*:: :->rest' && return\n\tcase $state in\n"
	                 "\ttool)\n\t\t_describe -t tools verb tools\n\t\t;;\n\trest)\n"
	                 "\t\tcase $words[1] in\n\t\thelp)\n\t\t\t_describe -t tools verb tools\n"
	                 "\t\t\t;;\n\t\t*)\n\t\t\t(( $+functions[_hal0_$words[1]] )) && "
	                 "_hal0_$words[1]\n\t\t\t;;\n\t\tesac\n\t\t;;\n\tesac\n}\n\n");
}

void gen_zsh(struct h0_buf *out)
{
	h0_buf_adds(out, head);
	for (const struct gen_tool *t = gen_tools; t->name; t++)
		h0_buf_addf(out, " hal0-%s", t->name);
	h0_buf_addf(out, "\n%s", helpers);
	gen_slot_keys("=", " ", out);
	h0_buf_adds(out, ")\n\t_wanted keys expl key compadd -S '' -a keys\n}\n\n");
	for (const struct gen_tool *t = gen_tools; t->name; t++)
		tool(t, out);
	front(out);
	h0_buf_adds(out, "case $service in\nhal0) _hal0_front \"$@\" ;;\n"
	                 "*) _hal0_${service#hal0-} \"$@\" ;;\nesac\n");
}
