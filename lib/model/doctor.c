/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define KNOWN(x) ((x) != H0_UNKNOWN)
#define GIB(x) ((double)(x) / 0x1p30)
#define add    h0_doctor_add

#define VK_RADV 3 /* VkDriverId */

/* Why a finding matters, and the command that mends it, "+NAME": one that differs between systems,
 * below. */
static const struct about { const char *code, *why, *command; } abouts[] = {
	{"unprivileged-container", "its user namespace keeps the GPU and NPU drivers out", NULL},
	{"gpu-no-device-node", "without the node no container can use the GPU", NULL},
	{"gpu-no-permission", "the slot's container runs with these rights", NULL},
	{"gpu-driver-not-bound", "without amdgpu there is neither Vulkan nor ROCm", "modprobe amdgpu"},
	{"gpu-driver-failed", "the driver is loaded but refuses to work", "journalctl -k -b -g amdgpu"},
	{"npu-driver-not-loaded", "slots on the NPU cannot start", "modprobe amdxdna"},
	{"npu-no-device-node", "slots on the NPU cannot start", NULL},
	{"npu-needs-iommu", "the driver shares page tables with the CPU through the IOMMU", NULL},
	{"npu-driver-failed", "slots on the NPU cannot start", "journalctl -k -b -g amdxdna"},
	{"npu-no-permission", "slots on the NPU cannot start", NULL},
	{"npu-passed-through", "a guest has it: slots on this host cannot use it", NULL},
	{"nvidia-driver-missing", "nouveau and nothing at all are too slow for inference", NULL},
	{"nvidia-cdi-missing", "podman hands NVIDIA GPUs over by CDI",
	 "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"},
	{"vulkan-software-only", "the host's Vulkan would compute on the CPU",
	 "+vulkan-driver"},
	{"vulkan-loader-missing", "only tools on the host miss it", "+vulkan-loader"},
	{"vulkan-driver-failed", "a broken driver may break the server too", "vulkaninfo --summary"},
	{"amdvlk-installed", "AMDVLK reads prompts up to twice as fast, RADV is better at long "
	                     "contexts and at staying up", NULL},
	{"gtt-at-default", "half of the memory stays out of the GPU's reach", "hal0 probe tune"},
	{"gtt-close-to-ram", "the kernel kills programs when GPU pages take the last RAM", NULL},
	{"carveout-large", "the CPU can never use that memory", NULL},
	{"carveout-leaves-little-host-ram", "page cache, containers and CPU slots run short", NULL},
	{"ttm-pool-large", "pages in the pool are lost to everything else", NULL},
	{"container-memory-limit", "loading fails at the limit, whatever the GPU could map", NULL},
	{"container-memory-view-differs", "the smaller one binds", NULL},
	{"apparmor-confined", "on a privileged LXC a confined profile hides the NPU's node", NULL},
	{"cpu-subset", "CPU slots have fewer threads", NULL},
	{"no-avx2", "llama.cpp's fast CPU paths need AVX2", NULL},
	{"on-battery-power", "firmware cuts GPU clocks and memory speed on battery", NULL},
	{"governor-powersave", "token rates fall with the clocks", "cpupower frequency-set -g performance"},
	{"platform-profile-low-power", "firmware caps the power of CPU and GPU together", NULL},
	{"tuned-profile-missing", "it is worth 3 % bandwidth and 5 to 8 % prompt speed",
	 "tuned-adm profile accelerator-performance"},
	{"tuned-profile-not-accelerator", "it is worth 3 % bandwidth and 5 to 8 % prompt speed",
	 "tuned-adm profile accelerator-performance"},
	{"rebar-off", "loading and copies to the card are slower", NULL},
	{"kernel-argument-typo", "the kernel ignores what it does not know, without an error", NULL},
	{"kernel-argument-value", "a value in another unit sets a limit far off, or none",
	 "hal0 probe tune"},
	{"gttsize-disagrees", "users report trouble when the two limits differ", "hal0 probe tune"},
	{"gttsize-deprecated", "newer kernels take the limit from ttm.pages_limit", "hal0 probe tune"},
	{"limit-not-live", "module options in the initramfs are older than the file",
	 "+initramfs"},
	{"ttm-pool-small", "pages come and go through the page allocator, which may stutter", NULL},
	{"iommu-off", "some 6 % faster memory reads, under 2 % in decoding, but usually no NPU", NULL},
	{"iommu-passthrough", "measured gain: none", NULL},
	{"kernel-old", "older kernels let ROCm use some 15.5 GiB only on this GPU", NULL},
	{"amdgpu-not-loaded", "there is no driver to bind to the GPU", "modprobe amdgpu"},
	{"kfd-closed", "slots on gpu-rocm cannot start; gpu-vulkan does not need it", NULL},
	{"device-cgroup", "a node that is there still cannot be opened", NULL},
	{"podman-missing", "every slot is a podman container", "+podman"},
	{"memlock-low", "the NPU's driver locks the model in memory", NULL},
	{"memory-fragmented", "slots take longer to start and run slower", NULL},
	{"gpu-performance-level", "a pinned level makes it slow, or its load reading untrue", NULL},
	{"gpu-passed-through", "a guest has it: slots on this host cannot use it", NULL},
	{"virtual-gpu-ignored", "it draws, it does not compute", NULL},
	{"vm-passthrough", "what the host does to the card is not seen in here", NULL},
	{"cuda-toolbox-pending", "CUDA may read prompts faster", NULL},
	{"low-memory", "models of 7B and more want 16 GiB", NULL},
	{"vulkan-device-missing", "the host's tools cannot use the GPU; nor can an image whose Mesa is "
	                          "as old as this one's", "+vulkan-driver"},
	{"vulkan-driver-other", "hal0 is tested with RADV on AMD GPUs", NULL},
	{"iommu-group-shared", "a guest gets the whole group or nothing of it", NULL},
	{"cpu-pinning", "threads that move between the CPU's dies lose their caches", NULL},
	{"distribution-old", "its kernel and Mesa are older than the GPU", NULL},
	{"slot-broken", "a slot whose file is wrong cannot start", "hal0 conf check"},
	{"slot-layers-on-cpu", "the other layers are computed by the CPU, with half the bandwidth", NULL},
	{"slot-mmap", "mapped, such a model loads slowly on Vulkan and in hours on ROCm", NULL},
	{"slot-no-flash-attention", "long contexts take more memory and prompts more time", NULL},
	{"slot-no-hipblaslt", "prompts are usually read faster with it", NULL},
	{"slot-context-large", "a context this large costs memory and slows every token", NULL},
	{"slot-wrong-toolbox", "the server in the image cannot use the slot's device", NULL},
	{"slot-on-cpu", "the usable GPU stands idle", NULL},
	{"flm-image-stale", "the image lacks libxrt_coreutil.so.2: a stale tag", NULL},
};

