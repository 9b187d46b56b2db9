/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ports of slots. Pure: whether something else is bound is asked by the caller's probe.
 */
#ifndef H0_MODEL_PORT_H
#define H0_MODEL_PORT_H

#include "model/slot.h"

/* Unless hal0.toml says another range (h0_slots_conf): a slot file may name any of these, new slots
 * get one of the first part. */
#define H0_PORT_MIN 8081
#define H0_PORT_MAX 8200
#define H0_PORT_NEW_MAX 8099

/* The slot that has `port`, besides `except` (NULL = none); shadows of the NPU do not count.
 * NULL = free. */
const struct h0_slot *h0_port_owner(const struct h0_slots *s, int port, const char *except);
/* The lowest free port for a new slot. `bound` (may be NULL) says whether
 * somebody listens there. H0_CONFLICT, slot.no_free_port. */
int h0_port_pick(const struct h0_slots *s, bool (*bound)(int port, const void *arg),
                 const void *arg, int *ret, struct h0_err *e);

#endif
