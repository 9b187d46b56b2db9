/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the record sinks share: typed cells against a column table, and the three ways to write
 * them. Internal to cli; verbs use cli/main.h. Sinks append to a buffer and do no I/O.
 */
#ifndef H0_CLI_REC_H
#define H0_CLI_REC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/main.h"

struct h0_cell {
	bool set;                    /* false: null, unknown */
	union {
		char *str;
		int64_t num;
		double real;
		bool yes;
		struct h0_json *json;
	};
};

struct h0_rec {
	const struct h0_col *cols;
	size_t ncols, nrows, cap;
	struct h0_cell *cells;       /* nrows * ncols */
};

static inline const struct h0_cell *h0_rec_cell(const struct h0_rec *r, size_t row, size_t col)
{
	return &r->cells[row * r->ncols + col];
}

static inline const char *h0_col_key(const struct h0_col *c)
{
	return c->json ? c->json : c->name;
}

/* Which columns to write, by index. `names` is --columns or NULL for the default ones: those
 * without `skip` flags. H0_USAGE for an unknown name. *ret ends with -1; free() it. */
int h0_rec_pick(const struct h0_rec *r, const char *names, unsigned skip, int **ret,
                struct h0_err *e);

/* A cell as people read it ("117.7 GiB", "yes", "-") or as a script does: JSON's spelling without
 * quotes, nothing for null. */
void h0_cell_human(const struct h0_col *col, const struct h0_cell *c, struct h0_buf *out);
void h0_cell_plain(const struct h0_col *col, const struct h0_cell *c, struct h0_buf *out);
struct h0_json *h0_cell_json(const struct h0_col *col, const struct h0_cell *c);

/* How a table may look. */
struct h0_look {
	int width;        /* columns of the terminal; 0: do not cut anything */
	bool color, header;
};
void h0_rec_table(const struct h0_rec *r, const int *cols, struct h0_look look, struct h0_buf *out);
/* Whether --columns or --format, NULL where not given, are ones for `cols`. H0_USAGE if not. */
int h0_rec_asked(const struct h0_col *cols, const char *columns, const char *format, struct h0_err *e);
/* Row 0 as "name: value" lines. */
void h0_rec_lines(const struct h0_rec *r, const int *cols, struct h0_look look, struct h0_buf *out);
/* Each row through `format`, a newline after each. H0_USAGE: unknown column, bad escape. */
int h0_rec_format(const struct h0_rec *r, const char *format, struct h0_buf *out, struct h0_err *e);
/* One row as an object. */
struct h0_json *h0_rec_object(const struct h0_rec *r, size_t row, const int *cols);

/* Columns a terminal needs for s, of at most n bytes. */
size_t h0_text_width(const char *s, size_t n);
/* Appends s in at most `width` columns, an ellipsis where it was cut. Returns the columns used. */
size_t h0_text_cut(const char *s, size_t width, struct h0_buf *out);
/* Appends s without anything that could steer a terminal: control bytes become '?', line ends
 * and tabs a space unless `lines`. */
void h0_text_safe(const char *s, bool lines, struct h0_buf *out);
void h0_bytes_safe(const char *s, size_t n, bool lines, struct h0_buf *out);

#endif