static const struct { const char *name, *debian, *fedora, *arch, *suse; } by_system[] = {
	{"+vulkan-driver", "apt-get install mesa-vulkan-drivers", "dnf install mesa-vulkan-drivers",
	 "pacman -S vulkan-radeon", "zypper install libvulkan_radeon"},
	{"+vulkan-loader", "apt-get install libvulkan1", "dnf install vulkan-loader",
	 "pacman -S vulkan-icd-loader", "zypper install libvulkan1"},
	{"+podman", "apt-get install podman", "dnf install podman", "pacman -S podman",
	 "zypper install podman"},
	{"+grub", "update-grub", "grub2-mkconfig -o /boot/grub2/grub.cfg",
	 "grub-mkconfig -o /boot/grub/grub.cfg", "grub2-mkconfig -o /boot/grub2/grub.cfg"},
	{"+initramfs", "update-initramfs -u", "dracut --force", "mkinitcpio -P", "dracut --force"},
};

const char *h0_doctor_command(const struct h0_hw *hw, const char *name)
{
	const char *id = hw->os.distro_id;
	for (size_t i = 0; i < H0_ARRAY_LEN(by_system); i++) {
		if (strcmp(by_system[i].name, name) != 0)
			continue;
		if (strstr(id, "suse"))
			return by_system[i].suse;
		if (strstr(id, "fedora") || strstr(id, "rhel"))
			return by_system[i].fedora;
		return strstr(id, "arch") || strstr(id, "cachyos") ? by_system[i].arch
		                                                   : by_system[i].debian;
	}
	return name;
}

