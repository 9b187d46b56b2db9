/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/fit.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "model/fitsum.h"
#include "model/serverargs.h"

#define CELLS_PAD    256
#define AUTO_SEQS    4         /* what the server takes when nobody says how many */
#define CTX_MAX      (1 << 24) /* looked for when the model does not say its own */
#define SPARE_PART   32        /* of the pool, left free by what "fits" */

const char *const h0_fit_verdicts[] = {"unknown", "fits", "tight", "does-not-fit", NULL};
/* ---- the model ---- */
/* Nothing is multiplied with a vocabulary there. */
static bool no_head(const struct h0_gguf *g)
{
	return g->architecture && (strstr(g->architecture, "bert") || h0_streq(g->architecture, "t5encoder"));
}

/* Matrices of these types are laid out anew for a CPU, in memory of their own; what is only looked
 * up in stays as it is. Measured with AVX2. */
static bool packed(const struct h0_gguf *g)
{
	static const char *const types[] = {"q4_0", "q4_K", "q2_K", "iq4_nl", "mxfp4", NULL};
	const char *name = g->embd_bytes ? h0_gguf_type_name(g->embd_type) : NULL;
	return name && h0_word_index(types, name) >= 0 && g->embd_rows % 8 == 0;
}

static void add_shard(struct h0_fit_model *m, const struct h0_gguf *g)
{
	uint64_t bytes = g->tensors_unknown ? g->file_bytes : g->tensor_bytes;
	m->by_size |= g->tensors_unknown > 0;
	m->weights = h0_sum(m->weights, h0_sum_of(bytes));
	m->embd = h0_sum(m->embd, h0_sum_of(g->embd_bytes));
	m->expert = h0_sum(m->expert, h0_sum_of(g->expert_bytes));
	m->layer_weights = h0_sum(m->layer_weights, h0_sum_of(g->layer_weights));
	m->expert_weights = h0_sum(m->expert_weights, h0_sum_of(g->expert_weights));
	m->tied &= !g->output;
	m->tied_packed |= packed(g);
}

void h0_fit_model_first(struct h0_fit_model *m, const struct h0_gguf *first)
{
	*m = (struct h0_fit_model){.gguf = first, .tied = !no_head(first)};
	add_shard(m, first);
}

void h0_fit_model_more(struct h0_fit_model *m, const struct h0_gguf *shard)
{
	add_shard(m, shard);
}

/* ---- the flags ---- */
bool h0_fit_cache_type(const char *word, uint32_t *ret)
{
	if (h0_word_index(h0_cache_type_names, word) < 0)
		return false;
	for (uint32_t t = 0; t < H0_GGUF_TYPES; t++)
		if (h0_streq(h0_gguf_type_name(t), word)) {
			*ret = t;
			return true;
		}
	return false;
}

void h0_fit_run_default(struct h0_fit_run *r, enum h0_device device)
{
	*r = (struct h0_fit_run){.device = device, .batch = 2048, .ubatch = 512, .parallel = 1,
	                         .flash = true};
	h0_fit_cache_type("f16", &r->k_type);
	r->v_type = r->k_type;
}

void h0_fit_run_server(struct h0_fit_run *r, enum h0_device device)
{
	h0_fit_run_default(r, device);
	r->parallel = 0;
	r->cache_ram = (int64_t)8192 << 20;
}

static void take_number(struct h0_fit_run *r, const char *value, int64_t min, int64_t max,
                        int64_t *dst)
{
	if (!h0_num_i64(value ? value : "", min, max, dst))
		r->unclear = true;
}

static void take_type(struct h0_fit_run *r, const char *value, uint32_t *dst)
{
	if (!h0_fit_cache_type(value, dst))
		r->unclear = true;
}

