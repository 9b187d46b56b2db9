/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * scdoc sources of the manual pages that come from the program tables. `text`, `files` and
 * `see_also` of a table are scdoc already; everything else is escaped here.
 */
#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "gen.h"

void gen_esc(const char *s, struct h0_buf *out)
{
	for (; *s; s++) {
		if (strchr("\\*_#~<>[]|`.", *s))
			h0_buf_addc(out, '\\');
		h0_buf_addc(out, *s);
	}
}

static void esc_sentence(const char *s, struct h0_buf *out)
{
	h0_autobuf struct h0_buf b = {0};
	gen_esc(s, &b);
	if (b.len)
		b.p[0] = (char)toupper((unsigned char)b.p[0]);
	bool asks = h0_ends(h0_buf_str(&b), "?");
	h0_buf_addf(out, "%s%s\n", h0_buf_str(&b), asks ? "" : ".");
}

static void preamble(const char *name, int section, const char *summary, struct h0_buf *out)
{
	h0_buf_addf(out, "%s(%d) \"hal0 %s\" \"hal0 manual\"\n\n# NAME\n\n%s - ", name, section,
	            HAL0_VERSION, name);
	gen_esc(summary, out);
	h0_buf_adds(out, "\n\n");
}

static void called(const struct h0_prog *p, struct h0_buf *out)
{
	if (h0_starts(p->name, "hal0-"))
		h0_buf_addf(out, "hal0 %s", p->name + 5);
	else
		h0_buf_adds(out, p->name);
}

/* "SLOT [KEY=VALUE...]" with the words underlined. */
static void operands(const char *args, struct h0_buf *out)
{
	bool in = false;
	for (; args && *args; args++) {
		bool word = isalnum((unsigned char)*args) || strchr("-=|/", *args);
		if (word != in)
			h0_buf_addc(out, '_');
		in = word;
		if (!isalnum((unsigned char)*args) && *args != ' ')
			h0_buf_addc(out, '\\');
		h0_buf_addc(out, *args);
	}
	h0_buf_adds(out, in ? "_" : "");
}

static void usage(const struct h0_prog *p, const struct h0_verb *v, struct h0_buf *out)
{
	h0_buf_addc(out, '*');
	called(p, out);
	if (!(v->flags & H0_VERB_DEFAULT))
		h0_buf_addf(out, " %s", v->name);
	h0_buf_adds(out, "*");
	if (v->flags & H0_VERB_DEFAULT)
		h0_buf_addf(out, " \\[*%s*\\]", v->name);
	h0_buf_adds(out, " \\[_OPTION_\\.\\.\\.\\] ");
	operands(v->args, out);
}

static void option(const struct h0_opt *o, void *arg)
{
	struct h0_buf *out = arg;
	if (o->letter)
		h0_buf_addf(out, "*-%c*, ", o->letter);
	h0_buf_addf(out, "*--%s%s*", o->flags & H0_OPT_NEGATABLE ? "\\[no-\\]" : "", o->name);
	if (o->arg) {
		h0_buf_adds(out, " _");
		gen_esc(o->arg, out);
		h0_buf_addc(out, '_');
	}
	h0_buf_adds(out, "\n\t");
	esc_sentence(o->help, out);
	bool named = true;
	for (const char *const *c = o->choices; c && *c; c++)
		named = named && strstr(o->help, *c);
	if (!named) {
		h0_buf_adds(out, "\tOne of ");
		for (const char *const *c = o->choices; *c; c++) {
			h0_buf_addf(out, "%s*", c == o->choices ? "" : c[1] ? ", " : " or ");
			gen_esc(*c, out);
			h0_buf_addc(out, '*');
		}
		h0_buf_adds(out, ".\n");
	}
	if (o->min || o->max)
		h0_buf_addf(out, "\tFrom %lld to %lld.\n", (long long)o->min, (long long)o->max);
	if (o->def && !strstr(o->help, "default"))
		h0_buf_addf(out, "\tThe default is %s.\n", o->def);
	if (o->type == H0_OPT_LIST)
		h0_buf_adds(out, "\tMay be given several times.\n");
	if (o->flags & H0_OPT_REQUIRED)
		h0_buf_adds(out, "\tRequired.\n");
	h0_buf_adds(out, "\n");
}

/* The columns with (or without) H0_COL_EXTRA under a line that introduces them; `when`: what asks
 * for this report, NULL for the usual one. */
