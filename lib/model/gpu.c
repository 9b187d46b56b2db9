/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What each GPU and the NPU are, whether they can be used, and if not, which of the different
 * reasons it is.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/machine.h"

#define AMD 0x1002
#define NVIDIA 0x10de
#define INTEL 0x8086

/* Beyond these a counter is broken, not large. */
#define VRAM_MAX     (1LL << 40)
#define CARVEOUT_MAX (256LL << 30)

/* VkDriverId */
#define VK_RADV 3
#define VK_NVK 24

static bool is_virtual(const struct h0_hw_gpu *g, const struct h0_gpuid *id)
{
	if (id)
		return id->kind == H0_GPU_VIRTUAL;
	return g->vendor != AMD && g->vendor != NVIDIA && g->vendor != INTEL;
}

/* By PCI address; where the driver tells none, by ids if they are unique. RADV wins over a second
 * driver for the same GPU. */
static const struct h0_vk_dev *vulkan_of(const struct h0_hw *hw, const struct h0_hw_gpu *g)
{
	const struct h0_vk_dev *best = NULL;
	int twins = 0;
	for (int i = 0; i < hw->ngpu; i++)
		twins += hw->gpu[i].vendor == g->vendor && hw->gpu[i].device == g->device;
	for (int i = 0; i < hw->vulkan.ndev; i++) {
		const struct h0_vk_dev *d = &hw->vulkan.dev[i];
		bool same = *d->addr ? strcmp(d->addr, g->addr) == 0
		                     : twins == 1 && d->vendor == g->vendor && d->device == g->device;
		if (same && d->type != H0_VK_CPU && (!best || d->driver_id == VK_RADV))
			best = d;
	}
	return best;
}

/* "AMD Radeon 890M Graphics (RADV STRIX1)" -> the part before the driver's remark. */
static void vulkan_name(char *dst, size_t size, const char *s)
{
	const char *paren = strrchr(s, '(');
	size_t n = paren && paren > s ? (size_t)(paren - s) : strlen(s);
	h0_text_clean(dst, size, s, n);
}

static void name_it(struct h0_mgpu *g)
{
	const struct h0_hw_gpu *hw = g->hw;
	if (*hw->nv_model)
		snprintf(g->name, sizeof g->name, "%s", hw->nv_model);
	else if (g->id)
		snprintf(g->name, sizeof g->name, "%s", g->id->name);
	else if (*hw->product)
		snprintf(g->name, sizeof g->name, "%s", hw->product);
	else if (g->vk)
		vulkan_name(g->name, sizeof g->name, g->vk->name);
	else if (*hw->pci_name)
		snprintf(g->name, sizeof g->name, "%s", hw->pci_name);
	if (!*g->name && hw->device != H0_UNKNOWN)
		snprintf(g->name, sizeof g->name, "%s GPU %04x:%04x", g->vendor, (unsigned)hw->vendor,
		         (unsigned)hw->device);
	if (!*g->name)
		snprintf(g->name, sizeof g->name, "%s GPU", g->vendor);
}

/* 110501 -> gfx1151: minor and step are printed in hex. */
static void gfx_it(struct h0_mgpu *g)
{
	int64_t v = g->hw->kfd.gfx_target;
	if (g->hw->kfd.seen && v > 0)
		snprintf(g->gfx, sizeof g->gfx, "gfx%d%x%x", (int)(v / 10000), (unsigned)(v / 100 % 100),
		         (unsigned)(v % 100));
	else if (g->id && g->id->gfx)
		snprintf(g->gfx, sizeof g->gfx, "%s", g->id->gfx);
}

/* The device decides first, then what only boards have, then the driver's word. Sizes do not:
 * a 96 GiB carve-out is still the machine's memory, and GTT exists on cards too. */
static enum h0_fact shares_memory(const struct h0_mgpu *g)
{
	if (g->id && g->id->kind != H0_GPU_VIRTUAL)
		return g->id->kind == H0_GPU_DISCRETE ? H0_FACT_NO : H0_FACT_YES;
	if (*g->hw->board_info || *g->hw->vram_vendor)
		return H0_FACT_NO;
	/* only a card shows its memory through a window */
	if (g->hw->vis_vram_total != H0_UNKNOWN && g->hw->vis_vram_total < g->hw->vram_total)
		return H0_FACT_NO;
	if (g->vk && g->vk->type == H0_VK_INTEGRATED)
		return H0_FACT_YES;
	if (g->vk && g->vk->type == H0_VK_DISCRETE)
		return H0_FACT_NO;
	/* amdgpu shows board_info for every card, and hides it for APUs */
	if (g->hw->vendor == AMD && strcmp(g->hw->driver, "amdgpu") == 0 &&
	    g->hw->vram_total != H0_UNKNOWN)
		return H0_FACT_YES;
	return g->hw->vendor == NVIDIA ? H0_FACT_NO : H0_FACT_UNKNOWN;
}