/* Numbers; false: not one of those. */
static bool take_amount(struct h0_fit_run *r, const char *key, const char *value)
{
	int64_t n = 0;
	if (h0_streq(key, "ctx-size"))
		take_number(r, value, 0, INT32_MAX, &r->ctx);
	else if (h0_streq(key, "batch-size"))
		take_number(r, value, 1, INT32_MAX, &r->batch);
	else if (h0_streq(key, "ubatch-size"))
		take_number(r, value, 1, INT32_MAX, &r->ubatch);
	else if (h0_streq(key, "parallel")) {
		take_number(r, value, -1, INT32_MAX, &n);
		r->parallel = n < 1 ? 0 : n;
	} else if (h0_streq(key, "cache-ram")) {
		take_number(r, value, -1, INT32_MAX, &n);
		r->cache_ram = n < 0 ? -1 : n << 20;
	} else if (h0_streq(key, "n-gpu-layers")) {
		take_number(r, value, -1, INT32_MAX, &n);
		r->weights_on_host = n == 0;
		r->unclear |= n > 0 && n < 99 && r->device != H0_DEVICE_CPU;
	} else {
		return false;
	}
	return true;
}

static void take_switch(struct h0_fit_run *r, const char *key, const char *value)
{
	static const char *const unclear[] = {"override-tensor", "ot", "cpu-moe", "cmoe", "n-cpu-moe",
		"ncmoe", "model-draft", "md", "lora", "lora-scaled", "rpc", "tensor-split", NULL};
	if (h0_streq(key, "cache-type-k"))
		take_type(r, value, &r->k_type);
	else if (h0_streq(key, "cache-type-v"))
		take_type(r, value, &r->v_type);
	else if (h0_streq(key, "flash-attn"))
		r->flash = !(h0_streq(value, "off") || h0_streq(value, "0") || h0_streq(value, "false"));
	else if (h0_streq(key, "kv-unified") || h0_streq(key, "kvu"))
		r->unified = true;
	else if (h0_streq(key, "no-kv-unified") || h0_streq(key, "no-kvu"))
		r->unified = false;
	else if (h0_streq(key, "no-repack") || h0_streq(key, "nr"))
		r->as_is = true;
	else if (h0_streq(key, "swa-full"))
		r->swa_full = true;
	else if (h0_streq(key, "no-kv-offload") || h0_streq(key, "nkvo"))
		r->kv_on_host = true;
	else if (h0_streq(key, "embedding") || h0_streq(key, "reranking"))
		r->embedding = true;
	else if (h0_streq(key, "spec-type") && value && strstr(value, "mtp"))
		r->mtp = true;
	for (size_t i = 0; unclear[i]; i++)
		r->unclear |= h0_streq(key, unclear[i]);
}

void h0_fit_run_words(struct h0_fit_run *r, char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *key = h0_server_flag(words[i]);
		const char *value = i + 1 < n && !h0_server_flag(words[i + 1]) ? words[i + 1] : NULL;
		/* -1 is a number here */
		if (!value && i + 1 < n && h0_streq(words[i + 1], "-1"))
			value = words[i + 1];
		if (key && !take_amount(r, key, value))
			take_switch(r, key, value);
	}
}

/* ---- layers ---- */
static int64_t per_layer(const struct h0_gguf_layers *l, int64_t layer)
{
	if (l->layer)
		return layer >= 0 && (uint64_t)layer < l->n ? l->layer[layer] : -1;
	return l->all;
}

int64_t h0_fit_heads(const struct h0_gguf *g)
{
	int64_t most = g->head_count.all;
	for (size_t i = 0; g->head_count.layer && i < g->head_count.n; i++)
		most = g->head_count.layer[i] > most ? g->head_count.layer[i] : most;
	return most;
}

int64_t h0_fit_heads_kv(const struct h0_gguf *g, int64_t layer)
{
	int64_t n = per_layer(&g->head_count_kv, layer);
	return n >= 0 ? n : per_layer(&g->head_count, layer);
}

static int64_t head_length(const struct h0_gguf *g, int64_t said, int64_t window_said, bool window)
{
	int64_t heads = h0_fit_heads(g);
	if (window && window_said > 0)
		return window_said;
	if (said > 0)
		return said;
	return heads > 0 && g->embedding_length > 0 ? g->embedding_length / heads : -1;
}

