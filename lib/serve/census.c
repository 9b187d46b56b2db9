/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/census.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct h0_resident {
	struct h0_resident *next;
	uint64_t addr[2];
	unsigned n, row;
};

/* As an IPv6 address. false: not to be counted. */
static bool address_of(const struct sockaddr *a, socklen_t len, uint64_t ret_addr[2])
{
	struct in6_addr as6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	if (len >= sizeof in && a->sa_family == AF_INET) {
		memcpy(&in, a, sizeof in);
		memcpy(as6.s6_addr + 12, &in.sin_addr, 4);
	} else if (len >= sizeof in6 && a->sa_family == AF_INET6) {
		memcpy(&in6, a, sizeof in6);
		as6 = in6.sin6_addr;
	} else {
		return false;
	}
	memcpy(ret_addr, as6.s6_addr, 16);
	return !IN6_IS_ADDR_LOOPBACK(&as6) && !(IN6_IS_ADDR_V4MAPPED(&as6) && as6.s6_addr[12] == 127);
}

static uint64_t mix(uint64_t v)
{
	v = (v ^ (v >> 32)) * 0xd6e8feb86659fd93u;
	v = (v ^ (v >> 32)) * 0xd6e8feb86659fd93u;
	return v ^ (v >> 32);
}

struct h0_resident *h0_census_add(struct h0_census *c, const struct sockaddr *a, socklen_t len)
{
	uint64_t addr[2];
	if (!address_of(a, len, addr))
		return NULL;
	unsigned row = (unsigned)(mix(mix(addr[0] ^ c->salt) ^ addr[1]) % H0_CENSUS_ROWS);
	pthread_mutex_lock(&c->lock);
	struct h0_resident *r = c->row[row];
	while (r && memcmp(r->addr, addr, sizeof addr) != 0)
		r = r->next;
	if (!r) {
		r = h0_calloc(1, sizeof *r);
		memcpy(r->addr, addr, sizeof addr);
		r->row = row;
		r->next = c->row[row];
		c->row[row] = r;
	}
	r->n++;
	pthread_mutex_unlock(&c->lock);
	return r;
}

void h0_census_drop(struct h0_census *c, struct h0_resident *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&c->lock);
	struct h0_resident **at = &c->row[r->row];
	if (--r->n == 0) {
		while (*at != r)
			at = &(*at)->next;
		*at = r->next;
		free(r);
	}
	pthread_mutex_unlock(&c->lock);
}

unsigned h0_census_count(struct h0_census *c, const struct h0_resident *r)
{
	if (!r)
		return 0;
	pthread_mutex_lock(&c->lock);
	unsigned n = r->n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void h0_census_done(struct h0_census *c)
{
	for (unsigned i = 0; i < H0_CENSUS_ROWS; i++)
		for (struct h0_resident *r = c->row[i], *next; r; r = next) {
			next = r->next;
			free(r);
		}
	pthread_mutex_destroy(&c->lock);
}
