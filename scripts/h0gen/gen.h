/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the build's generator is made of. Runs on the build machine, links every spec.c and the
 * schema tables, writes one text to stdout. Each gen_* appends to `out`.
 */
#ifndef H0GEN_GEN_H
#define H0GEN_GEN_H

#include "base/buf.h"
#include "cli/opt.h"
#include "cli/spec.h"

/* The tools by name ("slot"), in the order of cmd/meson.build; ends with {0}. Without the front. */
struct gen_tool {
	const char *name;
	const struct h0_prog *prog;
};
extern const struct gen_tool gen_tools[];
extern const struct h0_prog front_prog;

/* Calls fn for every visible option of a verb: its own, then the common ones that apply. */
typedef void gen_opt_fn(const struct h0_verb *v, const struct h0_opt *o, void *arg);
void gen_each_opt(const struct h0_verb *v, gen_opt_fn *fn, void *arg);
/* "list|ls" with the separator given. */
void gen_verb_names(const struct h0_verb *v, const char *sep, struct h0_buf *out);
const struct h0_verb *gen_default_verb(const struct h0_prog *p);
/* Appends s for single quotes of a shell; fish escapes \ and ' inside, others leave the quotes. */
void gen_sh_quoted(const char *s, struct h0_buf *out);
void gen_fish_quoted(const char *s, struct h0_buf *out);
/* The command (for a shell) whose output lines complete this kind, NULL when none does. */
const char *gen_dynamic(enum h0_comp comp);
/* Every key of a slot file with `after` behind it, separated by sep. */
void gen_slot_keys(const char *after, const char *sep, struct h0_buf *out);
/* Is this option's value a list of the verb's columns? */
bool gen_takes_cols(const struct h0_verb *v, const struct h0_opt *o);
/* The names of the verb's columns, in whichever report, separated by sep. */
void gen_cols(const struct h0_verb *v, const char *sep, struct h0_buf *out);

/* Appends s with everything escaped that scdoc would read as markup. */
void gen_esc(const char *s, struct h0_buf *out);
void gen_man_tool(const struct h0_prog *p, struct h0_buf *out);
void gen_man_front(struct h0_buf *out);
void gen_man_exit(struct h0_buf *out);
/* "hal0(1), hal0-slot(1)", with the names bold. */
void gen_man_refs(const char *see_also, struct h0_buf *out);
/* false: there is no such page */
bool gen_man_schema(const char *page, struct h0_buf *out);
void gen_bash(struct h0_buf *out);
void gen_zsh(struct h0_buf *out);
/* For the command "hal0" or "hal0-TOOL". */
void gen_fish(const char *command, struct h0_buf *out);

#endif
