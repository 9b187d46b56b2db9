/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/help.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "cli/opt.h"

#define INDENT 2
#define MAX_TERM 26     /* a longer term puts its text on the next line */

/* "hal0 slot" for "hal0-slot": how people call it. */
static void called(const struct h0_prog *prog, struct h0_buf *out)
{
	if (h0_starts(prog->name, "hal0-"))
		h0_buf_addf(out, "hal0 %s", prog->name + 5);
	else
		h0_buf_adds(out, prog->name);
}

/* Adds words, going to a new line indented by `left` before column `width`; the cursor is at
 * column `at`. */
static void wrap(const char *text, size_t left, size_t at, int width, struct h0_buf *out)
{
	bool first = true;
	while (*text) {
		size_t n = strcspn(text, " ");
		if (!first && at + 1 + n > (size_t)width) {
			h0_buf_addf(out, "\n%*s", (int)left, "");
			at = left;
		} else if (!first) {
			h0_buf_addc(out, ' ');
			at++;
		}
		h0_buf_add(out, text, n);
		at += n;
		text += n;
		text += strspn(text, " ");
		first = false;
	}
	h0_buf_addc(out, '\n');
}

/* A help line as a sentence. */
static void put_sentence(const char *s, int width, struct h0_buf *out)
{
	h0_autofree char *copy = h0_asprintf("%s.", s);
	if (copy[0] >= 'a' && copy[0] <= 'z')
		copy[0] -= 'a' - 'A';
	wrap(copy, 0, 0, width, out);
}

/* "  term     text", the text at column `tab`. */
static void put_term(const char *term, const char *text, size_t tab, int width, struct h0_buf *out)
{
	size_t n = INDENT + strlen(term);
	h0_buf_addf(out, "%*s%s", INDENT, "", term);
	if (n + 2 > tab)
		h0_buf_addf(out, "\n%*s", (int)tab, "");
	else
		h0_buf_addf(out, "%*s", (int)(tab - n), "");
	wrap(text, tab, tab, width, out);
}

static void opt_term(const struct h0_opt *o, struct h0_buf *out)
{
	if (o->letter)
		h0_buf_addf(out, "-%c, ", o->letter);
	else
		h0_buf_adds(out, "    ");
	h0_buf_addf(out, "--%s%s", o->flags & H0_OPT_NEGATABLE ? "[no-]" : "", o->name);
	if (o->arg)
		h0_buf_addf(out, " %s", o->arg);
}

static bool def_is_shown(const struct h0_opt *o)
{
	int64_t v;
	if (!o->def || strstr(o->help, "default"))
		return false;
	return o->type != H0_OPT_INT || (!o->min && !o->max) ||
	       h0_num_i64(o->def, o->min, o->max, &v);
}

static void opt_text(const struct h0_opt *o, struct h0_buf *out)
{
	/* "help: one, two or three (default: one)" */
	const char *tail = strstr(o->help, " (default");
	size_t head = tail ? (size_t)(tail - o->help) : strlen(o->help);
	h0_buf_add(out, o->help, head);
	/* the help of few choices names them itself */
	bool named = true;
	for (const char *const *c = o->choices; c && *c; c++)
		named = named && strstr(o->help, *c);
	for (const char *const *c = o->choices; c && *c && !named; c++)
		h0_buf_addf(out, "%s%s", c == o->choices ? ": " : c[1] ? ", " : " or ", *c);
	h0_buf_adds(out, o->help + head);
	if (def_is_shown(o))
		h0_buf_addf(out, " (default: %s)", o->def);
	if (o->type == H0_OPT_LIST)
		h0_buf_adds(out, "; may be repeated");
	if (o->flags & H0_OPT_REQUIRED)
		h0_buf_adds(out, " (required)");
}

static size_t term_width(const struct h0_opt *o)
{
	h0_autobuf struct h0_buf term = {0};
	opt_term(o, &term);
	return term.len;
}

static bool is_shown(const struct h0_opt *o, const struct h0_verb *verb, bool common)
{
	if (o->flags & H0_OPT_HIDDEN)
		return false;
	return !common || h0_common_applies(o, verb);
}

static size_t widest(const struct h0_opt *o, const struct h0_verb *verb, bool common, size_t w)
{
	for (; o && o->type != H0_OPT_END; o++)
		if (is_shown(o, verb, common) && term_width(o) > w && term_width(o) <= MAX_TERM)
			w = term_width(o);
	return w;
}

static void put_opts(const struct h0_opt *o, const struct h0_verb *verb, bool common, size_t tab,
                     int width, struct h0_buf *out)
{
	for (; o && o->type != H0_OPT_END; o++) {
		h0_autobuf struct h0_buf term = {0}, text = {0};
		if (!is_shown(o, verb, common))
			continue;
		opt_term(o, &term);
		opt_text(o, &text);
		put_term(h0_buf_str(&term), h0_buf_str(&text), tab, width, out);
	}
}

