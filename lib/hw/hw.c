/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/hw.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct h0_hw_gpu *h0_hw_gpu_at(struct h0_hw *hw, const char *addr)
{
	for (int i = 0; i < hw->ngpu; i++)
		if (strcmp(hw->gpu[i].addr, addr) == 0)
			return &hw->gpu[i];
	return NULL;
}

struct h0_hw_gpu *h0_hw_gpu_add(struct h0_hw *hw, const char *addr)
{
	if (hw->ngpu == H0_HW_GPUS)
		return NULL;
	struct h0_hw_gpu *g = &hw->gpu[hw->ngpu++];
	int64_t *unknown[] = {
		&g->vendor, &g->device, &g->class, &g->revision, &g->subvendor, &g->subdevice,
		&g->bar_max, &g->boot_vga, &g->vram_total, &g->vram_used, &g->vis_vram_total,
		&g->vis_vram_used, &g->gtt_total, &g->gtt_used, &g->busy_percent, &g->temp_mc,
		&g->power_uw, &g->sclk_mhz, &g->mclk_mhz, &g->kfd.gfx_target, &g->kfd.simds,
		&g->kfd.bank,
	};
	*g = (struct h0_hw_gpu){0};
	for (size_t i = 0; i < H0_ARRAY_LEN(unknown); i++)
		*unknown[i] = H0_UNKNOWN;
	snprintf(g->addr, sizeof g->addr, "%s", addr);
	return g;
}

struct h0_hw_npu *h0_hw_npu_at(struct h0_hw *hw, const char *addr)
{
	for (int i = 0; i < hw->nnpu; i++)
		if (strcmp(hw->npu[i].addr, addr) == 0)
			return &hw->npu[i];
	return NULL;
}

struct h0_hw_npu *h0_hw_npu_add(struct h0_hw *hw, const char *addr)
{
	if (hw->nnpu == H0_HW_NPUS)
		return NULL;
	struct h0_hw_npu *n = &hw->npu[hw->nnpu++];
	*n = (struct h0_hw_npu){.vendor = H0_UNKNOWN, .device = H0_UNKNOWN, .revision = H0_UNKNOWN};
	snprintf(n->addr, sizeof n->addr, "%s", addr);
	return n;
}

const char *h0_hw_node_path(const struct h0_hw *hw, const char *subsystem, const char *name,
                            const char *fallback)
{
	for (int i = 0; i < hw->udev.n; i++)
		if (strcmp(hw->udev.dev[i].subsystem, subsystem) == 0 &&
		    strcmp(hw->udev.dev[i].name, name) == 0)
			return hw->udev.dev[i].node;
	return fallback;
}

struct h0_hw *h0_hw_probe(const struct h0_root *r, unsigned flags)
{
	struct h0_hw *hw = h0_calloc(1, sizeof *hw);
	hw->live = r->live;
	h0_hw_os(r, hw);
	h0_hw_cpu(r, hw);
	h0_hw_mem(r, hw);
	h0_hw_cgroup(r, hw);
	h0_hw_dmi(r, hw);
	h0_hw_virt(r, hw);
	h0_hw_power(r, hw);
	h0_hw_ttm(r, hw);
	h0_hw_udev(r, hw);
	h0_hw_pci(r, hw);
	h0_hw_iommu(r, hw);
	h0_hw_drm(r, hw);
	h0_hw_kfd(r, hw);
	h0_hw_accel(r, hw);
	h0_hw_nvidia(r, hw);
	if (flags & H0_HW_VULKAN)
		h0_hw_vulkan(r, hw);
	return hw;
}

void h0_hw_free(struct h0_hw *hw)
{
	if (!hw)
		return;
	h0_strv_done(&hw->nvidia.cdi);
	free(hw);
}
