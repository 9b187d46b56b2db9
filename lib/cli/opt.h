/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * argv -> verb, options and operands, through the tables of cli/spec.h.
 *
 * Grammar: -x, -xVALUE, -x VALUE, clusters of flags (-fq), --name, --name=VALUE, --name VALUE,
 * --no-name for negatable flags, "--" ends the options; "-" and negative numbers are operands.
 * Names are never abbreviated. Options may stand before or after the verb and between operands; in
 * an H0_VERB_PASS verb everything from the first operand on is an operand. When an option is
 * repeated the last one counts (a LIST collects). Errors are H0_USAGE.
 */
#ifndef H0_CLI_OPT_H
#define H0_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/spec.h"

/* What the options that every verb takes said. */
struct h0_common {
	bool help, version, json, quiet, no_header, dry_run, yes;
	const char *columns, *format;
	const char *color;            /* "auto", "always", "never" */
};

/* The table of those options; offsets are into struct h0_common. Ends with {0}. */
extern const struct h0_opt h0_common_opts[];
/* Whether `opt` of that table applies to `verb`; verb NULL: to a program as a whole. */
bool h0_common_applies(const struct h0_opt *opt, const struct h0_verb *verb);

struct h0_parsed {
	const struct h0_verb *verb;   /* NULL only with help or version */
	size_t index;                 /* of verb in prog->verbs */
	bool named;                   /* argv named the verb; else it is the default one */
	struct h0_common common;
	void *opts;                   /* the verb's options struct */
	int argc;
	char **argv;                  /* operands; argv[argc] == NULL; the strings are main's */
};

/* Fills *ret (also partly on failure: h0_parsed_done it always). With help or version asked for,
 * required options and operands are not insisted on. "help [VERB]" is read as "[VERB] --help". */
int h0_parse(const struct h0_prog *prog, int argc, char **argv, struct h0_parsed *ret,
             struct h0_err *e);
void h0_parsed_done(struct h0_parsed *p);

/* Whether a comma-separated list holds the word. list may be NULL. */
bool h0_list_has(const char *list, const char *word);

#endif
