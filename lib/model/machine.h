/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the facts of hw/hw.h mean: which GPU is usable, whether it shares the machine's memory,
 * which memory and which limit an inference gets, what hal0 recommends, what to warn about.
 * Pure: values in, values out. Texts point into the record, into static tables or into the
 * struct itself; the record must outlive it.
 *
 * Rules of truth: unknown stays unknown (never 0); sysfs showing a device is not access to it, so
 * a node that opens decides; "absent", "no permission", "driver not bound" and "driver failed"
 * are different answers; VRAM and GTT together never exceed what the RAM limits leave.
 */
#ifndef H0_MODEL_MACHINE_H
#define H0_MODEL_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"
#include "model/gpuid.h"

struct h0_mgpu {
	const struct h0_hw_gpu *hw;
	const struct h0_gpuid *id;     /* NULL: not in the table */
	const struct h0_vk_dev *vk;    /* what Vulkan says about it: RADV before AMDVLK; or NULL */
	const char *vendor;            /* amd, nvidia, intel */
	char name[128];
	char gfx[16];                  /* "gfx1151", "" = unknown */
	enum h0_fact uma;               /* it has no memory of its own */
	bool usable;                   /* driver bound and its node opens */
	bool inference;                /* hal0 would run models on such a part */
	bool primary;                  /* ... and runs them on this one */
	const char *reason;            /* why not usable: a code, NULL when usable */
	char detail[200];              /* the same as a sentence */
	const char *node;              /* of the render (or nvidiaN) node, NULL = none known */
	enum h0_fact rocm;              /* /dev/kfd opens and it is an AMD GPU that KFD lists */
	int64_t vram, gtt;             /* bytes or H0_UNKNOWN */
	char vram_source[96], gtt_source[96];
	int64_t gb_per_s;              /* peak bandwidth in 10^9 bytes/s or H0_UNKNOWN */
};

struct h0_mnpu {
	const struct h0_hw_npu *hw;    /* NULL: there is none */
	bool present, usable;
	const char *reason;            /* code: absent, driver-not-bound, no-device-node, ... */
	char detail[200];
	const char *generation;        /* "XDNA2", NULL = unknown */
};

#define H0_POOLS_MAX 24
#define H0_LIMITS_MAX 12

struct h0_pool {
	const char *name;              /* system-ram, host-ram, carve-out, gtt, vram, swap */
	const char *gpu;               /* PCI address, NULL = not a GPU's */
	const char *part_of;           /* pool it is carved from ("gtt" is part of system-ram) */
	int64_t capacity, used, free;  /* bytes or H0_UNKNOWN */
	char source[96];               /* the file the capacity came from */
	char free_source[96];
};

struct h0_limit {
	const char *name;              /* vram+gtt, vram, ttm-pages-limit, physical-ram,
	                                * lxcfs-memtotal, cgroup-memory-max, proxmox-host-free */
	int64_t mib;                   /* what inference may use under it */
	int64_t reserve_mib;           /* already taken off for the system */
	char source[128];
	bool gpu_side;                 /* bounds what the GPU reaches, not what RAM there is */
	bool binds;                    /* the smallest one */
};

struct h0_mmem {
	bool unified;
	int64_t pool_mib;              /* RAM + carve-out when unified, else H0_UNKNOWN */
	int64_t budget_mib;            /* what models may use at most, H0_UNKNOWN = cannot tell */
	int64_t free_mib;              /* of it, now */
	const char *binding;           /* name of the binding limit, NULL = unknown */
	int64_t installed;             /* bytes: SMBIOS, or rounded up from RAM + carve-out */
	bool installed_exact;
	int npool, nlimit;
	struct h0_pool pool[H0_POOLS_MAX];
	struct h0_limit limit[H0_LIMITS_MAX];
};

enum h0_severity { H0_SEV_OK, H0_SEV_NOTE, H0_SEV_WARNING, H0_SEV_ERROR };
const char *h0_severity_name(enum h0_severity s);

#define H0_WARNINGS_MAX 48
struct h0_warning {
	const char *code;
	enum h0_severity severity;
	char message[256];
	char fix[256];                 /* "" = nothing to do */
};

#define H0_WHY_MAX 8

/* What the Proxmox host we run on says about its memory, in bytes. */
struct h0_pve_memory {
	int64_t total, used;
};

struct h0_machine {
	const struct h0_hw *hw;
	const char *tier;              /* first-class, supported, fallback */
	const char *platform;          /* upstream's values: strix-halo, lxc, proxmox-kvm, kvm, wsl2,
	                                * bare-metal-{amd-gpu,nvidia-gpu,intel-igpu,cpu-only}, unknown */
	const char *deployment;        /* bare-metal, lxc-privileged, lxc-unprivileged, vm, wsl2 */
	const char *virtualization;    /* none, lxc, kvm, ... */
	const char *hw_class;          /* amd-strix-halo, amd-apu, amd-discrete, nvidia-discrete,
	                                * cpu-only */
	const char *device;            /* recommended: gpu-vulkan or cpu */
	const char *alternative;       /* gpu-rocm, or NULL */
	const char *profile;           /* the recommended device's profile */
	bool lavapipe;                 /* Vulkan lists a CPU device */
	bool container;
	int nwhy;
	char why[H0_WHY_MAX][240];     /* the recommendation in sentences */
	int ngpu;                      /* physical GPUs, the primary first, then by address */
	struct h0_mgpu gpu[H0_HW_GPUS];
	int nvirtual;                  /* virtual frame buffers left out */
	struct h0_mnpu npu;
	const struct h0_pve_memory *pve; /* NULL: nobody asked; else before h0_machine_memory */
	struct h0_mmem mem;
	int nwarning;
	struct h0_warning warning[H0_WARNINGS_MAX];
};

/* Draws every conclusion. On the heap (large); free(). */
struct h0_machine *h0_machine(const struct h0_hw *hw);
/* The GPU inference uses, NULL when it runs on the CPU. */
const struct h0_mgpu *h0_machine_primary(const struct h0_machine *m);

/* The parts, for h0_machine and for tests. */
void h0_machine_gpus(struct h0_machine *m);        /* gpu.c */
void h0_machine_npu(struct h0_machine *m);         /* gpu.c */
void h0_machine_memory(struct h0_machine *m);      /* pool.c: also after a refresh of counters */
void h0_machine_warnings(struct h0_machine *m);    /* warn.c */
/* GTT in use for models, bytes: of GPUs that run some. In a container only of those it can open;
 * what others have mapped is the host's. */
int64_t h0_machine_gtt_used(const struct h0_machine *m);
/* Without asking Vulkan (hw/hw.h) nobody can tell how much memory a card has, or whether it works. */
bool h0_machine_needs_vulkan(const struct h0_machine *m);
/* MiB kept for the system out of a pool. */
int64_t h0_reserve_mib(int64_t pool_mib);

#endif
