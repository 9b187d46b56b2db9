/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The compute buffer: the allocations of the worst graph, one after the other, with the rules of
 * llama.cpp's graph allocator: a tensor gets the smallest free block that holds it, the last one
 * grows when none does; it is freed after its last use; norms, sums and products with a weight
 * happen in place, rotations of a reshaped tensor do not. The buffer is the highest end. The order
 * is that of the addresses a server gives its tensors.
 */
#include <string.h>

#include "base/str.h"
#include "model/fit.h"
#include "model/fitsum.h"

#define BLOCKS    64
#define ALIGN     32
#define WIDTH_MAX (1 << 26)   /* elements of one row: beyond it the file is no model */
#define BATCH_MAX (1 << 20)
#define ROTATE_MIN 64         /* side of the smallest matrix keys and values are rotated by */
#define KEYS_PAD  256

struct block {
	int64_t at, size;
};

struct heap {
	struct block free[BLOCKS];
	int n;
	int64_t high;
	bool lost;                /* too large, or too fragmented to follow */
};

static struct block take(struct heap *h, int64_t size)
{
	int best = h->n - 1;
	if (size < 0 || size > INT64_MAX / 4) {
		h->lost = true;
		return (struct block){0};
	}
	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	for (int i = 0; i < h->n - 1; i++)
		if (h->free[i].size >= size && (best == h->n - 1 || h->free[i].size <= h->free[best].size))
			best = i;
	struct block *b = &h->free[best], got = {b->at, size};
	if (b->size < size) {
		h->lost = true;
		return (struct block){0};
	}
	b->at += size;
	b->size -= size;
	if (!b->size && best < h->n - 1) {
		memmove(b, b + 1, (size_t)(h->n - best - 1) * sizeof *b);
		h->n--;
	}
	if (got.at + size > h->high)
		h->high = got.at + size;
	return got;
}

static void give(struct heap *h, struct block b)
{
	int i = 0;
	if (!b.size || h->lost)
		return;
	while (i < h->n && h->free[i].at < b.at)
		i++;
	bool left = i > 0 && h->free[i - 1].at + h->free[i - 1].size == b.at;
	bool right = i < h->n && b.at + b.size == h->free[i].at;
	if (left && right) {
		h->free[i - 1].size += b.size + h->free[i].size;
		memmove(&h->free[i], &h->free[i + 1], (size_t)(h->n - i - 1) * sizeof b);
		h->n--;
	} else if (left) {
		h->free[i - 1].size += b.size;
	} else if (right) {
		h->free[i].at = b.at;
		h->free[i].size += b.size;
	} else if (h->n == BLOCKS) {
		h->lost = true;
	} else {
		memmove(&h->free[i + 1], &h->free[i], (size_t)(h->n - i) * sizeof b);
		h->free[i] = b;
		h->n++;
	}
}

struct graph {
	struct heap h;
	const struct h0_gguf *g;
	const struct h0_fit_run *r;
	const struct h0_fit *f;
	int64_t embd, heads, rows, streams;
	int64_t keys;             /* of an encoder's step, padded; 0: it has a cache */
	struct block mask;        /* an encoder's */
	bool gpu;
	int64_t host;             /* what of it a GPU leaves in RAM: all that is read in */
};

static struct block row(struct graph *x, int64_t width)
{
	if (width < 0 || width > WIDTH_MAX) {
		x->h.lost = true;
		return (struct block){0};
	}
	return take(&x->h, h0_times(h0_times(4, x->r->ubatch), width));
}

/* Or none. */
static struct block row_if(struct graph *x, bool wanted, int64_t width)
{
	struct block none = {0};
	return wanted ? row(x, width) : none;
}

static int64_t mask_bytes(const struct graph *x, int64_t cells)
{
	return h0_times(h0_times(x->r->flash ? 2 : 4, x->r->ubatch), cells);
}

static bool quantised(uint32_t type)
{
	const char *name = h0_gguf_type_name(type);
	return name && name[0] != 'f' && name[0] != 'b';
}

