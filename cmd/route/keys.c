/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <sys/stat.h>

#include "box.h"
#include "sys/io.h"

#define MAX_KEYS (1u << 20)

int route_keys(const char *path, struct h0_strv *ret, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	struct stat st;
	if (h0_read_file(path, MAX_KEYS, &text, e) < 0)
		return -1;
	if (stat(path, &st) == 0 && (st.st_mode & 077))
		return h0_fail(e, H0_CONFIG, "%s: others can read the keys: chmod 600 %s", path, path);
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