int64_t h0_fit_key(const struct h0_gguf *g, bool window)
{
	return head_length(g, g->key_length, g->key_length_swa, window);
}

int64_t h0_fit_value(const struct h0_gguf *g, bool window)
{
	return head_length(g, g->value_length, g->value_length_swa, window);
}

static bool arch_in(const struct h0_gguf *g, const char *const *list)
{
	while (g->architecture && *list && !h0_streq(g->architecture, *list))
		list++;
	return g->architecture && *list;
}

/* No cache at all: the whole text is seen at once. */
static bool encoder(const struct h0_gguf *g)
{
	static const char *const list[] = {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2",
		"jina-bert-v3", "neo-bert", "modern-bert", "gemma-embedding", "t5encoder", "wavtokenizer-dec",
		"dream", "llada", "llada-moe", "rnd1", NULL};
	return arch_in(g, list);
}

/* Every n-th layer sees all, by architecture, when the file does not say. 1: all of them. */
static int64_t window_period(const struct h0_gguf *g, bool *ret_full_first)
{
	static const struct {
		const char *arch;
		int period;
		bool full_first;
	} known[] = {
		{"gemma2", 2, false}, {"gemma3", 6, false}, {"gemma3n", 5, false}, {"cohere2", 4, false},
		{"gpt-oss", 2, false}, {"llama4", 4, false}, {"exaone4", 4, false}, {"exaone-moe", 4, false},
		{"smallthinker", 4, true}, {"olmo2", 4, false}, {"afmoe", 4, false},
	};
	*ret_full_first = false;
	for (size_t i = 0; i < H0_ARRAY_LEN(known); i++)
		if (h0_streq(g->architecture, known[i].arch)) {
			*ret_full_first = known[i].full_first;
			return g->sliding_window_pattern.all > 0 ? g->sliding_window_pattern.all
			                                         : known[i].period;
		}
	return g->sliding_window_pattern.all > 0 ? g->sliding_window_pattern.all : 1;
}

static int64_t window_of(const struct h0_gguf *g)
{
	return g->sliding_window > 0 ? g->sliding_window : g->chunk_size;
}

static bool windowed(const struct h0_gguf *g, int64_t layer)
{
	bool full_first;
	if (window_of(g) <= 0)
		return false;
	if (g->sliding_window_pattern.layer)
		return per_layer(&g->sliding_window_pattern, layer) == 1;
	int64_t n = window_period(g, &full_first);
	return full_first ? layer % n != 0 : layer % n < n - 1;
}

static bool has_state(const struct h0_gguf *g)
{
	return g->ssm_inner_size > 0 || g->wkv_head_size > 0 || g->shortconv_l_cache > 0;
}

enum h0_fit_layer h0_fit_layer(const struct h0_gguf *g, int64_t layer)
{
	int64_t heads = h0_fit_heads_kv(g, layer), every = g->full_attention_interval;
	if (encoder(g))
		return H0_FIT_NO_KV;
	if (g->shared_kv_layers > 0 && layer >= g->block_count - g->shared_kv_layers)
		return H0_FIT_NO_KV;
	if (has_state(g)) {
		if (every > 0 && (layer + 1) % every != 0)
			return H0_FIT_RECURRENT;
		if (every <= 0 && heads <= 0)
			return H0_FIT_RECURRENT;
	}
	if (heads == 0)
		return H0_FIT_NO_KV;
	return windowed(g, layer) ? H0_FIT_WINDOW : H0_FIT_FULL;
}

/* ---- the cache ---- */
static int64_t pad(int64_t cells)
{
	int64_t up = h0_sum(cells, CELLS_PAD - 1);
	return up < 0 ? -1 : up / CELLS_PAD * CELLS_PAD;
}

static int64_t row_bytes(uint32_t type, int64_t elements)
{
	uint64_t bytes;
	if (elements < 0 || !h0_gguf_type_bytes(type, (uint64_t)elements, &bytes))
		return -1;
	return h0_sum_of(bytes);
}

