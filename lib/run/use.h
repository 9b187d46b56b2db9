/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is a slot in use, and when was it last? Asked of its own server and of what is recorded about
 * it; decides what may be unloaded.
 */
#ifndef H0_RUN_USE_H
#define H0_RUN_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "run/live.h"

struct h0_use {
	bool serving;           /* a request is under way, it loads, or nobody can say */
	char why[96];           /* what tells that it serves, "" = it does not */
	int64_t last;           /* last sign of use, seconds since the epoch: the latest of when the
	                         * container started, run/slots/NAME/used (written by hal0-route
	                         * serve), and the last line of llama-server's log that is about
	                         * a request (h0_log_used) */
};

/* When the container was last used, in seconds since the epoch; asks nobody. */
int64_t h0_use_last(const struct h0_box *b, const struct h0_ctr *c);
/* hal0-route serve has requests of the slot under way, as far as is written down. */
bool h0_use_routed(const struct h0_box *b, const char *slot);
/* Writes down in run/clock how far the wall clock is from the kernel's, so that the next look sees
 * when it jumped: times from before a jump count as that of the jump. Called by who unloads. */
int h0_use_note_clock(const struct h0_box *b, struct h0_err *e);
/* Looks at a running container of ours. Waits for its server's answer at most six seconds. */
void h0_use_look(const struct h0_box *b, const struct h0_ctr *c, struct h0_use *ret);

#endif
