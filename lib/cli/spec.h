/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table a program is described by: pure data, no function pointers. From it come the
 * parser (cli/opt.h), -h (cli/help.h), the man pages and completions (scripts/h0gen) and the
 * self-test. cmd/TOOL/spec.c holds one `const struct h0_prog`.
 */
#ifndef H0_CLI_SPEC_H
#define H0_CLI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h0_opt_type {
	H0_OPT_END,
	H0_OPT_FLAG,      /* bool *    --x; with H0_OPT_NEGATABLE also --no-x, then: int8_t 0/1/-1 unset */
	H0_OPT_STR,       /* const char * (points into argv) */
	H0_OPT_INT,       /* int64_t, within [min, max] */
	H0_OPT_SIZE,      /* int64_t bytes: 512M, 1.5GiB */
	H0_OPT_DURATION,  /* int64_t seconds: 90, 5m, 1h */
	H0_OPT_ENUM,      /* const char *, one of choices */
	H0_OPT_LIST,      /* struct h0_strv: may be given several times */
};

/* What completes a value. The hal0-specific kinds are answered by the programs themselves. */
enum h0_comp {
	H0_COMP_NONE,
	H0_COMP_CHOICES,
	H0_COMP_FILE,
	H0_COMP_DIR,
	H0_COMP_SLOT,     /* names of existing slots */
	H0_COMP_PROFILE,
	H0_COMP_MODEL,
	H0_COMP_VERB,
	H0_COMP_SLOT_KEY, /* key= of a slot file */
	H0_COMP_NOTHING,  /* as NONE, where NONE means to follow another field */
};

enum h0_opt_flag {
	H0_OPT_NEGATABLE = 1,
	H0_OPT_HIDDEN = 2,
	H0_OPT_REQUIRED = 4,
};

struct h0_opt {
	char letter;                  /* 0 = none */
	const char *name;             /* long name without dashes */
	enum h0_opt_type type;
	size_t offset;                /* into the verb's options struct */
	const char *arg;              /* "NAME" for values, NULL for flags */
	const char *help;             /* one line, at most 66 columns, no full stop */
	enum h0_comp comp;
	const char *const *choices;   /* NULL-terminated, for H0_OPT_ENUM */
	int64_t min, max;             /* for H0_OPT_INT; both 0 = any */
	unsigned flags;
	const char *def;              /* value when not given, read like a given one (but without the
	                               * min/max check, so that -1 may say "not given"); NULL: zero */
};

enum h0_col_type {
	H0_COL_STR,
	H0_COL_INT,
	H0_COL_BYTES,     /* table: human; JSON: exact bytes */
	H0_COL_BOOL,      /* table: yes/no */
	H0_COL_SECONDS,   /* table: 1h5m; JSON: seconds */
	H0_COL_PERCENT,   /* double 0..100 */
	H0_COL_REAL,
	H0_COL_JSON,      /* any JSON value; table: compact */
	H0_COL_LIST,      /* JSON array of strings; table: comma-separated */
};

enum h0_col_flag {
	H0_COL_EXTRA = 1,     /* not in the default table; --columns can ask for it; always in JSON */
	H0_COL_TABLE_ONLY = 2,
};

struct h0_col {
	const char *name;     /* table heading, --columns and {name} in --format; upper-cased there */
	const char *json;     /* JSON key; NULL = name */
	enum h0_col_type type;
	const char *help;
	unsigned flags;
};

struct h0_example {
	const char *cmd;      /* as typed: "hal0 slot start primary" */
	const char *what;     /* one sentence */
};

enum h0_verb_flag {
	H0_VERB_WRITES = 1,   /* changes something: gets --dry-run */
	H0_VERB_DEFAULT = 2,  /* runs when no verb is given */
	H0_VERB_ASKS = 4,     /* destroys something: asks on a tty, gets --yes */
	H0_VERB_PASS = 8,     /* options after the first operand belong to somebody else */
	H0_VERB_HIDDEN = 16,
	H0_VERB_SERVES = 32,  /* runs until it is told to stop */
};

struct h0_verb {
	const char *name;
	const char *args;              /* "SLOT [KEY=VALUE...]", "" = none */
	int min_args, max_args;        /* max -1 = any number */
	const char *help;              /* one line */
	const char *text;              /* paragraphs for the man page (scdoc), NULL = none */
	const struct h0_opt *opts;     /* ends with {0} */
	size_t opts_size;              /* sizeof the options struct */
	const struct h0_col *cols;     /* the report, ends with {0}; NULL = no report */
	enum h0_comp comp;             /* completes every operand */
	const char *const *choices;    /* for comp == H0_COMP_CHOICES */
	const char *exclusive;         /* "a,b;c,d": options that exclude each other */
	const char *aliases;           /* "rm,remove" or NULL */
	const struct h0_example *examples; /* ends with {0} */
	unsigned flags;
	enum h0_comp comp_rest;        /* completes the second operand and later ones, if not as comp */
	const char *const *choices_rest; /* for comp_rest == H0_COMP_CHOICES */
	const struct h0_col *or_cols;  /* another report, NULL = none ... */
	const char *or_when;           /* ... and what asks for it, as typed: "--history" */
};

struct h0_prog {
	const char *name;              /* "hal0-slot" */
	const char *summary;           /* one line for man NAME and `hal0 help` */
	const char *text;              /* DESCRIPTION (scdoc) */
	const struct h0_verb *verbs;
	size_t nverbs;
	const char *files;             /* FILES section (scdoc) or NULL */
	const char *see_also;          /* "hal0-slot.toml(5), ..." */
};

/* Every verb also takes: -h/--help --json --columns --format --no-header --quiet --color=WHEN,
 * H0_VERB_WRITES ones --dry-run, H0_VERB_ASKS ones --yes. They are the table in cli/opt.c.
 * --dry-run has no letter: -n is a number of lines, -f is follow or a file, -a all. */

#endif
