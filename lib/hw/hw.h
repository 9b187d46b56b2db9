/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The record of raw facts about a machine: what its files and drivers say, before anybody draws a
 * conclusion (that is model/machine.h). One file of this layer fills each part. Rules for every
 * field: a number nobody told is H0_UNKNOWN, a text nobody told is "", a yes/no nobody told is
 * H0_FACT_UNKNOWN. No source failing makes the probe fail.
 * Sizes are bytes unless the name says otherwise.
 */
#ifndef H0_HW_HW_H
#define H0_HW_HW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "hw/root.h"

enum h0_fact {
	H0_FACT_UNKNOWN = -1,
	H0_FACT_NO = 0,
	H0_FACT_YES = 1,
};

/* No counter of memory is believed beyond this: 1 PiB. */
#define H0_HW_MAX_BYTES (1LL << 50)

#define H0_HW_GPUS  16
#define H0_HW_NPUS  4
#define H0_HW_HEAPS 16
#define H0_HW_VKDEVS 16
#define H0_HW_NODES 16

struct h0_hw_os {              /* os.c */
	char hostname[256];
	char kernel[128];      /* "Linux version 6.18.4", from /proc/version */
	char release[96];      /* "6.18.4" */
	char distro[128];      /* PRETTY_NAME */
	char distro_id[64];    /* ID, then ID_LIKE after a blank */
	char distro_version[32]; /* VERSION_ID */
	char cmdline[4096];    /* kernel command line */
	int64_t uptime_s;
	int64_t disk_free;     /* of /var/lib/hal0 or the nearest parent; H0_UNKNOWN re-rooted */
	int64_t memlock;       /* our limit on locked memory, INT64_MAX = unlimited */
	enum h0_fact amdgpu;   /* the module is loaded */
	const char *args_file; /* where the boot loader has the kernel's arguments, NULL = unknown */
	const char *loader;    /* grub, systemd-boot or proxmox-boot-tool, NULL = unknown */
	char podman[64];       /* version by the package database, "" = unknown */
	enum h0_fact podman_present;
};

struct h0_hw_cpu {             /* cpu.c */
	char model[128];
	char arch[16];         /* x86_64, aarch64 */
	int64_t family, model_number, stepping;
	int64_t threads;       /* "processor" lines: what we may use */
	int64_t cores;         /* per machine */
	int64_t online, possible, present; /* counts from /sys/devices/system/cpu */
	enum h0_fact avx, avx2, avx512, hypervisor;
	char governor[32], scaling_driver[32], epp[32];
};

struct h0_hw_mem {             /* mem.c */
	int64_t total;         /* MemTotal: in a container what lxcfs shows */
	int64_t free, available, swap_total, swap_free;
	int64_t huge;          /* set aside as huge pages: nobody else gets them */
	int64_t host_total;    /* sum of the NUMA nodes' MemTotal: the kernel's own view */
	int64_t host_free;
	int64_t buddy_free;    /* free pages by the page allocator's own lists ... */
	int64_t buddy_large;   /* ... of it in blocks of 2 MiB and more */
};

struct h0_hw_cgroup {          /* cgroup.c */
	int version;           /* 2, 1, or 0 = not found */
	int64_t limit;         /* smallest number up the tree; H0_UNKNOWN = no limit or unknown */
	char limit_path[256];  /* the file it came from */
	int64_t current;       /* usage beside that limit */
	int64_t cache;         /* of it, page cache that can be dropped */
	enum h0_fact all_devices; /* version 1: may every device be opened? Version 2 does not tell */
};

struct h0_hw_dmi {             /* dmi.c */
	char sys_vendor[96], product_name[96], board_vendor[96], board_name[96];
	char bios_vendor[96], bios_version[96], bios_date[32], chassis_vendor[96];
	int64_t installed;     /* sum of the memory devices in the SMBIOS tables (root only) */
	int64_t memory_mts;    /* configured speed of the first populated one */
	int64_t memory_bits;   /* sum of their data widths */
};