static void column_list(const struct h0_col *cols, unsigned extra, const char *when, struct h0_buf *out)
{
	size_t before = out->len;
	for (const struct h0_col *c = cols; c->name; c++) {
		if ((c->flags & H0_COL_EXTRA) != extra)
			continue;
		if (out->len == before)
			h0_buf_addf(out, "%s%s%s%s%s:\n\n", extra ? "More columns" : "Columns", when ? " with *" : "",
			            when ? when : "", when ? "*" : "",
			            extra ? ", printed when asked for and with *--json*" : "");
		h0_buf_addf(out, "- *%s*", c->name);
		if (c->json && !h0_streq(c->json, c->name)) {
			h0_buf_adds(out, " (in JSON *");
			gen_esc(c->json, out);
			h0_buf_adds(out, "*)");
		}
		h0_buf_adds(out, c->help ? ": " : "");
		gen_esc(c->help ? c->help : "", out);
		h0_buf_adds(out, "\n");
	}
	if (out->len > before)
		h0_buf_adds(out, "\n");
}

static void report(const struct h0_col *cols, const char *when, struct h0_buf *out)
{
	column_list(cols, 0, when, out);
	column_list(cols, H0_COL_EXTRA, when, out);
}

/* Verbs may share a report: it is described where it stands first. */
static void columns(const struct h0_prog *p, const struct h0_verb *v, struct h0_buf *out)
{
	const struct h0_verb *first = p->verbs;
	while (first->cols != v->cols)
		first++;
	if (first != v) {
		h0_buf_addf(out, "Columns: those of *%s*.\n\n", first->name);
		return;
	}
	report(v->cols, NULL, out);
}

static void examples(const struct h0_example *x, struct h0_buf *out)
{
	if (x && x->cmd)
		h0_buf_addf(out, "%s:\n\n", x[1].cmd ? "Examples" : "Example");
	for (; x && x->cmd; x++) {
		esc_sentence(x->what, out);
		h0_buf_adds(out, "\n\t*");
		gen_esc(x->cmd, out);
		h0_buf_adds(out, "*\n\n");
	}
}

static bool is_own(const struct h0_opt *o)
{
	/* the others stand once, under COMMON OPTIONS */
	return h0_streq(o->name, "dry-run") || h0_streq(o->name, "yes");
}

static void verb(const struct h0_prog *p, const struct h0_verb *v, struct h0_buf *out)
{
	h0_buf_adds(out, "## ");
	gen_verb_names(v, ", ", out);
	h0_buf_adds(out, "\n\n");
	usage(p, v, out);
	h0_buf_adds(out, "\n\n");
	esc_sentence(v->help, out);
	h0_buf_adds(out, "\n");
	if (v->text)
		h0_buf_addf(out, "%s\n\n", v->text);
	for (const struct h0_opt *o = v->opts; o && o->type != H0_OPT_END; o++)
		if (!(o->flags & H0_OPT_HIDDEN))
			option(o, out);
	for (const struct h0_opt *o = h0_common_opts; o->type != H0_OPT_END; o++)
		if (is_own(o) && h0_common_applies(o, v))
			option(o, out);
	if (v->cols)
		columns(p, v, out);
	if (v->or_cols)
		report(v->or_cols, v->or_when, out);
	examples(v->examples, out);
}

static void common_options(struct h0_buf *out)
{
	for (const struct h0_opt *o = h0_common_opts; o->type != H0_OPT_END; o++)
		if (!is_own(o))
			option(o, out);
}

/* "hal0-slot.toml(5), ...": the names bold. */
void gen_man_refs(const char *see_also, struct h0_buf *out)
{
	for (const char *p = see_also; *p;) {
		size_t n = strcspn(p, "(");
		h0_buf_addf(out, "*%.*s*", (int)n, p);
		p += n;
		n = strcspn(p, ",");
		n += p[n] == ',' ? strspn(p + n, ", ") : 0;
		h0_buf_add(out, p, n);
		p += n;
	}
}

static void end(const char *files, const char *see_also, struct h0_buf *out)
{
	if (files)
		h0_buf_addf(out, "# FILES\n\n%s\n\n", files);
	h0_buf_adds(out, "# SEE ALSO\n\n");
	gen_man_refs(see_also, out);
	h0_buf_adds(out, "\n");
}

