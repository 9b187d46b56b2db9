/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory: /proc/meminfo (under lxcfs the container's limit) and the NUMA nodes' meminfo (always
 * the kernel's own, also in a container).
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

/* "MemTotal:  123 kB" -> bytes. */
static int64_t kilobytes(const char *text, const char *key)
{
	char v[64];
	int64_t n;
	if (!h0_text_field(text, key, v, sizeof v))
		return H0_UNKNOWN;
	char *unit = strstr(v, " kB");
	if (!unit || unit[3])
		return H0_UNKNOWN;
	*unit = '\0';
	return h0_num_i64(v, 0, H0_HW_MAX_BYTES >> 10, &n) ? n << 10 : H0_UNKNOWN;
}

/* Lines of a node's file read "Node 0 MemTotal:   123 kB". */
static int64_t node_kilobytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	return at ? kilobytes(at, key) : H0_UNKNOWN;
}

static void nodes(const struct h0_root *r, struct h0_hw_mem *m)
{
	h0_autostrv struct h0_strv names = {0};
	int64_t total = 0, free_bytes = 0;
	bool any = false;
	h0_root_list(r, &names, "/sys/devices/system/node");
	for (size_t i = 0; i < names.n; i++) {
		h0_autobuf struct h0_buf b = {0};
		int64_t n;
		if (strncmp(names.v[i], "node", 4) != 0 || !h0_num_i64(names.v[i] + 4, 0, 4095, &n))
			continue;
		if (h0_root_read(r, 65536, &b, "/sys/devices/system/node/%s/meminfo", names.v[i]) < 0)
			return;
		int64_t t = node_kilobytes(b.p, "MemTotal"), f = node_kilobytes(b.p, "MemFree");
		if (t == H0_UNKNOWN || f == H0_UNKNOWN)
			return; /* a partial sum would be a wrong number */
		total += t;
		free_bytes += f;
		any = true;
	}
	/* some guests list only part of their memory as nodes; a host never has less than we see */
	if (any && total > 0 && total <= H0_HW_MAX_BYTES && total >= m->total) {
		m->host_total = total;
		m->host_free = free_bytes;
	}
}

/* /proc/buddyinfo: "Node 0, zone   Normal   12 34 ...": free blocks of 4 KiB << column. */
static void buddy(const struct h0_root *r, struct h0_hw_mem *m)
{
	h0_autobuf struct h0_buf b = {0};
	int64_t all = 0, large = 0;
	if (h0_root_read(r, 65536, &b, "/proc/buddyinfo") < 0)
		return;
	for (const char *line = b.p; line && *line; line = strchr(line, '\n')) {
		char zone[32];
		int at = 0;
		line += *line == '\n';
		if (sscanf(line, "Node %*d, zone %31s %n", zone, &at) != 1 || !at)
			continue;
		const char *s = line + at;
		for (int order = 0; order < 16; order++) {
			char *end;
			unsigned long long n = strtoull(s, &end, 10);
			if (end == s || n > (1ULL << 38) >> order)
				break;
			all += (int64_t)(n << (12 + order));
			large += order >= 9 ? (int64_t)(n << (12 + order)) : 0;
			s = end + strspn(end, " ");
			if (*s == '\n')
				break;
		}
	}
	if (all > 0 && all <= H0_HW_MAX_BYTES) {
		m->buddy_free = all;
		m->buddy_large = large;
	}
}

void h0_hw_mem(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_mem *m = &hw->mem;
	h0_autobuf struct h0_buf b = {0};
	int rc = h0_root_read(r, 65536, &b, "/proc/meminfo");
	const char *text = rc < 0 ? "" : b.p;
	m->total = kilobytes(text, "MemTotal");
	if (m->total == 0)
		m->total = H0_UNKNOWN;
	m->free = kilobytes(text, "MemFree");
	m->available = kilobytes(text, "MemAvailable");
	m->swap_total = kilobytes(text, "SwapTotal");
	m->swap_free = kilobytes(text, "SwapFree");
	m->huge = kilobytes(text, "Hugetlb");
	m->host_total = m->host_free = H0_UNKNOWN;
	m->buddy_free = m->buddy_large = H0_UNKNOWN;
	nodes(r, m);
	buddy(r, m);
}
