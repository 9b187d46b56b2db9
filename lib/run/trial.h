/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A slot's model in another image, beside the slot: started on a free port under the name
 * NAME-trial, asked something, ended. Nothing of it stays; the slot itself is not touched.
 */
#ifndef H0_RUN_TRIAL_H
#define H0_RUN_TRIAL_H

#include "base/buf.h"
#include "base/err.h"
#include "run/http.h"
#include "run/life.h"

struct h0_trial {
	struct h0_slot slot;            /* the slot on trial; h0_trial_done */
	struct h0_buf answer;           /* to the question, "" for types that are only looked at */
};

/* Makes the slot that would be tried: its own name, a free port, no default. H0_CONFLICT when
 * there is no port; for an NPU slot, of which there can be one: slot.npu_exclusivity_violation. */
int h0_trial_slot(const struct h0_box *b, const struct h0_slot *slot, const char *image,
                  struct h0_trial *ret, struct h0_err *e);
/* Runs it. 0: it came up and answered. Otherwise why not, as h0_life_start; H0_EXTERN with
 * sys_errno EINTR when wait->signal_fd ended it. */
int h0_trial_run(struct h0_box *b, struct h0_http_client *http, const struct h0_wait *wait,
                 struct h0_trial *t, struct h0_err *e);
void h0_trial_done(struct h0_trial *t);
#define h0_autotrial h0_auto(h0_trial_done)

/* The question by itself, of a slot that runs; nothing for types that have none. H0_EXTERN when
 * the answer is no answer. */
int h0_trial_ask(const struct h0_box *b, struct h0_http_client *http, const struct h0_slot *slot,
                 struct h0_buf *ret, struct h0_err *e);
/* Whether the answer has what the question is after. Answers can be poor and models too: it
 * counts only where another answer has it. */
bool h0_trial_knows(const struct h0_buf *answer);

#endif