static int64_t largest_local_heap(const struct h0_vk_dev *d)
{
	int64_t max = H0_UNKNOWN;
	for (int i = 0; i < d->nheap; i++)
		if (d->heap[i].local && d->heap[i].size > 0 && d->heap[i].size <= H0_HW_MAX_BYTES &&
		    d->heap[i].size > max)
			max = d->heap[i].size;
	return max;
}

static void sizes(struct h0_mgpu *g)
{
	const struct h0_hw_gpu *hw = g->hw;
	g->vram = hw->vram_total <= VRAM_MAX ? hw->vram_total : H0_UNKNOWN;
	if (g->uma == H0_FACT_YES && g->vram > CARVEOUT_MAX)
		g->vram = H0_UNKNOWN;
	g->gtt = hw->gtt_total;
	if (g->vram != H0_UNKNOWN)
		snprintf(g->vram_source, sizeof g->vram_source,
		         "/sys/class/drm/%s/device/mem_info_vram_total", hw->card);
	if (g->gtt != H0_UNKNOWN)
		snprintf(g->gtt_source, sizeof g->gtt_source,
		         "/sys/class/drm/%s/device/mem_info_gtt_total", hw->card);
	/* one heap, never the sum: on NVIDIA a second local heap is the BAR's window */
	if (g->vram == H0_UNKNOWN && g->vk && g->uma == H0_FACT_NO) {
		g->vram = largest_local_heap(g->vk);
		if (g->vram != H0_UNKNOWN)
			snprintf(g->vram_source, sizeof g->vram_source, "Vulkan: largest device-local heap");
	}
	g->gb_per_s = g->id && g->id->gb_per_s ? g->id->gb_per_s : H0_UNKNOWN;
}

static void say(struct h0_mgpu *g, const char *reason, const char *fmt, ...) H0_PRINTF(3, 4);
static void say(struct h0_mgpu *g, const char *reason, const char *fmt, ...)
{
	va_list ap;
	g->reason = reason;
	va_start(ap, fmt);
	vsnprintf(g->detail, sizeof g->detail, fmt, ap);
	va_end(ap);
}

/* Why this node cannot be used; true when it can. */
static bool node_ok(struct h0_mgpu *g, const struct h0_node *n, bool container)
{
	g->node = n->path;
	switch (n->access) {
	case H0_ACCESS_OK:
		return true;
	case H0_ACCESS_DENIED:
		say(g, "no-permission", "%s is there but may not be opened (%s)%s%s", n->path,
		    h0_errno_name(n->err), *n->group ? "; its group is " : "", n->group);
		return false;
	case H0_ACCESS_FAILED:
		say(g, "driver-failed", "%s is there but the driver refuses to open it (%s)", n->path,
		    h0_errno_name(n->err));
		return false;
	default:
		say(g, "no-device-node", "sysfs shows the GPU, but there is no %s%s", n->path,
		    container ? " in this container" : "");
		return false;
	}
}

static bool nvidia_usable(struct h0_mgpu *g, const struct h0_hw *hw, bool container)
{
	const struct h0_hw_gpu *gpu = g->hw;
	if (strcmp(gpu->driver, "nouveau") == 0) {
		bool nvk = g->vk && g->vk->driver_id == VK_NVK;
		if (nvk && node_ok(g, &gpu->render_node, container))
			return true;
		if (!nvk)
			say(g, "nvidia-driver-missing", "nouveau drives it, NVIDIA's module is not loaded");
		return false;
	}
	if (strcmp(gpu->driver, "nvidia") != 0 || hw->nvidia.module == H0_FACT_NO) {
		say(g, "nvidia-driver-missing", "no NVIDIA kernel module is bound to it");
		return false;
	}
	if (!*gpu->nv_node.path) {
		if (*gpu->render_node.path)
			return node_ok(g, &gpu->render_node, container);
		say(g, "no-device-node", "/proc/driver/nvidia does not list it and it has no node");
		return false;
	}
	if (!node_ok(g, &hw->nvidia.ctl, container))
		return false;
	return node_ok(g, &gpu->nv_node, container);
}

static bool usable(struct h0_mgpu *g, const struct h0_hw *hw, bool container)
{
	const struct h0_hw_gpu *gpu = g->hw;
	g->node = *gpu->render_node.path ? gpu->render_node.path : NULL;
	if (strcmp(gpu->driver, "vfio-pci") == 0) {
		say(g, "passed-through", "vfio-pci holds it for a virtual machine");
		return false;
	}
	if (gpu->vendor == NVIDIA)
		return nvidia_usable(g, hw, container);
	if (!*gpu->driver) {
		say(g, "driver-not-bound", "no kernel driver is bound to it");
		return false;
	}
	if (gpu->vendor == AMD && strcmp(gpu->driver, "amdgpu") != 0) {
		say(g, "driver-not-bound", "%s drives it, not amdgpu", gpu->driver);
		return false;
	}
	if (!*gpu->render_node.path) {
		say(g, "no-device-node", "its driver made no render node");
		return false;
	}
	return node_ok(g, &gpu->render_node, container);
}

