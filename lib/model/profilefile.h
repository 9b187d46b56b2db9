/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A profile as a file to carry to another box: NAME.hal0profile.json. The checksum is over the
 * profile's own object, written with sorted keys and in ASCII, as other versions write it.
 */
#ifndef H0_MODEL_PROFILEFILE_H
#define H0_MODEL_PROFILEFILE_H

#include "base/err.h"
#include "conf/edits.h"
#include "conf/names.h"
#include "fmt/json.h"
#include "model/profile.h"

#define H0_PROFILE_FILE_VERSION 1

/* The whole envelope. `when` is an ISO 8601 time. */
struct h0_json *h0_profile_export(const struct h0_profile *p, const char *when);

/* What an envelope holds, as edits for h0_profile_add; `ret_name` gets H0_NAME_MAX + 1 bytes, ""
 * when it has no name. H0_CONFIG: no envelope (profiles.bad_envelope), a newer version
 * (profiles.envelope_too_new), a checksum that does not fit (profiles.checksum_mismatch), a key
 * this version does not know. A file without checksum is taken: people write such by hand. */
int h0_profile_import(const struct h0_json *j, const char *file, char *ret_name,
                      struct h0_edits *ret, struct h0_err *e);

#endif
