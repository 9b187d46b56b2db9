/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and reports of hal0-cap's verbs.
 */
#ifndef H0_CMD_CAP_OPTS_H
#define H0_CMD_CAP_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define CAP_COLS(X)                                                                              \
	X(NAME, "capability", NULL, STR, 0, "group and capability")                              \
	X(ENABLED, "enabled", NULL, BOOL, 0, "whether the box does this")                        \
	X(SLOT, "slot", NULL, STR, 0, "slot that serves it")                                     \
	X(DEVICE, "device", NULL, STR, 0, "where it computes")                                   \
	X(PROVIDER, "provider", NULL, STR, 0, "server program")                                  \
	X(MODEL, "model", NULL, STR, 0, "model id")                                              \
	X(TYPE, "type", NULL, STR, H0_COL_EXTRA, "type of that slot")                            \
	X(SLOT_EXISTS, "slot-exists", "slot_exists", BOOL, H0_COL_EXTRA, "there is such a slot") \
	X(AGREES, "agrees", NULL, BOOL, H0_COL_EXTRA, "file and slot tell the same")             \
	X(ABOUT, "about", NULL, STR, H0_COL_EXTRA, "what it does")

#define CAP_COL_ENUM(id, ...) CAP_##id,
enum { CAP_COLS(CAP_COL_ENUM) };

extern const struct h0_prog cap_prog;
extern const struct h0_col cap_cols[], cap_show_cols[];

int cap_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
