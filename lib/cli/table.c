/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Records as an aligned table, or one record as "name: value" lines.
 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "cli/rec.h"

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"
#define GAP   2

static size_t utf8_len(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];
	size_t want = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
	for (size_t i = 1; i < want; i++)
		if (i >= n || (s[i] & 0xc0) != 0x80)
			return 1;
	return want;
}

/* Two columns for the East Asian wide blocks and emoji, one for all else. */
static size_t char_width(const char *s, size_t len)
{
	if (len < 3)
		return 1;
	unsigned long u = len == 3 ? (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu)
	                           : (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12;
	bool wide = (u >= 0x1100 && u <= 0x115f) || (u >= 0x2e80 && u <= 0xa4cf) ||
	            (u >= 0xac00 && u <= 0xd7a3) || (u >= 0xf900 && u <= 0xfaff) ||
	            (u >= 0xfe30 && u <= 0xfe6f) || (u >= 0xff00 && u <= 0xff60) ||
	            (u >= 0x1f000 && u <= 0x1ffff) || (u >= 0x20000 && u <= 0x3ffff);
	return wide ? 2 : 1;
}

size_t h0_text_width(const char *s, size_t n)
{
	size_t w = 0;
	for (size_t i = 0; i < n && s[i];) {
		size_t len = utf8_len(s + i, n - i);
		w += char_width(s + i, len);
		i += len;
	}
	return w;
}

void h0_bytes_safe(const char *s, size_t n, bool lines, struct h0_buf *out)
{
	for (size_t i = 0, len, steered; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];
		len = utf8_len(s + i, n - i);
		if (len > 1 && !h0_char_steers(s + i, len, &steered))
			h0_buf_add(out, s + i, len);
		else if (c == '\n' || c == '\t')
			h0_buf_addc(out, lines ? s[i] : ' ');
		else if (c == '\r' && lines && i + 1 < n && s[i + 1] == '\n')
			continue;
		else /* a byte of the second set alone drives terminals that know no UTF-8 */
			h0_buf_addc(out, len > 1 || c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0) ? '?' : s[i]);
	}
}

void h0_text_safe(const char *s, bool lines, struct h0_buf *out)
{
	h0_bytes_safe(s, strlen(s), lines, out);
}

size_t h0_text_cut(const char *s, size_t width, struct h0_buf *out)
{
	size_t full = h0_text_width(s, strlen(s)), used = 0;
	if (full <= width) {
		h0_buf_adds(out, s);
		return full;
	}
	while (*s) {
		size_t len = utf8_len(s, strlen(s)), w = char_width(s, len);
		if (used + w + 1 > width)
			break;
		h0_buf_add(out, s, len);
		used += w;
		s += len;
	}
	h0_buf_adds(out, "\xe2\x80\xa6");
	return used + 1;
}

/* The text of every cell that will be printed, and each column's width. */
struct grid {
	size_t ncols, nrows;         /* the heading, when there is one, is row 0 */
	char **text;
	size_t *width;
};

static void grid_done(struct grid *g)
{
	for (size_t i = 0; i < g->ncols * g->nrows; i++)
		free(g->text[i]);
	free(g->text);
	free(g->width);
}

static char *heading(const char *name)
{
	char *s = h0_strdup(name);
	for (char *p = s; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return s;
}

static char *cell_text(const struct h0_rec *r, size_t row, int col)
{
	h0_autobuf struct h0_buf raw = {0}, safe = {0};
	h0_cell_human(&r->cols[col], h0_rec_cell(r, row, (size_t)col), &raw);
	h0_text_safe(h0_buf_str(&raw), false, &safe);
	return h0_buf_take(&safe);
}

static struct grid grid_new(const struct h0_rec *r, const int *cols, bool header)
{
	struct grid g = {0};
	while (cols[g.ncols] >= 0)
		g.ncols++;
	g.nrows = r->nrows + header;
	g.text = h0_calloc(g.ncols * g.nrows, sizeof *g.text);
	g.width = h0_calloc(g.ncols, sizeof *g.width);
	for (size_t i = 0; i < g.ncols * g.nrows; i++) {
		size_t row = i / g.ncols, col = i % g.ncols;
		g.text[i] = header && row == 0 ? heading(r->cols[cols[col]].name)
		                               : cell_text(r, row - header, cols[col]);
		size_t w = h0_text_width(g.text[i], strlen(g.text[i]));
		if (w > g.width[col])
			g.width[col] = w;
	}
	return g;
}

static bool right_aligned(enum h0_col_type t)
{
	return t == H0_COL_INT || t == H0_COL_BYTES || t == H0_COL_SECONDS || t == H0_COL_PERCENT ||
	       t == H0_COL_REAL;
}

/* Narrows the widest text columns until the table fits; none goes below 8. */
static void fit(struct grid *g, const struct h0_rec *r, const int *cols, size_t room)
{
	size_t total = g->ncols ? (g->ncols - 1) * GAP : 0;
	for (size_t i = 0; i < g->ncols; i++)
		total += g->width[i];
	while (total > room) {
		size_t widest = g->ncols;
		for (size_t i = 0; i < g->ncols; i++)
			if (!right_aligned(r->cols[cols[i]].type) && g->width[i] > 8 &&
			    (widest == g->ncols || g->width[i] > g->width[widest]))
				widest = i;
		if (widest == g->ncols)
			return;
		g->width[widest]--;
		total--;
	}
}

static void pad(struct h0_buf *out, size_t n)
{
	for (; n; n--)
		h0_buf_addc(out, ' ');
}

static void put_line(const struct grid *g, size_t row, const struct h0_rec *r, const int *cols,
                     struct h0_buf *out)
{
	for (size_t i = 0; i < g->ncols; i++) {
		const char *s = g->text[row * g->ncols + i];
		if (i)
			pad(out, GAP);
		if (right_aligned(r->cols[cols[i]].type))
			pad(out, g->width[i] - h0_text_width(s, strlen(s)));
		size_t used = h0_text_cut(s, g->width[i], out);
		if (!right_aligned(r->cols[cols[i]].type) && i + 1 < g->ncols)
			pad(out, g->width[i] - used);
	}
	h0_buf_addc(out, '\n');
}

void h0_rec_table(const struct h0_rec *r, const int *cols, struct h0_look look, struct h0_buf *out)
{
	h0_auto(grid_done) struct grid g = grid_new(r, cols, look.header);
	if (look.width > 0)
		fit(&g, r, cols, (size_t)look.width);
	for (size_t row = 0; row < g.nrows; row++) {
		bool bold = look.color && look.header && row == 0;
		h0_buf_adds(out, bold ? BOLD : "");
		put_line(&g, row, r, cols, out);
		if (bold) {
			out->len--;
			h0_buf_adds(out, PLAIN "\n");
		}
	}
}

void h0_rec_lines(const struct h0_rec *r, const int *cols, struct h0_look look, struct h0_buf *out)
{
	size_t width = 0;
	for (const int *c = cols; *c >= 0; c++)
		if (strlen(r->cols[*c].name) > width)
			width = strlen(r->cols[*c].name);
	for (const int *c = cols; *c >= 0; c++) {
		const char *name = r->cols[*c].name;
		h0_autofree char *value = cell_text(r, 0, *c);
		if (look.header) {
			h0_buf_addf(out, "%s%s:%s", look.color ? BOLD : "", name, look.color ? PLAIN : "");
			pad(out, width - strlen(name) + 1);
		}
		h0_buf_addf(out, "%s\n", value);
	}
}
