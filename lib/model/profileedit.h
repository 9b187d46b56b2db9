/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Changing the catalog of profiles. Pure: works on a snapshot and adds to a change set. While
 * profiles.toml is absent the first change writes the seeds into it, because a file replaces them.
 * Seeds are not changed (H0_CONFLICT, profiles.seed_immutable), nor is anything that would leave
 * a slot without a profile that fits it (H0_CONFLICT, profiles.in_use, slots named).
 */
#ifndef H0_MODEL_PROFILEEDIT_H
#define H0_MODEL_PROFILEEDIT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/changeset.h"
#include "conf/edits.h"
#include "conf/snapshot.h"
#include "model/profile.h"
#include "model/slot.h"

/* An empty list of edits for one profile. */
#define H0_PROFILE_EDITS \
	((struct h0_edits){.keys = h0_schema_profiles.keys[0].sub, .page = h0_schema_profiles.page})

/* Makes `name` from `from` with the edits on top. There already and just so: adds nothing; there
 * and different: H0_CONFLICT, profiles.exists. A bad name: H0_USAGE, profiles.invalid_name. */
int h0_profile_clone(const struct h0_snap *snap, const char *from, const char *name,
                     const struct h0_edits *edits, struct h0_changeset *cs, struct h0_err *e);
/* Makes `name` of the edits alone. Errors as above. */
int h0_profile_add(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                   struct h0_changeset *cs, struct h0_err *e);
/* Unknown: H0_USAGE, profiles.not_found. An invalid result: H0_CONFIG. */
int h0_profile_edit(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                    struct h0_changeset *cs, struct h0_err *e);
/* One that is not there: adds nothing. */
int h0_profile_remove(const struct h0_snap *snap, const char *name, struct h0_changeset *cs,
                      struct h0_err *e);

/* Slots that run with the profile, whether they name it or get it. Adds their names. */
void h0_profile_users(const struct h0_profiles *profiles, const struct h0_slots *slots,
                      const struct h0_profile *p, struct h0_strv *ret);

#endif
