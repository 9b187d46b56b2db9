/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What stands in hardware.json. The programs write it; people and scripts read it, and may add
 * keys of their own.
 */
#include "conf/schema.h"

#include <stddef.h>

#define KEY(n, t, f, h, ...) {.name = n, .type = H0_KEY_##t, .flags = f, .help = h, __VA_ARGS__}
#define NULLABLE H0_KEY_NULLABLE

static const char *const tiers[] = {"first-class", "supported", "fallback", NULL};
static const char *const platforms[] = {
	"strix-halo", "lxc", "proxmox-kvm", "kvm", "wsl2", "bare-metal-amd-gpu",
	"bare-metal-nvidia-gpu", "bare-metal-intel-igpu", "bare-metal-cpu-only", "unknown", NULL};
static const char *const deployments[] = {"bare-metal", "lxc-privileged", "lxc-unprivileged", "vm",
                                          "wsl2", NULL};
static const char *const classes[] = {"amd-strix-halo", "amd-apu", "amd-discrete",
                                      "nvidia-discrete", "cpu-only", NULL};
static const char *const devices[] = {"gpu-vulkan", "cpu", NULL};
static const char *const vendors[] = {"amd", "nvidia", "intel", "unknown", NULL};
static const char *const accesses[] = {"unknown", "ok", "absent", "no-permission", "failed", NULL};
static const char *const severities[] = {"ok", "note", "warning", "error", NULL};
static const char *const limits[] = {"vram+gtt", "vram", "ttm-pages-limit", "physical-ram",
                                     "lxcfs-memtotal", "cgroup-memory-max", "proxmox-host-free",
                                     NULL};
static const char *const statuses[] = {"not-run", "ok", "no-loader", "no-driver", "failed",
                                       "timeout", NULL};

static const struct h0_key node_keys[] = {
	KEY("path", STR, 0, "device node"),
	KEY("access", STR, 0, "what opening it said", .choices = accesses),
	KEY("errno", STR, NULLABLE, "name of the error behind it"),
	KEY("major", INT, NULLABLE, "device number"),
	KEY("minor", INT, NULLABLE, "device number"),
	KEY("gid", INT, NULLABLE, "its group"),
	{0},
};

static const struct h0_key gpu_keys[] = {
	KEY("pci", STR, 0, "PCI address"),
	KEY("pci_id", STR, NULLABLE, "vendor:device in lower-case hex"),
	KEY("revision", STR, NULLABLE, "two hex digits"),
	KEY("vendor", STR, 0, "who made it", .choices = vendors),
	KEY("name", STR, 0, "marketing name"),
	KEY("gfx", STR, NULLABLE, "AMD's target name, such as gfx1151"),
	KEY("gfx_target", INT, NULLABLE, "the kernel's number for it, such as 110501"),
	KEY("compute_units", INT, NULLABLE, "AMD: pairs of SIMDs"),
	KEY("driver", STR, NULLABLE, "kernel driver that is bound"),
	KEY("driver_version", STR, NULLABLE, "of NVIDIA's driver"),
	KEY("compute_capable", BOOL, NULLABLE, "ROCm (by /dev/kfd) or CUDA could run"),
	KEY("vulkan_capable", BOOL, NULLABLE, "Vulkan enumerates it"),
	KEY("vulkan_driver", STR, NULLABLE, "such as radv, amdvlk, nvidia or nvk"),
	KEY("vulkan_api", STR, NULLABLE, "version of Vulkan it offers"),
	KEY("vram_mb", INT, NULLABLE, "the same as vram_mib, for older readers"),
	KEY("vram_mib", INT, NULLABLE, "own memory, or the firmware's carve-out, in MiB"),
	KEY("vram_bytes", INT, NULLABLE, "the same in bytes"),
	KEY("vram_source", STR, NULLABLE, "where the number came from"),
	KEY("gtt_mib", INT, NULLABLE, "limit on system memory it may map, in MiB"),
	KEY("gtt_bytes", INT, NULLABLE, "the same in bytes"),
	KEY("gtt_source", STR, NULLABLE, "where the number came from"),
	KEY("visible_vram_bytes", INT, NULLABLE, "part of its memory the CPU can address"),
	KEY("uma", BOOL, NULLABLE, "it has no memory of its own"),
	KEY("usable", BOOL, 0, "its driver is bound and its node opens"),
	KEY("primary", BOOL, 0, "models run on this one"),
	KEY("reason", STR, NULLABLE, "why it is not usable, as a code"),
	KEY("detail", STR, NULLABLE, "the same as a sentence"),
	KEY("render_node", STR, NULLABLE, "path of the render node the driver made"),
	KEY("node", TABLE, NULLABLE, "the render node as it was opened", .sub = node_keys),
	KEY("drm_path", STR, NULLABLE, "directory of its counters"),
	KEY("memory_bandwidth_gbs", INT, NULLABLE, "peak, in 10^9 bytes per second"),
	{0},
};

