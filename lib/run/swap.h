/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Another model for a slot: its file and its container change together. The slot's lock is held
 * from before the old container ends until the new one runs, and the file is changed in between,
 * while nothing runs: whenever this process dies, what runs is what the file says. When the new
 * model does not come up, the file is put back and the old one runs again.
 */
#ifndef H0_RUN_SWAP_H
#define H0_RUN_SWAP_H

#include "base/err.h"
#include "conf/changeset.h"
#include "run/life.h"

struct h0_swap {
	struct h0_box *b;
	const char *model;
	const struct h0_slot *old;      /* as the file says now */
	struct h0_slot next;            /* as it will */
	struct h0_changeset cs;         /* what changes in it; empty: it names the model already */
	struct h0_spec spec;            /* of next */
	struct h0_box again;            /* to go back: everything as it is then */
	struct h0_spec again_spec;
};
/* Finds out, without changing anything, whatever can be wrong beforehand. `model` is kept. Errors as
 * h0_life_check and h0_slot_edit. Free with h0_swap_done, also after a failure. */
int h0_swap_prepare(struct h0_box *b, const char *slot, const char *model, struct h0_swap *ret,
                    struct h0_err *e);
void h0_swap_done(struct h0_swap *s);
#define h0_autoswap h0_auto(h0_swap_done)

struct h0_swap_how {
	struct h0_how how;
	bool no_rollback;               /* leave file and slot as they are after a failure */
	const char *const *command_line; /* for the change set's journal; may be NULL */
};
/* Does it. A slot that did not run is started; one that runs with the model already, and with the
 * settings of its file, is left alone. After a failure the message says what runs now, and the
 * detail `rolled_back` is there when it is what ran before. H0_CONFLICT: the file was edited since
 * h0_swap_prepare. Else as h0_life_restart. When how.wait's signal ends the waiting, the load goes
 * on and nobody rolls back. */
int h0_swap_run(struct h0_swap *s, const struct h0_swap_how *how, struct h0_outcome *ret,
                struct h0_err *e);

#endif