static const struct about *about(const char *code)
{
	static const struct about none = {NULL, "", NULL};
	for (size_t i = 0; i < H0_ARRAY_LEN(abouts); i++)
		if (strcmp(abouts[i].code, code) == 0)
			return &abouts[i];
	return &none;
}

void h0_doctor_add(struct h0_checks *c, const char *code, enum h0_severity severity,
                   const char *fix, const char *fmt, ...)
{
	if (c->n == H0_CHECKS_MAX)
		return;
	struct h0_check *k = &c->v[c->n++];
	const struct about *a = about(code);
	va_list ap;
	*k = (struct h0_check){.code = code, .severity = severity};
	k->why = severity == H0_SEV_OK ? "" : a->why;
	if (severity != H0_SEV_OK && a->command)
		snprintf(k->command, sizeof k->command, "%s", h0_doctor_command(c->hw, a->command));
	va_start(ap, fmt);
	vsnprintf(k->fact, sizeof k->fact, fmt, ap);
	va_end(ap);
	snprintf(k->fix, sizeof k->fix, "%s", fix);
}

static bool warned(const struct h0_machine *m, const char *code)
{
	for (int i = 0; i < m->nwarning; i++)
		if (strcmp(m->warning[i].code, code) == 0)
			return true;
	return false;
}

static void amdgpu_module(const struct h0_machine *m, struct h0_checks *c)
{
	for (int i = 0; i < m->ngpu; i++)
		if (h0_streq(m->gpu[i].vendor, "amd") && m->hw->os.amdgpu == H0_FACT_NO &&
		    !*m->gpu[i].hw->driver) {
			add(c, "amdgpu-not-loaded", H0_SEV_ERROR, "modprobe amdgpu, then look at the log",
			    "there is an AMD GPU, but the amdgpu module is not loaded");
			return;
		}
}

static void vulkan(const struct h0_machine *m, const struct h0_mgpu *g, struct h0_checks *c)
{
	const struct h0_hw_vulkan *v = &m->hw->vulkan;
	bool asked = v->status == H0_VK_NO_DRIVER || v->status == H0_VK_OK;
	if (!g->vk && asked && !warned(m, "vulkan-software-only"))
		add(c, "vulkan-device-missing", H0_SEV_WARNING,
		    "install mesa-vulkan-drivers (vulkan-radeon on Arch); be in the group render; look for "
		    "amdgpu in the kernel log",
		    "Vulkan does not list %s", g->name);
	if (!g->vk)
		return;
	if (h0_streq(g->vendor, "amd") && g->vk->driver_id != VK_RADV)
		add(c, "vulkan-driver-other", H0_SEV_WARNING,
		    "install mesa-vulkan-drivers and set AMD_VULKAN_ICD=RADV",
		    "Vulkan drives it through %s, not RADV", g->vk->driver_name);
	else
		add(c, "vulkan-driver", H0_SEV_OK, "", "Vulkan drives it through %s (%s), API %s",
		    g->vk->driver_name, g->vk->driver_info, g->vk->api);
}

static void gpu_state(const struct h0_machine *m, struct h0_checks *c)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	if (!g)
		return;
	add(c, "gpu-node", H0_SEV_OK, "", "%s opens (%s)", g->node, g->name);
	vulkan(m, g, c);
	if (h0_streq(g->vendor, "amd") && m->hw->kfd.access != H0_ACCESS_OK)
		add(c, "kfd-closed", H0_SEV_NOTE,
		    m->container ? "pass /dev/kfd in, with its device cgroup allow"
		                 : "add the user to the groups render and video",
		    "/dev/kfd does not open (%s)", h0_access_name(m->hw->kfd.access));
	else if (h0_streq(g->vendor, "amd"))
		add(c, "kfd-node", H0_SEV_OK, "", "/dev/kfd opens: gpu-rocm is possible");
	const char *level = g->hw->perf_level;
	if (h0_streq(level, "low") || h0_streq(level, "high"))
		add(c, "gpu-performance-level", h0_streq(level, "low") ? H0_SEV_WARNING : H0_SEV_NOTE,
		    "write auto to power_dpm_force_performance_level",
		    "the GPU's performance level is forced to %s", level);
}

