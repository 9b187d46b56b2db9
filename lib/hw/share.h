/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What one process holds of the memory: its own pages by /proc/PID/status, the GPU's by the DRM
 * clients in /proc/PID/fdinfo (amdgpu, i915, xe and nouveau tell; NVIDIA's driver does not).
 */
#ifndef H0_HW_SHARE_H
#define H0_HW_SHARE_H

#include "hw/root.h"

struct h0_share {
	int64_t anon;      /* RssAnon + RssShmem: gone when it ends */
	int64_t file;      /* RssFile: mapped files, which the kernel can drop */
	int64_t vram, gtt; /* of all its DRM clients; H0_UNKNOWN without one that tells */
};

/* Bytes; H0_UNKNOWN for what cannot be read. */
void h0_hw_share(const struct h0_root *r, int pid, struct h0_share *ret);

#endif
