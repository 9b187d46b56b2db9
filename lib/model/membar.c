/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/membar.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define KNOWN(x) ((x) != H0_UNKNOWN)

static int64_t max0(int64_t v)
{
	return v > 0 ? v : 0;
}

static char tone(const char *name)
{
	static const struct { const char *name; char tone; } tones[] = {
		{"inference", 'r'}, {"carve-out", 'y'}, {"system", 'b'}, {"proxmox-host", 'm'}, {"other", 'm'},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(tones); i++)
		if (strcmp(tones[i].name, name) == 0)
			return tones[i].tone;
	return ' ';
}

static void segment(struct h0_bar *b, const char *name, const char *label, int64_t bytes,
                    const char *source)
{
	if (bytes <= 0 || b->n == H0_SEGMENTS_MAX - 1) /* the last place is for what is free */
		return;
	int64_t sum = 0;
	for (int i = 0; i < b->n; i++)
		sum += b->seg[i].bytes;
	if (bytes > b->total - sum)
		bytes = b->total - sum; /* readings taken at different moments */
	if (bytes <= 0)
		return;
	b->seg[b->n] = (struct h0_segment){name, label, tone(name), bytes, ""};
	snprintf(b->seg[b->n++].source, sizeof b->seg[0].source, "%s", source);
}

static void rest_is_free(struct h0_bar *b)
{
	int64_t sum = 0;
	for (int i = 0; i < b->n; i++)
		sum += b->seg[i].bytes;
	b->seg[b->n++] = (struct h0_segment){"free", "Free", ' ', max0(b->total - sum), "what is left"};
}

/* A container's GPU may have mapped more than the container has RAM: then the bar is the host's. */
static int64_t host_bar(const struct h0_machine *m, struct h0_bar *b, int64_t carveout, int64_t ours)
{
	const struct h0_hw_mem *mem = &m->hw->mem;
	if (!m->container || m->pve || ours <= mem->total || !KNOWN(mem->host_total))
		return 0;
	b->total = mem->host_total + carveout;
	snprintf(b->label, sizeof b->label, "Memory of the host");
	return KNOWN(mem->host_free) ? max0(mem->host_total - mem->host_free - ours) : 0;
}

static void ram_bar(const struct h0_machine *m, struct h0_bar *b)
{
	const struct h0_pve_memory *pve = m->pve;
	const struct h0_hw_mem *mem = &m->hw->mem;
	const struct h0_mgpu *g = h0_machine_primary(m);
	bool unified = m->mem.unified;
	int64_t carveout = unified && KNOWN(g->vram) ? g->vram : 0;
	int64_t used = KNOWN(mem->total) && KNOWN(mem->available) ? mem->total - mem->available : 0;
	int64_t gtt = h0_machine_gtt_used(m), sys = m->container ? used : max0(used - gtt);
	b->name = unified ? "unified" : "ram";
	b->total = (pve ? pve->total : mem->total) + carveout;
	snprintf(b->label, sizeof b->label, "%s",
	         !unified ? "RAM" : pve ? "Unified memory of the Proxmox host" : "Unified memory");
	int64_t other = host_bar(m, b, carveout, gtt + sys);
	segment(b, "inference", "GTT inference", gtt, "mem_info_gtt_used");
	if (carveout && KNOWN(g->hw->vram_used))
		segment(b, "carve-out", "Carve-out in use", g->hw->vram_used, "mem_info_vram_used");
	segment(b, "system", m->container ? "System RAM (this container)" : "System RAM", sys,
	        m->container ? "/proc/meminfo MemTotal - MemAvailable"
	                     : "/proc/meminfo MemTotal - MemAvailable - GTT in use");
	if (pve)
		segment(b, "proxmox-host", "Proxmox host", max0(pve->used - sys - gtt),
		        "Proxmox: host memory in use, less ours");
	segment(b, "other", "Other use of the host", other,
	        "/sys/devices/system/node/node*/meminfo MemTotal - MemFree, less ours");
	rest_is_free(b);
}

static void vram_bar(const struct h0_mgpu *g, struct h0_bar *b)
{
	b->name = "vram";
	b->gpu = g->hw->addr;
	b->total = g->vram;
	snprintf(b->label, sizeof b->label, "VRAM of %s", g->name);
	if (KNOWN(g->hw->vram_used))
		segment(b, "inference", "In use", g->hw->vram_used, "mem_info_vram_used");
	rest_is_free(b);
}

void h0_membar(const struct h0_machine *m, struct h0_membar *ret)
{
	*ret = (struct h0_membar){0};
	if (KNOWN(m->hw->mem.total))
		ram_bar(m, &ret->bar[ret->n++]);
	for (int i = 0; i < m->ngpu; i++) {
		const struct h0_mgpu *g = &m->gpu[i];
		/* a bar needs to know what is used; a driver that does not tell gets none */
		if (g->uma == H0_FACT_NO && KNOWN(g->vram) && KNOWN(g->hw->vram_used))
			vram_bar(g, &ret->bar[ret->n++]);
	}
}