static void npu_state(const struct h0_machine *m, struct h0_checks *c)
{
	if (!m->npu.usable)
		return;
	add(c, "npu-node", H0_SEV_OK, "", "%s opens (%s, firmware %s)", m->npu.hw->node.path,
	    m->npu.generation ? m->npu.generation : "unknown generation",
	    *m->npu.hw->fw ? m->npu.hw->fw : "unknown");
	if (KNOWN(m->hw->os.memlock) && m->hw->os.memlock < (1LL << 30))
		add(c, "memlock-low", H0_SEV_NOTE, "run slots as root, or raise the limit: ulimit -l",
		    "locked memory is limited to %.0f KiB here", (double)m->hw->os.memlock / 1024);
}

static void kernel(const struct h0_machine *m, struct h0_checks *c)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	int a = 0, b = 0, patch = 0;
	if (!g || !h0_streq(g->gfx, "gfx1151") ||
	    sscanf(m->hw->os.release, "%d.%d.%d", &a, &b, &patch) < 2)
		return;
	if (a < 6 || (a == 6 && (b < 16 || (b == 16 && patch < 9))))
		add(c, "kernel-old", H0_SEV_WARNING, "run 6.16.9 or newer", "the kernel is %s",
		    m->hw->os.release);
	else
		add(c, "kernel", H0_SEV_OK, "", "the kernel is %s", m->hw->os.release);
}

/* The oldest releases known to be good on Strix Halo. */
static void distribution(const struct h0_machine *m, struct h0_checks *c)
{
	static const struct { const char *id; double least; } known[] = {{"fedora", 40}, {"ubuntu", 24.04}};
	const struct h0_mgpu *g = h0_machine_primary(m);
	const struct h0_hw_os *os = &m->hw->os;
	double have = 0;
	if (!g || !h0_streq(g->gfx, "gfx1151") || sscanf(os->distro_version, "%lf", &have) != 1)
		return;
	for (size_t i = 0; i < H0_ARRAY_LEN(known); i++) {
		size_t n = strlen(known[i].id);
		if (strncmp(os->distro_id, known[i].id, n) == 0 && (!os->distro_id[n] || os->distro_id[n] == ' ') &&
		    have < known[i].least)
			add(c, "distribution-old", H0_SEV_NOTE, "Fedora 40, Ubuntu 24.04 or newer, Arch, CachyOS",
			    "the system is %s", os->distro);
	}
}

/* Groups as a guest would get them; worth a look where cards are handed to guests. */
static void iommu_groups(const struct h0_machine *m, struct h0_checks *c)
{
	if (*m->hw->virt.vm || m->container)
		return;
	for (int i = 0; i < m->ngpu; i++) {
		const struct h0_mgpu *g = &m->gpu[i];
		bool passed = h0_streq(g->reason, "passed-through");
		if (!*g->hw->iommu_group || !g->inference || (g->uma == H0_FACT_YES && !passed))
			continue;
		if (*g->hw->iommu_others)
			add(c, "iommu-group-shared", passed ? H0_SEV_WARNING : H0_SEV_NOTE,
			    "another slot on the board, or ACS in the firmware setup, parts them",
			    "%s shares IOMMU group %s with %s", g->name, g->hw->iommu_group,
			    g->hw->iommu_others);
		else
			add(c, "iommu-group", H0_SEV_OK, "", "%s has IOMMU group %s for itself", g->name,
			    g->hw->iommu_group);
	}
}

