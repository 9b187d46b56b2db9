/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bash: tables as case statements, and one function that walks the words with them.
 */
#include "base/str.h"
#include "gen.h"

static const char head[] =
"# bash completion for hal0 and its programs; generated, do not edit\n"
"\n"
"# The tables: _hal0_verbs TOOL; _hal0_options TOOL VERB; _hal0_operand TOOL VERB and\n"
"# _hal0_value TOOL VERB OPTION say what completes there. VERB '' is the one that runs when none\n"
"# is given. Answers go to _hal0_r.\n"
"# An operand's answer is for the first; _hal0_rest for later ones, _hal0_max how many there are.\n";

static const char tail[] =
"\n"
"_hal0_reply() { # WORDS-ON-LINES CURRENT [PREFIX]\n"
"\tlocal w\n"
"\twhile IFS= read -r w; do\n"
"\t\t[[ -n $w && $w == \"$2\"* ]] && COMPREPLY+=(\"$3$w\")\n"
"\tdone <<<\"$1\"\n"
"}\n"
"\n"
"_hal0_complete() { # KIND TOOL CURRENT\n"
"\tcase $1 in\n"
"\t'') ;;\n"
"\tfile) compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY+=($(compgen -f -- \"$3\")) ;;\n"
"\tdir) compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY+=($(compgen -d -- \"$3\")) ;;\n"
"\tverb) _hal0_verbs \"$2\"; _hal0_reply \"$_hal0_r\" \"$3\" ;;\n"
"\tkey) compopt -o nospace 2>/dev/null; _hal0_reply \"$_hal0_keys\" \"$3\" ;;\n"
"\twords:*) _hal0_reply \"${1#words:}\" \"$3\" ;;\n"
"\trun:*) _hal0_reply \"$(eval \"${1#run:}\" 2>/dev/null)\" \"$3\" ;;\n"
"\tkeyname) _hal0_reply \"${_hal0_keys//=/}\" \"$3\" ;;\n"
"\tlist:*) compopt -o nospace 2>/dev/null; _hal0_reply \"${1#list:}\" \"${3##*,}\" \"${3%\"${3##*,}\"}\" ;;\n"
"\tesac\n"
"}\n"
"\n"
"_hal0() {\n"
"\tlocal cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[0]##*/} tool verb= operands=0 i=1 opt= w\n"
"\tlocal _hal0_r _hal0_rest _hal0_max\n"
"\tCOMPREPLY=()\n"
"\tif [[ $first == hal0 ]]; then\n"
"\t\tif ((COMP_CWORD == 1)); then\n"
"\t\t\t_hal0_reply \"$_hal0_tools\"$'\\nhelp\\n--help\\n--version' \"$cur\"\n"
"\t\t\treturn\n"
"\t\tfi\n"
"\t\ttool=${COMP_WORDS[1]} i=2\n"
"\t\tif [[ $tool == help ]]; then\n"
"\t\t\t((COMP_CWORD == 2)) && _hal0_reply \"$_hal0_tools\" \"$cur\"\n"
"\t\t\treturn\n"
"\t\tfi\n"
"\telse\n"
"\t\ttool=${first#hal0-}\n"
"\tfi\n"
"\tfor (( ; i < COMP_CWORD; i++)); do\n"
"\t\tw=${COMP_WORDS[i]}\n"
"\t\tif [[ $w == '=' ]]; then\n"
"\t\t\tcontinue\n"
"\t\telif [[ -n $opt ]]; then\n"
"\t\t\topt=\n"
"\t\telif [[ $w == -* ]]; then\n"
"\t\t\t_hal0_value \"$tool\" \"$verb\" \"$w\" && opt=$w\n"
"\t\telif [[ -z $verb ]] && _hal0_is_verb \"$tool\" \"$w\"; then\n"
"\t\t\tverb=$w\n"
"\t\telse\n"
"\t\t\t((++operands))\n"
"\t\tfi\n"
"\tdone\n"
"\t[[ $cur == '=' ]] && cur=\n"
"\tif [[ -n $opt ]]; then\n"
"\t\t_hal0_value \"$tool\" \"$verb\" \"$opt\"\n"
"\t\t_hal0_complete \"$_hal0_r\" \"$tool\" \"$cur\"\n"
"\telif [[ $cur == -* ]]; then\n"
"\t\t_hal0_options \"$tool\" \"$verb\"\n"
"\t\t_hal0_reply \"$_hal0_r\" \"$cur\"\n"
"\telse\n"
"\t\tif [[ -z $verb ]] && ((operands == 0)); then\n"
"\t\t\t_hal0_verbs \"$tool\"\n"
"\t\t\t_hal0_reply \"$_hal0_r\" \"$cur\"\n"
"\t\tfi\n"
"\t\t_hal0_operand \"$tool\" \"$verb\"\n"
"\t\t((operands == 0)) || _hal0_r=$_hal0_rest\n"
"\t\t((operands < _hal0_max)) || _hal0_r=\n"
"\t\t_hal0_complete \"$_hal0_r\" \"$tool\" \"$cur\"\n"
"\tfi\n"
"}\n";

