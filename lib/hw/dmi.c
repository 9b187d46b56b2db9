/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the firmware says: names, and (root only) the memory devices of the SMBIOS tables, from
 * which the installed memory follows even where a carve-out hides part of it from the kernel.
 * Layout: DMTF DSP0134, structure type 17.
 */
#include <stdio.h>
#include <string.h>

#include "hw/hw.h"

#define TABLE_MAX (256u << 10)
#define MEMORY_DEVICE 17
#define END_OF_TABLE 127

static unsigned le16(const unsigned char *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static uint32_t le32(const unsigned char *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* Bytes of one memory device; 0 = empty slot, H0_UNKNOWN = it does not say. */
static int64_t device_size(const unsigned char *s, unsigned len)
{
	unsigned size = le16(s + 0x0c);
	if (size == 0xffff)
		return H0_UNKNOWN;
	if (size == 0x7fff)
		return len >= 0x20 ? (int64_t)(le32(s + 0x1c) & 0x7fffffff) << 20 : H0_UNKNOWN;
	return size & 0x8000 ? (int64_t)(size & 0x7fff) << 10 : (int64_t)size << 20;
}

static void memory_device(struct h0_hw_dmi *dmi, const unsigned char *s, unsigned len)
{
	int64_t size = device_size(s, len);
	if (size <= 0)
		return;
	dmi->installed = dmi->installed == H0_UNKNOWN ? size : dmi->installed + size;
	unsigned bits = le16(s + 0x0a); /* data width */
	if (bits && bits <= 512)
		dmi->memory_bits = dmi->memory_bits == H0_UNKNOWN ? bits : dmi->memory_bits + bits;
	unsigned speed = len >= 0x22 ? le16(s + 0x20) : 0; /* configured MT/s */
	if (speed && speed != 0xffff && dmi->memory_mts == H0_UNKNOWN)
		dmi->memory_mts = speed;
}

static void tables(const struct h0_root *r, struct h0_hw_dmi *dmi)
{
	h0_autobuf struct h0_buf b = {0};
	if (h0_root_read(r, TABLE_MAX, &b, "/sys/firmware/dmi/tables/DMI") < 0)
		return;
	const unsigned char *p = (const unsigned char *)b.p, *end = p + b.len;
	while (end - p >= 4 && p[0] != END_OF_TABLE) {
		unsigned len = p[1];
		if (len < 4 || len > end - p)
			return;
		if (p[0] == MEMORY_DEVICE && len >= 0x15)
			memory_device(dmi, p, len);
		p += len;
		while (end - p >= 2 && (p[0] || p[1])) /* its strings end with two NULs */
			p++;
		p += end - p >= 2 ? 2 : end - p;
	}
}

void h0_hw_dmi(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_dmi *d = &hw->dmi;
	const struct { const char *file; char *dst; size_t size; } texts[] = {
		{"sys_vendor", d->sys_vendor, sizeof d->sys_vendor},
		{"product_name", d->product_name, sizeof d->product_name},
		{"board_vendor", d->board_vendor, sizeof d->board_vendor},
		{"board_name", d->board_name, sizeof d->board_name},
		{"bios_vendor", d->bios_vendor, sizeof d->bios_vendor},
		{"bios_version", d->bios_version, sizeof d->bios_version},
		{"bios_date", d->bios_date, sizeof d->bios_date},
		{"chassis_vendor", d->chassis_vendor, sizeof d->chassis_vendor},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(texts); i++)
		h0_root_text(r, texts[i].dst, texts[i].size, "/sys/class/dmi/id/%s", texts[i].file);
	d->installed = d->memory_mts = d->memory_bits = H0_UNKNOWN;
	tables(r, d);
	if (d->installed != H0_UNKNOWN && d->installed > H0_HW_MAX_BYTES)
		d->installed = H0_UNKNOWN;
}