static int64_t rotation(int64_t head, int64_t most)
{
	int64_t side = head > 0 ? head & -head : 0;
	side = side < most ? side : most;
	return side < ROTATE_MIN ? 0 : h0_times(4, h0_times(side, side));
}

/* Positions, rows to write and masks live as long as the graph. */
static void inputs(struct graph *x, bool window)
{
	const struct h0_gguf *g = x->g;
	int64_t cells = window ? x->f->swa_cells : x->f->cells, head = h0_fit_key(g, window);
	int64_t one = h0_times(8, x->r->ubatch);
	take(&x->h, one);
	/* values are written transposed without flash attention, one index for each */
	take(&x->h, x->r->flash ? one : h0_times(one, h0_times(h0_fit_heads_kv(g, 0),
	                                                     h0_fit_value(g, window))));
	take(&x->h, mask_bytes(x, cells));
	/* rows are rotated before they are rounded: keys by the largest power of two that divides a
	 * head, values by 64 */
	if (quantised(x->r->k_type))
		take(&x->h, rotation(head, INT64_MAX));
	if (quantised(x->r->v_type))
		take(&x->h, rotation(h0_fit_value(g, window), ROTATE_MIN));
}

struct widths {
	int64_t q, k, v;
	bool turn_k, turn_v;      /* with the matrix of a quantised cache */
};

/* A row that takes the place of another. */
static struct block instead(struct graph *x, struct block old, int64_t width)
{
	struct block next = row(x, width);
	give(&x->h, old);
	return next;
}

/* A GPU multiplies first what it can at once. */
static struct block queries_gpu(struct graph *x, const struct widths *w)
{
	struct block norm = row(x, x->embd), q = row(x, w->q), v = row(x, w->v), k = row(x, w->k);
	give(&x->h, norm);
	q = instead(x, q, w->q);
	k = instead(x, k, w->k);
	if (w->turn_k)
		q = instead(x, q, w->q);
	if (w->turn_v)
		v = instead(x, v, w->v);
	if (w->turn_k)
		k = instead(x, k, w->k);
	give(&x->h, k);
	give(&x->h, v);
	return q;
}

/* Rows of queries, keys and values; keys and values go into the cache. Returns the queries. */
static struct block queries(struct graph *x, const struct widths *w)
{
	struct block norm = row(x, x->embd), q = instead(x, row(x, w->q), w->q);
	if (w->turn_k)
		q = instead(x, q, w->q);
	struct block v = row(x, w->v);
	if (w->turn_v)
		v = instead(x, v, w->v);
	struct block k = row(x, w->k);
	give(&x->h, norm);
	k = instead(x, k, w->k);
	if (w->turn_k)
		k = instead(x, k, w->k);
	give(&x->h, k);
	give(&x->h, v);
	return q;
}

/* The same out of one matrix. */
static struct block queries_of_one(struct graph *x, const struct widths *w)
{
	struct block norm = row(x, x->embd), all = instead(x, norm, h0_sum(w->q, h0_sum(w->k, w->v)));
	struct block q = row(x, w->q);
	if (w->turn_k)
		q = instead(x, q, w->q);
	struct block v = row_if(x, w->turn_v, w->v), k = row(x, w->k);
	if (w->turn_k)
		k = instead(x, k, w->k);
	give(&x->h, k);
	give(&x->h, v);
	give(&x->h, all);
	return q;
}

static bool turned(uint32_t type, int64_t head)
{
	return quantised(type) && rotation(head, INT64_MAX) > 0;
}

