/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/rec.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"

struct h0_rec *h0_rec_new(const struct h0_col *cols)
{
	struct h0_rec *r = h0_calloc(1, sizeof *r);
	r->cols = cols;
	while (cols[r->ncols].name)
		r->ncols++;
	return r;
}

void h0_rec_row(struct h0_rec *r)
{
	size_t at = r->nrows++ * r->ncols;
	r->cells = h0_grow(r->cells, at + r->ncols, &r->cap, sizeof *r->cells);
	memset(r->cells + at, 0, r->ncols * sizeof *r->cells);
}

/* The cell of the last row, empty and about to be filled. */
static struct h0_cell *cell(struct h0_rec *r, int col, unsigned types)
{
	H0_ASSERT(r->nrows > 0 && col >= 0 && (size_t)col < r->ncols);
	H0_ASSERT(types & (1u << r->cols[col].type));
	struct h0_cell *c = &r->cells[(r->nrows - 1) * r->ncols + (size_t)col];
	H0_ASSERT(!c->set);
	c->set = true;
	return c;
}

void h0_rec_str(struct h0_rec *r, int col, const char *s)
{
	struct h0_cell *c = cell(r, col, 1u << H0_COL_STR);
	c->str = h0_strdup(s);
	c->set = s;
}

void h0_rec_int(struct h0_rec *r, int col, int64_t v)
{
	cell(r, col, 1u << H0_COL_INT | 1u << H0_COL_BYTES | 1u << H0_COL_SECONDS)->num = v;
}

void h0_rec_bool(struct h0_rec *r, int col, bool v)
{
	cell(r, col, 1u << H0_COL_BOOL)->yes = v;
}

void h0_rec_real(struct h0_rec *r, int col, double v)
{
	cell(r, col, 1u << H0_COL_REAL | 1u << H0_COL_PERCENT)->real = v;
}

void h0_rec_json(struct h0_rec *r, int col, struct h0_json *v)
{
	struct h0_cell *c = cell(r, col, 1u << H0_COL_JSON | 1u << H0_COL_LIST);
	c->json = v;
	c->set = h0_json_type(v) != H0_JSON_NULL;
	if (!c->set)
		h0_json_free(v);
}

void h0_rec_free(struct h0_rec *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nrows * r->ncols; i++) {
		enum h0_col_type t = r->cols[i % r->ncols].type;
		if (!r->cells[i].set)
			continue;
		if (t == H0_COL_STR)
			free(r->cells[i].str);
		else if (t == H0_COL_JSON || t == H0_COL_LIST)
			h0_json_free(r->cells[i].json);
	}
	free(r->cells);
	free(r);
}

/* The column called `name` by its name or JSON key (any case), or -1. */
static int find_col(const struct h0_col *cols, const char *name, size_t n)
{
	for (int i = 0; cols[i].name; i++) {
		const char *const names[] = {cols[i].name, h0_col_key(&cols[i])};
		for (size_t k = 0; k < H0_ARRAY_LEN(names); k++)
			if (strlen(names[k]) == n && strncasecmp(names[k], name, n) == 0)
				return i;
	}
	return -1;
}

static int fail_column(const struct h0_rec *r, const char *name, size_t n, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	h0_autobuf struct h0_buf all = {0};
	for (size_t i = 0; i < r->ncols; i++) {
		h0_strv_add(&names, r->cols[i].name);
		h0_buf_addf(&all, "%s%s", i ? ", " : "", r->cols[i].name);
	}
	h0_autofree char *word = h0_strndup(name, n);
	const char *near = h0_str_nearest(word, (const char *const *)names.v);
	if (near)
		return h0_fail(e, H0_USAGE, "unknown column '%s' (did you mean %s?)", word, near);
	return h0_fail(e, H0_USAGE, "unknown column '%s'; one of %s", word, h0_buf_str(&all));
}

int h0_rec_pick(const struct h0_rec *r, const char *names, unsigned skip, int **ret,
                struct h0_err *e)
{
	size_t most = names ? strlen(names) + 1 : r->ncols, n = 0;
	h0_autofree int *cols = h0_calloc(most + 1, sizeof *cols);
	for (size_t i = 0; !names && i < r->ncols; i++)
		if (!(r->cols[i].flags & skip))
			cols[n++] = (int)i;
	for (const char *p = names; p;) {
		size_t len = strcspn(p, ",");
		int at = find_col(r->cols, p, len);
		if (at < 0)
			return fail_column(r, p, len, e);
		cols[n++] = at;
		p = p[len] ? p + len + 1 : NULL;
	}
	cols[n] = -1;
	*ret = h0_take(cols);
	return 0;
}

struct h0_json *h0_rec_object(const struct h0_rec *r, size_t row, const int *cols)
{
	struct h0_json *o = h0_json_object();
	for (; *cols >= 0; cols++) {
		const struct h0_col *col = &r->cols[*cols];
		h0_json_set(o, h0_col_key(col), h0_cell_json(col, h0_rec_cell(r, row, (size_t)*cols)));
	}
	return o;
}

/* ---- --format ---- */

static int put_escape(char c, const char *format, struct h0_buf *out, struct h0_err *e)
{
	static const char from[] = "tn0\\{}", to[] = "\t\n\0\\{}";
	const char *at = c ? strchr(from, c) : NULL;
	if (!at)
		return h0_fail(e, H0_USAGE, "--format '%s': unknown escape '\\%c'; \\t \\n \\0 \\\\ \\{ \\}",
		               format, c ? c : ' ');
	h0_buf_addc(out, to[at - from]);
	return 0;
}

static int put_row(const struct h0_rec *r, size_t row, const char *format, struct h0_buf *out,
                   struct h0_err *e)
{
	for (const char *p = format; *p; p++) {
		if (*p == '\\') {
			if (put_escape(*++p, format, out, e) < 0)
				return -1;
			continue;
		}
		if (*p != '{') {
			h0_buf_addc(out, *p);
			continue;
		}
		size_t n = strcspn(++p, "}");
		int col = find_col(r->cols, p, n);
		if (!p[n])
			return h0_fail(e, H0_USAGE, "--format '%s': '{' without '}'", format);
		if (col < 0)
			return fail_column(r, p, n, e);
		if (row < r->nrows)
			h0_cell_plain(&r->cols[col], h0_rec_cell(r, row, (size_t)col), out);
		p += n;
	}
	return 0;
}

int h0_rec_format(const struct h0_rec *r, const char *format, struct h0_buf *out, struct h0_err *e)
{
	h0_autobuf struct h0_buf all = {0}, none = {0};
	if (r->nrows == 0 && put_row(r, 0, format, &none, e) < 0)
		return -1;
	for (size_t i = 0; i < r->nrows; i++) {
		if (put_row(r, i, format, &all, e) < 0)
			return -1;
		h0_buf_addc(&all, '\n');
	}
	h0_buf_add(out, all.p, all.len);
	return 0;
}

int h0_rec_asked(const struct h0_col *cols, const char *columns, const char *format, struct h0_err *e)
{
	h0_autobuf struct h0_buf none = {0};
	h0_autofree int *picked = NULL;
	struct h0_rec *r = h0_rec_new(cols);
	int rc = columns ? h0_rec_pick(r, columns, 0, &picked, e) : 0;
	if (rc == 0 && format)
		rc = h0_rec_format(r, format, &none, e);
	h0_rec_free(r);
	return rc;
}