static int64_t layer_kv(const struct h0_gguf *g, const struct h0_fit_run *r, int64_t layer,
                        bool window, int64_t cells)
{
	int64_t heads = h0_fit_heads_kv(g, layer), key = h0_fit_key(g, window);
	int64_t value = h0_fit_value(g, window);
	if (g->kv_lora_rank > 0 && g->key_length_mla > 0) {
		/* one row for all heads, and no values of their own */
		heads = 1;
		key = h0_sum(g->kv_lora_rank, g->rope_dimension_count);
		value = 0;
	} else if (g->kv_lora_rank > 0 && heads <= 1) {
		heads = h0_fit_heads(g);
	}
	if (key <= 0 || value < 0 || heads < 0)
		return -1;
	int64_t k = row_bytes(r->k_type, h0_times(heads, key));
	int64_t v = value ? row_bytes(r->v_type, h0_times(heads, value)) : 0;
	return h0_times(cells, h0_sum(k, v));
}

int64_t h0_fit_state(const struct h0_gguf *g)
{
	int64_t conv, state;
	if (g->ssm_inner_size > 0) {
		int64_t groups = h0_times(g->ssm_group_count > 0 ? g->ssm_group_count : 0,
		                          h0_times(2, g->ssm_state_size));
		conv = h0_times(g->ssm_conv_kernel > 0 ? g->ssm_conv_kernel - 1 : 0,
		                h0_sum(g->ssm_inner_size, groups));
		state = h0_times(g->ssm_state_size, g->ssm_inner_size);
	} else if (g->wkv_head_size > 0) {
		conv = h0_times(2, g->embedding_length);
		state = h0_times(g->embedding_length, g->wkv_head_size);
	} else {
		conv = h0_times(g->embedding_length, g->shortconv_l_cache - 1);
		state = 0;
	}
	return h0_times(4, h0_sum(conv, state));
}

/* How many caches there are: one for all sequences, or one each. */
static int64_t streams_of(const struct h0_fit_run *r)
{
	return r->parallel <= 0 || r->unified ? 1 : r->parallel;
}

static void cache(const struct h0_gguf *g, const struct h0_fit_run *r, struct h0_fit *f)
{
	int64_t seqs = r->parallel > 0 ? r->parallel : AUTO_SEQS, streams = streams_of(r);
	bool one = streams == 1;
	int64_t window = h0_sum(h0_times(window_of(g), one ? seqs : 1), r->ubatch);
	int64_t layers = g->block_count;
	if (g->nextn_predict_layers > 0 && !r->mtp)
		layers -= g->nextn_predict_layers;
	f->cells = pad(f->ctx / streams);
	window = pad(window);
	window = r->swa_full || window > f->cells ? f->cells : window;
	f->kv = f->recurrent = 0;
	if (layers < 0 || layers > H0_GGUF_MAX_LAYERS)
		f->kv = f->recurrent = -1;
	for (int64_t i = 0; i < layers && f->kv >= 0; i++) {
		enum h0_fit_layer kind = h0_fit_layer(g, i);
		bool narrow = kind == H0_FIT_WINDOW;
		if (narrow)
			f->swa_cells = window;
		if (kind == H0_FIT_RECURRENT)
			f->recurrent = h0_sum(f->recurrent, h0_times(seqs, h0_fit_state(g)));
		else if (kind != H0_FIT_NO_KV)
			f->kv = h0_sum(f->kv, h0_times(streams, layer_kv(g, r, i, narrow,
			                                                 narrow ? window : f->cells)));
	}
	f->kv = h0_sum(f->kv, f->recurrent);
}

/* ---- all of it ---- */
static int64_t vocabulary(const struct h0_gguf *g)
{
	return g->tokens > 0 ? g->tokens : g->vocab_size;
}

