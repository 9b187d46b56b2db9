/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/membar.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

#define KNOWN(x) ((x) != H0_UNKNOWN)

static int64_t max0(int64_t v)
{
	return v > 0 ? v : 0;
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
	b->seg[b->n] = (struct h0_segment){name, label, bytes, ""};
	snprintf(b->seg[b->n++].source, sizeof b->seg[0].source, "%s", source);
}

static void rest_is_free(struct h0_bar *b)
{
	int64_t sum = 0;
	for (int i = 0; i < b->n; i++)
		sum += b->seg[i].bytes;
	b->seg[b->n++] = (struct h0_segment){"free", "Free", max0(b->total - sum), "what is left"};
}

/* GTT in use by every GPU: pages of the same RAM. */
static int64_t gtt_used(const struct h0_machine *m)
{
	int64_t sum = 0;
	for (int i = 0; i < m->ngpu; i++)
		if (KNOWN(m->gpu[i].hw->gtt_used))
			sum += m->gpu[i].hw->gtt_used;
	return sum;
}

static void ram_bar(const struct h0_machine *m, struct h0_bar *b)
{
	const struct h0_pve_memory *pve = m->pve;
	const struct h0_hw_mem *mem = &m->hw->mem;
	const struct h0_mgpu *g = h0_machine_primary(m);
	bool unified = m->mem.unified;
	int64_t carveout = unified && KNOWN(g->vram) ? g->vram : 0;
	int64_t used = KNOWN(mem->total) && KNOWN(mem->available) ? mem->total - mem->available : 0;
	int64_t gtt = gtt_used(m), sys = m->container ? used : max0(used - gtt);
	b->name = unified ? "unified" : "ram";
	b->total = (pve ? pve->total : mem->total) + carveout;
	snprintf(b->label, sizeof b->label, "%s",
	         !unified ? "RAM" : pve ? "Unified memory of the Proxmox host" : "Unified memory");
	segment(b, "inference", "GTT inference", gtt, "mem_info_gtt_used");
	if (carveout && KNOWN(g->hw->vram_used))
		segment(b, "carve-out", "Carve-out in use", g->hw->vram_used, "mem_info_vram_used");
	segment(b, "system", m->container ? "System RAM (this container)" : "System RAM", sys,
	        m->container ? "/proc/meminfo MemTotal - MemAvailable"
	                     : "/proc/meminfo MemTotal - MemAvailable - GTT in use");
	if (pve)
		segment(b, "proxmox-host", "Proxmox host", max0(pve->used - sys - gtt),
		        "Proxmox: host memory in use, less ours");
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

static const char *color(const char *name)
{
	static const struct { const char *name, *color; } colors[] = {
		{"inference", "#d9480f"}, {"carve-out", "#f08c00"}, {"system", "#1971c2"},
		{"proxmox-host", "#7048e8"}, {"other", "#868e96"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(colors); i++)
		if (strcmp(colors[i].name, name) == 0)
			return colors[i].color;
	return "#dee2e6";
}

static void svg_text(struct h0_buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			h0_buf_adds(out, "&lt;");
		else if (*s == '&')
			h0_buf_adds(out, "&amp;");
		else
			h0_buf_addc(out, *s);
	}
}

static int svg_bar(const struct h0_bar *b, int y, struct h0_buf *out)
{
	char human[32];
	double x = 10;
	h0_buf_addf(out, "<text x=\"10\" y=\"%d\" font-weight=\"bold\">", y + 14);
	svg_text(out, b->label);
	h0_buf_addf(out, ", %s</text>\n", h0_num_human(b->total, human, sizeof human));
	for (int i = 0; i < b->n; i++) {
		double w = b->total ? 700.0 * (double)b->seg[i].bytes / (double)b->total : 0;
		h0_buf_addf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"24\" fill=\"%s\"/>\n",
		            x, y + 22, w, color(b->seg[i].name));
		x += w;
	}
	y += 52;
	for (int i = 0; i < b->n; i++, y += 18) {
		h0_buf_addf(out,
		            "<rect x=\"10\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>"
		            "<text x=\"28\" y=\"%d\">",
		            y + 2, color(b->seg[i].name), y + 12);
		svg_text(out, b->seg[i].label);
		h0_buf_addf(out, ": %s</text>\n", h0_num_human(b->seg[i].bytes, human, sizeof human));
	}
	return y + 14;
}

void h0_membar_svg(const struct h0_membar *b, struct h0_buf *ret)
{
	h0_autobuf struct h0_buf body = {0};
	int y = 10;
	for (int i = 0; i < b->n; i++)
		y = svg_bar(&b->bar[i], y, &body);
	h0_buf_addf(ret,
	            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"%d\" "
	            "font-family=\"sans-serif\" font-size=\"13\">\n"
	            "<rect width=\"720\" height=\"%d\" fill=\"white\"/>\n%s</svg>\n",
	            y, y, h0_buf_str(&body));
}
