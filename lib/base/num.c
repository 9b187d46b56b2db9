/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/num.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

bool h0_num_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	const char *digits = s[0] == '-' ? s + 1 : s;
	if (!*digits || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	long long v = strtoll(s, NULL, 10);
	if (errno || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

/* One decimal number ("1", "1.5") with the unit that follows it. */
static bool number_and_unit(const char *s, double *ret, const char **ret_unit)
{
	size_t n = strspn(s, "0123456789");
	size_t frac = n && s[n] == '.' ? 1 + strspn(s + n + 1, "0123456789") : 0;
	if (!n || frac == 1 || n + frac > 30)
		return false;
	char digits[32];
	memcpy(digits, s, n + frac);
	digits[n + frac] = '\0';
	*ret = strtod(digits, NULL);
	*ret_unit = s + n + frac;
	while (**ret_unit == ' ')
		(*ret_unit)++;
	return true;
}

bool h0_num_size(const char *s, int64_t *ret_bytes)
{
	static const struct { const char *unit; double factor; } units[] = {
		{"", 1}, {"B", 1},
		{"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}, {"T", 0x1p40},
		{"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	};
	double v;
	const char *unit;
	if (!number_and_unit(s, &v, &unit))
		return false;
	for (size_t i = 0; i < H0_ARRAY_LEN(units); i++) {
		if (strcasecmp(unit, units[i].unit) != 0)
			continue;
		v *= units[i].factor;
		if (v >= 0x1p63)
			return false;
		*ret_bytes = (int64_t)v;
		return true;
	}
	return false;
}

bool h0_num_duration(const char *s, int64_t *ret_s)
{
	double v;
	const char *unit;
	if (!number_and_unit(s, &v, &unit))
		return false;
	int64_t factor = !*unit || strcmp(unit, "s") == 0 ? 1
	               : strcmp(unit, "m") == 0          ? 60
	               : strcmp(unit, "h") == 0          ? 3600
	               : strcmp(unit, "d") == 0          ? 86400
	                                                 : 0;
	if (!factor || v * (double)factor >= 0x1p53)
		return false;
	*ret_s = (int64_t)(v * (double)factor);
	return true;
}

const char *h0_num_real(double v, char dst[H0_NUM_REAL_MAX])
{
	if (isnan(v)) {
		snprintf(dst, H0_NUM_REAL_MAX, "nan");
		return dst;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(dst, H0_NUM_REAL_MAX, "%.*g", digits, v);
		if (isinf(v) || strtod(dst, NULL) == v)
			break;
	}
	return dst;
}

const char *h0_num_human(int64_t bytes, char *dst, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double v = (double)bytes;
	size_t u = 0;
	while (fabs(v) >= 1024 && u + 1 < H0_ARRAY_LEN(units)) {
		v /= 1024;
		u++;
	}
	bool whole = u == 0 || fabs(v) >= 1000 || v == floor(v);
	snprintf(dst, size, whole ? "%.0f %s" : "%.1f %s", v, units[u]);
	return dst;
}
