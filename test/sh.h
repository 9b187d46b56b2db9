/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Shell commands of a test, over paths that the test made itself.
 */
#ifndef TEST_SH_H
#define TEST_SH_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What system() says of it. */
__attribute__((format(printf, 1, 0), unused)) static int sh_va(const char *fmt, va_list ap)
{
	char cmd[4096];
	int n = vsnprintf(cmd, sizeof cmd, fmt, ap);
	if (n < 0 || (size_t)n >= sizeof cmd)
		abort();
	return system(cmd);
}

__attribute__((format(printf, 1, 2), unused)) static int sh_rc(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = sh_va(fmt, ap);
	va_end(ap);
	return rc;
}

/* It must succeed. */
__attribute__((format(printf, 1, 2), unused)) static void sh(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (sh_va(fmt, ap) != 0)
		abort();
	va_end(ap);
}

#endif
