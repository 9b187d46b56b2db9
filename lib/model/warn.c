/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What to warn about. Each check states the fact with its numbers; the fix is a command or a
 * sentence a person can act on. Messages hold no reading that changes by itself, so that a
 * re-probe of an unchanged machine finds nothing new.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/machine.h"

#define KNOWN(x) ((x) != H0_UNKNOWN)
#define GIB(x) ((double)(x) / 0x1p30)

static void warn(struct h0_machine *m, const char *code, enum h0_severity severity, const char *fix,
                 const char *fmt, ...) H0_PRINTF(5, 6);
static void warn(struct h0_machine *m, const char *code, enum h0_severity severity, const char *fix,
                 const char *fmt, ...)
{
	if (m->nwarning == H0_WARNINGS_MAX)
		return;
	struct h0_warning *w = &m->warning[m->nwarning++];
	va_list ap;
	w->code = code;
	w->severity = severity;
	va_start(ap, fmt);
	vsnprintf(w->message, sizeof w->message, fmt, ap);
	va_end(ap);
	snprintf(w->fix, sizeof w->fix, "%s", fix);
}

static bool is_lxc(const struct h0_machine *m)
{
	return h0_streq(m->hw->virt.container, "lxc");
}

static void containers(struct h0_machine *m)
{
	const struct h0_hw *hw = m->hw;
	if (is_lxc(m) && hw->virt.identity_map == H0_FACT_NO)
		warn(m, "unprivileged-container", H0_SEV_WARNING,
		     "recreate the container as privileged (unprivileged: 0) and pass the nodes in",
		     "this LXC container is unprivileged; hal0 supports the iGPU and the NPU only in a "
		     "privileged one");
	if (m->container && KNOWN(hw->cgroup.limit))
		warn(m, "container-memory-limit", H0_SEV_NOTE, "raise the container's memory limit",
		     "a control group limits memory to %.1f GiB (%s)", GIB(hw->cgroup.limit),
		     hw->cgroup.limit_path);
	if (m->container && KNOWN(hw->mem.host_total) && KNOWN(hw->mem.total) &&
	    hw->mem.host_total != hw->mem.total)
		warn(m, "container-memory-view-differs", H0_SEV_NOTE,
		     "give the container more memory if it should have it: pct set ID --memory MIB",
		     "the container shows %.1f GiB of RAM, the host has %.1f GiB; both limit",
		     GIB(hw->mem.total), GIB(hw->mem.host_total));
	if (*hw->virt.apparmor && strcmp(hw->virt.apparmor, "unconfined") != 0)
		warn(m, "apparmor-confined", H0_SEV_NOTE,
		     is_lxc(m) ? "lxc.apparmor.profile: unconfined in the container's configuration"
		               : "let the profile open /dev/dri, /dev/kfd and /dev/accel",
		     "AppArmor confines this process: %s", hw->virt.apparmor);
	/* firmware often makes more CPUs possible than there are */
	int64_t all = KNOWN(hw->cpu.present) ? hw->cpu.present : hw->cpu.possible;
	if (KNOWN(hw->cpu.online) && KNOWN(all) && hw->cpu.online < all)
		warn(m, "cpu-subset", H0_SEV_NOTE,
		     m->container ? "give the container more cores: pct set ID --cores N"
		                  : "bring them online: /sys/devices/system/cpu/cpuN/online",
		     "%d of %d CPUs are online here",
		     (int)hw->cpu.online, (int)all);
}

/* How a node that is not there comes to be: containers differ in how they are given one. */
static const char *node_fix(const struct h0_machine *m, bool nvidia)
{
	if (is_lxc(m))
		return nvidia ? "pass its nodes into the container: dev0: /dev/nvidia0, dev1: /dev/nvidiactl, "
		                "dev2: /dev/nvidia-uvm"
		              : "pass /dev/dri (and /dev/kfd) into the container: dev0: /dev/dri/renderD128";
	if (m->container)
		return nvidia ? "start the container with --device nvidia.com/gpu=all"
		              : "start the container with --device /dev/dri --device /dev/kfd";
	return nvidia ? "install NVIDIA's driver; nvidia-modprobe creates the nodes"
	              : "look for its driver's messages (journalctl -k -b -g amdgpu), then: udevadm trigger";
}

