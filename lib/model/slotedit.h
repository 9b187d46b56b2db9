/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Changing slot files: keys in, the text of the file out. Used by every writer of slots, so that
 * the rules hold everywhere: a key is written where it stands; device, profile and type stay
 * together; the result is a valid slot that goes with all others. Pure: works on a snapshot and
 * adds to a change set, so it can be the plan of a h0_txn_run.
 */
#ifndef H0_MODEL_SLOTEDIT_H
#define H0_MODEL_SLOTEDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/changeset.h"
#include "conf/names.h"
#include "conf/snapshot.h"

struct h0_slot_edit {
	char *key;              /* dotted path as in a flat file: "model.default" */
	char *value;            /* TOML text; NULL = remove the key */
};

struct h0_slot_edits {
	struct h0_slot_edit *v;
	size_t n, cap;
};
void h0_slot_edits_done(struct h0_slot_edits *l);
#define h0_autoslotedits h0_auto(h0_slot_edits_done)

/* Adds one; a key that is there already gets the new value. `arg` is as typed (conf/value.h).
 * H0_USAGE: unknown key (nearest named), value that does not fit it. */
int h0_slot_edits_set(struct h0_slot_edits *l, const char *key, const char *arg, struct h0_err *e);
/* "KEY=VALUE". */
int h0_slot_edits_arg(struct h0_slot_edits *l, const char *arg, struct h0_err *e);
/* Any key, also an unknown one. H0_USAGE: not a key path. */
int h0_slot_edits_unset(struct h0_slot_edits *l, const char *key, struct h0_err *e);
/* NULL when absent or to be removed. */
const char *h0_slot_edits_get(const struct h0_slot_edits *l, const char *key);

/* Whether somebody listens on the port. May be NULL: nobody does. */
struct h0_bound {
	bool (*fn)(int port, const void *arg);
	const void *arg;
};

/* Applies edits to slot `name`. When only the device (or type) is given the profile follows, when
 * only the profile is given the device does. Adds nothing when nothing changes. H0_USAGE
 * slot.not_found; H0_CONFIG: the file does not parse, the result would be invalid, device and
 * profile given against each other; H0_CONFLICT: port, default or NPU taken. */
int h0_slot_edit(const struct h0_snap *snap, const char *name, const struct h0_slot_edits *edits,
                 const struct h0_bound *bound, struct h0_changeset *cs, struct h0_err *e);

/* Makes a slot. What is not given: port the lowest free one, type llm, device that of the given
 * profile, else `device`. Adds nothing when it is there and every given key has its value;
 * H0_CONFLICT when one has not. Errors as above. *ret_existed (may be NULL). */
int h0_slot_create(const struct h0_snap *snap, const char *name, const struct h0_slot_edits *edits,
                   enum h0_device device, const struct h0_bound *bound, struct h0_changeset *cs,
                   bool *ret_existed, struct h0_err *e);

#endif