/* Attention over the rows in; returns its result. */
static struct block attention(struct graph *x, int64_t layer)
{
	enum h0_fit_layer kind = h0_fit_layer(x->g, layer);
	bool window = kind == H0_FIT_WINDOW;
	int64_t heads = x->heads, kv = h0_fit_heads_kv(x->g, layer);
	int64_t cells = window ? x->f->swa_cells : x->f->cells;
	int64_t key = h0_fit_key(x->g, window), value = h0_fit_value(x->g, window);
	int64_t state = kind == H0_FIT_RECURRENT && x->g->ssm_inner_size > 0
	                    ? h0_sum(x->g->ssm_inner_size, h0_times(2, h0_times(
	                          x->g->ssm_group_count > 0 ? x->g->ssm_group_count : 0,
	                          x->g->ssm_state_size))) : 0;
	int64_t q = kind == H0_FIT_RECURRENT ? (state > x->embd ? state : x->embd) : h0_times(heads, key);
	int64_t o = kind == H0_FIT_RECURRENT ? q : h0_times(heads, value);
	if (kind == H0_FIT_RECURRENT || kv < 0)
		kv = key = value = 0;
	struct block scores = {0}, mixed, out, q1;
	struct widths w = {q, h0_times(kv, key), h0_times(kv, value), turned(x->r->k_type, key),
	                   turned(x->r->v_type, value)};
	if (x->g->attn_qkv && kind != H0_FIT_RECURRENT)
		q1 = queries_of_one(x, &w);
	else
		q1 = x->gpu ? queries_gpu(x, &w) : queries(x, &w);
	if (kind == H0_FIT_RECURRENT || x->r->flash) {
		struct block cast[2] = {{0}, {0}};
		for (int i = 0; i < 2 && kind != H0_FIT_RECURRENT; i++) /* flash attention takes no f32 */
			if (h0_streq(h0_gguf_type_name(i ? x->r->v_type : x->r->k_type), "f32"))
				cast[i] = take(&x->h, h0_times(h0_times(2, h0_times(cells, x->streams)),
				                               h0_times(kv, i ? value : key)));
		mixed = row(x, o);
		give(&x->h, cast[0]);
		give(&x->h, cast[1]);
		give(&x->h, q1);
	} else {
		scores = take(&x->h, h0_times(h0_times(4, x->r->ubatch), h0_times(heads, cells)));
		give(&x->h, q1);
		struct block product = row(x, o);
		give(&x->h, scores);
		mixed = row(x, o);
		give(&x->h, product);
	}
	if (w.turn_v)
		mixed = instead(x, mixed, o);
	out = row(x, x->embd);
	give(&x->h, mixed);
	return out;
}

static bool gate_in_up(const struct h0_gguf *g)
{
	return !g->ffn_gate && g->feed_forward_length > 0 &&
	       g->ffn_up_rows / 2 == (uint64_t)g->feed_forward_length;
}

/* Of one expert; a file of few words gives it the length of the whole feed-forward. */
static int64_t expert_length(const struct h0_gguf *g)
{
	return g->expert_feed_forward_length > 0 ? g->expert_feed_forward_length : g->feed_forward_length;
}

static struct block dense(struct graph *x, struct block norm, int64_t width)
{
	bool one = gate_in_up(x->g);
	struct block up = row(x, one ? h0_times(2, width) : width);
	if (x->g->ffn_gate || one) {
		struct block gate = row_if(x, !one, width);
		give(&x->h, norm);
		struct block both = row(x, width);
		give(&x->h, up);
		give(&x->h, gate);
		up = both;
	} else {
		give(&x->h, norm);
	}
	struct block down = row(x, x->embd);
	give(&x->h, up);
	return down;
}

static struct block experts(struct graph *x, struct block norm)
{
	const struct h0_gguf *g = x->g;
	int64_t width = h0_times(g->expert_used_count, expert_length(g));
	struct block pick = row(x, g->expert_count), order = row(x, g->expert_count);
	struct block up = row(x, width), gate = row(x, width), both = row(x, width);
	if (g->expert_shared_count <= 0)
		give(&x->h, norm);
	give(&x->h, up);
	give(&x->h, gate);
	struct block each = row(x, h0_times(g->expert_used_count, x->embd));
	give(&x->h, both);
	give(&x->h, pick);
	give(&x->h, order);
	struct block sum = row(x, x->embd);
	give(&x->h, each);
	if (g->expert_shared_count > 0) {
		int64_t one = g->expert_shared_feed_forward_length > 0 ? g->expert_shared_feed_forward_length
		              : h0_times(g->expert_shared_count, expert_length(g));
		give(&x->h, dense(x, norm, one));
	}
	return sum;
}

