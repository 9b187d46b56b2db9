/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * AMD's NPU: which of the PCI functions is one, its accel class entry, its node.
 * Ids: the amdxdna driver's own table. Vendor and device together: 8086:1502 is a network card.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

static bool is_npu(const struct h0_hw_npu *n)
{
	static const int ids[] = {0x1502, 0x17f0, 0x17f1, 0x17f2, 0x17f3, 0x1b0a, 0x1b0b, 0x1b0c};
	for (size_t i = 0; i < H0_ARRAY_LEN(ids); i++)
		if (n->vendor == 0x1022 && n->device == ids[i])
			return true;
	return strcmp(n->driver, "amdxdna") == 0;
}

static void drop_others(struct h0_hw *hw)
{
	int kept = 0;
	for (int i = 0; i < hw->nnpu; i++)
		if (is_npu(&hw->npu[i]))
			hw->npu[kept++] = hw->npu[i];
	hw->nnpu = kept;
}

static void accel_entry(const struct h0_root *r, struct h0_hw *hw, const char *name)
{
	char addr[24];
	int64_t number;
	if (strncmp(name, "accel", 5) != 0 || !h0_num_i64(name + 5, 0, 65535, &number) ||
	    h0_root_link(r, addr, sizeof addr, "/sys/class/accel/%s/device", name) < 0)
		return;
	struct h0_hw_npu *n = h0_hw_npu_at(hw, addr);
	if (!n) {
		int64_t vendor = h0_root_int(r, 0, 0xffff, "/sys/class/accel/%s/device/vendor", name);
		n = vendor == 0x1022 ? h0_hw_npu_add(hw, addr) : NULL;
		if (!n)
			return; /* somebody else's accelerator */
		n->vendor = vendor;
		n->device = h0_root_int(r, 0, 0xffff, "/sys/class/accel/%s/device/device", name);
		n->revision = h0_root_int(r, 0, 0xff, "/sys/class/accel/%s/device/revision", name);
		h0_root_link(r, n->driver, sizeof n->driver, "/sys/class/accel/%s/device/driver", name);
	}
	snprintf(n->accel, sizeof n->accel, "%.15s", name);
	h0_root_text(r, n->vbnv, sizeof n->vbnv, "/sys/class/accel/%s/device/vbnv", name);
	h0_root_text(r, n->fw, sizeof n->fw, "/sys/class/accel/%s/device/fw_version", name);
}

void h0_hw_accel(const struct h0_root *r, struct h0_hw *hw)
{
	h0_autostrv struct h0_strv names = {0};
	h0_root_list(r, &names, "/sys/class/accel");
	for (size_t i = 0; i < names.n; i++)
		accel_entry(r, hw, names.v[i]);
	drop_others(hw);
	for (int i = 0; i < hw->nnpu; i++) {
		struct h0_hw_npu *n = &hw->npu[i];
		char path[64];
		if (!*n->accel)
			continue;
		snprintf(path, sizeof path, "/dev/accel/%s", n->accel);
		h0_root_node(r, &n->node, "%s", h0_hw_node_path(hw, "accel", n->accel, path));
	}
}
