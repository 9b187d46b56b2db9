/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "model/hwdoc.h"
#include "opts.h"

static const char *text(const struct h0_json *doc, const char *key)
{
	return h0_json_str(h0_json_get(doc, key));
}

static void add_number(struct h0_rec *r, int col, const struct h0_json *v, int64_t unit)
{
	int64_t n = h0_json_int(v, -1);
	if (n >= 0 && n <= INT64_MAX / unit)
		h0_rec_int(r, col, n * unit);
}

static void add_pair(struct h0_rec *r, int col, const char *a, const char *between, const char *b)
{
	h0_autobuf struct h0_buf t = {0};
	h0_buf_addf(&t, "%s%s%s", a ? a : "", a && b ? between : "", b ? b : "");
	if (t.len)
		h0_rec_str(r, col, t.p);
}

static void add_gpus(struct h0_rec *r, const struct h0_json *gpus)
{
	h0_autobuf struct h0_buf t = {0};
	for (size_t i = 0; i < h0_json_len(gpus); i++) {
		const struct h0_json *g = h0_json_at(gpus, i);
		const char *name = text(g, "name"), *gfx = text(g, "gfx"), *driver = text(g, "driver");
		const char *reason = text(g, "reason");
		h0_buf_addf(&t, "%s%s%s%s, %s%s%s", i ? "; " : "", name ? name : "unknown",
		            gfx ? " " : "", gfx ? gfx : "", driver && *driver ? driver : "no driver",
		            reason ? ", not usable: " : "", reason ? reason : "");
	}
	h0_rec_str(r, SHOW_GPU, t.len ? t.p : "none");
}

static void add_npu(struct h0_rec *r, const struct h0_json *npu)
{
	const char *generation = text(npu, "generation"), *detail = text(npu, "detail");
	if (!h0_json_bool(h0_json_get(npu, "present"), false))
		h0_rec_str(r, SHOW_NPU, "none");
	else if (h0_json_bool(h0_json_get(npu, "usable"), false))
		h0_rec_str(r, SHOW_NPU, generation ? generation : "usable");
	else
		h0_rec_str(r, SHOW_NPU, detail);
}

static void add_memory(struct h0_rec *r, const struct h0_json *memory)
{
	const struct h0_json *limits = h0_json_get(memory, "limits");
	add_number(r, SHOW_POOL, h0_json_get(memory, "pool_mib"), 1 << 20);
	add_number(r, SHOW_BUDGET, h0_json_get(memory, "budget_mib"), 1 << 20);
	for (size_t i = 0; i < h0_json_len(limits); i++) {
		const struct h0_json *l = h0_json_at(limits, i);
		char limit[300];
		if (!h0_json_bool(h0_json_get(l, "binds"), false) || !text(l, "name") || !text(l, "source"))
			continue;
		snprintf(limit, sizeof limit, "%s (%s)", text(l, "name"), text(l, "source"));
		h0_rec_str(r, SHOW_LIMIT, limit);
	}
}

static void add_warnings(struct h0_rec *r, const struct h0_json *warnings)
{
	struct h0_json *codes = h0_json_array();
	for (size_t i = 0; i < h0_json_len(warnings); i++)
		h0_json_add(codes, h0_json_new_str(text(h0_json_at(warnings, i), "code")));
	h0_rec_json(r, SHOW_WARNINGS, codes);
}

int probe_out_summary(struct h0_ctx *ctx, const struct h0_json *doc, struct h0_err *e)
{
	const struct h0_json *dmi = h0_json_get(doc, "dmi");
	struct h0_rec *r = h0_rec_new(probe_show_cols);
	h0_rec_row(r);
	h0_rec_str(r, SHOW_HOST, text(doc, "hostname"));
	add_pair(r, SHOW_PRODUCT, text(dmi, "sys_vendor"), ", ", text(dmi, "product_name"));
	add_pair(r, SHOW_SYSTEM, text(doc, "distro"), ", ", text(h0_json_get(doc, "extra"), "kernel"));
	h0_rec_str(r, SHOW_TIER, text(doc, "tier"));
	add_pair(r, SHOW_PLATFORM, text(doc, "platform"), ", ", text(doc, "deployment"));
	h0_rec_str(r, SHOW_CLASS, text(doc, "hardware_class"));
	add_pair(r, SHOW_DEVICE, text(doc, "recommended_device"), ", also ",
	         text(h0_json_get(doc, "recommendation"), "alternative"));
	h0_rec_str(r, SHOW_CPU, text(doc, "cpu_model"));
	add_gpus(r, h0_json_get(doc, "gpus"));
	add_npu(r, h0_json_get(doc, "npu"));
	add_number(r, SHOW_RAM, h0_json_get(doc, "mem_total_kb"), 1024);
	add_memory(r, h0_json_get(doc, "memory"));
	add_warnings(r, h0_json_get(doc, "warnings"));
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

/* The document itself with --json, else what a person wants of it. */
static int out_document(struct h0_ctx *ctx, const struct h0_json *doc, struct h0_err *e)
{
	h0_autobuf struct h0_buf t = {0};
	if (!ctx->json)
		return probe_out_summary(ctx, doc, e);
	h0_hwdoc_text(doc, &t);
	return h0_out_bytes(ctx, t.p, t.len, e);
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
	h0_autojson struct h0_json *doc = probe_document(&p, NULL);
	return out_document(ctx, doc, e);
}
