/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"

#include <stdarg.h>
#include <string.h>

#include "base/err.h"

static void *check(void *p)
{
	static const char msg[] = "hal0: out of memory\n";
	if (p)
		return p;
	if (write(STDERR_FILENO, msg, sizeof msg - 1) < 0)
		_exit(H0_SYS);
	_exit(H0_SYS);
}

void *h0_malloc(size_t n)
{
	return check(malloc(n ? n : 1));
}

void *h0_calloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size ? size : 1));
}

void *h0_realloc(void *p, size_t n)
{
	return check(realloc(p, n ? n : 1));
}

char *h0_strdup(const char *s)
{
	return s ? check(strdup(s)) : NULL;
}

char *h0_strndup(const char *s, size_t n)
{
	char *p = h0_malloc(n + 1);
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *h0_asprintf(const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&p, fmt, ap);
	va_end(ap);
	return check(n < 0 ? NULL : p);
}

void *h0_grow(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	size_t want = *cap ? *cap * 2 : 8;
	if (want <= n)
		want = n + 1;
	*cap = want;
	size_t bytes;
	if (__builtin_mul_overflow(want, size, &bytes))
		return check(NULL);
	return h0_realloc(p, bytes);
}
