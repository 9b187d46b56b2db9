/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Of haproxy.c: which back end answers which name, by the same decisions as everywhere.
 */
#ifndef H0_MODEL_HAPROXYMAP_H
#define H0_MODEL_HAPROXYMAP_H

#include "model/haproxy.h"

enum h0_hap_kind { H0_HAP_SLOT, H0_HAP_UPSTREAM, H0_HAP_NODES, H0_HAP_REFUSE };

struct h0_hap_target {
	char name[64];
	enum h0_hap_kind kind;
	const struct h0_slot *slot;     /* its server answers */
	const struct h0_upstream *upstream;
	const struct h0_route_remote *remote;
	uint32_t nodes;                 /* bits: any of these */
	struct h0_err err;              /* of a refusal */
};

/* A name that a map file has no room for. */
struct h0_hap_odd {
	char *key;
	size_t target;
};

#define H0_HAP_ANY H0_TYPE_N            /* "type" of paths that are in no table */

struct h0_hap_map {
	struct h0_hap_target *v;
	size_t n, cap;
	struct h0_hap_odd *odd;
	size_t nodd, odd_cap;
	struct h0_buf lines;            /* type|name target */
	bool answered[H0_TYPE_N];       /* an unknown name gets an answer */
	bool several[H0_TYPE_N];        /* more than one target: the name counts */
};

void h0_hap_map_make(const struct h0_haproxy_ask *ask, struct h0_hap_map *ret);
void h0_hap_map_done(struct h0_hap_map *m);

#endif