void gen_man_tool(const struct h0_prog *p, struct h0_buf *out)
{
	preamble(p->name, 1, p->summary, out);
	h0_buf_adds(out, "# SYNOPSIS\n\n");
	for (size_t i = 0; i < p->nverbs; i++) {
		if (p->verbs[i].flags & H0_VERB_HIDDEN)
			continue;
		usage(p, &p->verbs[i], out);
		h0_buf_adds(out, i + 1 < p->nverbs ? "++\n" : "\n");
	}
	h0_buf_addf(out, "\n# DESCRIPTION\n\n%s\n\n# VERBS\n\n", p->text ? p->text : "");
	for (size_t i = 0; i < p->nverbs; i++)
		if (!(p->verbs[i].flags & H0_VERB_HIDDEN))
			verb(p, &p->verbs[i], out);
	h0_buf_adds(out, "# COMMON OPTIONS\n\nEvery verb takes these, before or after its name; "
	                 "*--columns*, *--format* and *--no-header* go with verbs that have columns. "
	                 "*hal0*(1) says more about output.\n\n");
	common_options(out);
	h0_buf_adds(out, "# EXIT STATUS\n\nSee *hal0-exit*(7).\n\n");
	end(p->files, p->see_also, out);
}

void gen_man_front(struct h0_buf *out)
{
	const struct h0_prog *p = &front_prog;
	preamble(p->name, 1, p->summary, out);
	h0_buf_adds(out, "# SYNOPSIS\n\n*hal0* _VERB_ \\[_ARGUMENT_\\.\\.\\.\\]++\n"
	                 "*hal0 help* \\[_TOPIC_\\]++\n*hal0* *--version*\n\n# DESCRIPTION\n\n");
	h0_buf_addf(out, "%s\n\n# VERBS\n\n", p->text);
	for (size_t i = 0; i < p->nverbs; i++) {
		h0_buf_addf(out, "*%s*\n\t", p->verbs[i].name);
		esc_sentence(p->verbs[i].help, out);
		h0_buf_addf(out, "\tSee *hal0-%s*(1).\n\n", p->verbs[i].name);
	}
	h0_buf_adds(out, "*help* \\[_TOPIC_\\]\n\tOpen the manual page hal0-_TOPIC_, or without an "
	                 "installed page print what the program says of itself.\n\n"
	                 "# COMMON OPTIONS\n\nEvery verb of every program takes these:\n\n");
	for (const struct h0_opt *o = h0_common_opts; o->type != H0_OPT_END; o++)
		option(o, out);
	end(p->files, p->see_also, out);
}

void gen_man_exit(struct h0_buf *out)
{
	preamble("hal0-exit", 7, "exit codes and errors of the hal0 programs", out);
	h0_buf_adds(out, "# DESCRIPTION\n\nAll hal0 programs share one list of exit codes:\n\n");
	for (int code = 0; h0_kind_help(code); code++) {
		h0_buf_addf(out, "*%d*\n\t", code);
		esc_sentence(h0_kind_help(code), out);
		h0_buf_adds(out, "\n");
	}
	h0_buf_adds(out,
		"Only 0 and 1 are answers; from 2 on something is wrong and standard error says what. "
		"*--dry-run* exits with the code that the real run would.\n\n"
		"A standard output that is closed or full is an error (6), since data was lost. A reader "
		"that leaves early, as *head*(1) does, is none.\n\n"
		"# MESSAGES\n\nAn error is one line on standard error, with the place in a file where "
		"there is one:\n\n```\nhal0-slot: slots/chat.toml:12:10: device: unknown device "
		"'gpu-rcom' (did you mean gpu-rocm?)\n```\n\n"
		"With *--json* it is one line of JSON:\n\n```\n"
		"{\"error\":{\"code\":\"slot.config_error\",\"message\":\"...\",\"details\":{\"file\":"
		"\"slots/chat.toml\",\"line\":12,\"col\":10,\"key\":\"device\"}}}\n```\n\n"
		"_code_ is stable and meant for programs, _message_ is for people and may change. "
		"_details_ is always an object; columns count bytes from 1. Warnings are lines of the "
		"form {\"warning\":{\"message\":\"...\"}}.\n\n# EXAMPLE\n\n"
		"A script that waits while somebody else holds the configuration:\n\n```\n"
		"until hal0 slot set primary device=cpu; do\n\t[ $? = 5 ] || exit\n\tsleep 1\ndone\n```\n\n");
	end(NULL, "hal0(1), hal0-conf(1), hal0-txn(7)", out);
}
