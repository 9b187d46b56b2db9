/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The KFD topology: gfx target and SIMD count of AMD GPUs. Nodes that a device cgroup masks
 * answer EPERM. gfx_target_version is major * 10000 + minor * 100 + step; location_id is
 * bus << 8 | device << 3 | function.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

#define NODES "/sys/class/kfd/kfd/topology/nodes"

/* "key value" on a line of its own. */
static int64_t property(const char *text, const char *key, int64_t max)
{
	size_t n = strlen(key);
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		if (len > n && len < n + 24 && strncmp(line, key, n) == 0 && line[n] == ' ') {
			char num[32];
			int64_t v;
			snprintf(num, sizeof num, "%.*s", (int)(len - n - 1), line + n + 1);
			return h0_num_i64(num, 0, max, &v) ? v : H0_UNKNOWN;
		}
		line += len;
		line += *line == '\n';
	}
	return H0_UNKNOWN;
}

static int64_t banks(const struct h0_root *r, const char *node)
{
	h0_autostrv struct h0_strv names = {0};
	int64_t sum = 0;
	h0_root_list(r, &names, NODES "/%s/mem_banks", node);
	for (size_t i = 0; i < names.n && i < H0_HW_NODES; i++) {
		h0_autobuf struct h0_buf b = {0};
		if (h0_root_read(r, 16384, &b, NODES "/%s/mem_banks/%s/properties", node,
		                 names.v[i]) < 0)
			return H0_UNKNOWN;
		int64_t v = property(b.p, "size_in_bytes", H0_HW_MAX_BYTES);
		if (v == H0_UNKNOWN)
			return H0_UNKNOWN;
		sum += v;
	}
	return sum > 0 && sum <= H0_HW_MAX_BYTES ? sum : H0_UNKNOWN;
}

static void gpu_node(const struct h0_root *r, struct h0_hw *hw, const char *node, const char *text)
{
	int64_t at = property(text, "location_id", 0xffff);
	int64_t domain = property(text, "domain", 0xffffff);
	char addr[24];
	if (at == H0_UNKNOWN || property(text, "simd_count", 1 << 20) <= 0)
		return; /* a CPU */
	snprintf(addr, sizeof addr, "%04x:%02x:%02x.%x",
	         domain == H0_UNKNOWN ? 0 : (unsigned)domain, (unsigned)(at >> 8 & 0xff),
	         (unsigned)(at >> 3 & 0x1f), (unsigned)(at & 7));
	struct h0_hw_gpu *g = h0_hw_gpu_at(hw, addr);
	if (!g)
		return;
	g->kfd.seen = true;
	g->kfd.gfx_target = property(text, "gfx_target_version", 99999999);
	g->kfd.simds = property(text, "simd_count", 1 << 20);
	g->kfd.bank = banks(r, node);
}

void h0_hw_kfd(const struct h0_root *r, struct h0_hw *hw)
{
	h0_autostrv struct h0_strv names = {0};
	hw->kfd_driver = h0_root_exists(r, "/sys/class/kfd/kfd") ? H0_FACT_YES : H0_FACT_NO;
	h0_root_node(r, &hw->kfd, "%s", h0_hw_node_path(hw, "kfd", "kfd", "/dev/kfd"));
	h0_root_list(r, &names, NODES);
	for (size_t i = 0; i < names.n && i < 256; i++) {
		h0_autobuf struct h0_buf b = {0};
		int rc = h0_root_read(r, 16384, &b, NODES "/%s/properties", names.v[i]);
		if (rc < 0) {
			hw->kfd_unreadable++;
			hw->kfd_errno = -rc;
			continue;
		}
		gpu_node(r, hw, names.v[i], b.p);
	}
}
