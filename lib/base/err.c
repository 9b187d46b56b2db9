/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Text that is too long loses its middle: what is said of a long word stands behind it. */
static void fit(char *dst, size_t size, const char *text)
{
	static const char gap[] = " ... ";
	size_t n = strlen(text), tail = size / 3, head = size - tail - sizeof gap;
	if (n < size) {
		memcpy(dst, text, n + 1);
		return;
	}
	while (head && ((unsigned char)text[head] & 0xc0) == 0x80) /* no half characters */
		head--;
	while (tail && ((unsigned char)text[n - tail] & 0xc0) == 0x80)
		tail--;
	snprintf(dst, size, "%.*s%s%s", (int)head, text, gap, text + n - tail);
}

H0_PRINTF(4, 0)
static void set(struct h0_err *e, enum h0_kind kind, int err, const char *fmt, va_list ap)
{
	if (!e)
		return;
	char text[8 * sizeof e->msg];
	memset(e, 0, sizeof *e);
	e->kind = kind;
	e->sys_errno = err;
	vsnprintf(text, sizeof text - 128, fmt, ap);
	if (err) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, ": %s", strerror(err));
	}
	fit(e->msg, sizeof e->msg, text);
}

int h0_fail(struct h0_err *e, enum h0_kind kind, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set(e, kind, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int h0_fail_sys(struct h0_err *e, const char *fmt, ...)
{
	int err = errno;
	va_list ap;
	va_start(ap, fmt);
	set(e, H0_SYS, err, fmt, ap);
	va_end(ap);
	errno = err;
	return -1;
}

int h0_fail_at(struct h0_err *e, const char *file, int line, int col, const char *key,
               const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set(e, H0_CONFIG, 0, fmt, ap);
	va_end(ap);
	if (!e)
		return -1;
	e->line = line;
	e->col = col;
	snprintf(e->file, sizeof e->file, "%s", file ? file : "");
	snprintf(e->key, sizeof e->key, "%s", key ? key : "");
	return -1;
}

int h0_wrap(struct h0_err *e, const char *fmt, ...)
{
	char ctx[256], text[sizeof ctx + sizeof e->msg];
	va_list ap;
	if (!e)
		return -1;
	va_start(ap, fmt);
	vsnprintf(ctx, sizeof ctx, fmt, ap);
	va_end(ap);
	snprintf(text, sizeof text, "%s: %s", ctx, e->msg);
	fit(e->msg, sizeof e->msg, text);
	return -1;
}

int h0_err_code(struct h0_err *e, const char *code)
{
	if (e)
		snprintf(e->code, sizeof e->code, "%s", code);
	return -1;
}

int h0_err_detail(struct h0_err *e, const char *key, const char *fmt, ...)
{
	va_list ap;
	if (!e || e->ndetail >= (int)H0_ARRAY_LEN(e->detail))
		return -1;
	struct h0_err_detail *d = &e->detail[e->ndetail++];
	snprintf(d->key, sizeof d->key, "%s", key);
	va_start(ap, fmt);
	vsnprintf(d->val, sizeof d->val, fmt, ap);
	va_end(ap);
	return -1;
}

void h0_err_text(const struct h0_err *e, char *dst, size_t size)
{
	char pos[32] = "";
	if (e->line > 0)
		snprintf(pos, sizeof pos, ":%d:%d", e->line, e->col);
	snprintf(dst, size, "%s%s%s%s%s%s", e->file, pos, e->file[0] ? ": " : "", e->key,
	         e->key[0] ? ": " : "", e->msg);
}

const char *h0_err_name(const struct h0_err *e)
{
	static const char *const by_kind[] = {"system.ok", "system.no", "system.usage",
		"config.invalid", "system.conflict", "system.busy", "system.os",
		"system.external", "backend.missing", "system.internal"};
	if (e->code[0])
		return e->code;
	if ((size_t)e->kind < H0_ARRAY_LEN(by_kind))
		return by_kind[e->kind];
	return "system.internal";
}

const char *h0_kind_help(int code)
{
	static const char *const help[] = {
#define H0_KIND_HELP(name, n, text) [n] = text,
		H0_KINDS(H0_KIND_HELP)
#undef H0_KIND_HELP
	};
	return code >= 0 && (size_t)code < H0_ARRAY_LEN(help) ? help[code] : NULL;
}

void h0_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "hal0: bug at %s:%d: %s\n", file, line, what);
	_exit(H0_BUG);
}