static void pinning(const struct h0_machine *m, struct h0_checks *c)
{
	const struct h0_hw_cpu *cpu = &m->hw->cpu;
	bool lxc = h0_starts(m->deployment, "lxc");
	if (h0_streq(m->deployment, "vm"))
		add(c, "cpu-pinning", H0_SEV_NOTE, "on the Proxmox host: qm set VMID --affinity 0-15",
		    "from in here it cannot be told whether the host pins this VM's CPUs");
	int64_t all = KNOWN(cpu->present) ? cpu->present : cpu->possible;
	if (!lxc || !KNOWN(cpu->online) || !KNOWN(all))
		return;
	if (cpu->online < all)
		add(c, "cpu-pinning", H0_SEV_OK, "", "the container has %d of the host's %d CPUs",
		    (int)cpu->online, (int)all);
	else
		add(c, "cpu-pinning", H0_SEV_NOTE,
		    "lxc.cgroup2.cpuset.cpus: 0-15 in the container's configuration, where guests compete",
		    "the container may run on all of the host's %d CPUs", (int)all);
}

static void memory(const struct h0_machine *m, struct h0_checks *c)
{
	const struct h0_hw_mem *mem = &m->hw->mem;
	if (m->mem.binding)
		add(c, "memory-budget", H0_SEV_OK, "", "models may use %.1f GiB; %s binds",
		    GIB(m->mem.budget_mib << 20), m->mem.binding);
	/* large blocks are what GPU mappings want; little of much free memory is the sign */
	if (m->mem.unified && KNOWN(mem->buddy_free) && mem->buddy_free > 4LL << 30 &&
	    mem->buddy_large < mem->buddy_free / 10)
		add(c, "memory-fragmented", H0_SEV_WARNING,
		    "restart the slot, not the host; if it comes back often, raise the carve-out",
		    "of %.1f GiB free memory only %.1f GiB lie in blocks of 2 MiB or more",
		    GIB(mem->buddy_free), GIB(mem->buddy_large));
}

static void devices(const struct h0_machine *m, struct h0_checks *c)
{
	if (m->hw->cgroup.all_devices == H0_FACT_NO && m->ngpu && !h0_machine_primary(m))
		add(c, "device-cgroup", H0_SEV_WARNING,
		    "allow 226:* (dri), kfd's and accel's majors (see /proc/devices) for this group",
		    "the device control group does not allow every device");
}

static void podman(const struct h0_machine *m, struct h0_checks *c)
{
	if (m->hw->os.podman_present == H0_FACT_NO)
		add(c, "podman-missing", H0_SEV_ERROR, "install podman", "podman is not installed");
	else if (m->hw->os.podman_present == H0_FACT_YES)
		add(c, "podman", H0_SEV_OK, "", "podman %s", m->hw->os.podman);
}

/* Worst first; insertion keeps the order among equals. */
static void sort(struct h0_checks *c)
{
	for (int i = 1; i < c->n; i++) {
		struct h0_check k = c->v[i];
		int at = i;
		for (; at > 0 && c->v[at - 1].severity < k.severity; at--)
			c->v[at] = c->v[at - 1];
		c->v[at] = k;
	}
}

void h0_doctor(const struct h0_machine *m, const struct h0_doctor_slot *slots, size_t nslots,
               struct h0_checks *ret)
{
	ret->n = 0;
	ret->hw = m->hw;
	for (int i = 0; i < m->nwarning; i++)
		add(ret, m->warning[i].code, m->warning[i].severity, m->warning[i].fix, "%s",
		    m->warning[i].message);
	for (int i = 0; i < ret->n && !m->ngpu; i++)
		if (strcmp(ret->v[i].code, "vulkan-software-only") == 0)
			ret->v[i].command[0] = '\0'; /* there is nothing to drive */
	amdgpu_module(m, ret);
	gpu_state(m, ret);
	npu_state(m, ret);
	h0_doctor_boot(m, ret);
	kernel(m, ret);
	distribution(m, ret);
	iommu_groups(m, ret);
	pinning(m, ret);
	memory(m, ret);
	devices(m, ret);
	podman(m, ret);
	for (size_t i = 0; i < nslots; i++)
		h0_doctor_slot(m, &slots[i], ret);
	sort(ret);
}
