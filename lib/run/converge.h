/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Slots following their files. First everything is looked at on the files as they would be, so
 * that what cannot work is refused while nothing is written yet; then each container is stopped,
 * started, or exchanged. What is to be done follows from what runs, never from what was done
 * before: doing it twice does nothing, and an interrupted one is finished by the next.
 */
#ifndef H0_RUN_CONVERGE_H
#define H0_RUN_CONVERGE_H

#include <stdbool.h>

#include "base/err.h"
#include "model/capplan.h"
#include "model/fit.h"
#include "run/life.h"

enum h0_deed {
	H0_DEED_NONE,           /* it is as it shall be */
	H0_DEED_START,
	H0_DEED_STOP,
	H0_DEED_RESTART,        /* the same model on the same device, other settings */
	H0_DEED_SWAP,           /* another model or device */
	H0_DEED_N
};
/* "none", "start", ...; "none", "started", ... */
extern const char *const h0_deed_verbs[], *const h0_deed_done[];

struct h0_step {
	const struct h0_cap_target *target;
	enum h0_deed deed;
	bool ran;                       /* before */
	bool leaves_port;               /* what runs is on another port than its file says */
	bool changed;                   /* its container is another one now, or gone */
	bool pending_reload;            /* its NPU slot runs on without what the files say */
	enum h0_state state;            /* now */
	int64_t ms;                     /* it took */
	struct h0_err err;              /* kind H0_OK: it went well */
	struct h0_strv argv;            /* what podman will be told to run; empty: nothing */
	enum h0_fit_verdict verdict;
	char fit[256];                  /* why, "" = not asked */
};

struct h0_convergence {
	struct h0_step *v;              /* one per target of the plan */
	size_t n;
};

/* The box as a change set would make it. Borrows base and cs. */
int h0_box_over(const struct h0_box *base, const struct h0_changeset *cs, struct h0_box *ret,
                struct h0_err *e);
/* What the machine says for planning. `b` must stay. */
void h0_converge_world(struct h0_box *b, struct h0_cap_world *ret);

/* What has to be done, and whether it can be. `b` has the files as they will be. Errors as
 * h0_life_start, and H0_NO (slot.does_not_fit) unless `force`: does not fit into the memory that
 * is left. A slot that only has to stop is never refused. */
int h0_converge_plan(struct h0_box *b, const struct h0_capplan *plan, bool force,
                     struct h0_convergence *ret, struct h0_err *e);
/* Does it: first what stops, then the others, each on the files as they are at that time: when
 * somebody else changed them since, a capability's slot does what they say now. A failure stays in
 * its step and keeps nobody else from their turn. */
void h0_converge_run(const struct h0_how *how, struct h0_convergence *c);
/* The first failure; 0 when there is none. */
int h0_converge_failed(const struct h0_convergence *c, struct h0_err *e);
/* Every slot a plan made follow as it was before: `b` has the files as they are again. Failures
 * stay in the steps of *ret. */
int h0_converge_back(struct h0_box *b, const struct h0_convergence *done, const struct h0_how *how,
                     struct h0_capplan *ret_plan, struct h0_convergence *ret, struct h0_err *e);
void h0_convergence_done(struct h0_convergence *c);
#define h0_autoconvergence h0_auto(h0_convergence_done)

#endif
