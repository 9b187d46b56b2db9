/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and report of hal0-status.
 */
#ifndef H0_CMD_STATUS_OPTS_H
#define H0_CMD_STATUS_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define STATUS_COLS(X)                                                                 \
	X(SLOT, "slot", NULL, STR, 0, "its name")                                      \
	X(STATE, "state", NULL, STR, 0, "what it does now")                            \
	X(MODEL, "model", NULL, STR, 0, "what it serves")                              \
	X(DEVICE, "device", NULL, STR, 0, "what computes it")                          \
	X(PORT, "port", NULL, INT, 0, "where, on 127.0.0.1")                           \
	X(MEMORY, "memory", "memory_bytes", BYTES, 0, "what it holds of RAM and of the GPU's") \
	X(RATE, "tok-s", "tokens_per_s", REAL, 0, "speed of its last answer")          \
	X(UPTIME, "uptime", "uptime_s", SECONDS, H0_COL_EXTRA, "since its start")      \
	X(MESSAGE, "message", NULL, STR, H0_COL_EXTRA, "why it is in this state")

#define STATUS_COL_ENUM(id, ...) STATUS_##id,
enum { STATUS_COLS(STATUS_COL_ENUM) };

extern const struct h0_prog status_prog;
extern const struct h0_col status_cols[];

struct status_opts {
	const char *sysroot;
	bool watch;
	int64_t interval_s;
};

int status_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
