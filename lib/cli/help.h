/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * -h, written from the tables of cli/spec.h. Appends to a buffer; `width` is where long lines
 * are wrapped.
 */
#ifndef H0_CLI_HELP_H
#define H0_CLI_HELP_H

#include "base/buf.h"
#include "cli/spec.h"

/* The program: its verbs, and the options of its default verb. */
void h0_help_prog(const struct h0_prog *prog, int width, struct h0_buf *out);
void h0_help_verb(const struct h0_prog *prog, const struct h0_verb *verb, int width,
                  struct h0_buf *out);

#endif
