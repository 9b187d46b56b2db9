/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/spool.h"

#include "base/mem.h"
#include "tap.h"

int main(void)
{
	atomic_size_t held = H0_SPOOL_HELD - 100;
	struct h0_spool a, b;
	h0_autofree char *big = h0_malloc(H0_SPOOL_MEMORY);
	memset(big, 'x', H0_SPOOL_MEMORY);
	h0_spool_init(&a, &held);
	h0_spool_init(&b, &held);
	ok(h0_spool_add(&a, "/tmp", big, 90, NULL) == 0 && a.fd < 0 && held == H0_SPOOL_HELD - 10, "a short body is held in memory");
	ok(h0_spool_add(&b, "/tmp", big, 20, NULL) == 0 && b.fd >= 0, "but not when all of them hold too much");
	h0_spool_done(&a);
	h0_spool_done(&b);
	is_int((long long)held, H0_SPOOL_HELD - 100, "what is given back is counted");
	held = 0;
	h0_spool_init(&a, &held);
	ok(h0_spool_add(&a, "/tmp", big, H0_SPOOL_MEMORY, NULL) == 0 && a.fd < 0 && h0_spool_add(&a, "/tmp", big, 1, NULL) == 0 &&
	   a.fd >= 0 && held == 0 && a.size == H0_SPOOL_MEMORY + 1, "a long one goes to a file");
	h0_spool_done(&a);
	struct h0_err e = {0};
	h0_spool_init(&a, NULL);
	ok(h0_spool_add(&a, "/nowhere", big, H0_SPOOL_MEMORY, &e) == 0 && h0_spool_add(&a, "/nowhere", big, 1, &e) < 0 &&
	   e.kind == H0_SYS, "where there is none, that is said");
	h0_spool_done(&a);
	return tap_done();
}
