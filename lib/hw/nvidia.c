/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * NVIDIA's driver as /proc/driver/nvidia tells it (no NVML, no nvidia-smi: either may fail on a
 * healthy box), its nodes, and the CDI specs podman needs.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

#define INFO_MAX 65536
#define CDI_MAX (4u << 20)

static void versions(const struct h0_root *r, struct h0_hw_nvidia *nv)
{
	char line[512];
	bool proc = h0_root_text(r, line, sizeof line, "/proc/driver/nvidia/version") == 0;
	bool sys = h0_root_exists(r, "/sys/module/nvidia");
	nv->module = proc || sys ? H0_FACT_YES : H0_FACT_NO;
	nv->open_module = !proc ? H0_FACT_UNKNOWN
	                  : strstr(line, "Open Kernel Module") ? H0_FACT_YES
	                                                       : H0_FACT_NO;
	if (h0_root_text(r, nv->version, sizeof nv->version, "/sys/module/nvidia/version") == 0 || !proc)
		return;
	/* the first word after "Module" that looks like a version */
	const char *at = strstr(line, "Module");
	for (; at && *at; at++) {
		size_t n = strspn(at, "0123456789.");
		if (n >= 3 && memchr(at, '.', n) && (at[-1] == ' ') && n < sizeof nv->version) {
			h0_text_clean(nv->version, sizeof nv->version, at, n);
			return;
		}
	}
}

static void gpu_info(const struct h0_root *r, struct h0_hw_gpu *g)
{
	h0_autobuf struct h0_buf b = {0};
	char minor[16];
	int64_t n;
	if (h0_root_read(r, INFO_MAX, &b, "/proc/driver/nvidia/gpus/%s/information", g->addr) < 0)
		return;
	h0_text_field(b.p, "Model", g->nv_model, sizeof g->nv_model);
	if (strcmp(g->nv_model, "Unknown") == 0)
		g->nv_model[0] = '\0';
	if (h0_text_field(b.p, "Device Minor", minor, sizeof minor) &&
	    h0_num_i64(minor, 0, 255, &n))
		h0_root_node(r, &g->nv_node, "/dev/nvidia%d", (int)n);
}

static void cdi_dir(const struct h0_root *r, struct h0_hw_nvidia *nv, const char *dir)
{
	h0_autostrv struct h0_strv names = {0};
	h0_root_list(r, &names, "%s", dir);
	for (size_t i = 0; i < names.n && i < 64; i++) {
		h0_autobuf struct h0_buf b = {0};
		const char *n = names.v[i];
		if (!h0_ends(n, ".yaml") && !h0_ends(n, ".yml") && !h0_ends(n, ".json"))
			continue;
		if (h0_root_read(r, CDI_MAX, &b, "%s/%s", dir, n) == 0 &&
		    strstr(b.p, "nvidia.com/gpu") && strstr(b.p, "kind"))
			h0_strv_addf(&nv->cdi, "%s/%s", dir, n);
	}
}

void h0_hw_nvidia(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_nvidia *nv = &hw->nvidia;
	versions(r, nv);
	bool any = false;
	for (int i = 0; i < hw->ngpu; i++) {
		if (hw->gpu[i].vendor != 0x10de)
			continue;
		any = true;
		gpu_info(r, &hw->gpu[i]);
	}
	if (!any)
		return;
	cdi_dir(r, nv, "/etc/cdi");
	cdi_dir(r, nv, "/var/run/cdi");
	h0_root_node(r, &nv->ctl, "/dev/nvidiactl");
	h0_root_node(r, &nv->uvm, "/dev/nvidia-uvm");
}
