/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which running slots differ from what their files say now: their command, their image (by what
 * its name points to on this machine), their devices.
 */
#ifndef H0_RUN_DRIFT_H
#define H0_RUN_DRIFT_H

#include "model/argvdiff.h"
#include "run/facts.h"
#include "run/live.h"

struct h0_drift {
	const struct h0_slot *slot;
	bool runs;                      /* a container of ours, and its process lives */
	bool known;                     /* false: `err` says why nothing can be said */
	struct h0_err err;
	struct h0_argv_diffs diffs;     /* of what runs */
	struct h0_spec spec;            /* what would be run; zero unless known */
};

/* All of them by one look at podman. `ret` has room for n; free with h0_drifts_done, also after a
 * failure. Fails only when nothing can be said about any. */
int h0_drifts(struct h0_box *b, const struct h0_slot *const *slots, size_t n, struct h0_drift *ret,
              struct h0_err *e);
void h0_drifts_done(struct h0_drift *v, size_t n);

#endif