/* "'slot list'|'slot ls'", and "'slot '" for the default verb. */
static void pattern(const char *tool, const struct h0_verb *v, const char *after, struct h0_buf *out)
{
	h0_autobuf struct h0_buf names = {0};
	gen_verb_names(v, " ", &names);
	for (const char *p = h0_buf_str(&names); *p;) {
		const char *end = p;
		while (*end && *end != ' ')
			end++;
		h0_buf_addf(out, "%s'%s %.*s%s'", p == names.p ? "" : "|", tool, (int)(end - p), p, after);
		p = *end ? end + 1 : end;
	}
	if (v->flags & H0_VERB_DEFAULT)
		h0_buf_addf(out, "|'%s %s'", tool, after);
}

static void kind(enum h0_comp comp, const char *const *choices, struct h0_buf *out)
{
	static const char *const fixed[] = {
		[H0_COMP_FILE] = "file", [H0_COMP_DIR] = "dir", [H0_COMP_VERB] = "verb",
		[H0_COMP_SLOT_KEY] = "key",
	};
	if (choices) {
		h0_buf_adds(out, "$'words:");
		for (const char *const *c = choices; *c; c++)
			h0_buf_addf(out, "%s%s", *c, c[1] ? "\\n" : "");
		h0_buf_adds(out, "'");
	} else if (gen_dynamic(comp)) {
		h0_buf_addf(out, "\"run:%s\"", gen_dynamic(comp));
	} else {
		bool known = comp < H0_ARRAY_LEN(fixed) && fixed[comp];
		h0_buf_addf(out, "%s", known ? fixed[comp] : "");
	}
}

static void option_words(const struct h0_verb *v, const struct h0_opt *o, void *arg)
{
	struct h0_buf *out = arg;
	h0_buf_addf(out, "\\n--%s", o->name);
	if (o->flags & H0_OPT_NEGATABLE)
		h0_buf_addf(out, "\\n--no-%s", o->name);
	if (o->letter)
		h0_buf_addf(out, "\\n-%c", o->letter);
}

static void options(struct h0_buf *out)
{
	h0_buf_adds(out, "_hal0_options() {\n\tcase \"$1 $2\" in\n");
	for (const struct gen_tool *t = gen_tools; t->name; t++)
		for (size_t i = 0; i < t->prog->nverbs; i++) {
			h0_buf_addc(out, '\t');
			pattern(t->name, &t->prog->verbs[i], "", out);
			h0_buf_adds(out, ") _hal0_r=$'");
			h0_autobuf struct h0_buf words = {0};
			gen_each_opt(&t->prog->verbs[i], option_words, &words);
			h0_buf_addf(out, "%s' ;;\n", h0_buf_str(&words) + 2);
		}
	h0_buf_adds(out, "\t*) _hal0_r=$'--help\\n--json\\n--version' ;;\n\tesac\n}\n\n");
}

struct value_row {
	const char *tool;
	struct h0_buf *out;
};

static void value(const struct h0_verb *v, const struct h0_opt *o, void *arg)
{
	struct value_row *r = arg;
	h0_autobuf struct h0_buf after = {0};
	if (o->type == H0_OPT_FLAG)
		return;
	h0_buf_addf(&after, " --%s", o->name);
	h0_buf_addc(r->out, '\t');
	pattern(r->tool, v, h0_buf_str(&after), r->out);
	if (o->letter) {
		h0_buf_reset(&after);
		h0_buf_addf(&after, " -%c", o->letter);
		h0_buf_addc(r->out, '|');
		pattern(r->tool, v, h0_buf_str(&after), r->out);
	}
	h0_buf_adds(r->out, ") _hal0_r=");
	if (gen_takes_cols(v, o)) {
		h0_buf_adds(r->out, "$'list:");
		gen_cols(v, "\\n", r->out);
		h0_buf_adds(r->out, "'");
	} else if (o->comp == H0_COMP_SLOT_KEY) {
		h0_buf_adds(r->out, "keyname");
	} else {
		kind(o->comp, o->choices, r->out);
	}
	h0_buf_adds(r->out, " ;;\n");
}

