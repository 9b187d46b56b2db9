/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/roof.h"

#include <stdio.h>

#include "base/str.h"
#include "model/gpuid.h"

const char *const h0_math_names[] = {"fp32", "bf16", "fp16", "int8", NULL};

void h0_roof_unknown(struct h0_roof *r)
{
	*r = (struct h0_roof){.gb_per_s = -1};
	for (int i = 0; i < H0_MATH_N; i++)
		r->gflops[i] = -1;
}

bool h0_roof_gpu(const struct h0_json *doc, struct h0_roof *ret)
{
	const struct h0_json *g = h0_json_at(h0_json_get(doc, "gpus"), 0);
	const char *id = h0_json_str(h0_json_get(g, "pci_id"));
	const char *revision = h0_json_str(h0_json_get(g, "revision"));
	unsigned vendor = 0, device = 0, rev = 0;
	h0_roof_unknown(ret);
	if (!g)
		return false;
	if (id && sscanf(id, "%4x:%4x", &vendor, &device) == 2) {
		bool known = revision && sscanf(revision, "%2x", &rev) == 1;
		const struct h0_gpuid *row = h0_gpuid_find(vendor, device, known ? (int64_t)rev : -1);
		if (row && row->gb_per_s)
			ret->gb_per_s = row->gb_per_s;
		if (row && row->fp16_tflops)
			ret->gflops[H0_MATH_FP16] = row->fp16_tflops * 1e3;
	}
	/* a person may have written down what the table does not know */
	double said = h0_json_num(h0_json_get(doc, "memory_bandwidth_gbs"), -1);
	if (said > 0)
		ret->gb_per_s = said;
	return true;
}

double h0_roof_operations(const struct h0_fit_model *m, int64_t tokens)
{
	const struct h0_gguf *g = m->gguf;
	double weights = (double)m->layer_weights, looks = 0;
	if (m->layer_weights <= 0 || m->expert_weights < 0 || tokens <= 0)
		return -1;
	if (m->expert_weights && (g->expert_count <= 0 || g->expert_used_count <= 0 ||
	                          g->expert_used_count > g->expert_count))
		return -1;
	if (m->expert_weights)
		weights += (double)m->expert_weights * (double)g->expert_used_count / (double)g->expert_count;
	for (int64_t i = 0; i < g->block_count && i < H0_GGUF_MAX_LAYERS; i++) {
		enum h0_fit_layer kind = h0_fit_layer(g, i);
		bool window = kind == H0_FIT_WINDOW;
		double span = ((double)tokens + 1) / 2; /* on average */
		int64_t heads = h0_fit_heads(g), key = h0_fit_key(g, window), value = h0_fit_value(g, window);
		if (window && g->sliding_window > 0 && (double)g->sliding_window < span)
			span = (double)g->sliding_window;
		if (kind != H0_FIT_RECURRENT && h0_fit_heads_kv(g, i) != 0 && heads > 0 && key > 0 && value > 0)
			looks += span * (double)heads * ((double)key + (double)value);
	}
	return 2 * (weights + looks);
}

enum h0_math h0_roof_math(const struct h0_roof *r, const struct h0_gguf *g)
{
	uint32_t most = 0;
	for (uint32_t i = 1; i < H0_GGUF_TYPES; i++)
		if (g->type_bytes[i] > g->type_bytes[most])
			most = i;
	const char *type = h0_gguf_type_name(most);
	bool plain = h0_streq(type, "f32") || h0_streq(type, "f16") || h0_streq(type, "bf16");
	const bool may[H0_MATH_N] = {true, h0_streq(type, "bf16"), true, type && !plain};
	enum h0_math best = H0_MATH_N;
	for (int i = 0; i < H0_MATH_N; i++)
		if (may[i] && r->gflops[i] > 0 && (best == H0_MATH_N || r->gflops[i] > r->gflops[best]))
			best = (enum h0_math)i;
	return best;
}
