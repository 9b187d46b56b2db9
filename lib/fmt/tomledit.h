/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lossless editing of TOML text: a change is a splice of bytes. Comments, order, spacing, line
 * endings and unknown keys stay as they are; nothing is ever re-serialised. All functions are
 * pure: text in, text out. The result always parses, and differs from the input only in the
 * intended value; otherwise the call fails (H0_CONFIG: the input does not parse, or the path runs
 * through a value that is no table) and *ret is untouched.
 */
#ifndef H0_FMT_TOMLEDIT_H
#define H0_FMT_TOMLEDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* `path` is a list of decoded keys that ends with NULL. A number selects an array element.
 * `value` is one TOML value as it shall stand in the file (see the h0_toml_lit_ helpers).
 * An existing key has its value's bytes replaced; a new key gets one line in the table where it
 * belongs, after that table's last key; a table that is not there is added at the end. */
int h0_tomledit_set(const char *text, size_t len, const char *file, const char *const *path,
                    const char *value, struct h0_buf *ret, struct h0_err *e);
/* Removes a key with its line, or a table with its header and lines. *ret_found false: was not
 * there, and *ret equals the input. */
int h0_tomledit_unset(const char *text, size_t len, const char *file, const char *const *path,
                      struct h0_buf *ret, bool *ret_found, struct h0_err *e);

/* Appends a value as TOML text. Strings must be UTF-8; they are written as basic strings. */
void h0_toml_lit_str(struct h0_buf *b, const char *s);
void h0_toml_lit_int(struct h0_buf *b, int64_t v);
void h0_toml_lit_bool(struct h0_buf *b, bool v);

#endif
