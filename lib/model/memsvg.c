/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The memory bars as a picture: a scale under each bar, its parts with their sizes below. Light or
 * dark as the reader's page is.
 */
#include "model/membar.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define WIDTH  760
#define MARGIN 20
#define BAR    (WIDTH - 2 * MARGIN)
#define HEIGHT 36            /* of a bar */
#define THIN   2.0           /* a part that is there can be seen */
#define ROOMY  60.0          /* wide enough for its size inside */
#define ROW    22            /* of the legend, which has two columns */

static const char *color(char tone)
{
	switch (tone) {
	case 'r': return "#e8590c";
	case 'y': return "#f59f00";
	case 'b': return "#1971c2";
	case 'm': return "#7048e8";
	default: return NULL;
	}
}

/* Free memory takes the page's own shade. */
static void fill(struct h0_buf *out, char tone)
{
	const char *c = color(tone);
	if (c)
		h0_buf_addf(out, " fill=\"%s\"", c);
	else
		h0_buf_adds(out, " class=\"f\"");
}

/* Widths that fill the bar: true to scale, but thin parts get their least from the widest one. */
static void widths(const struct h0_bar *b, double w[H0_SEGMENTS_MAX])
{
	int widest = 0;
	double extra = 0;
	for (int i = 0; i < b->n; i++) {
		double exact = b->total ? (double)BAR * (double)b->seg[i].bytes / (double)b->total : 0;
		w[i] = b->seg[i].bytes && exact < THIN ? THIN : exact;
		extra += w[i] - exact;
		if (b->seg[i].bytes > b->seg[widest].bytes)
			widest = i;
	}
	w[widest] -= extra;
}

static void parts(const struct h0_bar *b, int y, struct h0_buf *out)
{
	double w[H0_SEGMENTS_MAX] = {0}, x = MARGIN;
	char human[32];
	widths(b, w);
	for (int i = 0; i < b->n; i++) {
		if (w[i] <= 0)
			continue;
		h0_buf_addf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"", x, y, w[i], HEIGHT);
		fill(out, b->seg[i].tone);
		h0_buf_adds(out, "/>\n");
		if (w[i] >= ROOMY)
			h0_buf_addf(out,
			            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\"%s>%s</text>\n",
			            x + w[i] / 2, y + HEIGHT / 2 + 5,
			            color(b->seg[i].tone) ? " fill=\"#fff\"" : " class=\"t\"",
			            h0_num_human(b->seg[i].bytes, human, sizeof human));
		x += w[i];
	}
	h0_buf_addf(out,
	            "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"o\"/>\n",
	            MARGIN, y, BAR, HEIGHT);
}

/* Four to eight marks at a power of two of bytes. */
static void scale(const struct h0_bar *b, int y, struct h0_buf *out)
{
	int64_t step = 1;
	char human[32];
	while (b->total / step > 8)
		step *= 2;
	for (int64_t at = step; at < b->total; at += step) {
		double x = MARGIN + (double)BAR * (double)at / (double)b->total;
		h0_buf_addf(out, "<path d=\"M%.1f %dv5\" class=\"o\"/>", x, y);
		if (x < MARGIN + BAR - 30)
			h0_buf_addf(out,
			            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" class=\"s\">%s</text>\n", x,
			            y + 18, h0_num_human(at, human, sizeof human));
	}
}

static void legend(const struct h0_bar *b, int y, struct h0_buf *out)
{
	char human[32];
	for (int i = 0; i < b->n; i++) {
		const struct h0_segment *s = &b->seg[i];
		int x = MARGIN + i % 2 * (BAR / 2), at = y + i / 2 * ROW;
		double percent = b->total ? 100.0 * (double)s->bytes / (double)b->total : 0;
		h0_buf_addf(out, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" rx=\"2\"", x, at);
		fill(out, s->tone);
		h0_buf_addf(out, "/>\n<text x=\"%d\" y=\"%d\" class=\"t\">", x + 20, at + 11);
		h0_buf_adds_xml(out, s->label);
		h0_buf_addf(out, " <tspan font-weight=\"600\">%s</tspan> <tspan class=\"s\">%.*f %%</tspan></text>\n",
		            h0_num_human(s->bytes, human, sizeof human), percent < 1 ? 1 : 0, percent);
	}
}

/* Returns where the next one begins. */
static int one_bar(const struct h0_bar *b, int y, struct h0_buf *out)
{
	char human[32];
	h0_buf_addf(out, "<text x=\"%d\" y=\"%d\" class=\"t\" font-weight=\"600\" font-size=\"16\">",
	            MARGIN, y + 14);
	h0_buf_adds_xml(out, b->label);
	h0_buf_addf(out, "</text>\n<text x=\"%d\" y=\"%d\" class=\"t\" text-anchor=\"end\">%s</text>\n",
	            MARGIN + BAR, y + 14, h0_num_human(b->total, human, sizeof human));
	parts(b, y + 26, out);
	scale(b, y + 26 + HEIGHT, out);
	legend(b, y + 26 + HEIGHT + 34, out);
	return y + 26 + HEIGHT + 34 + (b->n + 1) / 2 * ROW + 14;
}

void h0_membar_svg(const struct h0_membar *b, struct h0_buf *ret)
{
	h0_autobuf struct h0_buf body = {0};
	int y = 20;
	for (int i = 0; i < b->n; i++)
		y = one_bar(&b->bar[i], y, &body);
	h0_buf_addf(ret,
	            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
	            "viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"system-ui, sans-serif\" "
	            "font-size=\"13\">\n"
	            "<title>Who has which part of the memory</title>\n"
	            "<style>\n"
	            ".b{fill:#fff}.t{fill:#212529}.s{fill:#6c757d;font-size:11px}.f{fill:#e9ecef}\n"
	            ".o{fill:none;stroke:#adb5bd}\n"
	            "@media (prefers-color-scheme:dark){\n"
	            ".b{fill:#0d1117}.t{fill:#e6edf3}.s{fill:#9198a1}.f{fill:#2d333b}.o{stroke:#57606a}}\n"
	            "</style>\n"
	            "<rect width=\"%d\" height=\"%d\" rx=\"6\" class=\"b\"/>\n%s</svg>\n",
	            WIDTH, y, WIDTH, y, WIDTH, y, h0_buf_str(&body));
}
