/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The memory bar: who has which part of the memory now. One bar where RAM and GPU memory are one
 * (system, inference, Proxmox host, free), one more for each card's VRAM. Pure.
 *
 * On a machine of its own, RAM in use already contains the pages GTT has pinned: they are shown
 * once, as inference. A container's own figures do not contain them (they are not charged to it).
 */
#ifndef H0_MODEL_MEMBAR_H
#define H0_MODEL_MEMBAR_H

#include "base/buf.h"
#include "model/machine.h"

#define H0_SEGMENTS_MAX 8
#define H0_BARS_MAX (H0_HW_GPUS + 1)

struct h0_segment {
	const char *name;        /* inference, carve-out, system, proxmox-host, other, free */
	const char *label;
	char tone;               /* r, y, b, m, or ' ' for free: as terminals name colours */
	int64_t bytes;
	char source[128];
};

struct h0_bar {
	const char *name;        /* unified, ram, vram */
	char label[128];
	const char *gpu;         /* PCI address of a card's bar, or NULL */
	int64_t total;           /* bytes */
	int n;
	struct h0_segment seg[H0_SEGMENTS_MAX]; /* sum is total */
};

struct h0_membar {
	int n;
	struct h0_bar bar[H0_BARS_MAX];
};

/* With m->pve the Proxmox host's part is shown too. */
void h0_membar(const struct h0_machine *m, struct h0_membar *ret);
/* The bars as a picture for a README or a wiki. */
void h0_membar_svg(const struct h0_membar *b, struct h0_buf *ret);

#endif
