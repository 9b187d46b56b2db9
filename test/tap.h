/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TAP for the C tests: ok(condition, "name %d", i) ... return tap_done();
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_n, tap_bad;

__attribute__((format(printf, 2, 3), unused)) static bool ok(bool good, const char *fmt, ...)
{
	va_list ap;
	printf("%sok %d - ", good ? "" : "not ", ++tap_n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	tap_bad += !good;
	return good;
}

__attribute__((unused)) static bool is_str(const char *got, const char *want, const char *name)
{
	bool good = got == want || (got && want && strcmp(got, want) == 0);
	if (!ok(good, "%s", name))
		printf("# got  %s\n# want %s\n", got ? got : "(null)", want ? want : "(null)");
	return good;
}

__attribute__((unused)) static bool is_int(long long got, long long want, const char *name)
{
	if (!ok(got == want, "%s", name)) {
		printf("# got %lld, want %lld\n", got, want);
		return false;
	}
	return true;
}

__attribute__((unused)) static int tap_skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_n);
	return tap_bad != 0;
}

#endif
