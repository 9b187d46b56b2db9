/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What runs inside a slot's unit (hal0-slot@NAME.service): at its start, for whoever ordered it
 * (run/unit.h) or by itself at boot and after a crash, and at its end. Never asks systemd for
 * anything.
 */
#ifndef H0_RUN_INSTANCE_H
#define H0_RUN_INSTANCE_H

#include "base/err.h"
#include "run/life.h"

/* Starts the container; when this returns podman's monitor is the unit's main process. What went
 * wrong is also in state.json. Errors as h0_life_start. */
int h0_instance_run(struct h0_box *b, const char *slot, struct h0_err *e);
/* Ends and removes what is left of the container. `failed`: systemd says that the unit has
 * failed; why is written to state.json. While somebody else holds the slot only waits until its
 * server is gone: then they have done it, or are about to start it anew. */
int h0_instance_end(struct h0_box *b, const char *slot, bool failed, struct h0_err *e);

#endif
