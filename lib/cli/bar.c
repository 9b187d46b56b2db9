/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/bar.h"

#include <limits.h>
#include <string.h>

#include "base/num.h"
#include "cli/rec.h"

#define COLUMNS 60      /* at most; a narrower terminal gets fewer */
#define LEAST   10

static const char *glyph(const struct h0_bar_part *p, int index, bool color)
{
	/* without colour the parts must differ by shape */
	static const char *const shapes[] = {"█", "▓", "▒", "#", "="};
	if (p->tone == ' ')
		return "░";
	return color ? "█" : shapes[index % 5];
}

static const char *sgr(char tone)
{
	switch (tone) {
	case 'r': return "\033[31m";
	case 'y': return "\033[33m";
	case 'b': return "\033[34m";
	case 'm': return "\033[35m";
	case 'g': return "\033[32m";
	default: return "\033[90m";
	}
}

static void paint(const struct h0_bar_part *p, int index, int columns, bool color,
                  struct h0_buf *out)
{
	if (color)
		h0_buf_adds(out, sgr(p->tone));
	for (int i = 0; i < columns; i++)
		h0_buf_adds(out, glyph(p, index, color));
	if (color)
		h0_buf_adds(out, "\033[0m");
}

static void bar(const struct h0_bar_part *parts, int n, int64_t total, bool color, int width,
                struct h0_buf *out)
{
	int left = width;
	for (int i = 0; i < n; i++) {
		double share = total > 0 ? (double)parts[i].amount / (double)total : 0;
		int columns = (int)(share * width + 0.5);
		if (!columns && parts[i].amount > 0)
			columns = 1;
		if (i == n - 1 || columns > left)
			columns = left;
		if (columns > 0)
			paint(&parts[i], i, columns, color, out);
		left -= columns;
	}
}

void h0_bar_draw(const char *title, const struct h0_bar_part *parts, int n, int64_t total,
                 bool color, int width, struct h0_buf *out)
{
	char human[32];
	int at = 0, room = width > 0 ? width : INT_MAX;
	h0_text_safe(title, false, out);
	h0_buf_addf(out, ", %s\n", h0_num_human(total, human, sizeof human));
	bar(parts, n, total, color, room > COLUMNS ? COLUMNS : room < LEAST ? LEAST : room, out);
	h0_buf_addc(out, '\n');
	for (int i = 0; i < n; i++) {
		h0_num_human(parts[i].amount, human, sizeof human);
		int wide = 2 + (int)(strlen(parts[i].label) + 1 + strlen(human));
		bool fits = at + 3 + wide <= room;
		h0_buf_adds(out, !i ? "" : fits ? "   " : "\n");
		at = i && fits ? at + 3 + wide : wide;
		paint(&parts[i], i, 1, color, out);
		h0_buf_addf(out, " %s %s", parts[i].label, human);
	}
	h0_buf_adds(out, "\n\n");
}
