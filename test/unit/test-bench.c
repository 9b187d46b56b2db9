/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <stdatomic.h>

#include "model/bench.h"
#include "model/roof.h"
#include "run/roof.h"

static struct h0_bench sample(void)
{
	return (struct h0_bench){
		.slot = "chat", .model = "/m/a|b.gguf", .device = "cpu", .quant = "Q8_0",
		.sha256 = "sha256:0123456789abcdef", .hardware = "a <box>", .kernel = "6.1", .image = "i:1",
		.at = 86400, .prompt = 512, .tokens = 128, .runs = 3, .context = 4096, .together = 1,
		.model_bytes = -1, .gb_per_s = 256, .gflops = 505, .math = "int8", .roof_from = "measured",
		.read = {100, 90, 110}, .write = {20, 19, 21},
		.first = {50.5, 50, 51}, .trip = {2, 1, 3}, .write_roof = 40, .read_roof = 1000};
}

static void test_arithmetic(void)
{
	struct h0_bench_spread s = h0_bench_spread((double[]){3, 1, 2}, 3);
	ok(s.median == 2 && s.low == 1 && s.high == 3, "odd number of runs");
	s = h0_bench_spread((double[]){4, 1, 2, 3}, 4);
	ok(s.median == 2.5 && s.low == 1 && s.high == 4, "even number of runs");
	s = h0_bench_spread(NULL, 0);
	ok(s.median < 0 && s.low < 0, "no run: unknown");
	ok(h0_bench_share(20, 40) == 50 && h0_bench_share(20, -1) < 0 && h0_bench_share(-1, 40) < 0,
	   "share of a roof");
}

static void test_size(void)
{
	static const struct { int64_t ctx, pp, tg; } rows[] = {
		{0, 512, 128}, {-1, 512, 128}, {4096, 512, 128}, {641, 512, 128}, {640, 511, 128},
		{512, 383, 128}, {256, 191, 64}, {32, 23, 8}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t pp = 0, tg = 0;
		ok(h0_bench_size(rows[i].ctx, &pp, &tg) && pp == rows[i].pp && tg == rows[i].tg,
		   "context %lld: pp%lld tg%lld", (long long)rows[i].ctx, (long long)pp, (long long)tg);
	}
	int64_t pp, tg;
	ok(!h0_bench_size(31, &pp, &tg), "too small a context");
}

static void test_record(void)
{
	struct h0_bench b = sample(), r;
	b.read_roof = -1;
	h0_autojson struct h0_json *none = h0_bench_json(&b);
	b.read_roof = 1000;
	h0_autojson struct h0_json *j = h0_bench_json(&b);
	ok(h0_json_type(h0_json_get(none, "prompt_ceiling_tok_s")) == H0_JSON_NULL, "unknown is null");
	ok(h0_bench_read(j, &r), "read back");
	ok(memcmp(&r.read, &b.read, sizeof r.read) == 0 && r.write_roof == 40 && r.read_roof == 1000 && r.gflops == 505 &&
	   r.first.median == 50.5 && r.model_bytes == -1 && r.at == 86400, "numbers");
	is_str(r.sha256, b.sha256, "texts");
	is_str(r.roof_from, "measured", "where the limits are from");
	static const char *const keys[] = {"slot", "model", "prompt_tokens", "decode_tok_s", "together"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		h0_autojson struct h0_json *bad = h0_json_copy(j);
		h0_json_set(bad, keys[i], h0_json_array());
		ok(!h0_bench_read(bad, &r), "without %s it makes no sense", keys[i]);
	}
	ok(!h0_bench_read(NULL, &r), "nothing makes no sense");
}

static void test_last(void)
{
	struct h0_bench v[3] = {sample(), sample(), sample()}, b = sample();
	v[1].at = 2;
	v[2].together = 2;
	ok(h0_bench_last(v, 3, &b) == &v[1], "the latest alike");
	b.prompt = 100;
	ok(!h0_bench_last(v, 3, &b), "none alike");
}

static void test_words(void)
{
	struct h0_bench b = sample();
	h0_autobuf struct h0_buf md = {0}, svg = {0};
	h0_bench_markdown(&b, 1, &md);
	ok(strstr(h0_buf_str(&md), "\n| chat | a\\|b.gguf | Q8_0 | 0123456789ab | cpu | a <box> | - | 6.1 | "
	          "i:1 | - | pp512 tg128 | 100.0 (90.0 to 110.0) | 20.0 (19.0 to 21.0) | 50.5 (50.0 to 51.0) "
	          "| 2.0 (1.0 to 3.0) | 50 % | 10 % | 256 GB/s, 505 GFLOP/s int8, measured | 1 | 1970-01-02 |\n") != NULL, "a row of Markdown");
	int bars[3] = {0};
	const char *p = h0_buf_str(&md);
	for (int line = 0; *p && line < 3; p++) {
		bars[line] += *p == '|' && (p == md.p || p[-1] != '\\');
		line += *p == '\n';
	}
	ok(bars[0] == 21 && bars[1] == 21 && bars[2] == 21, "as many cells in every line");
	snprintf(b.slot, sizeof b.slot, "a<&");
	h0_bench_svg(&b, 1, &svg);
	ok(strstr(h0_buf_str(&svg), "a&lt;&amp;") && strstr(h0_buf_str(&svg), ">100.0</text>") &&
	   strstr(h0_buf_str(&svg), "</svg>\n"), "a picture");
	h0_buf_reset(&svg);
	h0_bench_svg(NULL, 0, &svg);
	ok(strstr(h0_buf_str(&svg), "</svg>\n") != NULL, "a picture of nothing");
}

