/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How many connections each address has. Loopback and sockets of other families are not counted:
 * there everybody has the same address. An IPv4 address is the same one when it comes over IPv6.
 * For all loops: each call locks. Memory only for addresses that are connected.
 */
#ifndef H0_SERVE_CENSUS_H
#define H0_SERVE_CENSUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define H0_CENSUS_ROWS 256u

struct h0_resident;

/* Begins as zero but for the lock. */
struct h0_census {
	pthread_mutex_t lock;
	uint64_t salt;          /* so that nobody can choose addresses that share a row */
	struct h0_resident *row[H0_CENSUS_ROWS];
};

/* One connection more. NULL: not counted. Give it back when the connection ends. */
struct h0_resident *h0_census_add(struct h0_census *c, const struct sockaddr *a, socklen_t len);
void h0_census_drop(struct h0_census *c, struct h0_resident *r);        /* NULL: nothing */
/* Connections it has now; NULL: 0. */
unsigned h0_census_count(struct h0_census *c, const struct h0_resident *r);
void h0_census_done(struct h0_census *c);       /* also with residents left */

#endif
