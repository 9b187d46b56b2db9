/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The router as a server: HTTP/1.1 in, the right slot's HTTP/1.1 out. One event loop per core,
 * each with its own connections; what they share are the configuration (replaced whole when files
 * change), the counters and who is being loaded.
 *
 * Bodies stream with back-pressure: what a slow side does not take is not read from the other.
 * A client that leaves ends its request at the slot. A request goes out a second time only when a
 * connection that was kept from an earlier one failed before any byte of the answer came.
 */
#ifndef H0_SERVE_SERVE_H
#define H0_SERVE_SERVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/route.h"
#include "serve/guard.h"

#define H0_SERVE_KEY 64

struct h0_serve_conf {
	const char *etc;            /* /etc/hal0: read, and watched for changes */
	const char *bind;           /* address; not used with `given` */
	int port;                   /* 0: any free one */
	const int *given;           /* listening sockets somebody else has opened, ngiven of them */
	size_t ngiven;
	const struct h0_guard *guard;
	const char *spool_dir;      /* for bodies that are not small */
	uint64_t max_body;          /* bytes of a request body */
	unsigned max_clients;       /* connections at a time; beyond, the oldest that ask nothing make room */
	unsigned max_per_address;   /* of these from one address, as census.h counts; 0: any number */
	unsigned loops;             /* 0: one per core */
	int wait_ms;                /* how long a request waits for its slot to load */
	int drain_ms;               /* how long requests may go on after `stop` */
	int head_ms;                /* for a whole head, from its first byte or the connection; 0: 10 s */
	int body_ms;                /* between two pieces of a body, and for it all beyond 1 KB/s; 0: 30 s */
	int idle_exit_s;            /* end after so long without a connection; 0: never */
	/* Brings a slot up and returns when it answers. Called in a thread of its own, once for any
	 * number of requests. NULL: slots that do not run are not started. */
	int (*load)(const char *slot, void *arg, struct h0_err *e);
	/* How the slots are now, and what is known of upstreams, for decisions: called by one thread, at
	 * the start, after changes, and every other second while requests come. NULL: nothing is known. */
	void (*look)(const struct h0_slots *slots, const struct h0_upstreams *us, struct h0_route_look *ret, void *arg);
	/* How long that usually takes, -1 = not known, and how long it took. Both may be NULL. */
	int64_t (*load_ms)(const char *slot, void *arg);
	void (*loaded)(const char *slot, int64_t ms, void *arg);
	/* The key the slot's server wants, into dst (H0_SERVE_KEY bytes), "" for none. Asked anew
	 * when the server refuses the one it had. NULL: no slot has one. */
	void (*key)(const char *slot, char *dst, void *arg);
	/* Once a second for each slot that was asked since: how many requests are under way. */
	void (*used)(const char *slot, unsigned in_flight, void *arg);
	/* It listens now; `port` is the real one. */
	void (*ready)(int port, void *arg);
	/* Something a person may want to know: the configuration could not be read, a slot failed. */
	void (*note)(const char *text, void *arg);
	void *arg;
	const atomic_int *stop;     /* non-zero: no new connections, end when the rest is done */
};

/* Runs until `stop` or idle_exit_s. H0_CONFLICT (port taken), H0_SYS. */
int h0_serve(const struct h0_serve_conf *conf, struct h0_err *e);

#endif
