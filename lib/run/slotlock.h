/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A slot's lock, /run/hal0/slots/NAME.lock: held by whoever tells podman something about the slot. Apart
 * from run/act.h, so that who only looks at slots brings nothing else along.
 */
#ifndef H0_RUN_SLOTLOCK_H
#define H0_RUN_SLOTLOCK_H

#include <stdbool.h>

#include "base/err.h"
#include "run/live.h"

/* A descriptor or -1. H0_BUSY. */
int h0_slotlock_take(const struct h0_box *b, const char *slot, int timeout_ms, struct h0_err *e);
/* hal0 began to end that container. Where we hold the lock whoever did has died; but the podman they
 * called may still be about to. */
bool h0_slotlock_ending(const struct h0_box *b, const struct h0_ctr *c);
/* The same, and nobody holds the lock: nobody goes on. False as well where that cannot be found out. */
bool h0_slotlock_orphaned(const struct h0_box *b, const struct h0_ctr *c);

#endif
