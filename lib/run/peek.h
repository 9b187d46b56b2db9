/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is known of every slot right now, for decisions about requests: each slot's own port is
 * asked, all at once, and podman is not. A port where nobody listens is known to be down within a
 * fraction of a millisecond; a server that does not answer within patience_ms is unknown.
 */
#ifndef H0_RUN_PEEK_H
#define H0_RUN_PEEK_H

#include "conf/paths.h"
#include "model/route.h"

/* Free with h0_route_look_done. */
void h0_peek(const struct h0_paths *paths, const struct h0_slots *slots, int patience_ms,
             struct h0_route_look *ret);

#endif
