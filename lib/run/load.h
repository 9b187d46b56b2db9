/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Waiting for one container to become ready or to fail. Part of run/life.c's work: it alone makes
 * these calls.
 */
#ifndef H0_RUN_LOAD_H
#define H0_RUN_LOAD_H

#include "base/err.h"
#include "run/life.h"

struct h0_load {
	const struct h0_slot *slot;
	char container[H0_CTR_ID + 1];
	char model[256];                /* that the server must list; "" = any */
	enum h0_provider provider;
	int port;
	pid_t pid;                      /* of the server */
	int64_t model_bytes;            /* of the model's file, 0 = not known, or several */
};

/* What to wait for: a container that runs, started by us or by somebody else; one we launched. */
void h0_load_of(const struct h0_slot *slot, const struct h0_ctr *c, struct h0_load *ret);
void h0_load_of_launched(const struct h0_slot *slot, const struct h0_spec *s,
                         const struct h0_outcome *o, struct h0_load *ret);
/* Asks the server until it is ready. Liveness comes from the kernel (pidfd), not from podman.
 * On failure the first waiter records the cause and removes the container. Errors as
 * h0_life_start. */
int h0_load_wait(const struct h0_box *b, const struct h0_load *load, const struct h0_wait *wait,
                 struct h0_outcome *ret, struct h0_err *e);

#endif
