/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lossless editing of TOML text: a change is a splice of bytes. Comments, order, spacing, line
 * endings and unknown keys stay as they are; nothing is ever re-serialised. All functions are
 * pure: text in, text out. The result was parsed again and differs from the input only in the
 * intended value; otherwise the call fails and *ret is untouched (H0_CONFIG: the input does not
 * parse, or the path runs through a value that is no table; H0_USAGE: `value` is not one TOML
 * value). On success *ret is replaced; `text` may be what *ret held before.
 */
#ifndef H0_FMT_TOMLEDIT_H
#define H0_FMT_TOMLEDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* `path` is a list of decoded keys that ends with NULL. A number selects an array element.
 * `value` is one TOML value as it shall stand in the file (see h0_toml_lit_str).
 *
 * A key that exists has its value's bytes replaced, unless the value is equal already: then the
 * text stays as it is. A key that does not gets one line:
 * - in a table with a header, an array element or the root: after the last key there, indented
 *   alike; else right below the header; at the root above the first header, below a comment
 *   that opens the file;
 * - in a table made by dotted keys (a.b = 1): after its last key, dotted as well;
 * - in an inline table: after its last key.
 * Where tables on the way are missing, or have no header of their own, [that.table] is added at
 * the end of the file, or at the end of the array element it belongs to.
 * Refused: replacing a table that is not inline, adding elements to arrays. */
int h0_tomledit_set(const char *text, size_t len, const char *file, const char *const *path,
                    const char *value, struct h0_buf *ret, struct h0_err *e);

/* Removes a key with its line and the comment on it; an inline table's key or an array's element
 * with its comma; a table with its header, its keys and the lines between them, wherever its parts
 * stand. Comments above stay. *ret_found false: it was not there, *ret equals the input.
 * A table that only this key implied is gone with it: `a` after removing b from `a.b = 1` or
 * from [a.b], an array of tables after its last element. One with a header of its own stays. */
int h0_tomledit_unset(const char *text, size_t len, const char *file, const char *const *path,
                      struct h0_buf *ret, bool *ret_found, struct h0_err *e);

/* Appends a string, which must be UTF-8, as TOML text: a basic string. */
void h0_toml_lit_str(struct h0_buf *b, const char *s);

#endif
