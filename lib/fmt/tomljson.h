/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TOML values as JSON.
 */
#ifndef H0_FMT_TOMLJSON_H
#define H0_FMT_TOMLJSON_H

#include <stdbool.h>

#include "fmt/json.h"
#include "fmt/toml.h"

/* Plain: dates and times become strings, NaN and infinities null.
 * Tagged: every scalar becomes {"type": T, "value": text} as the public TOML test suite has it. */
struct h0_json *h0_toml_json(const struct h0_toml_node *n, bool tagged);
/* The scalar as text: strings and dates raw, numbers in the shortest form that reads back to the
 * same value. Nothing for tables and arrays. */
void h0_toml_scalar_text(const struct h0_toml_node *n, struct h0_buf *out);

#endif