static void judge(struct h0_machine *m, struct h0_mgpu *g, const struct h0_hw_gpu *hw)
{
	*g = (struct h0_mgpu){.hw = hw, .id = h0_gpuid_find(hw->vendor, hw->device, hw->revision)};
	g->vendor = h0_gpuid_vendor(hw->vendor);
	g->vk = vulkan_of(m->hw, hw);
	name_it(g);
	gfx_it(g);
	g->uma = shares_memory(g);
	sizes(g);
	g->inference = hw->vendor != INTEL && !(g->id && g->id->kind == H0_GPU_DISPLAY);
	g->usable = usable(g, m->hw, m->container);
	g->rocm = hw->vendor != AMD             ? H0_FACT_NO
	          : m->hw->kfd.access == H0_ACCESS_OK && hw->kfd.seen && g->usable ? H0_FACT_YES
	                                                                           : H0_FACT_NO;
}

/* Better for inference: the first-class iGPU, then cards, then more memory. */
static bool better(const struct h0_mgpu *a, const struct h0_mgpu *b)
{
	bool sa = h0_gpuid_strix_halo(a->hw->vendor, a->hw->device);
	bool sb = h0_gpuid_strix_halo(b->hw->vendor, b->hw->device);
	if (sa != sb)
		return sa;
	if ((a->uma == H0_FACT_NO) != (b->uma == H0_FACT_NO))
		return a->uma == H0_FACT_NO;
	return a->vram > b->vram;
}

void h0_machine_gpus(struct h0_machine *m)
{
	const struct h0_hw *hw = m->hw;
	int best = -1;
	for (int i = 0; i < hw->ngpu; i++) {
		const struct h0_hw_gpu *g = &hw->gpu[i];
		if (is_virtual(g, h0_gpuid_find(g->vendor, g->device, g->revision))) {
			m->nvirtual++;
			continue;
		}
		judge(m, &m->gpu[m->ngpu], g);
		const struct h0_mgpu *new = &m->gpu[m->ngpu];
		if (new->usable && new->inference && (best < 0 || better(new, &m->gpu[best])))
			best = m->ngpu;
		m->ngpu++;
	}
	if (best < 0)
		return;
	struct h0_mgpu primary = m->gpu[best];
	memmove(m->gpu + 1, m->gpu, (size_t)best * sizeof m->gpu[0]);
	m->gpu[0] = primary;
	m->gpu[0].primary = true;
}

bool h0_machine_needs_vulkan(const struct h0_machine *m)
{
	for (int i = 0; i < m->ngpu && m->hw->vulkan.status == H0_VK_NOT_RUN; i++) {
		const struct h0_mgpu *g = &m->gpu[i];
		bool nouveau = g->hw->vendor == NVIDIA && strcmp(g->hw->driver, "nouveau") == 0;
		bool guess = !g->id && !*g->hw->board_info && !*g->hw->vram_vendor; /* APU or card */
		bool sizes = g->vram != H0_UNKNOWN && (g->uma != H0_FACT_YES || g->gtt != H0_UNKNOWN);
		if (g->inference && (nouveau || (g->usable && (!sizes || guess))))
			return true;
	}
	return false;
}

static void npu_says(struct h0_mnpu *n, const char *reason, const char *fmt, ...) H0_PRINTF(3, 4);
static void npu_says(struct h0_mnpu *n, const char *reason, const char *fmt, ...)
{
	va_list ap;
	n->reason = reason;
	va_start(ap, fmt);
	vsnprintf(n->detail, sizeof n->detail, fmt, ap);
	va_end(ap);
}

void h0_machine_npu(struct h0_machine *m)
{
	struct h0_mnpu *n = &m->npu;
	if (!m->hw->nnpu) {
		npu_says(n, "absent", "there is no NPU");
		return;
	}
	const struct h0_hw_npu *hw = &m->hw->npu[0];
	n->hw = hw;
	n->present = true;
	n->generation = hw->device == 0x1502 ? "XDNA1" : hw->device > 0x17ef ? "XDNA2" : NULL;
	if (!*hw->driver && !m->container) {
		npu_says(n, "driver-not-bound", "the amdxdna driver is not bound to it");
		return;
	}
	if (strcmp(hw->driver, "vfio-pci") == 0) {
		npu_says(n, "passed-through", "vfio-pci holds it for a virtual machine");
		return;
	}
	switch (hw->node.access) {
	case H0_ACCESS_OK:
		n->usable = true;
		return;
	case H0_ACCESS_DENIED:
		npu_says(n, "no-permission", "%s may not be opened (%s)", hw->node.path,
		         h0_errno_name(hw->node.err));
		return;
	case H0_ACCESS_FAILED:
		npu_says(n, "driver-failed", "%s is there but the driver refuses to open it (%s)",
		         hw->node.path, h0_errno_name(hw->node.err));
		return;
	default:
		npu_says(n, "no-device-node", "the NPU is there, but no node for it in /dev/accel%s",
		         m->container ? " of this container" : "");
	}
}