/* Silicon worth a word: what models would run on, were it usable. */
static void gpu_access(struct h0_machine *m, const struct h0_mgpu *g)
{
	bool nvidia = h0_streq(g->vendor, "nvidia");
	if (!g->inference || g->usable)
		return;
	if (h0_streq(g->reason, "passed-through")) {
		warn(m, "gpu-passed-through", H0_SEV_NOTE,
		     "run hal0 in the guest, or take the GPU from it", "%s (%s): %s", g->name, g->hw->addr,
		     g->detail);
		return;
	}
	const char *code = NULL, *fix = node_fix(m, nvidia);
	if (h0_streq(g->reason, "driver-not-bound")) {
		code = "gpu-driver-not-bound";
		fix = "load amdgpu (modprobe amdgpu) and look for its messages: journalctl -k -g amdgpu";
	} else if (h0_streq(g->reason, "no-permission")) {
		code = "gpu-no-permission";
		fix = m->container ? "allow the node in the container's device cgroup and give its group"
		                   : "add the user to the groups render and video, then log in again";
	} else if (h0_streq(g->reason, "driver-failed")) {
		code = "gpu-driver-failed";
		fix = "look at the kernel log: journalctl -k -b";
	}
	if (code)
		warn(m, code, H0_SEV_ERROR, fix, "%s (%s): %s", g->name, g->hw->addr, g->detail);
	warn(m, "gpu-no-device-node", H0_SEV_ERROR, fix, "%s (%s) is visible, but no node of it opens: %s",
	     g->name, g->hw->addr, g->detail);
}

static void nvidia(struct h0_machine *m)
{
	const struct h0_hw_nvidia *nv = &m->hw->nvidia;
	bool any = false, usable = false, driven = false;
	for (int i = 0; i < m->ngpu; i++) {
		if (!h0_streq(m->gpu[i].vendor, "nvidia") ||
		    h0_streq(m->gpu[i].reason, "passed-through"))
			continue;
		any = true;
		usable |= m->gpu[i].usable;
		driven |= strcmp(m->gpu[i].hw->driver, "nvidia") == 0 && nv->module == H0_FACT_YES;
	}
	if (!any)
		return;
	if (!driven)
		warn(m, "nvidia-driver-missing", H0_SEV_ERROR,
		     m->container ? "install the driver on the host and pass its nodes in"
		                  : "install the nvidia-driver package and reboot",
		     "there is an NVIDIA GPU, but NVIDIA's kernel module does not drive it");
	if (!nv->cdi.n)
		warn(m, "nvidia-cdi-missing", H0_SEV_WARNING,
		     "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
		     "there is no CDI spec for nvidia.com/gpu in /etc/cdi or /var/run/cdi, so podman "
		     "cannot hand the GPU to a container");
	if (usable)
		warn(m, "cuda-toolbox-pending", H0_SEV_NOTE, "use gpu-vulkan",
		     "the CUDA toolbox image is not published yet; Vulkan is today's path");
}

static bool iommu_off(const struct h0_hw *hw)
{
	return h0_text_word(hw->os.cmdline, "amd_iommu=off") ||
	       h0_text_word(hw->os.cmdline, "iommu=off");
}

static void npu(struct h0_machine *m)
{
	const struct h0_mnpu *n = &m->npu;
	if (!n->present || n->usable)
		return;
	bool unbound = h0_streq(n->reason, "driver-not-bound");
	bool failed = h0_streq(n->reason, "driver-failed");
	if (h0_streq(n->reason, "passed-through")) {
		warn(m, "npu-passed-through", H0_SEV_NOTE, "run hal0 in the guest, or take the NPU from it",
		     "the NPU (%s): %s", n->hw->addr, n->detail);
		return;
	}
	if (unbound)
		warn(m, "npu-driver-not-loaded", H0_SEV_WARNING,
		     "load it: modprobe amdxdna (kernel 6.14 or newer, with amdnpu firmware)",
		     "an NPU is there (%s), but the amdxdna driver is not bound to it", n->hw->addr);
	else if (!m->container && h0_streq(n->reason, "no-device-node"))
		warn(m, "npu-no-device-node", H0_SEV_WARNING,
		     "look for its driver's messages (journalctl -k -b -g amdxdna), then: udevadm trigger",
		     "the NPU's driver is bound, but: %s", n->detail);
	else if (m->container && !failed)
		warn(m, "npu-no-device-node", H0_SEV_WARNING,
		     h0_streq(n->reason, "no-permission")
		         ? "allow the node in the container's device cgroup and give its group"
		     : is_lxc(m) ? "pass it in: dev1: /dev/accel/accel0, with its device cgroup allow"
		                 : "start the container with --device /dev/accel/accel0",
		     "the host has an NPU, but no node of it opens in this container (%s)", n->reason);
	else if (!failed)
		warn(m, "npu-no-permission", H0_SEV_WARNING,
		     "add the user to the group render, or look at udev's rule for accel",
		     "the NPU's driver is bound, but: %s", n->detail);
	if ((unbound || failed) && iommu_off(m->hw))
		warn(m, "npu-needs-iommu", H0_SEV_WARNING,
		     "remove amd_iommu=off from the kernel command line and reboot",
		     "the NPU needs the IOMMU, and the kernel runs with it off");
	else if (failed)
		warn(m, "npu-driver-failed", H0_SEV_WARNING,
		     n->hw->node.err == ENODEV ? "switch the IOMMU (and SVA/PASID) on in the firmware"
		                               : "update the amdnpu firmware and the kernel",
		     "%s", n->detail);
}

