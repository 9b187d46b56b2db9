/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The schema tables as JSON Schema (draft 7), so that editors complete and check the files.
 */
#ifndef H0_CONF_JSONSCHEMA_H
#define H0_CONF_JSONSCHEMA_H

#include "conf/schema.h"
#include "fmt/json.h"

/* Owned by the caller. */
struct h0_json *h0_jsonschema(const struct h0_schema *s);

#endif
