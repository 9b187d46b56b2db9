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
#include "conf/edits.h"
#include "conf/names.h"
#include "conf/snapshot.h"

/* Whether somebody listens on the port. May be NULL: nobody does. */
struct h0_bound {
	bool (*fn)(int port, const void *arg);
	const void *arg;
};

/* An empty list of edits for slot files. */
#define H0_SLOT_EDITS \
	((struct h0_edits){.keys = h0_schema_slot.keys, .inner = h0_schema_slot.inner, \
	                   .page = h0_schema_slot.page})

/* Applies edits to slot `name`. When only the device (or type) is given the profile follows, when
 * only the profile is given the device does. Adds nothing when nothing changes. H0_USAGE
 * slot.not_found; H0_CONFIG: the file does not parse, the result would be invalid, device and
 * profile given against each other; H0_CONFLICT: port, default or NPU taken. */
int h0_slot_edit(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                 const struct h0_bound *bound, struct h0_changeset *cs, struct h0_err *e);

/* The same as one of several edits: what must hold between slots (a port each, one default per
 * type, one NPU chat slot) is left to h0_slots_check_changed, when all are made. */
int h0_slot_edit_part(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                      const struct h0_bound *bound, struct h0_changeset *cs, struct h0_err *e);
int h0_slot_create_part(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                        enum h0_device device, const struct h0_bound *bound,
                        struct h0_changeset *cs, struct h0_err *e);
/* The slots of a change set against all others, as `snap` has them: the files with the change set
 * applied. H0_CONFLICT as h0_slots_check_one. */
int h0_slots_check_changed(const struct h0_snap *snap, const struct h0_changeset *cs,
                           struct h0_err *e);

/* Makes a slot. What is not given: port the lowest free one, type llm, device that of the given
 * profile, else `device`. Adds nothing when it is there and every given key has its value;
 * H0_CONFLICT when one has not. Errors as above. *ret_existed (may be NULL). */
int h0_slot_create(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                   enum h0_device device, const struct h0_bound *bound, struct h0_changeset *cs,
                   bool *ret_existed, struct h0_err *e);

#endif
