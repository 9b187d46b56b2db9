/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "model/hwdoc.h"
#include "opts.h"

static void add_bytes(struct h0_rec *r, int col, int64_t mib)
{
	if (mib != H0_UNKNOWN)
		h0_rec_int(r, col, mib << 20);
}

static void add_pair(struct h0_rec *r, int col, const char *a, const char *b)
{
	h0_autobuf struct h0_buf t = {0};
	h0_buf_addf(&t, "%s%s%s", a, *a && *b ? ", " : "", b);
	if (t.len)
		h0_rec_str(r, col, t.p);
}

static void add_gpus(struct h0_rec *r, const struct h0_machine *m)
{
	h0_autobuf struct h0_buf t = {0};
	for (int i = 0; i < m->ngpu; i++) {
		const struct h0_mgpu *g = &m->gpu[i];
		h0_buf_addf(&t, "%s%s", i ? "; " : "", g->name);
		if (*g->gfx)
			h0_buf_addf(&t, " %s", g->gfx);
		h0_buf_addf(&t, ", %s%s%s", *g->hw->driver ? g->hw->driver : "no driver",
		            g->usable ? "" : ", not usable: ", g->usable ? "" : g->reason);
	}
	if (!m->ngpu)
		h0_buf_adds(&t, "none");
	h0_rec_str(r, SHOW_GPU, t.p);
}

static void add_limit(struct h0_rec *r, const struct h0_mmem *mm)
{
	for (int i = 0; i < mm->nlimit; i++) {
		char text[200];
		if (!mm->limit[i].binds)
			continue;
		snprintf(text, sizeof text, "%s (%s)", mm->limit[i].name, mm->limit[i].source);
		h0_rec_str(r, SHOW_LIMIT, text);
	}
}

static void add_npu(struct h0_rec *r, const struct h0_mnpu *n)
{
	h0_rec_str(r, SHOW_NPU,
	           n->usable ? (n->generation ? n->generation : "usable")
	                     : n->present ? n->detail : "none");
}

static void add_warnings(struct h0_rec *r, const struct h0_machine *m)
{
	struct h0_json *codes = h0_json_array();
	for (int i = 0; i < m->nwarning; i++)
		h0_json_add(codes, h0_json_new_str(m->warning[i].code));
	h0_rec_json(r, SHOW_WARNINGS, codes);
}

static void add_device(struct h0_rec *r, const struct h0_machine *m)
{
	char text[64];
	snprintf(text, sizeof text, "%s%s%s", m->device, m->alternative ? ", also " : "",
	         m->alternative ? m->alternative : "");
	h0_rec_str(r, SHOW_DEVICE, text);
}

int probe_out_summary(struct h0_ctx *ctx, const struct h0_machine *m, struct h0_err *e)
{
	const struct h0_hw *hw = m->hw;
	struct h0_rec *r = h0_rec_new(probe_show_cols);
	h0_rec_row(r);
	h0_rec_str(r, SHOW_HOST, *hw->os.hostname ? hw->os.hostname : NULL);
	add_pair(r, SHOW_PRODUCT, hw->dmi.sys_vendor, hw->dmi.product_name);
	add_pair(r, SHOW_SYSTEM, hw->os.distro, hw->os.release);
	h0_rec_str(r, SHOW_TIER, m->tier);
	add_pair(r, SHOW_PLATFORM, m->platform, m->deployment);
	h0_rec_str(r, SHOW_CLASS, m->hw_class);
	add_device(r, m);
	h0_rec_str(r, SHOW_CPU, *hw->cpu.model ? hw->cpu.model : NULL);
	add_gpus(r, m);
	add_npu(r, &m->npu);
	if (hw->mem.total != H0_UNKNOWN)
		h0_rec_int(r, SHOW_RAM, hw->mem.total);
	add_bytes(r, SHOW_POOL, m->mem.pool_mib);
	add_bytes(r, SHOW_BUDGET, m->mem.budget_mib);
	add_limit(r, &m->mem);
	add_warnings(r, m);
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

static int out_document(struct h0_ctx *ctx, const struct h0_json *doc, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	h0_hwdoc_text(doc, &text);
	return h0_out_bytes(ctx, text.p, text.len, e);
}

static int show_file(struct h0_ctx *ctx, struct h0_err *e)
{
	h0_autojson struct h0_json *old = NULL;
	char path[1200];
	if (probe_path(path, sizeof path, e) < 0 || probe_recorded(path, &old, e) < 0)
		return -1;
	if (!old)
		return h0_fail(e, H0_NO, "there is no %s yet; 'hal0 probe' writes it", path);
	return out_document(ctx, old, e);
}

int probe_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_show_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	if (o->file)
		return show_file(ctx, e);
	if (probe_open(&p, o->sysroot, o->no_vulkan ? 0 : H0_HW_VULKAN, e) < 0)
		return -1;
	if (!ctx->json)
		return probe_out_summary(ctx, p.m, e);
	h0_autojson struct h0_json *doc = probe_document(&p, NULL);
	return out_document(ctx, doc, e);
}
