/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lifecycle of a slot: its states and which may follow which. Source: formats of the original
 * hal0. Pure.
 */
#ifndef H0_MODEL_STATE_H
#define H0_MODEL_STATE_H

#include <stdbool.h>

#define H0_STATES(X)                                                                     \
	X(OFFLINE, "offline")                                                            \
	X(PULLING, "pulling")                                                            \
	X(STARTING, "starting")                                                          \
	X(WARMING, "warming")                                                            \
	X(READY, "ready")                                                                \
	X(SERVING, "serving")                                                            \
	X(IDLE, "idle")                                                                  \
	X(UNLOADING, "unloading")                                                        \
	X(ERROR, "error")

#define H0_STATE_ENUM(id, word) H0_STATE_##id,
enum h0_state { H0_STATES(H0_STATE_ENUM) H0_STATE_N };

extern const char *const h0_state_names[]; /* indexed by the enum, ends with NULL */

/* May `to` follow `from`? A state may follow itself. */
bool h0_state_follows(enum h0_state from, enum h0_state to);
/* The container runs and its server has the model. */
static inline bool h0_state_serves(enum h0_state s)
{
	return s == H0_STATE_READY || s == H0_STATE_SERVING || s == H0_STATE_IDLE;
}

#endif
