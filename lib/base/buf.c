/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

char *h0_buf_room(struct h0_buf *b, size_t n)
{
	size_t need;
	if (__builtin_add_overflow(b->len, n + 1, &need))
		abort();
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		if (cap < need)
			cap = need;
		b->p = h0_realloc(b->p, cap);
		b->cap = cap;
	}
	b->p[b->len] = '\0';
	return b->p + b->len;
}

void h0_buf_add(struct h0_buf *b, const void *data, size_t n)
{
	char *to = h0_buf_room(b, n);
	if (n)
		memcpy(to, data, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void h0_buf_adds(struct h0_buf *b, const char *s)
{
	h0_buf_add(b, s, strlen(s));
}

void h0_buf_adds_xml(struct h0_buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			h0_buf_adds(b, "&lt;");
		else if (*s == '&')
			h0_buf_adds(b, "&amp;");
		else
			h0_buf_addc(b, (unsigned char)*s < ' ' ? ' ' : *s);
	}
}

void h0_buf_addc(struct h0_buf *b, char c)
{
	h0_buf_add(b, &c, 1);
}

void h0_buf_addf(struct h0_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(h0_buf_room(b, (size_t)n), (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void h0_buf_reset(struct h0_buf *b)
{
	b->len = 0;
	if (b->p)
		b->p[0] = '\0';
}

const char *h0_buf_str(const struct h0_buf *b)
{
	return b->p ? b->p : "";
}

char *h0_buf_take(struct h0_buf *b)
{
	if (!b->p)
		h0_buf_room(b, 0);
	char *p = b->p;
	*b = (struct h0_buf){0};
	return p;
}

void h0_buf_done(struct h0_buf *b)
{
	free(b->p);
	*b = (struct h0_buf){0};
}
