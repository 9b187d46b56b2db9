/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Measures running slots by requests to their own servers, and keeps what was measured:
 * bench.jsonl below /var/lib/hal0, a line of JSON per result, the latest last.
 */
#ifndef H0_RUN_BENCH_H
#define H0_RUN_BENCH_H

#include <stdatomic.h>

#include "model/bench.h"
#include "run/fits.h"
#include "run/http.h"
#include "run/live.h"
#include "run/slotkey.h"

struct h0_bench_seat {
	const struct h0_slot *slot;
	int port;
	char key[H0_SLOT_KEY];
	struct h0_bench result;
	struct h0_fits fits;            /* model and machine; only with `known` */
	bool known;
	char *ask, *ask_small;          /* bodies of requests */
	double read[H0_BENCH_RUNS_MAX], write[H0_BENCH_RUNS_MAX], first[H0_BENCH_RUNS_MAX],
	    trip[H0_BENCH_RUNS_MAX];
};

struct h0_bench_how {
	int64_t runs;                   /* 1 to H0_BENCH_RUNS_MAX */
	const atomic_int *stop;         /* may be NULL */
	/* before each; run 0 warms up, -1 looks what the processors can do */
	void (*tell)(int64_t run, int64_t runs, void *arg);
	void *arg;
};

/* Who the slot is and what it runs on: slot, port, key, and the texts of the result. H0_NO
 * (slot.not_ready): it does not run; H0_CONFLICT: another hal0's container does; H0_USAGE: its
 * program is not llama-server, or it does not generate text. */
int h0_bench_seat(struct h0_box *b, const struct h0_ctrs *ctrs, const struct h0_slot *slot,
                  struct h0_bench_seat *ret, struct h0_err *e);
void h0_bench_seats_done(struct h0_bench_seat *v, size_t n);
/* Asks the servers how much they can take: fills the results' sizes. H0_NO: not ready, or its
 * context is too small. */
int h0_bench_prepare(struct h0_bench_seat *v, size_t n, const atomic_int *stop, struct h0_err *e);
/* The same, and all at once, `runs` times: fills the results. Of a slot that computes on processors
 * these are measured too, before. H0_EXTERN, with ECANCELED when stopped. */
int h0_bench_measure(struct h0_bench_seat *v, size_t n, const struct h0_bench_how *how,
                     struct h0_err *e);

/* All that make sense, in order. free(*ret). H0_SYS. */
int h0_bench_list(const struct h0_paths *paths, struct h0_bench **ret, size_t *ret_n,
                  struct h0_err *e);
/* Adds; of too many the oldest go. H0_BUSY, H0_SYS. */
int h0_bench_keep(const struct h0_paths *paths, const struct h0_bench *v, size_t n,
                  struct h0_err *e);

#endif
