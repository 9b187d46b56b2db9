/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SIGINT, SIGTERM and SIGHUP while something long is under way: told to it, so that it can end
 * cleanly; then the program dies of the signal, as a shell expects.
 */
#ifndef H0_CLI_STOP_H
#define H0_CLI_STOP_H

#include <stdatomic.h>

#include "base/attr.h"

struct h0_stop {
	const atomic_int *signal;   /* 0, or the signal that came */
	int fd;                     /* becomes readable when one comes */
};

/* From now on. What whoever started us wants ignored stays ignored. Once per program. */
struct h0_stop h0_stop_catch(void);
H0_NORETURN void h0_stop_die(const struct h0_stop *s);

#endif
