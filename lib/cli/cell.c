/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One cell in its three spellings: for people, for scripts, for JSON.
 */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "cli/rec.h"
#include "fmt/json.h"

/* "45s", "1m30s", "1h5m", "3d4h": the two largest units. */
static void put_seconds(int64_t s, struct h0_buf *out)
{
	static const struct { int64_t len; char unit; } units[] = {
		{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'},
	};
	if (s < 0) {
		h0_buf_addf(out, "%llds", (long long)s);
		return;
	}
	size_t u = 0;
	while (u + 1 < H0_ARRAY_LEN(units) && s < units[u].len)
		u++;
	h0_buf_addf(out, "%lld%c", (long long)(s / units[u].len), units[u].unit);
	if (u + 1 == H0_ARRAY_LEN(units))
		return;
	int64_t rest = s % units[u].len / units[u + 1].len;
	if (rest)
		h0_buf_addf(out, "%lld%c", (long long)rest, units[u + 1].unit);
}

static void put_real(double v, int digits, struct h0_buf *out)
{
	if (isfinite(v))
		h0_buf_addf(out, "%.*f", digits, v);
	else
		h0_buf_addc(out, '-');
}

static void put_list(const struct h0_json *j, struct h0_buf *out)
{
	for (size_t i = 0; i < h0_json_len(j); i++) {
		const char *s = h0_json_str(h0_json_at(j, i));
		if (i)
			h0_buf_addc(out, ',');
		if (s)
			h0_buf_adds(out, s);
		else
			h0_json_dump(h0_json_at(j, i), 0, false, out);
	}
}

static void put_json(const struct h0_json *j, struct h0_buf *out)
{
	if (h0_json_str(j))
		h0_buf_adds(out, h0_json_str(j));
	else
		h0_json_dump(j, 0, false, out);
}

void h0_cell_human(const struct h0_col *col, const struct h0_cell *c, struct h0_buf *out)
{
	char size[32];
	size_t before = out->len;
	if (!c->set) {
		h0_buf_addc(out, '-');
		return;
	}
	switch (col->type) {
	case H0_COL_STR:
		h0_buf_adds(out, c->str);
		break;
	case H0_COL_INT:
		h0_buf_addf(out, "%lld", (long long)c->num);
		break;
	case H0_COL_BYTES:
		h0_buf_adds(out, h0_num_human(c->num, size, sizeof size));
		break;
	case H0_COL_BOOL:
		h0_buf_adds(out, c->yes ? "yes" : "no");
		break;
	case H0_COL_SECONDS:
		put_seconds(c->num, out);
		break;
	case H0_COL_PERCENT:
		put_real(c->real, 1, out);
		h0_buf_adds(out, isfinite(c->real) ? "%" : "");
		break;
	case H0_COL_REAL:
		put_real(c->real, 2, out);
		break;
	case H0_COL_JSON:
		put_json(c->json, out);
		break;
	case H0_COL_LIST:
		put_list(c->json, out);
		break;
	}
	if (out->len == before)
		h0_buf_addc(out, '-');
}

void h0_cell_plain(const struct h0_col *col, const struct h0_cell *c, struct h0_buf *out)
{
	if (!c->set)
		return;
	switch (col->type) {
	case H0_COL_STR:
		h0_buf_adds(out, c->str);
		break;
	case H0_COL_INT:
	case H0_COL_BYTES:
	case H0_COL_SECONDS:
		h0_buf_addf(out, "%lld", (long long)c->num);
		break;
	case H0_COL_BOOL:
		h0_buf_adds(out, c->yes ? "true" : "false");
		break;
	case H0_COL_PERCENT:
	case H0_COL_REAL:
		if (isfinite(c->real))
			h0_buf_addf(out, "%.15g", c->real);
		break;
	case H0_COL_JSON:
		put_json(c->json, out);
		break;
	case H0_COL_LIST:
		put_list(c->json, out);
		break;
	}
}

struct h0_json *h0_cell_json(const struct h0_col *col, const struct h0_cell *c)
{
	if (!c->set)
		return h0_json_new_null();
	switch (col->type) {
	case H0_COL_STR:
		return h0_json_new_str(c->str);
	case H0_COL_INT:
	case H0_COL_BYTES:
	case H0_COL_SECONDS:
		return h0_json_new_int(c->num);
	case H0_COL_BOOL:
		return h0_json_new_bool(c->yes);
	case H0_COL_PERCENT:
	case H0_COL_REAL:
		return h0_json_new_real(c->real);
	case H0_COL_JSON:
	case H0_COL_LIST:
		return h0_json_copy(c->json);
	}
	return h0_json_new_null();
}
