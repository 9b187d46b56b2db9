/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What serve knows of upstreams. They are asked by a thread of their own, as an answer may take
 * seconds: when they are new, and again when a request comes and what is known is older than
 * half a minute. Nobody waits for it but the start, and that not for long.
 */
#ifndef H0_CMD_ROUTE_REMOTES_H
#define H0_CMD_ROUTE_REMOTES_H

#include <stdatomic.h>

#include "conf/paths.h"
#include "model/route.h"

struct route_remotes;

/* NULL: no thread could be made; then no upstream is known. stop: non-zero ends what is under way. */
struct route_remotes *route_remotes_new(const struct h0_paths *paths, const atomic_int *stop);
void route_remotes_free(struct route_remotes *r);   /* NULL allowed */
/* Adds what is known of `us` to *ret, and asks for more when it is time. */
void route_remotes_get(struct route_remotes *r, const struct h0_upstreams *us, struct h0_route_look *ret);

#endif