static void vulkan(struct h0_machine *m)
{
	const struct h0_hw_vulkan *v = &m->hw->vulkan;
	int cpu = 0, amdvlk = 0;
	for (int i = 0; i < v->ndev; i++) {
		cpu += v->dev[i].type == H0_VK_CPU;
		amdvlk += v->dev[i].driver_id == 2;
	}
	if (v->status == H0_VK_OK && v->ndev && cpu == v->ndev)
		warn(m, "vulkan-software-only", m->gpu[0].primary ? H0_SEV_WARNING : H0_SEV_NOTE,
		     m->gpu[0].primary ? "install mesa-vulkan-drivers (vulkan-radeon on Arch)"
		                       : "use cpu: there is no GPU to drive",
		     "Vulkan lists only software devices (%s)", v->dev[0].name);
	if (v->status == H0_VK_NO_LOADER)
		warn(m, "vulkan-loader-missing", H0_SEV_NOTE, "install libvulkan1",
		     "libvulkan is not installed here; the toolbox images bring their own");
	if (v->status == H0_VK_FAILED || v->status == H0_VK_TIMEOUT)
		warn(m, "vulkan-driver-failed", H0_SEV_WARNING, "run vulkaninfo --summary to see which",
		     "asking Vulkan failed: %s", v->detail);
	if (amdvlk)
		warn(m, "amdvlk-installed", H0_SEV_NOTE, "set AMD_VULKAN_ICD=RADV, or remove amdvlk",
		     "AMDVLK is installed and may become the default; hal0 wants RADV");
}

static void unified(struct h0_machine *m, const struct h0_mgpu *g)
{
	const struct h0_hw *hw = m->hw;
	int64_t ram = m->container && KNOWN(hw->mem.host_total) ? hw->mem.host_total : hw->mem.total;
	if (!KNOWN(ram))
		return;
	if (KNOWN(g->gtt) && g->gtt > ram / 2 - ram / 20 && g->gtt < ram / 2 + ram / 20)
		warn(m, "gtt-at-default", H0_SEV_WARNING, "hal0 probe tune shows what to set",
		     "GTT is %.1f GiB, the kernel's default of half the RAM; models may use more if it "
		     "is raised", GIB(g->gtt));
	if (KNOWN(g->gtt) && g->gtt > ram / 10 * 9)
		warn(m, "gtt-close-to-ram", H0_SEV_NOTE, "keep some GiB for the system when loading",
		     "GTT (%.1f GiB) is more than 90 %% of RAM (%.1f GiB): nothing but care leaves "
		     "room for the system", GIB(g->gtt), GIB(ram));
	if (!KNOWN(g->vram) || !KNOWN(m->mem.installed))
		return;
	if (g->vram >= m->mem.installed / 4)
		warn(m, "carveout-large", H0_SEV_NOTE,
		     "a small carve-out (512 MB) with a raised GTT gives the same memory to both sides",
		     "the firmware's carve-out of %.1f GiB is a quarter or more of the memory",
		     GIB(g->vram));
	if (ram < m->mem.installed / 3)
		warn(m, "carveout-leaves-little-host-ram", H0_SEV_WARNING,
		     "lower the carve-out (UMA frame buffer size) in the firmware setup",
		     "the carve-out leaves the system %.1f GiB of %.0f GiB", GIB(ram),
		     GIB(m->mem.installed));
}

