/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The fit estimate against what llama-server (llama.cpp 0.7.0, CPU) said it allocated: rows kept
 * here, and the shared table when there is one.
 */
#include "tap.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/words.h"
#include "model/fit.h"
#include "sys/io.h"

#define MIB 1048576.0

struct shape {
	const char *id, *arch;
	int layers, embd, heads, heads_kv, head, ff, vocab, window, experts, used;
};
static const struct shape shapes[] = {
	{"L1", "llama", 2, 1024, 16, 16, 64, 1024, 1024, 0},
	{"L2", "llama", 2, 1024, 16, 4, 64, 512, 1024, 0},
	{"L3", "llama", 2, 512, 8, 8, 64, 4096, 1024, 0},
	{"Q1", "qwen3", 2, 2048, 16, 8, 128, 2048, 1024, 0},
	{"Q2", "qwen3", 2, 1024, 16, 8, 128, 3072, 1024, 0},
	{"Q3", "qwen3", 2, 1024, 32, 4, 128, 768, 1024, 0},
	{"G1", "gemma3", 6, 1152, 4, 1, 256, 6912, 1024, 512},
	{"G2", "gemma2", 4, 640, 4, 2, 256, 2048, 1024, 4096},
	{"G3", "gemma3", 6, 640, 4, 1, 256, 640, 1024, 512},
	{"V1", "llama", 2, 256, 4, 4, 64, 512, 131072, 0},
	{"B1", "bert", 4, 384, 12, 12, 32, 1536, 193, 0},
	{"P1", "phi3", 4, 3072, 32, 32, 96, 8192, 32064, 2047},
	{"X1", "llama", 2, 4096, 32, 8, 128, 14336, 32000, 0, 8, 2},
	{"B2", "bert", 10, 256, 8, 8, 32, 768, 1024, 0},
	{"B3", "bert", 8, 2048, 32, 32, 64, 4096, 8192, 0},
	{"E1", "qwen3", 8, 2560, 16, 8, 128, 5120, 8192, 0},
	{"E2", "llama", 2, 1152, 4, 2, 64, 2304, 16384, 0},
	{"E3", "qwen3", 3, 1152, 16, 2, 64, 2304, 1024, 0},
	{"E4", "qwen3", 4, 4096, 32, 8, 128, 12288, 32000, 0},
	{"m50", "llama", 6, 512, 8, 8, 64, 1376, 8192, 0},
	{"m300", "llama", 8, 1024, 16, 4, 64, 2816, 32000, 0},
	{"q3", "qwen3", 10, 640, 8, 2, 128, 1920, 16384, 0},
	{"g3", "gemma3", 12, 640, 4, 1, 256, 2048, 16384, 512},
};

struct row {
	const char *id;
	int ctx;
	const char *kv, *flash, *extra;
	double kv_mib, compute_mib;
};
static const struct row rows[] = {
#include "fit-rows.h"
};

static void nothing(struct h0_gguf *g)
{
	memset(g, 0, sizeof *g);
	h0_gguf_done(g); /* every number unknown */
}

static bool shape_of(const char *id, struct h0_gguf *g)
{
	static char arch[16];
	nothing(g);
	for (size_t i = 0; i < H0_ARRAY_LEN(shapes); i++) {
		const struct shape *s = &shapes[i];
		if (strcmp(s->id, id) != 0)
			continue;
		snprintf(arch, sizeof arch, "%s", s->arch);
		g->architecture = arch;
		g->block_count = s->layers;
		g->embedding_length = s->embd;
		g->head_count.all = s->heads;
		g->head_count_kv.all = s->heads_kv;
		g->key_length = g->value_length = s->head;
		g->feed_forward_length = s->ff;
		g->tokens = s->vocab;
		g->sliding_window = s->window ? s->window : -1;
		g->context_length = 40960;
		g->position_embd = strcmp(s->arch, "bert") == 0;
		g->attn_qkv = strcmp(s->arch, "phi3") == 0;
		g->ffn_up_rows = (uint64_t)s->ff * (g->attn_qkv ? 2 : 1);
		g->ffn_gate = strcmp(s->arch, "bert") != 0 && !g->attn_qkv;
		g->expert_count = s->experts ? s->experts : -1;
		g->expert_used_count = s->used ? s->used : -1;
		g->output = strcmp(s->arch, "gemma2") != 0;
		return true;
	}
	return false;
}