static void values(struct h0_buf *out)
{
	h0_buf_adds(out, "# fails when the option takes no value\n_hal0_value() {\n\tcase \"$1 $2 $3\" in\n");
	for (const struct gen_tool *t = gen_tools; t->name; t++)
		for (size_t i = 0; i < t->prog->nverbs; i++)
			gen_each_opt(&t->prog->verbs[i], value,
			             &(struct value_row){t->name, out});
	h0_buf_adds(out, "\t*) _hal0_r=; return 1 ;;\n\tesac\n}\n\n");
}

static void operand(struct h0_buf *out)
{
	h0_buf_adds(out, "_hal0_operand() {\n\tcase \"$1 $2\" in\n");
	for (const struct gen_tool *t = gen_tools; t->name; t++)
		for (size_t i = 0; i < t->prog->nverbs; i++) {
			const struct h0_verb *v = &t->prog->verbs[i];
			if (!v->comp && !v->comp_rest)
				continue;
			h0_buf_addc(out, '\t');
			pattern(t->name, v, "", out);
			h0_buf_adds(out, ") _hal0_r=");
			kind(v->comp, v->choices, out);
			h0_buf_adds(out, " _hal0_rest=");
			if (v->comp_rest)
				kind(v->comp_rest, v->choices_rest, out);
			else
				h0_buf_adds(out, "$_hal0_r");
			h0_buf_addf(out, " _hal0_max=%d ;;\n", v->max_args < 0 ? 9999 : v->max_args);
		}
	h0_buf_adds(out, "\t*) _hal0_r= _hal0_rest= _hal0_max=0 ;;\n\tesac\n}\n\n");
}

static void verbs(struct h0_buf *out)
{
	h0_buf_adds(out, "_hal0_verbs() {\n\tcase $1 in\n");
	for (const struct gen_tool *t = gen_tools; t->name; t++) {
		h0_buf_addf(out, "\t%s) _hal0_r=$'help", t->name);
		for (size_t i = 0; i < t->prog->nverbs; i++)
			if (!(t->prog->verbs[i].flags & H0_VERB_HIDDEN))
				h0_buf_addf(out, "\\n%s", t->prog->verbs[i].name);
		h0_buf_adds(out, "' ;;\n");
	}
	h0_buf_adds(out, "\t*) _hal0_r= ;;\n\tesac\n}\n\n_hal0_is_verb() {\n\tcase \"$1 $2\" in\n");
	for (const struct gen_tool *t = gen_tools; t->name; t++)
		for (size_t i = 0; i < t->prog->nverbs; i++) {
			struct h0_verb named = t->prog->verbs[i];
			named.flags &= ~(unsigned)H0_VERB_DEFAULT;
			h0_buf_addc(out, '\t');
			pattern(t->name, &named, "", out);
			h0_buf_adds(out, ") return 0 ;;\n");
		}
	h0_buf_adds(out, "\tesac\n\treturn 1\n}\n\n");
}

void gen_bash(struct h0_buf *out)
{
	h0_buf_adds(out, head);
	h0_buf_adds(out, "_hal0_tools=$'");
	for (size_t i = 0; i < front_prog.nverbs; i++)
		h0_buf_addf(out, "%s%s", i ? "\\n" : "", front_prog.verbs[i].name);
	h0_buf_adds(out, "'\n_hal0_keys=$'");
	gen_slot_keys("=", "\\n", out);
	h0_buf_adds(out, "'\n\n");
	verbs(out);
	options(out);
	values(out);
	operand(out);
	h0_buf_adds(out, tail + 1);
	h0_buf_adds(out, "\ncomplete -F _hal0 hal0");
	for (const struct gen_tool *t = gen_tools; t->name; t++)
		h0_buf_addf(out, " hal0-%s", t->name);
	h0_buf_adds(out, "\n");
}
