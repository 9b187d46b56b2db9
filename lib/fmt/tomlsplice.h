/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside the TOML editor: what setting and removing share. Used by fmt/toml*.c only.
 */
#ifndef H0_FMT_TOMLSPLICE_H
#define H0_FMT_TOMLSPLICE_H

#include "fmt/toml.h"

/* First byte of the line that holds byte `at`; never inside a byte order mark. */
size_t h0_toml_line_start(const char *text, size_t at);
/* One past the newline of the line that holds byte `at`, or len. */
size_t h0_toml_line_end(const char *text, size_t len, size_t at);
/* The line that starts there holds blanks only. */
bool h0_toml_line_blank(const char *text, size_t len, size_t start);

/* The table whose key lines make the dotted table n: the section or inline table; else n. */
const struct h0_toml_node *h0_toml_holder(const struct h0_toml_node *n);
/* The last `key = value` written for this table itself, also as a dotted key. NULL: none. */
const struct h0_toml_node *h0_toml_last_expr(const struct h0_toml_node *table);
/* `text` parsed as v: exactly one value and nothing around it, else H0_USAGE. */
int h0_toml_parse_value(const char *text, struct h0_toml **ret, struct h0_err *e);

#endif
