/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is there room for one more slot? What other slots need of a pool (those that run and those that
 * the ledger has booked), the verdict on a start, and which idle slots would have to go for it.
 *
 * The rule: a start is refused when what is allocated at load exceeds what is left beside the
 * others, or when hal0.toml's max_slots is reached. When nobody can say what a slot needs (its
 * program is not llama-server, its model does not tell, the memory is unknown) it is started and
 * nothing is booked or unloaded for it; once it runs, what it really takes counts, and those who are
 * told about room are told that this may grow.
 */
#ifndef H0_RUN_ROOM_H
#define H0_RUN_ROOM_H

#include "base/err.h"
#include "run/fits.h"
#include "run/ledger.h"
#include "run/life.h"

/* One other slot's part of a pool. */
struct h0_room_user {
	char slot[H0_NAME_MAX + 1];
	const struct h0_ctr *ctr;       /* NULL: booked, not yet to be seen */
	int64_t need, held;             /* bytes it will have, and has by now */
	bool unknown;                   /* nobody can say what it will have: `need` is what it has by now */
	bool goes;                      /* assumed to be unloaded */
	bool can_go;                    /* it runs, is well, does nothing and is not pinned */
	int64_t last;                   /* use, if can_go was looked at */
};

struct h0_room_users {
	struct h0_room_user *v;
	size_t n;
	int64_t own;                    /* of the pool in question: what the slot itself holds now */
};
/* Of f->pool; `except` (may be NULL) is the slot that shall not count. Free: h0_room_users_done. */
void h0_room_look(struct h0_box *b, const struct h0_ctrs *ctrs, const struct h0_ledger *l,
                  const char *except, const struct h0_fits *f, struct h0_room_users *ret);
/* "npu, voice": those of whom it is not known; nothing when there is none. */
void h0_room_unknown(const struct h0_room_users *u, struct h0_buf *ret);
void h0_room_users_done(struct h0_room_users *u);
#define h0_autousers h0_auto(h0_room_users_done)
/* Fills pool->others, and takes from pool->free what the others have yet to get. */
void h0_room_fill(const struct h0_room_users *u, struct h0_fit_pool *pool);

/* Decides about a start, and with `book` books it: H0_NO (slot.does_not_fit) when it does not fit
 * and how->force is not given. With how->evict *ret names those that have to be unloaded for it
 * first. Tells how->note what a person should know. Called with the slot's lock held. */
int h0_room_admit(struct h0_box *b, const struct h0_slot *slot, const struct h0_ctrs *ctrs,
                  const struct h0_how *how, bool book, struct h0_victims *ret, struct h0_err *e);
/* For a process that stays with the container or becomes podman: takes over what a living process
 * has booked for the slot, else decides as without options. Errors as h0_room_admit. */
int h0_room_take(struct h0_box *b, const struct h0_slot *slot, const struct h0_ctrs *ctrs,
                 struct h0_err *e);
/* Unloads those. H0_BUSY when one of them has come into use since: what was unloaded before it stays
 * so. The booking of `slot` is dropped then. */
int h0_room_evict(struct h0_box *b, const struct h0_slot *slot, const struct h0_ctrs *ctrs,
                  const struct h0_victims *v, struct h0_err *e);

#endif
