/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * IOMMU groups: a GPU can be handed to a virtual machine only together with everything in its
 * group. What counts are functions of other devices; bridges stay with the host.
 */
#include <stdio.h>
#include <string.h>

#include "hw/hw.h"

#define BASE "/sys/bus/pci/devices"
#define GROUPS "/sys/kernel/iommu_groups"

#define CLASS_BRIDGE 0x06

/* "0000:03:00.1" is a function of the device "0000:03:00.0" is one of. */
static bool same_device(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");
	return n == strcspn(b, ".") && strncmp(a, b, n) == 0;
}

static void one(const struct h0_root *r, struct h0_hw_gpu *g)
{
	h0_autostrv struct h0_strv members = {0};
	char group[32];
	if (h0_root_link(r, group, sizeof group, BASE "/%s/iommu_group", g->addr) < 0 || !*group ||
	    group[strspn(group, "0123456789")])
		return;
	snprintf(g->iommu_group, sizeof g->iommu_group, "%.7s", group);
	h0_root_list(r, &members, GROUPS "/%s/devices", group);
	for (size_t i = 0; i < members.n; i++) {
		const char *addr = members.v[i];
		if (strlen(addr) >= sizeof g->addr || same_device(addr, g->addr))
			continue;
		int64_t class = h0_root_int(r, 0, 0xffffff, BASE "/%s/class", addr);
		size_t have = strlen(g->iommu_others);
		if (class >> 16 != CLASS_BRIDGE)
			snprintf(g->iommu_others + have, sizeof g->iommu_others - have, "%s%s",
			         have ? " " : "", addr);
	}
}

void h0_hw_iommu(const struct h0_root *r, struct h0_hw *hw)
{
	for (int i = 0; i < hw->ngpu; i++)
		one(r, &hw->gpu[i]);
}
