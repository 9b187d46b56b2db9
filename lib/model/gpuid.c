/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/gpuid.h"

#include <stddef.h>

#include "base/attr.h"

#define AMD 0x1002
#define NV  0x10de
#define ANY (-1)

/* Rows with a revision stand before the row for any. */
static const struct h0_gpuid ids[] = {
	/* AMD, integrated */
	{AMD, 0x1586, 0xc1, H0_GPU_APU, "Radeon 8060S Graphics", "gfx1151", 256, 59.4},
	{AMD, 0x1586, 0xc3, H0_GPU_APU, "Radeon 8060S Graphics", "gfx1151", 256, 59.4},
	{AMD, 0x1586, 0xc6, H0_GPU_APU, "Radeon 8060S Graphics", "gfx1151", 256, 59.4},
	{AMD, 0x1586, 0xd1, H0_GPU_APU, "Radeon 8060S Graphics", "gfx1151", 256, 59.4},
	{AMD, 0x1586, 0xc2, H0_GPU_APU, "Radeon 8050S Graphics", "gfx1151", 256, 45.9},
	{AMD, 0x1586, 0xc4, H0_GPU_APU, "Radeon 8050S Graphics", "gfx1151", 256, 45.9},
	{AMD, 0x1586, 0xd2, H0_GPU_APU, "Radeon 8050S Graphics", "gfx1151", 256, 45.9},
	{AMD, 0x1586, 0xd4, H0_GPU_APU, "Radeon 8050S Graphics", "gfx1151", 256, 45.9},
	{AMD, 0x1586, 0xd5, H0_GPU_APU, "Radeon 8040S Graphics", "gfx1151", 256, 22.9},
	{AMD, 0x1586, ANY, H0_GPU_APU, "Radeon Graphics (Strix Halo)", "gfx1151", 256, 0},
	{AMD, 0x150e, 0xc4, H0_GPU_APU, "Radeon 880M Graphics", "gfx1150", 128, 17.8},
	{AMD, 0x150e, 0xd2, H0_GPU_APU, "Radeon 880M Graphics", "gfx1150", 128, 17.8},
	{AMD, 0x150e, ANY, H0_GPU_APU, "Radeon 890M Graphics", "gfx1150", 128, 23.8},
	{AMD, 0x1114, ANY, H0_GPU_APU, "Radeon Graphics (Krackan)", "gfx1152", 0, 0},
	{AMD, 0x1902, ANY, H0_GPU_APU, "Radeon Graphics (Krackan)", "gfx1153", 0, 0},
	{AMD, 0x15bf, ANY, H0_GPU_APU, "Radeon 780M Graphics", "gfx1103", 0, 0},
	{AMD, 0x15c8, ANY, H0_GPU_APU, "Radeon 740M Graphics", "gfx1103", 0, 0},
	{AMD, 0x164f, ANY, H0_GPU_APU, "Radeon Graphics (Phoenix)", "gfx1103", 0, 0},
	{AMD, 0x1900, ANY, H0_GPU_APU, "Radeon 780M Graphics (Hawk Point)", "gfx1103", 0, 0},
	{AMD, 0x1901, ANY, H0_GPU_APU, "Radeon 740M Graphics (Hawk Point)", "gfx1103", 0, 0},
	{AMD, 0x1681, ANY, H0_GPU_APU, "Radeon 680M Graphics", "gfx1035", 0, 0},
	{AMD, 0x1638, ANY, H0_GPU_APU, "Radeon Graphics (Cezanne)", "gfx90c", 0, 0},
	{AMD, 0x15e7, ANY, H0_GPU_APU, "Radeon Graphics (Barcelo)", "gfx90c", 0, 0},
	{AMD, 0x164c, ANY, H0_GPU_APU, "Radeon Graphics (Lucienne)", "gfx90c", 0, 0},
	{AMD, 0x1636, ANY, H0_GPU_APU, "Radeon Graphics (Renoir)", "gfx90c", 0, 0},
	{AMD, 0x15d8, ANY, H0_GPU_APU, "Radeon Vega Graphics (Picasso)", NULL, 0, 0},
	{AMD, 0x15dd, ANY, H0_GPU_APU, "Radeon Vega Graphics (Raven Ridge)", "gfx902", 0, 0},
	{AMD, 0x163f, ANY, H0_GPU_APU, "AMD Custom GPU (Van Gogh)", "gfx1033", 0, 0},
	{AMD, 0x164e, ANY, H0_GPU_DISPLAY, "AMD Radeon Graphics (Raphael)", "gfx1036", 0, 0},
	{AMD, 0x13c0, ANY, H0_GPU_DISPLAY, "AMD Radeon Graphics (Granite Ridge)", "gfx1036", 0, 0},
	/* AMD, discrete */
	{AMD, 0x744c, 0xc8, H0_GPU_DISCRETE, "AMD Radeon RX 7900 XTX", "gfx1100", 960, 122.8},
	{AMD, 0x744c, 0xcc, H0_GPU_DISCRETE, "AMD Radeon RX 7900 XT", "gfx1100", 800, 103},
	{AMD, 0x744c, 0xce, H0_GPU_DISCRETE, "AMD Radeon RX 7900 GRE", "gfx1100", 576, 92},
	{AMD, 0x744c, 0xcf, H0_GPU_DISCRETE, "AMD Radeon RX 7900M", "gfx1100", 576, 0},
	{AMD, 0x744c, ANY, H0_GPU_DISCRETE, "AMD Radeon RX 7900 series", "gfx1100", 0, 0},
	{AMD, 0x7448, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO W7900", "gfx1100", 864, 122.6},
	{AMD, 0x7449, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO W7800 48GB", "gfx1100", 864, 90.5},
	{AMD, 0x744a, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO W7900 Dual Slot", "gfx1100", 864, 122.6},
	{AMD, 0x744b, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO W7900D", "gfx1100", 864, 122.6},
	{AMD, 0x745e, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO W7800", "gfx1100", 576, 90.5},
	{AMD, 0x7460, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO V710", "gfx1101", 0, 0},
	{AMD, 0x7461, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO V710", "gfx1101", 0, 0},
	{AMD, 0x7470, ANY, H0_GPU_DISCRETE, "AMD Radeon PRO W7700", "gfx1101", 576, 56.5},
	{AMD, 0x747e, ANY, H0_GPU_DISCRETE, "AMD Radeon RX 7700 XT / 7800 XT", "gfx1101", 0, 0},
	{AMD, 0x7480, ANY, H0_GPU_DISCRETE, "AMD Radeon RX 7600 series", "gfx1102", 288, 0},
	{AMD, 0x7550, 0xc0, H0_GPU_DISCRETE, "AMD Radeon RX 9070 XT", "gfx1201", 640, 195},
	{AMD, 0x7550, 0xc2, H0_GPU_DISCRETE, "AMD Radeon RX 9070 GRE", "gfx1201", 0, 0},
	{AMD, 0x7550, 0xc3, H0_GPU_DISCRETE, "AMD Radeon RX 9070", "gfx1201", 640, 145},
	{AMD, 0x7550, ANY, H0_GPU_DISCRETE, "AMD Radeon RX 9070 series", "gfx1201", 640, 0},
	{AMD, 0x7551, ANY, H0_GPU_DISCRETE, "AMD Radeon AI PRO R9700", "gfx1201", 640, 191},
	{AMD, 0x7590, ANY, H0_GPU_DISCRETE, "AMD Radeon RX 9060 XT", "gfx1200", 320, 103},
	{AMD, 0x73bf, ANY, H0_GPU_DISCRETE, "AMD Radeon RX 6800 / 6900 series", "gfx1030", 512, 0},
	/* NVIDIA; the driver's own name wins where it is loaded */
	{NV, 0x2206, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 3080", NULL, 760, 119},
	{NV, 0x2216, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 3080", NULL, 760, 119},
	{NV, 0x220a, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 3080 12GB", NULL, 912, 122.6},
	{NV, 0x2208, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 3080 Ti", NULL, 912, 136.4},
	{NV, 0x2204, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 3090", NULL, 936, 142},
	{NV, 0x2203, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 3090 Ti", NULL, 1008, 160},
	{NV, 0x2684, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4090", NULL, 1008, 330.3},
	{NV, 0x2685, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4090 D", NULL, 1008, 294.1},
	{NV, 0x2704, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4080", NULL, 717, 194.9},
	{NV, 0x2702, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4080 SUPER", NULL, 736, 208.9},
	{NV, 0x2703, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4080 SUPER", NULL, 736, 208.9},
	{NV, 0x2782, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4070 Ti", NULL, 504, 160.4},
	{NV, 0x2717, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4090 Laptop GPU", NULL, 576, 0},
	{NV, 0x2757, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4090 Laptop GPU", NULL, 576, 0},
	{NV, 0x27a0, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4080 Laptop GPU", NULL, 432, 0},
	{NV, 0x27e0, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 4080 Laptop GPU", NULL, 432, 0},
	{NV, 0x2b85, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 5090", NULL, 1792, 419},
	{NV, 0x2b87, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 5090 D", NULL, 1792, 0},
	{NV, 0x2c02, ANY, H0_GPU_DISCRETE, "NVIDIA GeForce RTX 5080", NULL, 960, 225.1},
	{NV, 0x2bb1, ANY, H0_GPU_DISCRETE, "NVIDIA RTX PRO 6000", NULL, 1792, 503.8},
	{NV, 0x2230, ANY, H0_GPU_DISCRETE, "NVIDIA RTX A6000", NULL, 768, 154.8},
	{NV, 0x26b1, ANY, H0_GPU_DISCRETE, "NVIDIA RTX 6000 Ada", NULL, 960, 364.2},
	/* frame buffers of hypervisors and management controllers */
	{0x1234, 0x1111, ANY, H0_GPU_VIRTUAL, "QEMU standard VGA", NULL, 0, 0},
	{0x1af4, 0x1050, ANY, H0_GPU_VIRTUAL, "virtio-gpu", NULL, 0, 0},
	{0x1b36, 0x0100, ANY, H0_GPU_VIRTUAL, "QXL", NULL, 0, 0},
	{0x1013, 0x00b8, ANY, H0_GPU_VIRTUAL, "Cirrus VGA", NULL, 0, 0},
	{0x15ad, 0x0405, ANY, H0_GPU_VIRTUAL, "VMware SVGA II", NULL, 0, 0},
	{0x1414, 0x5353, ANY, H0_GPU_VIRTUAL, "Hyper-V VGA", NULL, 0, 0},
	{0x80ee, 0xbeef, ANY, H0_GPU_VIRTUAL, "VirtualBox VGA", NULL, 0, 0},
	{0x1a03, 0x2000, ANY, H0_GPU_VIRTUAL, "ASPEED BMC graphics", NULL, 0, 0},
};

const struct h0_gpuid *h0_gpuid_find(int64_t vendor, int64_t device, int64_t revision)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(ids); i++)
		if (ids[i].vendor == vendor && ids[i].device == device &&
		    (ids[i].revision == ANY || ids[i].revision == revision))
			return &ids[i];
	return NULL;
}

bool h0_gpuid_strix_halo(int64_t vendor, int64_t device)
{
	return vendor == AMD && device == 0x1586;
}

const char *h0_gpuid_vendor(int64_t vendor)
{
	return vendor == AMD ? "amd" : vendor == NV ? "nvidia" : vendor == 0x8086 ? "intel" : "unknown";
}