static void memory(struct h0_machine *m)
{
	const struct h0_hw_ttm *t = &m->hw->ttm;
	const struct h0_mgpu *g = h0_machine_primary(m);
	if (g && g->uma == H0_FACT_YES)
		unified(m, g);
	/* by default the pool may be as large as the limit: only a raised one deserves a word */
	if (g && KNOWN(t->page_pool_size) && KNOWN(t->pages_limit) && g->uma == H0_FACT_YES &&
	    t->page_pool_size >= t->pages_limit / 10 * 9 && KNOWN(m->hw->mem.total) &&
	    t->page_pool_size > m->hw->mem.total / 4096 / 100 * 60)
		warn(m, "ttm-pool-large", H0_SEV_NOTE, "a smaller ttm.page_pool_size gives memory back",
		     "TTM's pool may keep %.1f GiB of freed GPU pages from the system",
		     GIB(t->page_pool_size * 4096));
	/* a card, or a carve-out, may hold more than the RAM lets expect */
	if (KNOWN(m->hw->mem.total) && m->hw->mem.total < 16LL << 30 && m->mem.budget_mib < 12 << 10)
		warn(m, "low-memory", H0_SEV_NOTE, "choose models of a few GiB", "%.1f GiB of RAM hold small models only",
		     GIB(m->hw->mem.total));
	for (int i = 0; i < m->ngpu; i++) {
		const struct h0_mgpu *d = &m->gpu[i];
		bool amd = d->uma == H0_FACT_NO && KNOWN(d->hw->vis_vram_total) && KNOWN(d->vram) &&
		           d->hw->vis_vram_total < d->vram;
		bool nv = h0_streq(d->vendor, "nvidia") && d->hw->bar_max == 256LL << 20;
		if (amd || nv)
			warn(m, "rebar-off", H0_SEV_NOTE,
			     "switch Resizable BAR and Above 4G Decoding on in the firmware setup",
			     "%s shows the CPU only a window of its memory: Resizable BAR is off", d->name);
	}
}

static void tuning(struct h0_machine *m)
{
	const struct h0_hw *hw = m->hw;
	const struct h0_hw_cpu *c = &hw->cpu;
	bool epp = h0_streq(c->scaling_driver, "amd-pstate-epp") ||
	           h0_streq(c->scaling_driver, "intel_pstate");
	if (h0_streq(c->arch, "x86_64") && c->avx2 == H0_FACT_NO)
		warn(m, "no-avx2", H0_SEV_WARNING,
		     *hw->virt.vm ? "give the VM the host's CPU type (cpu: host)"
		                  : "choose a GPU, or a CPU of 2013 or later",
		     "the CPU (%s) has no AVX2: CPU inference will crawl", c->model);
	if (hw->power.ac_online == H0_FACT_NO)
		warn(m, "on-battery-power", H0_SEV_WARNING, "plug the power supply in",
		     "the machine runs on its battery");
	/* under an EPP driver "powersave" is the normal governor and the preference decides */
	if (epp ? h0_streq(c->epp, "power") : h0_streq(c->governor, "powersave"))
		warn(m, "governor-powersave", H0_SEV_WARNING, "cpupower frequency-set -g performance",
		     "the CPU saves power: governor %s%s%s", c->governor, epp ? ", preference " : "",
		     epp ? c->epp : "");
	if (h0_streq(hw->power.profile, "low-power") || h0_streq(hw->power.profile, "quiet"))
		warn(m, "platform-profile-low-power", H0_SEV_WARNING,
		     "echo performance > /sys/firmware/acpi/platform_profile",
		     "the firmware's platform profile is %s", hw->power.profile);
	if (!m->ngpu || m->container)
		return;
	if (!*hw->power.tuned)
		warn(m, "tuned-profile-missing", H0_SEV_NOTE,
		     "install tuned; tuned-adm profile accelerator-performance",
		     "no tuned profile is active; accelerator-performance gains some 3 to 8 %%");
	else if (strcmp(hw->power.tuned, "accelerator-performance") != 0)
		warn(m, "tuned-profile-not-accelerator", H0_SEV_NOTE,
		     "tuned-adm profile accelerator-performance", "the active tuned profile is %s",
		     hw->power.tuned);
}

void h0_machine_warnings(struct h0_machine *m)
{
	m->nwarning = 0;
	containers(m);
	for (int i = 0; i < m->ngpu; i++)
		gpu_access(m, &m->gpu[i]);
	nvidia(m);
	npu(m);
	vulkan(m);
	memory(m);
	tuning(m);
	if (m->nvirtual)
		warn(m, "virtual-gpu-ignored", H0_SEV_NOTE, "pass a GPU through to use one",
		     "a virtual display device is not a GPU for inference");
	if (h0_streq(m->deployment, "vm") && m->ngpu)
		warn(m, "vm-passthrough", H0_SEV_NOTE, "look at the host for the card's firmware and power",
		     "the GPU reaches this virtual machine through PCIe passthrough");
}
