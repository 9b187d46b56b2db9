/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bar of parts for a terminal: "██████▒▒▒▒░░░░". Appends to a buffer, no I/O.
 */
#ifndef H0_CLI_BAR_H
#define H0_CLI_BAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct h0_bar_part {
	int64_t amount;
	char tone;            /* r, y, b, m, g, or ' ' for the empty part */
};

/* `width` columns for `total`; a part that is not nothing gets at least one. */
void h0_bar_draw(const struct h0_bar_part *parts, int n, int64_t total, int width, bool color,
                 struct h0_buf *out);
/* The patch a legend shows for a part: one column. */
void h0_bar_patch(const struct h0_bar_part *part, int index, bool color, struct h0_buf *out);

#endif