static bool has_experts(const struct h0_gguf *g, int64_t layer)
{
	return g->expert_count > 0 && expert_length(g) > 0 && layer >= g->leading_dense_block_count;
}

static struct block feed_forward(struct graph *x, int64_t layer)
{
	const struct h0_gguf *g = x->g;
	struct block norm = row(x, x->embd);
	if (has_experts(g, layer))
		return experts(x, norm);
	return dense(x, norm, g->feed_forward_length > 0 ? g->feed_forward_length : 0);
}

static void layers(struct graph *x, struct block in)
{
	int64_t n = x->g->block_count;
	if (x->g->nextn_predict_layers > 0 && x->g->nextn_predict_layers < n)
		n -= x->g->nextn_predict_layers;
	for (int64_t i = 0; i < n && !x->h.lost; i++) {
		struct block out = attention(x, i);
		if (i == n - 1) {
			/* the last layer goes on with the rows that are asked for */
			struct block few = take(&x->h, h0_times(h0_times(4, x->rows), x->embd));
			give(&x->h, out);
			give(&x->h, in);
			int64_t vocab = x->g->tokens > 0 ? x->g->tokens : x->g->vocab_size;
			take(&x->h, h0_times(h0_times(4, x->rows), vocab));
			give(&x->h, few);
			return;
		}
		give(&x->h, in); /* added to what attention gave where that lies */
		in = feed_forward(x, i);
		give(&x->h, out);
	}
}

/* ---- graphs that are not walked ---- */
/* Rows padded to as many as there are keys, ... */
static struct block padded(struct graph *x, struct block rows)
{
	struct block wide = take(&x->h, h0_times(h0_times(4, x->keys), x->embd));
	give(&x->h, rows);
	return wide;
}

/* ... which flash attention takes as f16. */
static struct block halved(struct graph *x, struct block wide)
{
	struct block half = take(&x->h, h0_times(h0_times(2, x->keys), x->embd));
	give(&x->h, wide);
	return half;
}

static struct block encoder_scores(struct graph *x, struct block q, struct block k, struct block v)
{
	struct block wide = padded(x, v);
	struct block turned = take(&x->h, h0_times(h0_times(4, x->keys), x->embd));
	give(&x->h, wide);
	wide = padded(x, k);
	struct block scores = take(&x->h, h0_times(h0_times(4, x->r->ubatch), h0_times(x->heads, x->keys)));
	give(&x->h, q);
	give(&x->h, wide);
	struct block mixed = row(x, x->embd);
	give(&x->h, scores);
	give(&x->h, turned);
	return instead(x, mixed, x->embd);
}

/* Over normed rows, which stay. */
static struct block encoder_attention(struct graph *x, bool last)
{
	bool one = x->g->attn_qkv;
	struct block v = row_if(x, one, h0_times(3, x->embd));
	struct block q = row(x, x->embd), k = row(x, x->embd), mixed;
	v = one ? v : row(x, x->embd);
	if (x->r->flash) {
		bool late = x->gpu && one;
		v = late ? padded(x, v) : v;
		k = padded(x, k);
		k = x->gpu ? k : halved(x, k);
		v = late ? v : padded(x, v);
		k = x->gpu ? halved(x, k) : k;
		v = halved(x, v);
		mixed = row(x, x->embd);
		give(&x->h, q);
		give(&x->h, k);
		give(&x->h, v);
	} else {
		mixed = encoder_scores(x, q, k, v);
	}
	if (last)
		give(&x->h, x->mask);
	return instead(x, mixed, x->embd);
}