static const struct h0_key npu_keys[] = {
	KEY("present", BOOL, 0, "there is one"),
	KEY("usable", BOOL, 0, "its driver is bound and its node opens"),
	KEY("reason", STR, NULLABLE,
	    "why not: absent, driver-not-bound, passed-through, no-device-node, no-permission or "
	    "driver-failed"),
	KEY("detail", STR, NULLABLE, "the same as a sentence"),
	KEY("vendor", STR, 0, "amd, or empty"),
	KEY("name", STR, 0, "what it is called, or empty"),
	KEY("driver", STR, 0, "kernel driver that is bound, or empty"),
	KEY("generation", STR, NULLABLE, "XDNA1 or XDNA2"),
	KEY("pci", STR, NULLABLE, "PCI address"),
	KEY("pci_id", STR, NULLABLE, "vendor:device"),
	KEY("revision", STR, NULLABLE, "two hex digits"),
	KEY("fw", STR, NULLABLE, "firmware version"),
	KEY("node", STR, NULLABLE, "its device node"),
	{0},
};

static const struct h0_key pool_keys[] = {
	KEY("name", STR, 0, "system-ram, host-ram, carve-out, gtt, vram or swap"),
	KEY("gpu", STR, NULLABLE, "PCI address of the GPU it belongs to"),
	KEY("part_of", STR, NULLABLE, "pool that contains it: never add the two"),
	KEY("capacity_bytes", INT, NULLABLE, "its size"),
	KEY("used_bytes", INT, NULLABLE, "in use at the time of the probe"),
	KEY("free_bytes", INT, NULLABLE, "free at the time of the probe"),
	KEY("source", STR, NULLABLE, "where the size came from"),
	KEY("free_source", STR, NULLABLE, "where the use came from"),
	{0},
};

static const struct h0_key limit_keys[] = {
	KEY("name", STR, 0, "which limit", .choices = limits),
	KEY("mib", INT, NULLABLE, "what models may use under it, in MiB"),
	KEY("reserve_mib", INT, NULLABLE, "already taken off for the system"),
	KEY("source", STR, NULLABLE, "where the number came from"),
	KEY("binds", BOOL, 0, "it is the smallest"),
	{0},
};

static const struct h0_key memory_keys[] = {
	KEY("unified", BOOL, 0, "RAM and GPU memory are the same memory"),
	KEY("pool_mib", INT, NULLABLE, "RAM and carve-out together where unified"),
	KEY("budget_mib", INT, NULLABLE, "what models may use at most"),
	KEY("free_mib", INT, NULLABLE, "of it, free at the time of the probe"),
	KEY("binding_limit", STR, NULLABLE, "the limit behind the budget", .choices = limits),
	KEY("installed_bytes", INT, NULLABLE, "memory in the machine"),
	KEY("installed_source", STR, NULLABLE, "how that is known"),
	KEY("pools", TABLES, 0, "the memories there are", .sub = pool_keys),
	KEY("limits", TABLES, 0, "everything that bounds the budget", .sub = limit_keys),
	{0},
};

