/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The memory limit that control groups put on us: the smallest number from our own group up to
 * the root of what we can see. Version 2 and version 1 (also the hybrid layout).
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

/* Version 1 writes "no limit" as a huge number. */
#define NO_LIMIT H0_HW_MAX_BYTES

/* Our group's path for a controller list ("" = version 2) out of /proc/self/cgroup. */
static bool own_path(const char *text, const char *controller, char *dst, size_t size)
{
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		char one[1024], list[256] = "";
		snprintf(one, sizeof one, "%.*s", (int)(len < 1023 ? len : 1023), line);
		line += len;
		line += *line == '\n';
		char *first = strchr(one, ':'), *second = first ? strchr(first + 1, ':') : NULL;
		if (!second || second[1] != '/')
			continue;
		*second = '\0';
		snprintf(list, sizeof list, "%s", first + 1);
		bool match = !*controller ? !*list : false;
		char *save = NULL;
		for (char *c = strtok_r(list, ",", &save); c; c = strtok_r(NULL, ",", &save))
			match |= *controller && strcmp(c, controller) == 0;
		if (match) {
			snprintf(dst, size, "%s", second + 1);
			return true;
		}
	}
	return false;
}

static int64_t stat_value(const struct h0_root *r, const char *dir, const char *key)
{
	h0_autobuf struct h0_buf b = {0};
	if (h0_root_read(r, 65536, &b, "%s/memory.stat", dir) < 0)
		return H0_UNKNOWN;
	size_t n = strlen(key);
	for (char *line = b.p; line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		int64_t v;
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return h0_num_i64(line + n + 1, 0, H0_HW_MAX_BYTES, &v) ? v : H0_UNKNOWN;
		line = end ? end + 1 : NULL;
	}
	return H0_UNKNOWN;
}

struct layout {
	const char *mount, *limit, *usage, *cache;
};

/* One directory; a smaller limit replaces what is known. */
static void look(const struct h0_root *r, struct h0_hw_cgroup *cg, const struct layout *l,
                 const char *dir)
{
	char text[64];
	int64_t v;
	if (h0_root_text(r, text, sizeof text, "%s/%s", dir, l->limit) < 0 ||
	    !h0_num_i64(text, 0, INT64_MAX, &v) || v >= NO_LIMIT)
		return;
	if (cg->limit != H0_UNKNOWN && cg->limit <= v)
		return;
	cg->limit = v;
	snprintf(cg->limit_path, sizeof cg->limit_path, "%s/%s", dir, l->limit);
	cg->current = h0_root_int(r, 0, H0_HW_MAX_BYTES, "%s/%s", dir, l->usage);
	cg->cache = stat_value(r, dir, l->cache);
}

static void walk(const struct h0_root *r, struct h0_hw_cgroup *cg, const struct layout *l,
                 const char *own)
{
	char dir[1280];
	snprintf(dir, sizeof dir, "%s%s", l->mount, own);
	size_t floor = strlen(l->mount);
	for (;;) {
		size_t n = strlen(dir);
		while (n > floor && dir[n - 1] == '/')
			dir[--n] = '\0';
		look(r, cg, l, dir);
		char *slash = strrchr(dir, '/');
		if (n <= floor || !slash || (size_t)(slash - dir) < floor)
			return;
		*slash = '\0';
	}
}

/* devices.list of version 1 says "a *:* rwm" when nothing is forbidden. Version 2 keeps its rules
 * in a program that cannot be read: there only opening tells. */
static enum h0_fact all_devices(const struct h0_root *r, const char *text)
{
	h0_autobuf struct h0_buf b = {0};
	char own[1024];
	if (!own_path(text, "devices", own, sizeof own) ||
	    h0_root_read(r, 65536, &b, "/sys/fs/cgroup/devices%s/devices.list", own) < 0)
		return H0_FACT_UNKNOWN;
	return strncmp(b.p, "a *:* rwm", 9) == 0 ? H0_FACT_YES : H0_FACT_NO;
}

void h0_hw_cgroup(const struct h0_root *r, struct h0_hw *hw)
{
	static const struct layout v2 = {"/sys/fs/cgroup", "memory.max", "memory.current",
	                                 "inactive_file"};
	static const struct layout v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
	                                 "memory.usage_in_bytes", "total_inactive_file"};
	struct h0_hw_cgroup *cg = &hw->cgroup;
	h0_autobuf struct h0_buf b = {0};
	char own[1024] = "/";
	cg->limit = cg->current = cg->cache = H0_UNKNOWN;
	const char *text = h0_root_read(r, 65536, &b, "/proc/self/cgroup") < 0 ? "" : b.p;
	cg->all_devices = all_devices(r, text);
	if (own_path(text, "memory", own, sizeof own) ||
	    h0_root_exists(r, "%s/%s", v1.mount, v1.limit)) {
		cg->version = 1;
		walk(r, cg, &v1, own);
		return;
	}
	if (h0_root_exists(r, "%s/cgroup.controllers", v2.mount)) {
		own_path(text, "", own, sizeof own);
		cg->version = 2;
		walk(r, cg, &v2, own);
	}
}
