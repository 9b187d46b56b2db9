/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the verbs that use podman share.
 */
#ifndef H0_CMD_SLOT_LIVE_H
#define H0_CMD_SLOT_LIVE_H

#include "run/drift.h"
#include "run/life.h"
#include "slot/opts.h"

/* What was done to one slot after another. A failure does not keep the others from their turn;
 * the first one is the verb's own. */
struct slot_report {
	struct h0_ctx *ctx;
	struct h0_rec *rec;
	bool changed, failed;
	struct h0_err first;
	struct h0_json *commands;       /* with --dry-run: name -> argv */
	struct h0_buf lines;            /* the same for people */
	struct h0_buf diff;             /* with --dry-run: of files that would change */
	const struct h0_victims *evicted; /* for the next row; NULL = nothing to say */
};
void slot_report_begin(struct slot_report *r, struct h0_ctx *ctx);
void slot_report_add(struct slot_report *r, const char *name, bool changed, enum h0_state state,
                     const char *fmt, ...) H0_PRINTF(5, 6);
void slot_report_fail(struct slot_report *r, const char *name, const struct h0_err *e);
/* A command that --dry-run does not run; words end with NULL. */
void slot_report_command(struct slot_report *r, const char *name, const char *const *words);
/* The one that would end `slot`'s container. */
void slot_report_removal(struct slot_report *r, const char *name, const struct h0_box *b,
                         const char *slot, int grace_s);
/* A row, and what would be run for it: whom it drives out, its own end if it runs, its start. */
void slot_report_planned(struct slot_report *r, const struct h0_box *b, const struct h0_slot *slot,
                         const struct h0_spec *s, const struct h0_foresight *f, bool changed,
                         const char *message);
/* Prints; 0, or -1 with the first failure. */
int slot_report_end(struct slot_report *r, struct h0_err *e);

/* Rows of slot_list_cols with what the files say: nobody is asked. */
int slot_print_files(struct h0_ctx *ctx, struct h0_err *e);
/* Rows of slot_list_cols for the named slots, all of them when n is 0. *ret_ready (may be NULL):
 * every one is. */
int slot_print_live(struct h0_ctx *ctx, char *const *names, size_t n, bool *ret_ready,
                    struct h0_err *e);

/* Start, restart and wait: SIGINT, SIGTERM and SIGHUP end the waiting, not the load. */
struct slot_waiting {
	struct h0_wait wait;
	struct h0_ctx *ctx;
	int signal_fd;
};
int slot_waiting_begin(struct slot_waiting *w, struct h0_ctx *ctx, int64_t stall_s,
                       struct h0_err *e);
/* Says what becomes of slot `name` and dies of the signal, as a shell expects. */
H0_NORETURN void slot_waiting_interrupted(struct slot_waiting *w, const char *name,
                                          const struct h0_outcome *o);
/* Warns when state.json could not be written. */
void slot_warn_unrecorded(struct h0_ctx *ctx, const char *name, const struct h0_outcome *o);
/* The frame of start, restart, wait: a step for each slot that is named, one after another. */
struct slot_walk {
	struct h0_ctx *ctx;
	const void *opts;
	struct h0_box *box;
	struct slot_waiting waiting;
	struct slot_report report;
};
/* Reports what it did; -1 what went wrong is reported for it. */
typedef int (*slot_step)(struct slot_walk *w, const struct h0_slot *slot, struct h0_err *e);
/* stall_s: how long nothing may move while a step waits, 0 = the default. */
int slot_walk(struct h0_ctx *ctx, const void *opts, int64_t stall_s, slot_step step,
              struct h0_err *e);
/* By the options; notes become warnings. */
struct h0_how slot_how(struct slot_walk *w, const struct slot_start_opts *o);
/* What h0_life_start or _restart has done since `began_ms` (h0_now_ms). */
void slot_report_started(struct slot_walk *w, const struct h0_slot *slot, const struct h0_outcome *o,
                         bool waited, int64_t began_ms);
/* One line for each thing that differs: "NAME: --ctx-size is 4096, would be 8192 (FROM)". */
void slot_say_drift(struct h0_ctx *ctx, const struct h0_drift *d);
/* "hal0-slot: NAME: runs with older settings ..." */
void slot_warn_outdated(struct h0_ctx *ctx, const char *name);

#endif
