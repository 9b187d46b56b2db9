/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * KEY=VALUE as people type it, turned into TOML text by the key's schema type.
 */
#ifndef H0_CONF_VALUE_H
#define H0_CONF_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/schema.h"

/* Appends `arg` ("8081", "true", gpu-vulkan, "\"x\"") as the TOML text of a value for `key`: a
 * string need not be quoted, a list may be a,b. key NULL: quoted unless it is a TOML value.
 * `name` is used in messages. H0_USAGE with what is expected. */
int h0_value_from_arg(const struct h0_key *key, const char *name, const char *arg,
                      struct h0_buf *ret, struct h0_err *e);

#endif
