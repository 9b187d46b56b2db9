/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The clock that deadlines are kept by: it never jumps; and waiting for a while.
 */
#ifndef H0_SYS_CLOCK_H
#define H0_SYS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some fixed point, on the monotonic clock. */
static inline int64_t h0_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Milliseconds since the same point. */
static inline int64_t h0_now_ms(void)
{
	return h0_now_ns() / 1000000;
}

/* Shorter when a signal comes. */
static inline void h0_sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

#endif
