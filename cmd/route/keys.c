/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "box.h"
#include "sys/secret.h"

#define MAX_KEYS (1u << 20)

int route_keys(const char *path, struct h0_strv *ret, struct h0_err *e)
{
	h0_autosecret struct h0_buf text = {0};
	if (h0_secret_read(path, MAX_KEYS, &text, e) < 0)
		return -1;
	char *line = text.p, *save = NULL;
	for (line = line ? strtok_r(line, "\r\n", &save) : NULL; line; line = strtok_r(NULL, "\r\n", &save)) {
		line += strspn(line, " \t");
		size_t n = strcspn(line, " \t");
		line[n] = '\0';
		if (n && *line != '#')
			h0_strv_add(ret, line);
	}
	return ret->n ? 0 : h0_fail(e, H0_CONFIG, "%s: there is no key in it", path);
}