static void estimate(const char *id, int ctx, const char *kv, const char *flash,
                     const char *extra, struct h0_fit *ret)
{
	struct h0_gguf g;
	struct h0_fit_model m;
	struct h0_fit_run r;
	h0_autostrv struct h0_strv words = {0};
	h0_autofree char *text = h0_asprintf("-c %d -ctk %s -ctv %s -fa %s %s", ctx, kv, kv, flash, extra);
	memset(ret, 0, sizeof *ret);
	if (!shape_of(id, &g) || h0_words_split(text, &words, NULL) < 0)
		return;
	h0_fit_model_first(&m, &g);
	h0_fit_run_server(&r, H0_DEVICE_CPU);
	h0_fit_run_words(&r, words.v, words.n);
	h0_fit(&m, &r, ret);
}

static void compare(const struct row *w, double *worst_kv, double *worst_compute)
{
	struct h0_fit f;
	estimate(w->id, w->ctx, w->kv, w->flash, w->extra, &f);
	double kv = (double)f.kv / MIB - w->kv_mib;
	/* the log rounds to a hundredth of a MiB, per cache */
	double kv_off = fabs(kv) <= 0.011 ? 0 : fabs(kv) / (w->kv_mib > 0 ? w->kv_mib : 1);
	double off = (double)f.compute / MIB / w->compute_mib - 1;
	*worst_kv = kv_off > *worst_kv ? kv_off : *worst_kv;
	*worst_compute = fabs(off) > *worst_compute ? fabs(off) : *worst_compute;
	if (!ok(kv_off <= 0.01 && fabs(off) <= 0.15, "%s -c %d %s fa %s %s: KV %+.2f MiB, compute %+.1f %%",
	        w->id, w->ctx, w->kv, w->flash, w->extra, kv, off * 100))
		printf("# kv %.2f of %.2f, compute %.2f of %.2f MiB\n", (double)f.kv / MIB, w->kv_mib,
		       (double)f.compute / MIB, w->compute_mib);
}

static double mib_of(const char *cell)
{
	double sum = 0;
	for (const char *p = strchr(cell, ':'); p; p = strchr(p + 1, ':'))
		sum += strtod(p + 1, NULL);
	return sum;
}

static void shared_table(void)
{
	const char *shared = getenv("HAL0_SHARED"), *source = getenv("HAL0_SOURCE");
	h0_autofree char *path = shared ? h0_asprintf("%s/fit/llama-server-0.7.0-cpu.tsv", shared)
	                                : h0_asprintf("%s/../shared/fit/llama-server-0.7.0-cpu.tsv",
	                                              source ? source : ".");
	FILE *file = fopen(path, "r");
	char line[1024];
	double worst[2] = {0, 0};
	if (!file) {
		printf("ok %d - # SKIP no shared table of measurements\n", ++tap_n);
		return;
	}
	while (fgets(line, sizeof line, file)) {
		char *cell[13] = {0}, *p = line;
		size_t n = 0;
		while (n < H0_ARRAY_LEN(cell) && (cell[n] = strsep(&p, "\t\n")))
			n++;
		if (n < 12)
			continue;
		if (strcmp(cell[5], "no") == 0) {
			struct h0_fit f;
			estimate(cell[0], atoi(cell[1]), cell[2], cell[3], cell[4], &f);
			ok(f.refused != NULL, "%s: a run that did not load is refused", cell[0]);
		}
		if (strcmp(cell[5], "yes") != 0)
			continue;
		struct row w = {cell[0], atoi(cell[1]), cell[2], cell[3], cell[4], mib_of(cell[7]),
		                mib_of(cell[8])};
		compare(&w, &worst[0], &worst[1]);
	}
	fclose(file);
	printf("# shared table: worst KV %.2f %%, compute %.1f %%\n", worst[0] * 100, worst[1] * 100);
}

static void own_rows(void)
{
	double worst[2] = {0, 0};
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++)
		compare(&rows[i], &worst[0], &worst[1]);
	printf("# %zu own rows: worst KV %.2f %%, compute %.1f %%\n", H0_ARRAY_LEN(rows),
	       worst[0] * 100, worst[1] * 100);
}

