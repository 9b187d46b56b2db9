/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The router as a configuration of HAProxy: past one machine the data plane is HAProxy, not ours.
 * Every decision comes from model/route.h: it is asked for each endpoint and each name that it
 * knows, and the answers become a map. Pure: values in, the texts of the files out.
 *
 * Either the slots of this box, each asked at its own port; or several boxes ("nodes"), each asked
 * at its own front, which is `hal0-route serve` or another such HAProxy.
 *
 * What HAProxy cannot do stands in the head of the file it gets: it sees the body's first bytes
 * only, it does not rewrite the model's name, and it starts no slot.
 */
#ifndef H0_MODEL_HAPROXY_H
#define H0_MODEL_HAPROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "model/route.h"

#define H0_HAPROXY_NODES 32     /* at most */
#define H0_HAPROXY_PEEK  65536  /* bytes of head and body that are looked at */

struct h0_haproxy_name {
	char *id;                   /* what a client may ask for */
	enum h0_slot_type type;     /* of the slot that answers */
};

struct h0_haproxy_node {
	const char *name;           /* as slots are named */
	const char *addr;           /* host:port */
	struct h0_haproxy_name *names;
	size_t nnames;
};

struct h0_haproxy_ask {
	const char *dir;            /* absolute: where the files will lie, all but the first in dir/SET */
	const char *bind;           /* host:port to listen on */
	const struct h0_slots *slots;
	const char *const *slot_keys; /* of slots->v[i]; NULL or "" = none */
	const struct h0_upstreams *upstreams;   /* NULL: none */
	const struct h0_route_look *look;       /* what is known of them */
	const struct h0_haproxy_node *nodes;
	size_t nnodes;              /* > 0: they in place of the slots */
	const char *node_key;       /* sent to nodes; NULL = none */
	const struct h0_strv *keys; /* of clients; none: nobody is asked for one */
	const struct h0_strv *hosts, *origins; /* beside loopback, as in serve/guard.h */
	int64_t peek;
};

enum h0_haproxy_file {
	H0_HAPROXY_CFG,
	H0_HAPROXY_PATHS,           /* path -> slot type */
	H0_HAPROXY_MODELS,          /* type|name -> back end */
	H0_HAPROXY_LIST,            /* the answer to /v1/models */
	H0_HAPROXY_CLIENTS,         /* SHA-256 of clients' keys */
	H0_HAPROXY_KEYS,            /* keys of slots, or of nodes: a secret */
	H0_HAPROXY_FILES
};
struct h0_haproxy_file_info {
	const char *name;
	unsigned mode;
	bool secret;                /* not to be shown */
};
extern const struct h0_haproxy_file_info h0_haproxy_files[H0_HAPROXY_FILES];

struct h0_haproxy {
	struct h0_buf file[H0_HAPROXY_FILES];
	char set[20];               /* "set-" and 12 hex digits: the sum of the files */
	size_t ntargets;            /* back ends that answer */
};

/* H0_USAGE: a directory, node or name that HAProxy's syntax has no room for. Free: h0_haproxy_done */
int h0_haproxy_build(const struct h0_haproxy_ask *ask, struct h0_haproxy *ret, struct h0_err *e);
void h0_haproxy_done(struct h0_haproxy *h);
#define h0_autohaproxy h0_auto(h0_haproxy_done)

#endif
