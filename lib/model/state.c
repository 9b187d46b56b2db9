/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/state.h"

#include <stddef.h>

#define NAME(id, word) word,
const char *const h0_state_names[] = {H0_STATES(NAME) NULL};

#define TO(id) (1u << H0_STATE_##id)

static const unsigned followers[H0_STATE_N] = {
	[H0_STATE_OFFLINE] = TO(PULLING) | TO(STARTING),
	[H0_STATE_PULLING] = TO(STARTING) | TO(ERROR) | TO(OFFLINE),
	[H0_STATE_STARTING] = TO(WARMING) | TO(ERROR) | TO(OFFLINE),
	[H0_STATE_WARMING] = TO(READY) | TO(IDLE) | TO(ERROR) | TO(OFFLINE),
	[H0_STATE_READY] = TO(SERVING) | TO(IDLE) | TO(UNLOADING) | TO(ERROR),
	[H0_STATE_SERVING] = TO(READY) | TO(IDLE) | TO(ERROR),
	[H0_STATE_IDLE] = TO(SERVING) | TO(UNLOADING) | TO(READY),
	[H0_STATE_UNLOADING] = TO(OFFLINE) | TO(ERROR),
	[H0_STATE_ERROR] = TO(OFFLINE) | TO(PULLING) | TO(STARTING),
};

bool h0_state_follows(enum h0_state from, enum h0_state to)
{
	return from == to || (followers[from] & (1u << to));
}