/* Shapes no generator here makes, against figures others published from server logs. */
static void known_models(void)
{
	struct h0_gguf g;
	struct h0_fit_model m;
	struct h0_fit_run r;
	struct h0_fit f;
	nothing(&g);
	g.architecture = (char[]){"qwen3next"};
	g.block_count = 40;
	g.embedding_length = 2048;
	g.head_count.all = 16;
	g.head_count_kv.all = 2;
	g.key_length = g.value_length = 256;
	g.full_attention_interval = 4;
	g.ssm_conv_kernel = 4;
	g.ssm_inner_size = 4096;
	g.ssm_state_size = 128;
	g.ssm_group_count = 16;
	g.context_length = 262144;
	g.tokens = 248320;
	g.expert_count = 256;
	g.expert_used_count = 8;
	g.expert_feed_forward_length = 512;
	h0_fit_model_first(&m, &g);
	h0_fit_run_default(&r, H0_DEVICE_CPU);
	r.ctx = 66816;
	h0_fit(&m, &r, &f);
	is_int(f.cells, 66816, "hybrid: cells");
	is_int(f.kv - f.recurrent, (long long)(1305 * MIB), "hybrid: only every fourth layer has KV");
	ok(fabs((double)f.recurrent / MIB - 62.81) < 0.01, "hybrid: recurrent state");
	ok(f.estimated, "hybrid: said to be estimated");

	nothing(&g);
	g.architecture = (char[]){"deepseek2"};
	g.block_count = 27;
	g.embedding_length = 2048;
	g.head_count.all = 16;
	g.head_count_kv.all = 1;
	g.key_length = 576;
	g.value_length = 512;
	g.key_length_mla = 192;
	g.value_length_mla = 128;
	g.kv_lora_rank = 512;
	g.rope_dimension_count = 64;
	g.feed_forward_length = 10944;
	g.tokens = 102400;
	g.context_length = 163840;
	h0_fit_model_first(&m, &g);
	r.ctx = 4096;
	h0_fit(&m, &r, &f);
	is_int(f.kv, 4096LL * 27 * 576 * 2, "MLA: one row of rank + rotation, no values");
	ok(!f.refused, "MLA: loads");
	h0_fit_cache_type("q8_0", &r.k_type);
	h0_fit(&m, &r, &f);
	ok(f.refused != NULL, "MLA: keys and values of one type, or it does not load");
	h0_fit_run_default(&r, H0_DEVICE_CPU);

	int32_t kv[] = {8, 0, 4, 0};
	nothing(&g);
	g.architecture = (char[]){"deci"};
	g.block_count = 4;
	g.embedding_length = 512;
	g.head_count.all = 8;
	g.head_count_kv.layer = kv;
	g.head_count_kv.n = 4;
	g.context_length = 4096;
	h0_fit_model_first(&m, &g);
	h0_fit(&m, &r, &f);
	is_int(f.kv, 4096LL * (8 + 4) * 64 * 2 * 2, "heads per layer, none in some");
	g.shared_kv_layers = 2;
	h0_fit(&m, &r, &f);
	is_int(f.kv, 4096LL * 8 * 64 * 2 * 2, "layers that share another's KV have none");
	g.shared_kv_layers = -1;
	g.nextn_predict_layers = 1;
	g.head_count_kv.layer = NULL;
	g.head_count_kv.all = 8;
	h0_fit(&m, &r, &f);
	is_int(f.kv, 4096LL * 3 * 8 * 64 * 2 * 2, "a layer that predicts ahead has KV only when used");
	r.mtp = true;
	h0_fit(&m, &r, &f);
	is_int(f.kv, 4096LL * 4 * 8 * 64 * 2 * 2, "and when it is");
}

/* Numbers a file may hold: the answer is unknown, not nonsense, and soon there. */
static void hostile(void)
{
	static const int64_t values[] = {-1, 0, 1, 3, INT32_MAX, INT64_MAX, INT64_MAX / 2 + 1, 1 << 20};
	struct h0_gguf g;
	struct h0_fit_model m;
	struct h0_fit_run r;
	struct h0_fit f;
	struct h0_fit_pool pool = {.bytes = 1LL << 40, .free = -1, .shared = true, .gb_per_s = 100};
	struct h0_fit_answer a;
	uint64_t rng = 88172645463325252u;
	bool sane = true, known = false;
	for (int i = 0; i < 3000; i++) {
		nothing(&g);
		int64_t *const field[] = {
#define FIELD(member, key) &g.member,
			H0_GGUF_INTS(FIELD)
#undef FIELD
			&g.head_count.all, &g.head_count_kv.all, &g.sliding_window_pattern.all, &g.tokens,
		};
		shape_of(i % 2 ? "G3" : "L1", &g);
		for (int k = 0; k < 1 + i % 5; k++) {
			rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
			*field[rng % H0_ARRAY_LEN(field)] = values[rng / 64 % H0_ARRAY_LEN(values)];
		}
		g.embd_bytes = rng;
		g.tensor_bytes = i % 7 ? 1000 : rng;
		h0_fit_model_first(&m, &g);
		h0_fit_run_default(&r, i % 3 ? H0_DEVICE_CPU : H0_DEVICE_GPU_VULKAN);
		r.flash = i % 4 != 0;
		if (i % 11 == 0)
			r.ubatch = r.batch = values[rng % H0_ARRAY_LEN(values)];
		h0_fit(&m, &r, &f);
		if (i % 16 == 0) {
			h0_fit_judge(&m, &r, &f, &pool, &a);
			sane &= a.verdict != H0_FIT_UNKNOWN || a.headroom == INT64_MIN;
		}
		sane &= f.kv >= -1 && f.compute >= -1 && f.total >= -1 && f.output >= -1;
		known |= f.total > 0;
	}
	ok(sane, "3000 absurd files: unknown or a number, never negative");
	ok(known, "and some of them have an estimate");
}