static int64_t active_bytes(const struct h0_fit_model *m)
{
	const struct h0_gguf *g = m->gguf;
	int64_t read = m->weights;
	if (read < 0 || m->embd < 0 || m->expert < 0)
		return -1;
	if (!m->tied)
		read -= m->embd;
	if (m->expert && (g->expert_count <= 0 || g->expert_used_count <= 0 ||
	                  g->expert_used_count > g->expert_count))
		return -1;
	if (m->expert)
		read -= (int64_t)((double)m->expert *
		                  (1 - (double)g->expert_used_count / (double)g->expert_count));
	return read > 0 ? read : -1;
}

static bool plain(uint32_t type)
{
	const char *name = h0_gguf_type_name(type);
	return h0_streq(name, "f32") || h0_streq(name, "f16") || h0_streq(name, "bf16");
}

/* What a GPU leaves in RAM: the embedding's table is looked up there; tied, it is there twice, as it
 * is where a CPU lays the output matrix out anew. */
static void split(const struct h0_fit_model *m, const struct h0_fit_run *r, struct h0_fit *f)
{
	bool cpu = r->device == H0_DEVICE_CPU || r->weights_on_host;
	f->host_weights = 0;
	if (m->tied && (!cpu || (m->tied_packed && !r->as_is)))
		f->total = h0_sum(f->total, m->embd);
	if (r->device != H0_DEVICE_CPU)
		f->host_weights = r->weights_on_host ? f->weights : m->embd;
}

static bool same_run(const struct h0_fit_run *a, const struct h0_fit_run *b)
{
	return a->device == b->device && a->ctx == b->ctx && a->k_type == b->k_type &&
	       a->v_type == b->v_type && a->batch == b->batch && a->ubatch == b->ubatch &&
	       a->parallel == b->parallel && a->flash == b->flash && a->unified == b->unified &&
	       a->swa_full == b->swa_full && a->embedding == b->embedding && a->mtp == b->mtp &&
	       a->kv_on_host == b->kv_on_host && a->weights_on_host == b->weights_on_host &&
	       a->as_is == b->as_is;
}

/* What such a load took stands above what was worked out; weights stay what the file says. */
static void recall(const struct h0_fit_model *m, const struct h0_fit_run *r, struct h0_fit *f)
{
	const struct h0_fit_buffers *b = &m->seen_buffers;
	int64_t more = b->weights > f->weights ? b->weights - f->weights : 0;
	f->kv = b->kv;
	f->compute = b->compute;
	f->output = b->output;
	f->measured = true;
	f->estimated = false;
	f->total = h0_sum(h0_sum(h0_sum(f->weights, more), f->mmproj), h0_sum(f->kv, h0_sum(f->compute, f->output)));
	f->device = f->total;
	if (r->device != H0_DEVICE_CPU && f->total >= b->host)
		f->device -= b->host;
}

void h0_fit(const struct h0_fit_model *m, const struct h0_fit_run *given, struct h0_fit *ret)
{
	const struct h0_gguf *g = m->gguf;
	struct h0_fit_run run = *given, *r = &run;
	struct h0_fit f = {.weights = m->weights, .mmproj = m->mmproj, .kv = -1, .compute = -1,
	                   .output = -1, .recurrent = -1, .cache_ram = r->cache_ram, .cells = -1};
	f.ctx = r->ctx > 0 ? r->ctx : g->context_length;
	int64_t seqs = r->parallel > 0 ? r->parallel : AUTO_SEQS;
	if (f.ctx > 0 && f.ctx <= INT32_MAX && r->ubatch > 0 && r->batch > 0) {
		/* the server never takes more at once than there is context; an encoder's is rounded up
		 * first where sequences share it out */
		int64_t n = encoder(g) ? streams_of(r) : 1, most = n == 1 ? f.ctx : h0_times(n, pad(f.ctx / n));
		r->batch = r->batch < most ? r->batch : most;
		r->ubatch = r->ubatch < r->batch ? r->ubatch : r->batch;
		cache(g, r, &f);
		h0_fit_compute(m, r, &f);
	}
	f.output = h0_times(h0_times(4, seqs), h0_sum(vocabulary(g), r->embedding ? g->embedding_length : 0));
	f.estimated = r->unclear || m->by_size || has_state(g) || g->expert_count > 0 ||
	              g->kv_lora_rank > 0 || (g->nextn_predict_layers > 0 && !r->mtp) ||
	              (r->device != H0_DEVICE_CPU && !r->flash);
	if (g->kv_lora_rank > 0 && g->key_length_mla > 0 && r->k_type != r->v_type)
		f.refused = "latent attention keeps keys and values as one: their cache types must agree";
	if (!r->flash && !plain(r->v_type))
		f.refused = "a quantised cache of values needs flash attention";
	f.total = h0_sum(h0_sum(f.weights, f.mmproj), h0_sum(f.kv, h0_sum(f.compute, f.output)));
	split(m, r, &f);
	f.device = f.total;
	if (r->device != H0_DEVICE_CPU && f.total >= 0)
		f.device = f.total - f.host_weights - f.host_compute - (r->kv_on_host ? f.kv : 0);
	if (m->seen && same_run(&m->seen_run, given))
		recall(m, given, &f);
	f.active = active_bytes(m);
	*ret = f;
}

