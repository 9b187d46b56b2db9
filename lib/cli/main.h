/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The frame every program runs in: parse argv through the table, call the verb, print the error
 * once, check stdout, exit with the kind. A verb never calls printf: it fills records
 * (h0_rec_*) or adds text (h0_out_*), and this file writes them.
 *
 * stdout is buffered: print when the work is done, and h0_out_flush() after each piece of a
 * stream. When its reader has gone, the writing call fails with a value h0_main() knows and
 * exits 0 for, so `return -1` as for any other failure. SIGPIPE is ignored: what execs another
 * program itself (not through sys/spawn.h) sets it back to SIG_DFL first.
 */
#ifndef H0_CLI_MAIN_H
#define H0_CLI_MAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/spec.h"

struct h0_json;
struct h0_out;

/* What the common options said, and where output goes. */
struct h0_ctx {
	const struct h0_prog *prog;
	const struct h0_verb *verb;
	bool json, quiet, dry_run, yes, no_header, color_out, color_err, tty_out, tty_err;
	const char *columns, *format;
	int argc;               /* operands */
	char **argv;
	const char *const *command_line; /* as called: for journals; ends with NULL */
	struct h0_out *out;     /* main's own: buffered output, the progress line */
};

/* Runs one verb. `opts` is its zeroed and then filled options struct. Returns 0, an exit code > 0
 * that is an answer (H0_NO) and no error, or -1 with *e filled. */
typedef int (*h0_verb_fn)(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

/* `fns[i]` runs prog->verbs[i]. Returns the exit code. */
int h0_main(const struct h0_prog *prog, const h0_verb_fn *fns, int argc, char **argv);

/* ---- output: stdout, data only ---- */
/* Records against verb->cols (or any columns): a table, --json, --columns, --format. */
struct h0_rec;
struct h0_rec *h0_rec_new(const struct h0_col *cols);
void h0_rec_row(struct h0_rec *r);                        /* starts the next row; cells are null */
void h0_rec_str(struct h0_rec *r, int col, const char *s); /* NULL = null */
void h0_rec_int(struct h0_rec *r, int col, int64_t v);     /* INT, BYTES, SECONDS */
void h0_rec_bool(struct h0_rec *r, int col, bool v);
void h0_rec_real(struct h0_rec *r, int col, double v);     /* REAL, PERCENT */
void h0_rec_json(struct h0_rec *r, int col, struct h0_json *v); /* JSON, LIST; takes v */
void h0_rec_free(struct h0_rec *r);

/* Prints the records: {"schema":1,"items":[...]} with --json. `more` (taken, may be NULL) is an
 * object whose members join the envelope ("changed", ...). */
int h0_out_rec(struct h0_ctx *ctx, const struct h0_rec *r, struct h0_json *more, struct h0_err *e);
/* The same for exactly one row: one object with --json (with "schema" first), else
 * "name: value" lines; --columns and --format work as well. */
int h0_out_one(struct h0_ctx *ctx, const struct h0_rec *r, struct h0_json *more, struct h0_err *e);
/* One JSON value on its own, indented. Takes j. */
int h0_out_json(struct h0_ctx *ctx, struct h0_json *j, struct h0_err *e);
/* Data that is text (a diff, a log, a model's answer). Elsewhere the bytes are written as they are;
 * on a terminal those that could steer it become '?'. */
int h0_out_text(struct h0_ctx *ctx, const char *s, struct h0_err *e);
/* As it is on a terminal, too: colours and cursor moves of our own. What is in it from elsewhere must
 * be printable already. */
int h0_out_styled(struct h0_ctx *ctx, const char *s, struct h0_err *e);
/* Columns of the terminal that standard output is, 0 = it is none. */
int h0_out_width(const struct h0_ctx *ctx);
enum h0_woken { H0_WOKEN_TIME, H0_WOKEN_FD, H0_WOKEN_CLOSED };
/* Sleeps until the time is over, `fd` (-1: none) can be read, or nobody reads standard output. */
enum h0_woken h0_out_doze(int fd, int64_t ms);
int h0_out_bytes(struct h0_ctx *ctx, const void *p, size_t n, struct h0_err *e);
int h0_out_flush(struct h0_ctx *ctx, struct h0_err *e);

/* ---- messages: stderr, silenced by --quiet except warnings ---- */
void h0_say(struct h0_ctx *ctx, const char *fmt, ...) H0_PRINTF(2, 3);   /* "hal0-slot: ..." */
void h0_warn(struct h0_ctx *ctx, const char *fmt, ...) H0_PRINTF(2, 3);  /* "...: warning: ..." */
/* One line that is overwritten on a tty; elsewhere printed only when `key` changes. "" ends it. */
void h0_progress(struct h0_ctx *ctx, const char *key, const char *fmt, ...) H0_PRINTF(3, 4);
/* Asks "QUESTION [y/N] " on a tty; true with --yes or --dry-run. Otherwise false with e filled:
 * H0_USAGE when there is no tty to ask, H0_NO when the answer is no. */
bool h0_confirm(struct h0_ctx *ctx, struct h0_err *e, const char *fmt, ...) H0_PRINTF(3, 4);

/* A program's main, whole: `H0_MAIN(slot_prog, slot_list, slot_show)`, one function for each
 * verb in the order of the table. */
#define H0_MAIN(prog, ...)                                                          \
	int main(int argc, char **argv)                                             \
	{                                                                           \
		static const h0_verb_fn fns_[] = {__VA_ARGS__};                     \
		H0_ASSERT(sizeof fns_ / sizeof fns_[0] == (prog).nverbs);           \
		return h0_main(&(prog), fns_, argc, argv);                          \
	}

#endif
