/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What only asking can tell of upstreams: their keys and the models they list.
 */
#ifndef H0_RUN_UPSTREAM_H
#define H0_RUN_UPSTREAM_H

#include <stdatomic.h>

#include "conf/paths.h"
#include "model/route.h"
#include "model/upstream.h"

#define H0_UPSTREAM_KEY 512     /* room for a key with its end */

/* Into dst (H0_UPSTREAM_KEY bytes), "" when it wants none: the variable of that name, else the line
 * NAME=KEY of /etc/hal0/api.env. H0_CONFIG: nobody says it, others can read that
 * file, or it has control characters. */
int h0_upstream_key(const struct h0_paths *paths, const struct h0_upstream *u, char *dst, struct h0_err *e);
/* The header that bears it; NULL when there is no key. The caller owns it. */
char *h0_upstream_header(const struct h0_upstream *u, const char *key);
/* Asks all of them for their models, a few at a time, and resolves their hosts: ret->remote, in the
 * file's order. ret's other parts stay as they are. stop (may be NULL) non-zero: no longer. */
void h0_upstream_look(const struct h0_paths *paths, const struct h0_upstreams *us, const atomic_int *stop,
                      struct h0_route_look *ret);

#endif
