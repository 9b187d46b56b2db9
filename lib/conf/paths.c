/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/paths.h"

#include <string.h>

static int absolute(const char *name, char *dst, size_t size, struct h0_err *e)
{
	const char *v = getenv(name);
	size_t n = v ? strlen(v) : 0;
	if (n && v[0] != '/')
		return h0_fail(e, H0_USAGE, "%s must be an absolute path, not '%s'", name, v);
	while (n > 1 && v[n - 1] == '/')
		n--;
	if (n >= size)
		return h0_fail(e, H0_USAGE, "%s is too long", name);
	if (n)
		memcpy(dst, v, n);
	dst[n] = '\0';
	return 0;
}

int h0_paths_init(struct h0_paths *ret, struct h0_err *e)
{
	struct h0_paths p;
	if (absolute("HAL0_HOME", p.home, sizeof p.home, e) < 0 ||
	    absolute("HAL0_MODEL_STORE", p.store, sizeof p.store, e) < 0)
		return -1;
	snprintf(p.etc, sizeof p.etc, "%s/etc/hal0", p.home);
	snprintf(p.var, sizeof p.var, p.home[0] ? "%s/var-lib/hal0" : "%s/var/lib/hal0", p.home);
	snprintf(p.run, sizeof p.run, "%s/run/hal0", p.home);
	*ret = p;
	return 0;
}
