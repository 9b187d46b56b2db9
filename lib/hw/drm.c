/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /sys/class/drm: which card and render node belong to which PCI function, and amdgpu's counters.
 * Card numbers need not start at 0 and follow no other order; connectors (card1-DP-1) are not
 * cards.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

/* No firmware carves out less and no driver maps less: a smaller total is a broken one. */
#define LEAST (16 << 20)

static bool numbered(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	int64_t v;
	return strncmp(name, prefix, n) == 0 && h0_num_i64(name + n, 0, 65535, &v);
}

/* "1: 1100Mhz *" is the active line of a pp_dpm file. */
static int64_t active_mhz(const struct h0_root *r, const char *card, const char *file)
{
	h0_autobuf struct h0_buf b = {0};
	if (h0_root_read(r, 16384, &b, "/sys/class/drm/%s/device/%s", card, file) < 0)
		return H0_UNKNOWN;
	for (const char *line = b.p; *line;) {
		size_t len = strcspn(line, "\n");
		char one[128];
		int level, mhz;
		snprintf(one, sizeof one, "%.*s", (int)(len < 127 ? len : 127), line);
		if (strchr(one, '*') && sscanf(one, "%d: %d", &level, &mhz) == 2 && mhz >= 0)
			return mhz;
		line += len;
		line += *line == '\n';
	}
	return H0_UNKNOWN;
}

static void sensors(const struct h0_root *r, struct h0_hw_gpu *g)
{
	h0_autostrv struct h0_strv names = {0};
	h0_root_list(r, &names, "/sys/class/drm/%s/device/hwmon", g->card);
	if (!names.n)
		return;
	const char *m = names.v[0];
	g->temp_mc = h0_root_int(r, -273150, 1000000, "/sys/class/drm/%s/device/hwmon/%s/temp1_input",
	                         g->card, m);
	g->power_uw = h0_root_int(r, 0, 10000000000, "/sys/class/drm/%s/device/hwmon/%s/power1_average",
	                          g->card, m);
	if (g->power_uw == H0_UNKNOWN)
		g->power_uw = h0_root_int(r, 0, 10000000000,
		                          "/sys/class/drm/%s/device/hwmon/%s/power1_input", g->card, m);
}

void h0_hw_gpu_counters(const struct h0_root *r, struct h0_hw_gpu *g)
{
	/* a total of nothing is no answer; a use of nothing is */
	struct { int64_t *v; const char *file; int64_t min; } bytes[] = {
		{&g->vram_total, "mem_info_vram_total", LEAST},
		{&g->vram_used, "mem_info_vram_used", 0},
		{&g->vis_vram_total, "mem_info_vis_vram_total", LEAST},
		{&g->vis_vram_used, "mem_info_vis_vram_used", 0},
		{&g->gtt_total, "mem_info_gtt_total", LEAST},
		{&g->gtt_used, "mem_info_gtt_used", 0},
	};
	if (!*g->card)
		return;
	for (size_t i = 0; i < H0_ARRAY_LEN(bytes); i++)
		*bytes[i].v = h0_root_int(r, bytes[i].min, H0_HW_MAX_BYTES,
		                          "/sys/class/drm/%s/device/%s", g->card, bytes[i].file);
	g->busy_percent =
	    h0_root_int(r, 0, 100, "/sys/class/drm/%s/device/gpu_busy_percent", g->card);
	g->sclk_mhz = active_mhz(r, g->card, "pp_dpm_sclk");
	g->mclk_mhz = active_mhz(r, g->card, "pp_dpm_mclk");
	sensors(r, g);
}

/* The line of uma/carveout_options that uma/carveout points to: "0: Minimum (512 MB)". */
static void carveout(const struct h0_root *r, struct h0_hw_gpu *g)
{
	h0_autobuf struct h0_buf b = {0};
	char key[16];
	int64_t at = h0_root_int(r, 0, 255, "/sys/class/drm/%s/device/uma/carveout", g->card);
	if (at < 0 || h0_root_read(r, 16384, &b, "/sys/class/drm/%s/device/uma/carveout_options",
	                           g->card) < 0)
		return;
	snprintf(key, sizeof key, "%d", (int)at);
	h0_text_field(b.p, key, g->carveout, sizeof g->carveout);
}

static void amdgpu(const struct h0_root *r, struct h0_hw_gpu *g)
{
	const struct { const char *file; char *dst; size_t size; } texts[] = {
		{"power_dpm_force_performance_level", g->perf_level, sizeof g->perf_level},
		{"mem_info_vram_vendor", g->vram_vendor, sizeof g->vram_vendor},
		{"board_info", g->board_info, sizeof g->board_info},
		{"product_name", g->product, sizeof g->product},
		{"vbios_version", g->vbios, sizeof g->vbios},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(texts); i++)
		h0_root_text(r, texts[i].dst, texts[i].size, "/sys/class/drm/%s/device/%s", g->card,
		             texts[i].file);
	h0_hw_gpu_counters(r, g);
	carveout(r, g);
}

/* A card whose PCI function the bus listing did not show. */
static struct h0_hw_gpu *unlisted(const struct h0_root *r, struct h0_hw *hw, const char *card,
                                  const char *addr)
{
	unsigned a, b, c, d;
	if (sscanf(addr, "%x:%x:%x.%x", &a, &b, &c, &d) != 4)
		return NULL; /* a platform device: not ours to judge */
	struct h0_hw_gpu *g = h0_hw_gpu_add(hw, addr);
	if (!g)
		return NULL;
	g->vendor = h0_root_int(r, 0, 0xffff, "/sys/class/drm/%s/device/vendor", card);
	g->device = h0_root_int(r, 0, 0xffff, "/sys/class/drm/%s/device/device", card);
	g->class = h0_root_int(r, 0, 0xffffff, "/sys/class/drm/%s/device/class", card);
	g->revision = h0_root_int(r, 0, 0xff, "/sys/class/drm/%s/device/revision", card);
	h0_root_link(r, g->driver, sizeof g->driver, "/sys/class/drm/%s/device/driver", card);
	return g;
}

void h0_hw_drm(const struct h0_root *r, struct h0_hw *hw)
{
	h0_autostrv struct h0_strv names = {0};
	h0_root_list(r, &names, "/sys/class/drm");
	for (size_t i = 0; i < names.n; i++) {
		const char *n = names.v[i];
		char addr[24];
		bool card = numbered(n, "card"), render = numbered(n, "renderD");
		if ((!card && !render) ||
		    h0_root_link(r, addr, sizeof addr, "/sys/class/drm/%s/device", n) < 0)
			continue;
		struct h0_hw_gpu *g = h0_hw_gpu_at(hw, addr);
		if (!g)
			g = unlisted(r, hw, n, addr);
		if (!g)
			continue;
		char *dst = card ? g->card : g->render;
		if (!*dst)
			snprintf(dst, sizeof g->card, "%.15s", n);
	}
	for (int i = 0; i < hw->ngpu; i++) {
		struct h0_hw_gpu *g = &hw->gpu[i];
		char path[64];
		if (*g->card && g->vendor == 0x1002)
			amdgpu(r, g);
		if (!*g->render)
			continue;
		snprintf(path, sizeof path, "/dev/dri/%s", g->render);
		h0_root_node(r, &g->render_node, "%s", h0_hw_node_path(hw, "drm", g->render, path));
	}
}