struct h0_hw_virt {            /* virt.c */
	char container[32];    /* "lxc", "podman", "docker", ...; "" = none found */
	enum h0_fact identity_map;  /* uid_map is the identity over the full range */
	char vm[32];           /* "kvm", "vmware", "microsoft", "xen", "other"; "" = none */
	enum h0_fact wsl;
	enum h0_fact proxmox_guest; /* DMI names Proxmox */
	enum h0_fact pve_kernel;    /* release ends in -pve */
	char apparmor[160];    /* label of /proc/self/attr/current; "" = absent */
};

struct h0_hw_power {           /* power.c */
	enum h0_fact ac_online; /* unknown = no Mains supply */
	char profile[32];      /* platform_profile */
	char tuned[64];        /* active tuned profile */
};

struct h0_hw_ttm {             /* ttm.c */
	char module[8];        /* whose parameters these are: ttm, or amdttm of the DKMS driver */
	int64_t pages_limit, page_pool_size; /* in 4 KiB pages */
	int64_t gttsize;       /* amdgpu parameter, MiB; -1 = unset */
	char modprobe[1024];   /* lines of /etc/modprobe.d that name ttm, amdttm or amdgpu */
};

struct h0_hw_kfd {             /* kfd.c: one GPU node of the topology */
	bool seen;
	int err;               /* errno when the node could not be read, else 0 */
	int64_t gfx_target;    /* gfx_target_version: 110501 */
	int64_t simds;
	int64_t bank;          /* sum of its memory banks */
};

struct h0_hw_gpu {
	/* pci.c */
	char addr[24];         /* "0000:c3:00.0" */
	int64_t vendor, device, class, revision, subvendor, subdevice;
	char driver[32];       /* "" = none bound */
	char pci_name[128];    /* from pci.ids, only where the own table has none; live only */
	int64_t bar_max;       /* largest memory BAR */
	int64_t boot_vga;
	/* iommu.c */
	char iommu_group[8];   /* its number, "" = unknown */
	char iommu_others[128]; /* functions of other devices in it, bridges aside; blanks between */
	/* drm.c */
	char card[16], render[16];     /* "card1", "renderD128" */
	struct h0_node render_node;    /* /dev/dri/renderD128 */
	int64_t vram_total, vram_used, vis_vram_total, vis_vram_used, gtt_total, gtt_used;
	int64_t busy_percent, temp_mc, power_uw, sclk_mhz, mclk_mhz;
	char perf_level[24], vram_vendor[32], board_info[32], product[96], vbios[64];
	char carveout[64];     /* active entry of uma/carveout_options */
	/* kfd.c */
	struct h0_hw_kfd kfd;
	/* nvidia.c */
	char nv_model[96];
	struct h0_node nv_node;        /* /dev/nvidia0 */
};

struct h0_hw_npu {             /* accel.c */
	char addr[24];
	int64_t vendor, device, revision;
	char driver[32], accel[16];    /* "amdxdna", "accel0" */
	char vbnv[64], fw[32];
	struct h0_node node;           /* /dev/accel/accel0 */
};

struct h0_hw_nvidia {          /* nvidia.c */
	enum h0_fact module;    /* /proc/driver/nvidia or /sys/module/nvidia is there */
	enum h0_fact open_module;
	char version[32];
	struct h0_node ctl, uvm;
	struct h0_strv cdi;    /* paths of CDI specs for nvidia.com/gpu */
};

#define H0_HW_UDEVS 64
struct h0_udev_dev {           /* udev.c; live only */
	char subsystem[8];     /* drm, accel, kfd */
	char name[32];         /* "renderD128" */
	char node[64];         /* "/dev/dri/renderD128" */
	char addr[24];         /* PCI function it hangs on, "" = none */
	bool initialized;      /* udev has finished with it */
};
struct h0_hw_udev {
	int n;
	struct h0_udev_dev dev[H0_HW_UDEVS];
};

enum h0_vk_status {
	H0_VK_NOT_RUN,
	H0_VK_OK,              /* enumerated, maybe nothing found */
	H0_VK_NO_LOADER,       /* libvulkan cannot be loaded */
	H0_VK_NO_DRIVER,       /* the loader found no driver that works */
	H0_VK_FAILED,          /* the enumerating child crashed or answered nonsense */
	H0_VK_TIMEOUT,         /* ... or hung, and was killed */
};

