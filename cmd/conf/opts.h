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

#define CONF_COL_ENUM_SCHEMA(id, ...) SCHEMA_##id,
#define CONF_COL_ENUM_CHANGE(id, ...) CHANGE_##id,
enum { CONF_CHANGE_COLS(CONF_COL_ENUM_CHANGE) };
enum { CONF_SCHEMA_COLS(CONF_COL_ENUM_SCHEMA) };

extern const struct h0_prog conf_prog;
extern const struct h0_col conf_change_cols[], conf_schema_cols[];

struct conf_set_opts {
	bool string;
};

struct conf_dump_opts {
	bool tagged;
};

/* One file each. */
int conf_get(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_unset(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_dump(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int conf_schema(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
