/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is done to one slot's container while its lock is held: the parts run/life.c, run/load.c
 * and run/swap.c are put together from. Nobody else calls these.
 */
#ifndef H0_RUN_ACT_H
#define H0_RUN_ACT_H

#include "base/err.h"
#include "run/life.h"

#define H0_ACT_LOCK_MS 90000    /* a stop holds the lock for its grace and podman's own time */

/* The slot's lock (run/slotlock.h), given up when given_up(arg) says so: then -1 and *ret_given_up. */
int h0_act_lock_unless(const struct h0_box *b, const char *slot, bool (*given_up)(const void *arg),
                       const void *arg, bool *ret_given_up, struct h0_err *e);
/* A given_up for a struct h0_wait (NULL: never): its signal_fd is readable. */
bool h0_act_interrupted(const void *wait);
/* Writes state.json; why (may be NULL) gives message, code and exit code. */
int h0_act_record(const struct h0_box *b, const char *slot, int port, const char *model,
                  const char *container, enum h0_state state, const struct h0_err *why,
                  struct h0_err *e);

/* H0_CONFLICT, naming the holder, when the slot's port is taken by somebody. */
int h0_act_check_port(const struct h0_slot *slot, struct h0_err *e);
/* Does it run, so that there is nothing to start? */
bool h0_act_runs(const struct h0_ctr *c);
/* What is left of the slot's last container although podman does not know it: somebody removed it
 * while it was being ended, or killed its monitor, or the podman that was starting it. *ret_ended
 * (may be NULL) is set when there was something. */
int h0_act_end_forgotten(const struct h0_box *b, const char *slot, bool *ret_ended, struct h0_err *e);
/* The slot's container if it runs, else none, and nothing dead left in the way: what has ended,
 * what podman only thinks runs, what is half stopped since its monitor died, or whoever ended it. */
int h0_act_look(const struct h0_box *b, const char *slot, struct h0_ctrs *ctrs,
                const struct h0_ctr **ret, struct h0_err *e);
/* Makes the slot's directories and its key, and clears away the traces of a former life. */
int h0_act_make_ready(const struct h0_box *b, const char *slot, const struct h0_spec *s,
                      struct h0_err *e);
/* Runs the container; ret->container, changed, state, unrecorded. After a failure none is left. */
int h0_act_launch(const struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s,
                  struct h0_outcome *ret, struct h0_err *e);
/* Ends container c of ours and waits until its port (that of its label, else `port`) is free. */
int h0_act_end(const struct h0_box *b, const struct h0_ctr *c, int port, int grace_s,
               struct h0_outcome *ret, struct h0_err *e);
/* Without the lock: waits as how->wait says, if it says so. Errors as h0_life_start. */
struct h0_load;
int h0_act_await(const struct h0_box *b, const struct h0_load *load, const struct h0_how *how,
                 struct h0_outcome *ret, struct h0_err *e);

#endif