/* No cache: every token of a step sees every other; norms come after. */
static void encoder_layers(struct graph *x, struct block in)
{
	const struct h0_gguf *g = x->g;
	struct block norm = instead(x, in, x->embd);
	for (int64_t i = 0; i < g->block_count && !x->h.lost; i++) {
		bool last = i == g->block_count - 1;
		struct block out = encoder_attention(x, last);
		if (last) { /* the rows that are asked for: all of them */
			out = instead(x, out, x->embd);
			norm = instead(x, norm, x->embd);
		}
		give(&x->h, norm);
		norm = instead(x, out, x->embd);
		struct block ff = row(x, g->feed_forward_length > 0 ? g->feed_forward_length : 0);
		if (g->ffn_gate) {
			struct block gate = row(x, g->feed_forward_length), both = row(x, g->feed_forward_length);
			give(&x->h, ff);
			give(&x->h, gate);
			ff = both;
		}
		out = instead(x, ff, x->embd);
		give(&x->h, norm);
		norm = instead(x, out, x->embd);
	}
}

static bool has_layer(const struct h0_gguf *g, enum h0_fit_layer kind)
{
	for (int64_t i = 0; i < g->block_count; i++)
		if (h0_fit_layer(g, i) == kind)
			return true;
	return false;
}

/* Of the layers beside it that attend. */
static int64_t masks(const struct graph *x)
{
	return h0_sum(has_layer(x->g, H0_FIT_FULL) ? mask_bytes(x, x->f->cells) : 0,
	              x->f->swa_cells > 0 ? mask_bytes(x, x->f->swa_cells) : 0);
}

/* A layer with state: the rows of its convolution and its way in and out. All sequences' states are
 * read and written, at once when it is a delta net. A scan makes room for those of the sequences
 * beside the first, where the rows of the convolution were or behind it all. Measured with mamba,
 * mamba2 and gated delta nets. */
static int64_t state_bytes(const struct graph *x)
{
	const struct h0_gguf *g = x->g;
	int64_t groups = h0_times(2, h0_times(g->ssm_group_count > 0 ? g->ssm_group_count : 0, g->ssm_state_size));
	int64_t conv = h0_sum(g->ssm_inner_size, groups);
	int64_t wide = h0_sum(h0_times(2, h0_sum(conv, g->ssm_inner_size)), h0_times(3, x->embd));
	int64_t one = h0_times(4, x->r->ubatch), states = h0_times(x->rows, h0_fit_state(g));
	int64_t both = h0_sum(h0_times(2, states), h0_times(one, wide));
	if (g->full_attention_interval <= 0) { /* one matrix for all of the way in */
		int64_t in = h0_sum(h0_times(2, g->ssm_inner_size), groups);
		int64_t others = h0_times(h0_times(4, x->rows - 1), h0_times(g->ssm_inner_size, g->ssm_state_size));
		both = h0_sum(states, h0_times(one, h0_sum(wide, in)));
		if (others < 0 || others > h0_times(one, conv))
			both = h0_sum(both, others);
	}
	return h0_sum(both, masks(x));
}

/* A short convolution: its three rows in, with and without what went before, and two out. */
static int64_t shortconv_bytes(const struct graph *x)
{
	int64_t one = h0_times(h0_times(4, x->r->ubatch), x->embd);
	return h0_sum(masks(x), h0_times(x->rows > 1 ? 9 : 8, one));
}

/* ---- all of it ---- */
static void cache_inputs(struct graph *x)
{
	if (has_layer(x->g, H0_FIT_FULL))
		inputs(x, false);
	if (x->f->swa_cells > 0)
		inputs(x, true);
	take(&x->h, h0_times(4, x->rows));
}

/* Of an encoder: everything sees everything, every row is asked for. */
static void encoder_inputs(struct graph *x)
{
	int64_t one = h0_times(4, x->r->ubatch);
	x->mask = take(&x->h, mask_bytes(x, x->keys));
	take(&x->h, one);
	take(&x->h, x->g->pooling_type == 1 ? h0_times(one, x->rows) : h0_times(4, x->rows));
}

/* Tokens, embeddings given instead, and both mixed are all prepared for, whatever comes. Of it the
 * given ones and the mixed result stay. Returns what the first layer reads. */