static const struct h0_key warning_keys[] = {
	KEY("code", STR, 0, "stable name"),
	KEY("severity", STR, 0, "how bad", .choices = severities),
	KEY("message", STR, 0, "the fact"),
	KEY("fix", STR, NULLABLE, "what to do"),
	{0},
};

static const struct h0_key recommendation_keys[] = {
	KEY("device", STR, 0, "for new slots", .choices = devices),
	KEY("alternative", STR, NULLABLE, "another device that would work"),
	KEY("profile", STR, 0, "for that device"),
	KEY("vulkan_on_cpu", BOOL, 0, "the CPU through Vulkan (lavapipe)"),
	KEY("why", STRINGS, 0, "the reasons"),
	{0},
};

static const struct h0_key cpu_keys[] = {
	KEY("model", STR, NULLABLE, "its name"),
	KEY("arch", STR, NULLABLE, "x86_64 or aarch64"),
	KEY("family", INT, NULLABLE, "CPUID family"),
	KEY("model_number", INT, NULLABLE, "CPUID model"),
	KEY("threads", INT, NULLABLE, "what we may use"),
	KEY("cores", INT, NULLABLE, "cores of all sockets"),
	KEY("online", INT, NULLABLE, "CPUs the kernel has online"),
	KEY("possible", INT, NULLABLE, "CPUs there could be"),
	KEY("avx2", BOOL, NULLABLE, "has AVX2"),
	KEY("avx512", BOOL, NULLABLE, "has AVX-512 F"),
	{0},
};

static const struct h0_key dmi_keys[] = {
	KEY("sys_vendor", STR, NULLABLE, "who made the machine"),
	KEY("product_name", STR, NULLABLE, "what they call it"),
	KEY("board_name", STR, NULLABLE, "its board"),
	KEY("bios_version", STR, NULLABLE, "its firmware"),
	KEY("bios_date", STR, NULLABLE, "date of the firmware"),
	{0},
};

static const struct h0_key tuning_keys[] = {
	KEY("tuned_profile", STR, NULLABLE, "active profile of tuned"),
	KEY("governor", STR, NULLABLE, "CPU frequency governor"),
	KEY("platform_profile", STR, NULLABLE, "the firmware's power profile"),
	KEY("ac_online", BOOL, NULLABLE, "on mains; null without a battery"),
	KEY("ttm_pages_limit", INT, NULLABLE, "live limit on GPU pages, of 4 KiB"),
	KEY("ttm_page_pool_size", INT, NULLABLE, "live size of the pool, in pages"),
	KEY("amdgpu_gttsize", INT, NULLABLE, "the old limit in MiB, null when unset"),
	KEY("iommu_args", STRINGS, 0, "kernel arguments about the IOMMU"),
	{0},
};

static const struct h0_key vkdev_keys[] = {
	KEY("name", STR, 0, "as the driver calls it"),
	KEY("pci", STR, NULLABLE, "PCI address"),
	KEY("type", STR, 0, "integrated, discrete, virtual, cpu or other"),
	KEY("driver", STR, NULLABLE, "such as radv or lavapipe"),
	KEY("driver_info", STR, NULLABLE, "its version"),
	KEY("api", STR, NULLABLE, "version of Vulkan"),
	{0},
};

static const struct h0_key vulkan_keys[] = {
	KEY("status", STR, 0, "how asking ended", .choices = statuses),
	KEY("loader", STR, NULLABLE, "version of the loader"),
	KEY("detail", STR, NULLABLE, "what went wrong"),
	KEY("devices", TABLES, 0, "what it enumerates", .sub = vkdev_keys),
	{0},
};

static const struct h0_key nvidia_keys[] = {
	KEY("driver", STR, NULLABLE, "nvidia when the module is loaded"),
	KEY("version", STR, NULLABLE, "of the driver"),
	KEY("open_module", BOOL, NULLABLE, "the open kernel module"),
	KEY("cdi_specs", STRINGS, 0, "CDI specs for nvidia.com/gpu"),
	{0},
};

static const struct h0_key podman_keys[] = {
	KEY("present", BOOL, NULLABLE, "it is installed"),
	KEY("version", STR, NULLABLE, "by the package database"),
	{0},
};

