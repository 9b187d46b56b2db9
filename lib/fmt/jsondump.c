/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON values as text. Not the library's own writer, because that gives reals seventeen digits
 * (0.10000000000000001).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "fmt/json.h"

struct dump {
	struct h0_buf *out;
	int indent;
	bool sorted;
};

struct member {
	const char *key;
	size_t len;
	const struct h0_json *val;
};

static void put_string(struct h0_buf *out, const char *s, size_t n)
{
	static const char special[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";
	h0_buf_addc(out, '"');
	for (size_t i = 0, len; i < n; i += len) {
		const char *known = s[i] ? strchr(special, s[i]) : NULL;
		unsigned code = h0_char_steers(s + i, n - i, &len);
		if (known)
			h0_buf_addf(out, "\\%c", letter[known - special]);
		else if (code || !s[i])
			h0_buf_addf(out, "\\u%04X", code);
		else
			h0_buf_addc(out, s[i]);
	}
	h0_buf_addc(out, '"');
}

/* A real keeps looking like one: 1.0, not 1. */
static void put_real(struct h0_buf *out, double v)
{
	char text[H0_NUM_REAL_MAX];
	h0_num_real(v, text);
	h0_buf_adds(out, text);
	if (!strpbrk(text, ".e"))
		h0_buf_adds(out, ".0");
}

static void put_scalar(struct h0_buf *out, const struct h0_json *j)
{
	size_t n;
	switch (h0_json_type(j)) {
	case H0_JSON_BOOL:
		h0_buf_adds(out, h0_json_bool(j, false) ? "true" : "false");
		break;
	case H0_JSON_INT:
		h0_buf_addf(out, "%lld", (long long)h0_json_int(j, 0));
		break;
	case H0_JSON_REAL:
		put_real(out, h0_json_num(j, 0));
		break;
	case H0_JSON_STRING: {
		const char *s = h0_json_strn(j, &n);
		put_string(out, s, n);
		break;
	}
	default:
		h0_buf_adds(out, "null");
	}
}

static void new_line(const struct dump *d, int depth)
{
	if (!d->indent)
		return;
	h0_buf_addc(d->out, '\n');
	for (int i = 0; i < depth * d->indent; i++)
		h0_buf_addc(d->out, ' ');
}

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
	return c ? c : (x->len > y->len) - (x->len < y->len);
}

static void put(const struct dump *d, const struct h0_json *j, int depth);

static void put_object(const struct dump *d, const struct h0_json *j, int depth)
{
	size_t n = h0_json_len(j), i = 0;
	h0_autofree struct member *m = h0_calloc(n, sizeof *m);
	for (void *it = NULL; (it = h0_json_next(j, it, &m[i].key, &m[i].val)); i++) {
		m[i].len = h0_json_key_len(it);
		if (i + 1 == n)
			break;
	}
	if (d->sorted)
		qsort(m, n, sizeof *m, by_key);
	h0_buf_addc(d->out, '{');
	for (i = 0; i < n; i++) {
		h0_buf_adds(d->out, i ? "," : "");
		new_line(d, depth + 1);
		put_string(d->out, m[i].key, m[i].len);
		h0_buf_adds(d->out, d->indent ? ": " : ":");
		put(d, m[i].val, depth + 1);
	}
	if (n)
		new_line(d, depth);
	h0_buf_addc(d->out, '}');
}

static void put(const struct dump *d, const struct h0_json *j, int depth)
{
	size_t n = h0_json_len(j);
	if (h0_json_type(j) == H0_JSON_OBJECT && n) {
		put_object(d, j, depth);
	} else if (h0_json_type(j) == H0_JSON_OBJECT) {
		h0_buf_adds(d->out, "{}");
	} else if (h0_json_type(j) == H0_JSON_ARRAY) {
		h0_buf_addc(d->out, '[');
		for (size_t i = 0; i < n; i++) {
			h0_buf_adds(d->out, i ? "," : "");
			new_line(d, depth + 1);
			put(d, h0_json_at(j, i), depth + 1);
		}
		if (n)
			new_line(d, depth);
		h0_buf_addc(d->out, ']');
	} else {
		put_scalar(d->out, j);
	}
}

void h0_json_dump(const struct h0_json *j, int indent, bool sorted, struct h0_buf *out)
{
	put(&(struct dump){out, indent, sorted}, j, 0);
}