/* ---- the verdict ---- */
static int64_t need_of(const struct h0_fit *f, const struct h0_fit_pool *p)
{
	return p->shared ? f->total : f->device;
}

static int64_t room_of(const struct h0_fit_pool *p)
{
	if (p->bytes < 0)
		return -1;
	int64_t room = p->bytes - p->others;
	if (p->free >= 0 && p->free < room)
		room = p->free;
	return room < 0 ? 0 : room;
}

static bool loads(const struct h0_fit_model *m, struct h0_fit_run r, int64_t ctx,
                  const struct h0_fit_pool *p, int64_t room)
{
	struct h0_fit f;
	r.ctx = ctx;
	h0_fit(m, &r, &f);
	int64_t need = need_of(&f, p);
	return need >= 0 && need <= room;
}

static int64_t largest(const struct h0_fit_model *m, const struct h0_fit_run *r,
                       const struct h0_fit_pool *p, int64_t room)
{
	int64_t seqs = r->parallel > 0 ? r->parallel : 1, low = 0, step = CELLS_PAD;
	int64_t native = m->gguf->context_length;
	int64_t high = native > 0 && native < CTX_MAX ? native : CTX_MAX;
	if (!r->unified && seqs > 1 && seqs < 1024)
		step *= seqs;
	if (loads(m, *r, high, p, room))
		return high;
	high /= step;
	while (low < high) {
		int64_t mid = low + (high - low + 1) / 2;
		if (loads(m, *r, mid * step, p, room))
			low = mid;
		else
			high = mid - 1;
	}
	return low * step;
}

void h0_fit_judge(const struct h0_fit_model *m, const struct h0_fit_run *r, const struct h0_fit *f,
                  const struct h0_fit_pool *pool, struct h0_fit_answer *ret)
{
	struct h0_fit_answer a = {.need = need_of(f, pool), .headroom = INT64_MIN, .largest_ctx = -1,
	                          .ceiling = -1};
	int64_t room = room_of(pool);
	if (f->active > 0 && pool->gb_per_s > 0 && !r->embedding)
		a.ceiling = (double)pool->gb_per_s * 1e9 / (double)f->active;
	if (f->refused) {
		a.verdict = H0_FIT_NOT;
	} else if (a.need >= 0 && room >= 0) {
		int64_t later = pool->shared && f->cache_ram > 0 ? f->cache_ram : 0;
		int64_t with = h0_sum(h0_sum(a.need, later),
		                      f->compute / 10 + pool->bytes / SPARE_PART);
		a.headroom = room - a.need;
		a.verdict = a.need > room ? H0_FIT_NOT : with < 0 || with > room ? H0_FIT_TIGHT : H0_FIT_FITS;
		a.largest_ctx = largest(m, r, pool, room);
	}
	*ret = a;
}