/* ---- what a machine allows ---- */

static struct h0_gguf shape(uint32_t type)
{
	static char llama[] = "llama";
	struct h0_gguf g = {.block_count = 2, .embedding_length = 64, .key_length = -1, .value_length = -1,
		.key_length_swa = -1, .value_length_swa = -1, .sliding_window = -1, .shared_kv_layers = -1,
		.full_attention_interval = -1, .expert_count = -1, .expert_used_count = -1,
		.head_count = {.all = 4}, .head_count_kv = {.all = 2}, .sliding_window_pattern = {.all = -1},
		.layer_weights = 1000000, .tensors = 1, .architecture = llama};
	g.type_bytes[type] = 1000;
	g.type_bytes[0] += 10; /* norms */
	return g;
}

static void test_operations(void)
{
	struct h0_gguf g = shape(8);
	struct h0_fit_model m;
	h0_fit_model_first(&m, &g);
	/* two layers, four heads, keys and values of 16, half of 512 tokens looked back at */
	ok(h0_roof_operations(&m, 512) == 2 * (1e6 + 2 * 256.5 * 4 * 32), "matrices and attention");
	ok(h0_roof_operations(&m, 0) < 0, "no token, no operation");
	g.expert_weights = 8000000;
	h0_fit_model_first(&m, &g);
	ok(h0_roof_operations(&m, 1) < 0, "experts, but not how many of them");
	g.expert_count = 8;
	g.expert_used_count = 2;
	ok(h0_roof_operations(&m, 1) == 2 * (3e6 + 2 * 4 * 32), "experts: those in use");
	g.layer_weights = UINT64_MAX;
	h0_fit_model_first(&m, &g);
	ok(h0_roof_operations(&m, 1) < 0, "absurd: unknown");
}

static void test_math(void)
{
	struct h0_roof cpu;
	h0_roof_unknown(&cpu);
	struct h0_gguf whole = shape(8), bf16 = shape(30), f32 = shape(0), odd = shape(63);
	ok(h0_roof_math(&cpu, &whole) == H0_MATH_N, "nothing known");
	cpu.gflops[H0_MATH_FP32] = 500;
	cpu.gflops[H0_MATH_INT8] = 2000;
	cpu.gflops[H0_MATH_BF16] = 900;
	ok(h0_roof_math(&cpu, &whole) == H0_MATH_INT8, "quantised: whole numbers");
	ok(h0_roof_math(&cpu, &bf16) == H0_MATH_BF16, "bf16");
	ok(h0_roof_math(&cpu, &f32) == H0_MATH_FP32 && h0_roof_math(&cpu, &odd) == H0_MATH_FP32, "anything else");
	cpu.gflops[H0_MATH_INT8] = 100;
	ok(h0_roof_math(&cpu, &whole) == H0_MATH_FP32, "whole numbers that are slower");
}

static void test_table(void)
{
	static const struct { const char *doc; double gb, tflops; bool gpu; } rows[] = {
		{"{\"gpus\":[{\"pci_id\":\"1002:1586\",\"revision\":\"c1\"}]}", 256, 59.4, true},
		{"{\"gpus\":[{\"pci_id\":\"10de:2684\",\"revision\":null}]}", 1008, 330.3, true},
		{"{\"gpus\":[{\"pci_id\":\"10de:ffff\"}],\"memory_bandwidth_gbs\":99}", 99, -1, true},
		{"{\"gpus\":[{\"pci_id\":\"x\"}]}", -1, -1, true}, {"{\"gpus\":[]}", -1, -1, false}, {"{}", -1, -1, false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		h0_autojson struct h0_json *j = NULL;
		struct h0_roof r;
		h0_json_parse(rows[i].doc, strlen(rows[i].doc), "doc", &j, NULL);
		double want = rows[i].tflops < 0 ? -1 : rows[i].tflops * 1e3;
		ok(h0_roof_gpu(j, &r) == rows[i].gpu && r.gb_per_s == rows[i].gb && !r.measured &&
		   r.gflops[H0_MATH_FP16] == want, "limits of %s", rows[i].doc);
	}
}

/* Wide bounds: a slow machine under load, and ten times the fastest there is for one processor. */
static void test_measure(void)
{
	struct h0_roof r;
	atomic_int stop = 1;
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	h0_roof_measure(NULL, &r);
	double fp32 = r.gflops[H0_MATH_FP32];
	if (!ok(r.measured && (r.gb_per_s < 0 || (r.gb_per_s > 0.2 && r.gb_per_s < 1000.0 * (double)n)) &&
	        (fp32 < 0 || (fp32 > 0.2 && fp32 < 2000.0 * (double)n)), "what the processors can do"))
		printf("# %.1f GB/s, %.1f GFLOP/s\n", r.gb_per_s, fp32);
	h0_roof_measure(&stop, &r);
	ok(r.gb_per_s < 0 && r.gflops[H0_MATH_FP32] < 0, "stopped: nothing is known");
}

int main(void)
{
	test_operations();
	test_math();
	test_table();
	test_measure();

	test_arithmetic();
	test_size();
	test_record();
	test_last();
	test_words();
	return tap_done();
}