static void put_options(const struct h0_verb *verb, int width, struct h0_buf *out)
{
	size_t w = widest(verb->opts, verb, false, widest(h0_common_opts, verb, true, 0));
	h0_buf_adds(out, "\nOptions:\n");
	put_opts(verb->opts, verb, false, INDENT + w + 2, width, out);
	put_opts(h0_common_opts, verb, true, INDENT + w + 2, width, out);
}

/* `when`: what asks for this report, NULL for the usual one. */
static void put_columns(const struct h0_col *cols, const char *when, int width, struct h0_buf *out)
{
	size_t w = 0;
	bool extra = false;
	for (const struct h0_col *c = cols; c->name; c++) {
		if (strlen(c->name) > w)
			w = strlen(c->name);
		extra = extra || (c->flags & H0_COL_EXTRA);
	}
	h0_buf_addf(out, "\nColumns%s%s%s:\n", when ? " with " : "", when ? when : "",
	            extra ? " (+ only when asked for, or with --json)" : "");
	for (const struct h0_col *c = cols; c->name; c++) {
		h0_autobuf struct h0_buf term = {0};
		h0_buf_addf(&term, "%s%s", c->name, c->flags & H0_COL_EXTRA ? " +" : "");
		put_term(h0_buf_str(&term), c->help ? c->help : "", INDENT + w + 4, width, out);
	}
}

static void put_examples(const struct h0_verb *verb, int width, struct h0_buf *out)
{
	if (!verb->examples || !verb->examples->cmd)
		return;
	h0_buf_adds(out, "\nExamples:\n");
	for (const struct h0_example *x = verb->examples; x->cmd; x++) {
		h0_buf_addf(out, "  %s\n", x->cmd);
		h0_buf_adds(out, "      ");
		wrap(x->what, 6, 6, width, out);
	}
}

static void put_usage(const struct h0_prog *prog, const struct h0_verb *verb, bool named,
                      struct h0_buf *out)
{
	called(prog, out);
	if (named)
		h0_buf_addf(out, " %s", verb->name);
	h0_buf_adds(out, " [OPTION...]");
	if (verb->args && verb->args[0])
		h0_buf_addf(out, " %s", verb->args);
	h0_buf_addc(out, '\n');
}

/* "rm,remove" */
static void put_aliases(const char *list, struct h0_buf *out)
{
	h0_buf_adds(out, "Also called ");
	for (const char *p = list; *p; p++) {
		h0_buf_addc(out, *p);
		if (*p == ',')
			h0_buf_addc(out, ' ');
	}
	h0_buf_adds(out, ".\n");
}

void h0_help_verb(const struct h0_prog *prog, const struct h0_verb *verb, int width,
                  struct h0_buf *out)
{
	h0_buf_adds(out, "Usage: ");
	put_usage(prog, verb, true, out);
	h0_buf_addc(out, '\n');
	put_sentence(verb->help, width, out);
	if (verb->aliases)
		put_aliases(verb->aliases, out);
	put_options(verb, width, out);
	if (verb->cols)
		put_columns(verb->cols, NULL, width, out);
	if (verb->or_cols)
		put_columns(verb->or_cols, verb->or_when, width, out);
	put_examples(verb, width, out);
}

void h0_help_prog(const struct h0_prog *prog, int width, struct h0_buf *out)
{
	const struct h0_verb *def = NULL;
	size_t w = 0;
	for (size_t i = 0; i < prog->nverbs; i++) {
		const struct h0_verb *v = &prog->verbs[i];
		if (v->flags & H0_VERB_DEFAULT)
			def = v;
		if (!(v->flags & H0_VERB_HIDDEN) && strlen(v->name) > w)
			w = strlen(v->name);
	}
	h0_buf_adds(out, "Usage: ");
	called(prog, out);
	h0_buf_adds(out, def ? " [VERB] [OPTION...]\n" : " VERB [OPTION...]\n");
	h0_buf_addc(out, '\n');
	put_sentence(prog->summary, width, out);
	h0_buf_adds(out, "\nVerbs:\n");
	for (size_t i = 0; i < prog->nverbs; i++) {
		const struct h0_verb *v = &prog->verbs[i];
		h0_autobuf struct h0_buf text = {0};
		if (v->flags & H0_VERB_HIDDEN)
			continue;
		h0_buf_addf(&text, "%s%s", v->help, v == def ? " (the default)" : "");
		put_term(v->name, h0_buf_str(&text), INDENT + w + 2, width, out);
	}
	if (def)
		put_options(def, width, out);
	h0_buf_adds(out, "\nA verb's own options: ");
	called(prog, out);
	h0_buf_addf(out, " VERB --help; the manual: man %s\n", prog->name);
}
