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
	X(STATE, "state", NULL, STR, 0, "that slot's state; null without podman")                \
	X(DEVICE, "device", NULL, STR, 0, "where it computes")                                   \
	X(PROVIDER, "provider", NULL, STR, 0, "server program")                                  \
	X(MODEL, "model", NULL, STR, 0, "model id")                                              \
	X(TYPE, "type", NULL, STR, H0_COL_EXTRA, "type of that slot")                            \
	X(PORT, "port", NULL, INT, H0_COL_EXTRA, "loopback port of that slot")                   \
	X(SLOT_EXISTS, "slot-exists", "slot_exists", BOOL, H0_COL_EXTRA, "there is such a slot") \
	X(AGREES, "agrees", NULL, BOOL, H0_COL_EXTRA, "file and slot tell the same")             \
	X(ABOUT, "about", NULL, STR, H0_COL_EXTRA, "what it does")

#define CAP_CHECK_COLS(X)                                                                        \
	X(NAME, "capability", NULL, STR, 0, "group and capability")                              \
	X(OK, "ok", NULL, BOOL, 0, "nothing is wrong with it")                                   \
	X(SLOT, "slot", NULL, STR, 0, "slot that serves it")                                     \
	X(MESSAGE, "message", NULL, STR, 0, "what does not agree, and what mends it")

#define CAP_CHANGE_COLS(X)                                                                       \
	X(SLOT, "slot", NULL, STR, 0, "the slot's name")                                         \
	X(CAPABILITY, "capability", NULL, STR, 0, "what it serves; null: a slot for its own sake") \
	X(ACTION, "action", NULL, STR, 0, "none, started, stopped, restarted, swapped, failed, put-back")  \
	X(STATE, "state", NULL, STR, 0, "its state now")                                         \
	X(CHANGED, "changed", NULL, BOOL, H0_COL_EXTRA, "its container is another one, or gone")  \
	X(PENDING, "pending-reload", "pending_reload", BOOL, H0_COL_EXTRA,                       \
	  "the NPU slot has to be restarted for it")                                             \
	X(ENABLED, "enabled", NULL, BOOL, H0_COL_EXTRA, "whether the slot is on")                \
	X(DEVICE, "device", NULL, STR, H0_COL_EXTRA, "where it computes")                        \
	X(PROVIDER, "provider", NULL, STR, H0_COL_EXTRA, "server program")                       \
	X(MODEL, "model", NULL, STR, 0, "model id")                                              \
	X(PORT, "port", NULL, INT, 0, "loopback port")                                           \
	X(FIT, "fit", NULL, STR, H0_COL_EXTRA, "fits, tight, does-not-fit, unknown")             \
	X(MESSAGE, "message", NULL, STR, H0_COL_EXTRA, "what was done, or why not")

#define CAP_SEED_COLS(X)                                                                         \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether the file is another one now")              \
	X(MESSAGE, "message", NULL, STR, 0, "what was done")

#define CAP_COL_ENUM(id, ...) CAP_##id,
#define CAP_CHECK_ENUM(id, ...) CHECK_##id,
#define CAP_CHANGE_ENUM(id, ...) CHANGE_##id,
#define CAP_SEED_ENUM(id, ...) SEED_##id,
enum { CAP_COLS(CAP_COL_ENUM) };
enum { CAP_CHECK_COLS(CAP_CHECK_ENUM) };
enum { CAP_CHANGE_COLS(CAP_CHANGE_ENUM) };
enum { CAP_SEED_COLS(CAP_SEED_ENUM) };

/* How a change is carried out. */
struct cap_change_opts {
	bool no_start, no_wait, rollback, force;
	int64_t timeout_s;
};

struct cap_set_opts {
	struct cap_change_opts how;
	const char *model, *device, *provider;
};

struct cap_apply_opts {
	struct cap_change_opts how;
	const char *file;           /* a document */
};

struct cap_plan_opts {
	bool force;
	const char *file, *output;
};

extern const struct h0_prog cap_prog;
extern const struct h0_col cap_cols[], cap_show_cols[], cap_check_cols[], cap_change_cols[],
	cap_seed_cols[];

int cap_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_on(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_off(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_check(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_seed(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_apply(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_plan(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int cap_undo(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