static void verdicts(void)
{
	struct h0_gguf g;
	struct h0_fit_model m;
	struct h0_fit_run r;
	struct h0_fit f;
	struct h0_fit_pool pool = {.bytes = 16LL << 30, .free = -1, .shared = true, .gb_per_s = 256};
	struct h0_fit_answer a;
	shape_of("L1", &g);
	g.tensor_bytes = 8LL << 30;
	g.embd_bytes = 1LL << 30;
	h0_fit_model_first(&m, &g);
	h0_fit_run_default(&r, H0_DEVICE_CPU);
	r.ctx = 4096;
	h0_fit(&m, &r, &f);
	is_int(f.total, f.weights + f.kv + f.compute + f.output, "total is the sum");
	h0_fit_judge(&m, &r, &f, &pool, &a);
	is_str(h0_fit_verdicts[a.verdict], "fits", "half of the pool fits");
	is_int(a.headroom, pool.bytes - f.total, "headroom");
	is_int(a.largest_ctx, 40960, "the largest context is the model's own");
	ok(fabs(a.ceiling - 256e9 / (7.0 * 1024 * 1024 * 1024)) < 0.01, "ceiling: all but the looked up rows");
	pool.others = pool.bytes - f.total;
	h0_fit_judge(&m, &r, &f, &pool, &a);
	is_str(h0_fit_verdicts[a.verdict], "tight", "to the last byte is tight");
	is_int(a.headroom, 0, "nothing left");
	is_int(a.largest_ctx, 4096, "the largest context is this one");
	pool.others++;
	h0_fit_judge(&m, &r, &f, &pool, &a);
	is_str(h0_fit_verdicts[a.verdict], "does-not-fit", "one byte more does not fit");
	is_int(a.headroom, -1, "one byte missing");
	ok(a.largest_ctx >= 0 && a.largest_ctx < 4096, "a smaller context would");
	pool = (struct h0_fit_pool){.bytes = -1, .free = -1, .gb_per_s = -1};
	h0_fit_judge(&m, &r, &f, &pool, &a);
	is_str(h0_fit_verdicts[a.verdict], "unknown", "no pool, no verdict");
	ok(a.ceiling < 0, "no bandwidth, no ceiling");

	r.device = H0_DEVICE_GPU_VULKAN;
	h0_fit(&m, &r, &f);
	is_int(f.host_weights, 1LL << 30, "a GPU leaves the embedding in RAM");
	is_int(f.device + f.host_weights + f.host_compute, f.total, "device and host make the total");
	g.output = false;
	h0_fit_model_first(&m, &g);
	h0_fit(&m, &r, &f);
	is_int(f.total - f.weights - f.kv - f.compute - f.output, 1LL << 30, "tied: it is there twice");

	r.device = H0_DEVICE_CPU;
	h0_fit(&m, &r, &f);
	is_int(f.total, f.weights + f.kv + f.compute + f.output, "tied on a CPU: once");
	g.embd_rows = 1024;
	g.embd_type = 2;
	is_str(h0_gguf_type_name(g.embd_type), "q4_0", "but of a type that a CPU lays out anew");
	h0_fit_model_first(&m, &g);
	h0_fit(&m, &r, &f);
	is_int(f.total - f.weights - f.kv - f.compute - f.output, 1LL << 30, "it is there twice");
	h0_fit_run_words(&r, (char *[]){(char[]){"--no-repack"}}, 1);
	h0_fit(&m, &r, &f);
	is_int(f.total, f.weights + f.kv + f.compute + f.output, "unless it may not");
	r.device = H0_DEVICE_GPU_VULKAN;
	g.architecture = (char[]){"nomic-bert"};
	h0_fit_model_first(&m, &g);
	h0_fit(&m, &r, &f);
	is_int(f.total, f.weights + f.kv + f.compute + f.output, "an encoder multiplies with no vocabulary");
	g.architecture = (char[]){"llama"};
	g.embd_type = g.embd_rows = 0;

	g.expert_bytes = 6LL << 30;
	g.expert_count = 64;
	g.expert_used_count = 8;
	g.output = true;
	h0_fit_model_first(&m, &g);
	h0_fit(&m, &r, &f);
	is_int(f.active, (7LL << 30) - (6LL << 30) / 8 * 7, "experts: only those in use are read");
}

int main(void)
{
	own_rows();
	shared_table();
	known_models();
	hostile();
	verdicts();
	return tap_done();
}
