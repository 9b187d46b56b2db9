/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one table of GPUs: what a PCI id stands for. Vendor and device are always matched together
 * (8086:1586 is a network card), and the revision picks the name where one id covers several
 * parts. Sources: pci.ids, libdrm's amdgpu.ids, the makers' data sheets for bandwidth and peak.
 */
#ifndef H0_MODEL_GPUID_H
#define H0_MODEL_GPUID_H

#include <stdbool.h>
#include <stdint.h>

enum h0_gpu_kind {
	H0_GPU_UNLISTED,   /* not in the table */
	H0_GPU_APU,        /* shares the machine's memory */
	H0_GPU_DISCRETE,
	H0_GPU_DISPLAY,    /* shares it too, but has two compute units: drives a screen, no more */
	H0_GPU_VIRTUAL,    /* a frame buffer of a hypervisor or of a BMC */
};

struct h0_gpuid {
	uint16_t vendor, device;
	int16_t revision;      /* -1 = any */
	enum h0_gpu_kind kind;
	const char *name;
	const char *gfx;       /* AMD's target name, or NULL */
	int gb_per_s;          /* peak memory bandwidth in 10^9 bytes/s, 0 = not fixed by the part */
	double fp16_tflops;    /* peak of dense matrices in half precision, 0 = not fixed or not known */
};

/* The row for a device, the one of its revision first; NULL when not listed. Unknown numbers
 * (negative) match nothing, an unknown revision only rows for any. */
const struct h0_gpuid *h0_gpuid_find(int64_t vendor, int64_t device, int64_t revision);
bool h0_gpuid_strix_halo(int64_t vendor, int64_t device);
/* "amd", "nvidia", "intel" or "unknown". */
const char *h0_gpuid_vendor(int64_t vendor);

#endif