static const struct h0_key hardware_keys[] = {
	KEY("schema", INT, 0, "version of this format, 1"),
	KEY("hostname", STR, NULLABLE, "name of the host"),
	KEY("uptime_s", INT, NULLABLE, "seconds since boot"),
	KEY("kernel", STR, NULLABLE, "/proc/version up to the first parenthesis"),
	KEY("distro", STR, NULLABLE, "the distribution's pretty name"),
	KEY("cpu_model", STR, NULLABLE, "name of the processor"),
	KEY("cpu_cores", INT, NULLABLE, "its cores"),
	KEY("cpu_threads", INT, NULLABLE, "its threads"),
	KEY("ram_mb", INT, NULLABLE, "MemTotal in MiB"),
	KEY("ram_available_mb", INT, NULLABLE, "MemAvailable in MiB"),
	KEY("swap_mb", INT, NULLABLE, "swap in MiB"),
	KEY("unified_memory_mb", INT, NULLABLE, "memory of the whole machine in MiB, where it is known"),
	KEY("disk_free_mb", INT, NULLABLE, "free below /var/lib/hal0"),
	KEY("cgroup_max_mb", INT, NULLABLE, "control groups' memory limit, null without one"),
	KEY("mem_total_kb", INT, NULLABLE, "MemTotal in KiB"),
	KEY("tier", STR, 0, "how well hal0 supports this machine", .choices = tiers),
	KEY("platform", STR, 0, "what it is, in the original's words", .choices = platforms),
	KEY("deployment", STR, 0, "how it is run", .choices = deployments),
	KEY("virtualization", STR, 0, "none, or what it runs in: lxc, kvm, podman"),
	KEY("hardware_class", STR, 0, "what the silicon is for inference", .choices = classes),
	KEY("recommended_device", STR, 0, "device for new slots", .choices = devices),
	KEY("memory_bandwidth_gbs", INT, NULLABLE, "of the primary GPU, in 10^9 bytes per second"),
	KEY("recommendation", TABLE, 0, "what to use, and why", .sub = recommendation_keys),
	KEY("gpus", TABLES, 0, "the GPUs, the primary first", .sub = gpu_keys),
	KEY("npu", TABLE, 0, "AMD's neural processor", .sub = npu_keys),
	KEY("memory", TABLE, 0, "pools, limits and the budget", .sub = memory_keys),
	KEY("warnings", TABLES, 0, "what deserves a look", .sub = warning_keys),
	KEY("cpu", TABLE, 0, "the processor in detail", .sub = cpu_keys),
	KEY("dmi", TABLE, 0, "what the firmware says", .sub = dmi_keys),
	KEY("tuning", TABLE, 0, "settings that matter for speed", .sub = tuning_keys),
	KEY("vulkan", TABLE, 0, "what Vulkan enumerates", .sub = vulkan_keys),
	KEY("nvidia", TABLE, NULLABLE, "NVIDIA's driver, null without an NVIDIA GPU", .sub = nvidia_keys),
	KEY("kfd", TABLE, NULLABLE, "/dev/kfd as it was opened", .sub = node_keys),
	KEY("podman", TABLE, 0, "the container engine", .sub = podman_keys),
	KEY("apparmor", STR, NULLABLE, "label of the probing process"),
	KEY("extra", TABLE, 0, "the kernel's release, and whatever others put there"),
	KEY("probed_at", STR, NULLABLE, "time of the probe, UTC"),
	KEY("slots", TABLE, 0, "the operator's own, kept as it is"),
	{0},
};

const struct h0_schema h0_schema_hardware = {
	.name = "hardware",
	.path = "hardware.json",
	.page = "hal0-hardware.json",
	.summary = "what the last probe found",
	.text = "Written by *hal0-probe*(1). A number nobody could tell is null, never 0. Sizes are in "
	        "the unit the key names. Keys that are not listed here belong to the operator and "
	        "survive every probe.",
	.keys = hardware_keys,
	.flags = H0_KEY_JSON,
	.see_also = "hal0-probe(1), hal0-slot(1), ",
};
