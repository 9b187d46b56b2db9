/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine.h"
#include "opts.h"

static struct h0_json *reasons(const struct h0_machine *m)
{
	struct h0_json *a = h0_json_array();
	for (int i = 0; i < m->nwhy; i++)
		h0_json_add(a, h0_json_new_str(m->why[i]));
	return a;
}

static int why_text(struct h0_ctx *ctx, const struct h0_machine *m, struct h0_err *e)
{
	h0_autobuf struct h0_buf t = {0};
	for (int i = 0; i < m->nwhy; i++)
		h0_buf_addf(&t, "%s%s\n", i ? "" : "\n", m->why[i]);
	return h0_out_text(ctx, h0_buf_str(&t), e);
}

int probe_recommend(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	struct h0_pve_look pve;
	if (probe_open(&p, o->sysroot, H0_HW_VULKAN, e) < 0)
		return -1;
	probe_try_proxmox(ctx, &p, &pve);
	const struct h0_machine *m = p.m;
	struct h0_rec *r = h0_rec_new(probe_recommend_cols);
	h0_rec_row(r);
	h0_rec_str(r, RECOMMEND_DEVICE, m->device);
	h0_rec_str(r, RECOMMEND_ALTERNATIVE, m->alternative);
	h0_rec_str(r, RECOMMEND_PROFILE, m->profile);
	h0_rec_str(r, RECOMMEND_TIER, m->tier);
	if (m->mem.budget_mib != H0_UNKNOWN)
		h0_rec_int(r, RECOMMEND_BUDGET, m->mem.budget_mib << 20);
	h0_rec_str(r, RECOMMEND_BINDING, m->mem.binding);
	h0_rec_bool(r, RECOMMEND_VULKAN_CPU, !h0_machine_primary(m) && m->lavapipe);
	h0_rec_json(r, RECOMMEND_WHY, reasons(m));
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	if (rc < 0 || ctx->json || ctx->columns || ctx->format)
		return rc;
	return why_text(ctx, m, e);
}
