/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "model/bench.h"

static struct h0_bench sample(void)
{
	return (struct h0_bench){
		.slot = "chat", .model = "/m/a|b.gguf", .device = "cpu", .quant = "Q8_0",
		.sha256 = "sha256:0123456789abcdef", .hardware = "a <box>", .kernel = "6.1", .image = "i:1",
		.at = 86400, .prompt = 512, .tokens = 128, .runs = 3, .context = 4096, .together = 1,
		.model_bytes = -1, .gb_per_s = 256, .read = {100, 90, 110}, .write = {20, 19, 21},
		.first = {50.5, 50, 51}, .trip = {2, 1, 3}, .write_roof = 40, .read_roof = -1};
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
	h0_autojson struct h0_json *j = h0_bench_json(&b);
	ok(h0_json_type(h0_json_get(j, "prompt_ceiling_tok_s")) == H0_JSON_NULL, "unknown is null");
	ok(h0_bench_read(j, &r), "read back");
	ok(memcmp(&r.read, &b.read, sizeof r.read) == 0 && r.write_roof == 40 && r.read_roof == -1 &&
	   r.first.median == 50.5 && r.model_bytes == -1 && r.at == 86400, "numbers");
	is_str(r.sha256, b.sha256, "texts");
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
	          "| 2.0 (1.0 to 3.0) | 50 % | - | 1 | 1970-01-02 |\n") != NULL, "a row of Markdown");
	int bars[3] = {0};
	const char *p = h0_buf_str(&md);
	for (int line = 0; *p && line < 3; p++) {
		bars[line] += *p == '|' && (p == md.p || p[-1] != '\\');
		line += *p == '\n';
	}
	ok(bars[0] == 20 && bars[1] == 20 && bars[2] == 20, "as many cells in every line");
	snprintf(b.slot, sizeof b.slot, "a<&");
	h0_bench_svg(&b, 1, &svg);
	ok(strstr(h0_buf_str(&svg), "a&lt;&amp;") && strstr(h0_buf_str(&svg), ">100.0</text>") &&
	   strstr(h0_buf_str(&svg), "</svg>\n"), "a picture");
	h0_buf_reset(&svg);
	h0_bench_svg(NULL, 0, &svg);
	ok(strstr(h0_buf_str(&svg), "</svg>\n") != NULL, "a picture of nothing");
}

int main(void)
{
	test_arithmetic();
	test_size();
	test_record();
	test_last();
	test_words();
	return tap_done();
}
