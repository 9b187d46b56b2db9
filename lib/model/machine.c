/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tier, platform, deployment, class and recommendation. Hardware is classified before anybody
 * asks about containers; access is asked last, by nodes that open.
 */
#include "model/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

const char *h0_severity_name(enum h0_severity s)
{
	static const char *const names[] = {"ok", "note", "warning", "error"};
	return names[s];
}

const struct h0_mgpu *h0_machine_primary(const struct h0_machine *m)
{
	return m->ngpu && m->gpu[0].primary ? &m->gpu[0] : NULL;
}

static bool halo(const struct h0_mgpu *g)
{
	return h0_gpuid_strix_halo(g->hw->vendor, g->hw->device);
}

static bool discrete(const struct h0_mgpu *g)
{
	return g->inference && g->uma != H0_FACT_YES;
}

static const char *class_of(const struct h0_mgpu *g)
{
	if (!g->inference)
		return "cpu-only";
	if (halo(g))
		return "amd-strix-halo";
	if (h0_streq(g->vendor, "nvidia"))
		return "nvidia-discrete";
	return g->uma == H0_FACT_YES ? "amd-apu" : "amd-discrete";
}

/* The class of the GPU that is used, else of the best silicon there is. */
static const char *hw_class(const struct h0_machine *m)
{
	const struct h0_mgpu *best = h0_machine_primary(m);
	for (int i = 0; i < m->ngpu && !(best && best->primary); i++) {
		const struct h0_mgpu *g = &m->gpu[i];
		if (g->inference && (!best || halo(g) || (discrete(g) && !discrete(best) && !halo(best))))
			best = g;
	}
	return best ? class_of(best) : "cpu-only";
}

static const char *deployment(const struct h0_hw_virt *v)
{
	if (v->wsl == H0_FACT_YES)
		return "wsl2";
	if (h0_streq(v->container, "lxc"))
		return v->identity_map == H0_FACT_YES ? "lxc-privileged" : "lxc-unprivileged";
	return *v->vm ? "vm" : "bare-metal";
}

static bool has_vendor(const struct h0_machine *m, const char *vendor)
{
	for (int i = 0; i < m->ngpu; i++)
		if (strcmp(m->gpu[i].vendor, vendor) == 0)
			return true;
	return false;
}

static bool has_halo(const struct h0_machine *m)
{
	for (int i = 0; i < m->ngpu; i++)
		if (halo(&m->gpu[i]))
			return true;
	return false;
}

/* The original's words, in the order it tests them. */
static const char *platform(const struct h0_machine *m)
{
	const struct h0_hw_virt *v = &m->hw->virt;
	if (v->wsl == H0_FACT_YES)
		return "wsl2";
	if (h0_streq(v->container, "lxc"))
		return "lxc";
	if (*v->vm)
		return v->proxmox_guest == H0_FACT_YES ? "proxmox-kvm"
		       : h0_streq(v->vm, "kvm")       ? "kvm"
		                                      : "unknown";
	if (has_halo(m))
		return "strix-halo";
	return has_vendor(m, "nvidia")  ? "bare-metal-nvidia-gpu"
	       : has_vendor(m, "amd")   ? "bare-metal-amd-gpu"
	       : has_vendor(m, "intel") ? "bare-metal-intel-igpu"
	                                : "bare-metal-cpu-only";
}

static const char *tier(const struct h0_machine *m)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	if (g && halo(g) && (h0_streq(m->deployment, "bare-metal") ||
	                     h0_streq(m->deployment, "lxc-privileged")))
		return "first-class";
	for (int i = 0; i < m->ngpu; i++)
		if (discrete(&m->gpu[i]) && (m->gpu[i].usable || !m->container) &&
		    !h0_streq(m->gpu[i].reason, "passed-through"))
			return "supported";
	return "fallback";
}

static void why(struct h0_machine *m, const char *fmt, ...) H0_PRINTF(2, 3);
static void why(struct h0_machine *m, const char *fmt, ...)
{
	va_list ap;
	if (m->nwhy == H0_WHY_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(m->why[m->nwhy++], sizeof m->why[0], fmt, ap);
	va_end(ap);
}

static void why_gpu(struct h0_machine *m, const struct h0_mgpu *g)
{
	why(m, "%s (%s) has its driver and %s opens.", g->name, g->hw->addr, g->node);
	if (halo(g))
		why(m, "On Strix Halo Vulkan with RADV is the tested path.");
	else if (h0_streq(g->vendor, "nvidia"))
		why(m, "NVIDIA cards run on Vulkan until the CUDA toolbox is published.");
	else if (discrete(g))
		why(m, "AMD cards run on Vulkan until their ROCm toolbox is published.");
	if (m->alternative)
		why(m, "/dev/kfd opens too, so gpu-rocm is the alternative.");
	if (h0_streq(m->deployment, "lxc-unprivileged"))
		why(m, "This container is unprivileged, yet the node opens: it works, but hal0 does "
		       "not support an iGPU or NPU in an unprivileged container.");
}

static void why_cpu(struct h0_machine *m)
{
	if (!m->ngpu)
		why(m, m->nvirtual ? "The only display device is a virtual frame buffer."
		                   : "There is no GPU.");
	for (int i = 0; i < m->ngpu; i++) {
		const struct h0_mgpu *g = &m->gpu[i];
		if (g->usable && !g->inference)
			why(m, "%s drives a display; hal0 runs no models on it.", g->name);
		else if (!g->usable)
			why(m, "%s (%s) cannot be used: %.140s.", g->name, g->hw->addr, g->detail);
	}
	if (m->lavapipe)
		why(m, "Vulkan lists a CPU device (lavapipe), so the Vulkan image runs on the CPU.");
	if (m->npu.usable)
		why(m, "The NPU works, but is an extra beside the primary device.");
}

static void recommend(struct h0_machine *m)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	for (int i = 0; i < m->hw->vulkan.ndev; i++)
		m->lavapipe |= m->hw->vulkan.dev[i].type == H0_VK_CPU;
	m->device = g ? "gpu-vulkan" : "cpu";
	m->profile = "vulkan"; /* its image also computes on the CPU */
	m->alternative = g && g->rocm == H0_FACT_YES ? "gpu-rocm" : NULL;
	if (g)
		why_gpu(m, g);
	else
		why_cpu(m);
}

struct h0_machine *h0_machine(const struct h0_hw *hw)
{
	struct h0_machine *m = h0_calloc(1, sizeof *m);
	m->hw = hw;
	m->container = *hw->virt.container && hw->virt.wsl != H0_FACT_YES;
	h0_machine_gpus(m);
	h0_machine_npu(m);
	m->hw_class = hw_class(m);
	m->deployment = deployment(&hw->virt);
	m->virtualization = m->container            ? hw->virt.container
	                    : hw->virt.wsl == H0_FACT_YES ? "wsl2"
	                    : *hw->virt.vm          ? hw->virt.vm
	                                            : "none";
	m->platform = platform(m);
	m->tier = tier(m);
	recommend(m);
	h0_machine_memory(m);
	h0_machine_warnings(m);
	return m;
}