enum h0_vk_type { /* VkPhysicalDeviceType */
	H0_VK_OTHER, H0_VK_INTEGRATED, H0_VK_DISCRETE, H0_VK_VIRTUAL, H0_VK_CPU,
};

struct h0_vk_dev {
	char name[256], driver_name[64], driver_info[128], api[24];
	uint32_t vendor, device;
	int type;              /* enum h0_vk_type */
	int driver_id;         /* VkDriverId; 0 = unknown */
	char addr[24];         /* PCI address, "" = none told */
	int nheap;
	struct { int64_t size; bool local; } heap[H0_HW_HEAPS];
};

struct h0_hw_vulkan {          /* vulkan.c */
	enum h0_vk_status status;
	char loader[24];       /* version */
	char detail[160];      /* why it failed */
	int ndev;
	struct h0_vk_dev dev[H0_HW_VKDEVS];
};

struct h0_hw {
	bool live;             /* not a re-rooted tree */
	struct h0_hw_os os;
	struct h0_hw_cpu cpu;
	struct h0_hw_mem mem;
	struct h0_hw_cgroup cgroup;
	struct h0_hw_dmi dmi;
	struct h0_hw_virt virt;
	struct h0_hw_power power;
	struct h0_hw_ttm ttm;
	struct h0_hw_udev udev;
	int ngpu;              /* every display-class PCI function, in address order */
	struct h0_hw_gpu gpu[H0_HW_GPUS];
	int nnpu;
	struct h0_hw_npu npu[H0_HW_NPUS];
	enum h0_fact kfd_driver; /* /sys/class/kfd is there */
	struct h0_node kfd;     /* /dev/kfd */
	int kfd_unreadable;     /* topology nodes that could not be read, and the errno of the last */
	int kfd_errno;
	struct h0_hw_nvidia nvidia;
	struct h0_hw_vulkan vulkan;
};

enum h0_hw_flag {
	H0_HW_VULKAN = 1,      /* also ask the Vulkan loader (a child process, some 100 ms) */
};

/* Reads everything. The record is large: on the heap. Cannot fail. */
struct h0_hw *h0_hw_probe(const struct h0_root *r, unsigned flags);
void h0_hw_free(struct h0_hw *hw);
static inline void h0_hw_freep(struct h0_hw **hw)
{
	h0_hw_free(*hw);
}
#define h0_autohw h0_auto(h0_hw_freep)

/* What the child that asks the Vulkan loader sent: n bytes, not to be believed. false: no record. */
bool h0_hw_vulkan_record(const void *bytes, size_t n, struct h0_hw_vulkan *ret);

/* The sources, in the order they run; each fills its own part. */
void h0_hw_os(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_cpu(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_mem(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_cgroup(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_dmi(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_virt(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_power(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_ttm(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_udev(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_pci(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_iommu(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_drm(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_kfd(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_accel(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_nvidia(const struct h0_root *r, struct h0_hw *hw);
void h0_hw_vulkan(const struct h0_root *r, struct h0_hw *hw);

/* The GPU or NPU at an address, NULL if there is none; _add makes room for one (NULL: full). */
struct h0_hw_gpu *h0_hw_gpu_at(struct h0_hw *hw, const char *addr);
struct h0_hw_gpu *h0_hw_gpu_add(struct h0_hw *hw, const char *addr);
struct h0_hw_npu *h0_hw_npu_at(struct h0_hw *hw, const char *addr);
struct h0_hw_npu *h0_hw_npu_add(struct h0_hw *hw, const char *addr);
/* Where the node of a device is: where udev made it, else `fallback`. */
const char *h0_hw_node_path(const struct h0_hw *hw, const char *subsystem, const char *name,
                            const char *fallback);
/* Reads the live counters of one GPU again (memory, load, clocks). */
void h0_hw_gpu_counters(const struct h0_root *r, struct h0_hw_gpu *g);

#endif
