/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * list and show: a model's file as a row.
 */
#include "base/mem.h"
#include "fmt/gguf.h"
#include "fmt/json.h"
#include "model/common.h"
#include "model/modelinfo.h"
#include "model/provider.h"

static void put(struct h0_rec *r, int col, int64_t v)
{
	if (v >= 0)
		h0_rec_int(r, col, v);
}

static struct h0_json *serves(const struct h0_gguf *g, const struct h0_model_file *m)
{
	struct h0_json *j = h0_json_array();
	unsigned types = h0_model_serves(g);
	for (int t = 0; t < H0_TYPE_N; t++)
		if (types & H0_TYPE_BIT(t))
			h0_json_add(j, h0_json_new_str(h0_type_names[t]));
	if (m->mmproj)
		h0_json_add(j, h0_json_new_str("vision"));
	return j;
}

static void add_facts(struct h0_rec *r, const struct h0_gguf *g, const struct h0_model_file *m)
{
	h0_rec_str(r, MODEL_QUANT, h0_model_quant(g));
	h0_rec_str(r, MODEL_ARCH, g->architecture);
	put(r, MODEL_CONTEXT, g->context_length);
	h0_rec_json(r, MODEL_SERVES, serves(g, m));
	put(r, MODEL_MTP, g->nextn_predict_layers > 0 ? g->nextn_predict_layers : 0);
	h0_rec_str(r, MODEL_TITLE, g->name);
	h0_rec_str(r, MODEL_PARAMS, g->size_label);
	put(r, MODEL_LAYERS, g->block_count);
	put(r, MODEL_EMBEDDING, g->embedding_length);
	put(r, MODEL_VOCABULARY, g->tokens >= 0 ? g->tokens : g->vocab_size);
	if (g->expert_count > 0) {
		put(r, MODEL_EXPERTS, g->expert_count);
		put(r, MODEL_EXPERTS_USED, g->expert_used_count);
	}
	h0_rec_bool(r, MODEL_TEMPLATE, g->chat_template);
}

static void add_row(struct h0_rec *r, const struct h0_box *b, const struct h0_model_file *m,
                    const char *fault)
{
	h0_autostrv struct h0_strv shards = {0}, slots = {0};
	h0_autogguf struct h0_gguf g = {0};
	struct h0_err why = {0};
	char sum[H0_SHA256_TEXT], text[1536];
	struct h0_json *users = h0_json_array();
	h0_model_shards(m->path, &shards);
	h0_model_slots(b, m, &slots);
	for (size_t i = 0; i < slots.n; i++)
		h0_json_add(users, h0_json_new_str(slots.v[i]));
	h0_rec_row(r);
	h0_rec_str(r, MODEL_NAME, m->id);
	put(r, MODEL_SIZE, fault ? -1 : h0_model_bytes(&shards));
	h0_rec_json(r, MODEL_SLOTS, users);
	h0_rec_str(r, MODEL_SOURCE, m->source);
	h0_rec_str(r, MODEL_PATH, m->path);
	put(r, MODEL_SHARDS, (int64_t)shards.n);
	h0_rec_str(r, MODEL_PROJECTOR, m->mmproj);
	h0_rec_str(r, MODEL_FAULT, fault);
	if (fault)
		return;
	if (h0_gguf_open(m->path, &g, &why) == 0) {
		add_facts(r, &g, m);
		if (h0_gguf_check_size(&g, m->path, &why) == 0 && h0_model_bytes(&shards) < 0)
			h0_fail(&why, H0_CONFIG, "a shard of %zu is missing beside %s", shards.n, m->path);
	}
	if (h0_model_sum_read(m->path, sum, NULL) > 0)
		h0_rec_str(r, MODEL_SHA256, sum);
	if (!why.kind)
		return;
	h0_err_text(&why, text, sizeof text);
	h0_rec_str(r, MODEL_FAULT, text);
}

int model_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	h0_automodels struct h0_models all = {0};
	if (h0_box_open(&b, e) < 0 || h0_store_list(&b.paths, &b.snap, &all, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(model_cols);
	for (size_t i = 0; i < all.n; i++)
		add_row(r, &b, &all.v[i].file, all.v[i].fault);
	int rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

int model_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	h0_automodelfile struct h0_model_file m = {0};
	h0_autogguf struct h0_gguf g = {0};
	if (h0_box_open(&b, e) < 0 || model_find(&b, ctx->argv[0], &m, NULL, e) < 0 ||
	    h0_gguf_open(m.path, &g, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(model_show_cols);
	add_row(r, &b, &m, NULL);
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}