static struct block way_in(struct graph *x)
{
	int64_t tokens = h0_times(4, x->r->ubatch);
	bool placed = x->keys && x->g->position_embd;
	struct block place = {0};
	if (placed)
		take(&x->h, tokens);
	struct block first = take(&x->h, tokens), mixed = take(&x->h, tokens);
	row(x, x->embd);
	struct block slots = take(&x->h, h0_times(2, tokens)), given = row(x, x->embd);
	if (!placed)
		take(&x->h, tokens);
	x->keys ? encoder_inputs(x) : cache_inputs(x);
	if (placed)
		place = row(x, x->embd);
	struct block in = row(x, x->embd), both = row(x, x->embd);
	x->host = x->h.high;
	row(x, x->embd);
	give(&x->h, first);
	give(&x->h, mixed);
	give(&x->h, slots);
	give(&x->h, given);
	give(&x->h, both);
	give(&x->h, placed ? in : place); /* added to the places */
	return placed ? place : in;
}

/* A GPU has copies of what it needs of that. */
static struct block way_in_gpu(struct graph *x)
{
	struct block given = row(x, x->embd), both = row(x, x->embd);
	struct block slots = take(&x->h, h0_times(8, x->r->ubatch)), in = row(x, x->embd), sum = {0};
	if (x->keys && x->g->position_embd)
		sum = row(x, x->embd);
	else
		take(&x->h, h0_times(4, x->r->ubatch));
	x->keys ? encoder_inputs(x) : cache_inputs(x);
	row(x, x->embd);
	give(&x->h, given);
	give(&x->h, both);
	give(&x->h, slots);
	if (!sum.size)
		return in;
	give(&x->h, in);
	return sum;
}

static void empty(struct heap *h)
{
	*h = (struct heap){.free = {{0, INT64_MAX / 2}}, .n = 1};
}

static int64_t walk(struct graph *x)
{
	empty(&x->h);
	struct block in = way_in(x);
	if (x->gpu) {
		empty(&x->h);
		in = way_in_gpu(x);
	}
	x->keys ? encoder_layers(x, in) : layers(x, in);
	return x->h.lost ? -1 : x->h.high;
}

void h0_fit_compute(const struct h0_fit_model *m, const struct h0_fit_run *r, struct h0_fit *f)
{
	const struct h0_gguf *g = m->gguf;
	bool gpu = r->device != H0_DEVICE_CPU;
	struct h0_fit_run run = *r;
	struct graph x = {.g = g, .r = &run, .f = f, .embd = g->embedding_length, .heads = h0_fit_heads(g),
	                  .gpu = gpu};
	f->compute = -1;
	f->host_compute = 0;
	if (x.embd <= 0 || g->block_count <= 0 || g->block_count > H0_GGUF_MAX_LAYERS ||
	    r->ubatch <= 0 || r->ubatch > BATCH_MAX || f->cells < 0)
		return;
	x.rows = r->parallel > 0 ? r->parallel : 4;
	x.streams = r->parallel > 1 && !r->unified ? r->parallel : 1;
	if (r->ubatch % x.streams) /* each sequence gets as many */
		run.ubatch = (r->ubatch / x.streams + 1) * x.streams;
	bool encoder = f->kv == 0 && !has_layer(g, H0_FIT_FULL) && !has_layer(g, H0_FIT_WINDOW);
	if (encoder)
		x.keys = (run.ubatch + KEYS_PAD - 1) / KEYS_PAD * KEYS_PAD;
	int64_t most = walk(&x);
	if ((g->ssm_inner_size > 0 || g->shortconv_l_cache > 0) && most >= 0) {
		int64_t state = g->ssm_inner_size > 0 ? state_bytes(&x) : shortconv_bytes(&x);
		most = state < 0 || state > most ? state : most;
	}
	if (most < 0)
		return;
	f->host_compute = gpu ? x.host : 0;
	f->compute = h0_sum(most, f->host_compute);
	if (f->compute < 0)
		f->host_compute = 0;
}
