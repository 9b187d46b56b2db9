/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A model file of hostile bytes, and what is worked out from it: values or a clear refusal; then
 * amounts that are known and consistent, or unknown, whatever the file claims.
 */
#define FUZZ_BINARY
#include "fuzz.h"

#include "fmt/gguf.h"
#include "model/fit.h"
#include "model/modelinfo.h"

static bool amount(int64_t v)
{
	return v >= -1;
}

static void estimate(const struct h0_gguf *g, enum h0_device device, int64_t ctx, bool flash)
{
	static const struct h0_fit_pool pool = {.bytes = 16LL << 30, .free = 12LL << 30, .shared = true,
		.binding = "physical-ram", .gb_per_s = 256};
	struct h0_fit_model m;
	struct h0_fit_run r;
	struct h0_fit f, more;
	struct h0_fit_answer a;
	h0_fit_model_first(&m, g);
	h0_fit_run_server(&r, device);
	r.ctx = ctx, r.flash = flash;
	h0_fit(&m, &r, &f);
	H0_ASSERT(amount(f.weights) && amount(f.kv) && amount(f.compute) && amount(f.output));
	H0_ASSERT(amount(f.total) && amount(f.recurrent) && amount(f.host_weights) && amount(f.host_compute));
	H0_ASSERT(f.total == -1 || (f.weights >= 0 && f.kv >= 0 && f.compute >= 0 && f.output >= 0));
	H0_ASSERT(f.total == -1 || (f.total >= f.weights && f.total >= f.kv && f.total >= f.compute));
	H0_ASSERT(f.recurrent <= f.kv || f.kv == -1);
	h0_fit_judge(&m, &r, &f, &pool, &a);
	H0_ASSERT((a.verdict == H0_FIT_UNKNOWN) == (a.headroom == INT64_MIN) || f.refused);
	H0_ASSERT(a.headroom == INT64_MIN || a.headroom == pool.free - a.need);
	H0_ASSERT(a.verdict != H0_FIT_FITS || a.headroom >= 0);
	/* twice the context never needs less of the cache */
	r.ctx = f.ctx > 0 && f.ctx < 1 << 20 ? 2 * f.ctx : r.ctx;
	h0_fit(&m, &r, &more);
	H0_ASSERT(f.kv == -1 || more.kv == -1 || more.kv >= f.kv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	h0_autogguf struct h0_gguf g;
	struct h0_err e = {0};
	if (h0_gguf_parse(data, size, "fuzz", &g, &e) < 0) {
		H0_ASSERT(e.kind == H0_CONFIG && e.msg[0]);
		return 0;
	}
	H0_ASSERT(g.file_bytes == size && g.tensors <= size / 24);
	H0_ASSERT(g.need_bytes >= g.data_offset || g.tensors == 0);
	H0_ASSERT((h0_gguf_check_size(&g, "fuzz", &e) == 0) == (g.need_bytes <= size));
	const char *quant = h0_model_quant(&g);
	const char *word = quant ? h0_model_quant_word(quant, strlen(quant)) : NULL;
	H0_ASSERT(!word || word == quant);
	h0_model_serves(&g);
	estimate(&g, H0_DEVICE_CPU, 4096, true);
	estimate(&g, H0_DEVICE_GPU_VULKAN, 0, size & 1);
	return 0;
}

static const char *const fuzz_words[] = {
	"GGUF", "general.architecture", "general.alignment", "general.file_type", "general.name", "split.count",
	"split.no", "llama", "llama.context_length", "llama.block_count", "llama.embedding_length",
	"llama.feed_forward_length", "llama.attention.head_count", "llama.attention.head_count_kv",
	"llama.attention.key_length", "llama.attention.sliding_window", "llama.attention.sliding_window_pattern",
	"llama.attention.kv_lora_rank", "llama.expert_count", "llama.expert_used_count", "llama.ssm.state_size",
	"llama.ssm.conv_kernel", "llama.ssm.inner_size", "llama.nextn_predict_layers", "llama.vocab_size",
	"llama.attention.causal", "llama.pooling_type", "tokenizer.ggml.tokens", "tokenizer.ggml.model",
	"tokenizer.chat_template", "token_embd.weight", "output.weight", "blk.0.ffn_up_exps.weight",
	"blk.0.ffn_gate.weight", "blk.1.attn_q.weight", NULL};

FUZZ_TARGET("gguf", 60000)
