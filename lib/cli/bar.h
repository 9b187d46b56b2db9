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
	const char *label;
};

/* Three lines and an empty one: title and total, the bar, its parts with their sizes. All are bytes;
 * a part that is not nothing gets at least one column. `width` is the terminal's, 0 = wide enough: in
 * a narrow one the bar is shorter and its parts take several lines. */
void h0_bar_draw(const char *title, const struct h0_bar_part *parts, int n, int64_t total,
                 bool color, int width, struct h0_buf *out);

#endif
