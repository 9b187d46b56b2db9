/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Unified diff of two texts, three lines of context. Pure.
 */
#ifndef H0_CONF_DIFF_H
#define H0_CONF_DIFF_H

#include <stddef.h>

#include "base/buf.h"

/* "--- a/NAME", "+++ b/NAME" and the hunks; NULL on a side is /dev/null. Equal texts add nothing.
 * Texts whose changed middle is very large are shown as one replacement. */
void h0_diff(const char *name, const char *a, size_t a_len, const char *b, size_t b_len,
             struct h0_buf *out);

#endif
