/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and reports of hal0-conf's verbs.
 */
#ifndef H0_CMD_CONF_OPTS_H
#define H0_CMD_CONF_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define CONF_CHANGE_COLS(X)                                                                       \
	X(FILE, "file", NULL, STR, 0, "the file")                                                 \
	X(KEY, "key", NULL, STR, 0, "the key's path")                                             \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether the file is another one now")

#define CONF_SCHEMA_COLS(X)                                                                       \
	X(NAME, "name", NULL, STR, 0, "what to ask for")                                          \
	X(FILE, "file", NULL, STR, 0, "the file it describes, below /etc/hal0")                   \
	X(ABOUT, "about", NULL, STR, 0, "what that file is for")

#define CONF_CHECK_COLS(X)                                                                        \
	X(LEVEL, "level", NULL, STR, 0, "error, or warning")                                      \
	X(WHERE, "where", NULL, STR, H0_COL_TABLE_ONLY, "file:line:col")                          \
	X(FILE, "file", NULL, STR, H0_COL_EXTRA, "the file, below /etc/hal0")                     \
	X(LINE, "line", NULL, INT, H0_COL_EXTRA, "line, null where there is none")                \
	X(COL, "col", NULL, INT, H0_COL_EXTRA, "column in bytes")                                 \
	X(KEY, "key", NULL, STR, 0, "the key's path")                                             \
	X(MESSAGE, "message", NULL, STR, 0, "what is wrong")

#define CONF_RECOVER_COLS(X)                                                                      \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether there was anything to do")                  \
	X(GENERATION, "generation", NULL, INT, 0, "the change that was finished")                 \
	X(PUBLISHED, "published", NULL, LIST, 0, "files that got their new content")              \
	X(CONFLICTS, "conflicts", NULL, LIST, 0, "files that were edited and stay")               \
	X(SWEPT, "swept", NULL, LIST, 0, "leftovers that were removed")

#define CONF_LOG_COLS(X)                                                                          \
	X(GENERATION, "generation", NULL, INT, 0, "number of the change")                         \
	X(STATE, "state", NULL, STR, 0, "applied, or pending: committed and not finished")        \
	X(TIME, "time", NULL, STR, 0, "when, UTC")                                                \
	X(COMMAND, "command", NULL, STR, H0_COL_TABLE_ONLY, "the command that made it")           \
	X(ARGV, "argv", NULL, LIST, H0_COL_EXTRA, "the same, word by word")                       \
	X(FILES, "files", NULL, LIST, 0, "what it changed")

#define CONF_UNDO_COLS(X)                                                                         \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether anything was changed")                      \
	X(FILES, "files", NULL, LIST, 0, "what was put back")

#define CONF_COL_ENUM_SCHEMA(id, ...) SCHEMA_##id,
#define CONF_COL_ENUM_CHANGE(id, ...) CHANGE_##id,
#define CONF_COL_ENUM_CHECK(id, ...) CHECK_##id,
#define CONF_COL_ENUM_RECOVER(id, ...) RECOVER_##id,
#define CONF_COL_ENUM_LOG(id, ...) LOG_##id,
#define CONF_COL_ENUM_UNDO(id, ...) UNDO_##id,
enum { CONF_CHANGE_COLS(CONF_COL_ENUM_CHANGE) };
enum { CONF_CHECK_COLS(CONF_COL_ENUM_CHECK) };
enum { CONF_RECOVER_COLS(CONF_COL_ENUM_RECOVER) };
enum { CONF_LOG_COLS(CONF_COL_ENUM_LOG) };
enum { CONF_UNDO_COLS(CONF_COL_ENUM_UNDO) };
enum { CONF_SCHEMA_COLS(CONF_COL_ENUM_SCHEMA) };

extern const struct h0_prog conf_prog;
extern const struct h0_col conf_change_cols[], conf_schema_cols[], conf_check_cols[],
	conf_recover_cols[], conf_log_cols[], conf_undo_cols[];

struct conf_set_opts {
	bool string;
};

struct conf_dump_opts {
	bool tagged;
};

struct conf_log_opts {
	bool diff;
};

/* One file each. */
int conf_get(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_unset(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_dump(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_check(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_recover(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_log(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_undo(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_schema(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
