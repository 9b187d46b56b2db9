/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The text of capabilities.toml: bringing an old one up to date, making a new one, changing
 * records. Pure. Comments, order and unknown keys stay.
 */
#ifndef H0_MODEL_CAPFILE_H
#define H0_MODEL_CAPFILE_H

#include "base/str.h"
#include "conf/changeset.h"
#include "model/cap.h"

/* Adds to cs what makes the file say `want` (h0_ncaps records; those that are not `present` are
 * left out of it), and nothing when it does already.
 * A file without schema_version 2 is migrated on the way: `backend` becomes `device`, and the old
 * file is kept as capabilities.toml.v1.bak unless there is one. A missing file is made whole, with
 * every record. `warnings` gets a line per back end nobody knows. H0_CONFIG: the file is invalid. */
int h0_capfile_write(const struct h0_snap *snap, const struct h0_selection *want,
                     struct h0_changeset *cs, struct h0_strv *warnings, struct h0_err *e);

#endif
