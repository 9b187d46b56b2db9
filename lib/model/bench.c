/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"

#define LEAST_CTX 32
#define SANE      1e9           /* tokens/s or ms beyond it are nobody's */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct h0_bench_spread h0_bench_spread(const double *v, size_t n)
{
	double s[H0_BENCH_RUNS_MAX];
	if (!n || n > H0_BENCH_RUNS_MAX)
		return (struct h0_bench_spread){-1, -1, -1};
	memcpy(s, v, n * sizeof *v);
	qsort(s, n, sizeof *s, by_size);
	double mid = n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
	return (struct h0_bench_spread){mid, s[0], s[n - 1]};
}

bool h0_bench_size(int64_t n_ctx, int64_t *ret_prompt, int64_t *ret_tokens)
{
	*ret_prompt = H0_BENCH_PROMPT;
	*ret_tokens = H0_BENCH_TOKENS;
	if (n_ctx <= 0 || n_ctx > H0_BENCH_PROMPT + H0_BENCH_TOKENS)
		return true;
	if (n_ctx < LEAST_CTX)
		return false;
	*ret_tokens = n_ctx / 4 < H0_BENCH_TOKENS ? n_ctx / 4 : H0_BENCH_TOKENS;
	*ret_prompt = n_ctx - *ret_tokens - 1;
	if (*ret_prompt > H0_BENCH_PROMPT)
		*ret_prompt = H0_BENCH_PROMPT;
	return true;
}

double h0_bench_share(double a, double b)
{
	return a < 0 || b <= 0 ? -1 : 100 * a / b;
}

const struct h0_bench *h0_bench_last(const struct h0_bench *v, size_t n, const struct h0_bench *b)
{
	for (size_t i = n; i-- > 0;)
		if (h0_streq(v[i].slot, b->slot) && h0_streq(v[i].model, b->model) &&
		    h0_streq(v[i].device, b->device) && v[i].prompt == b->prompt &&
		    v[i].tokens == b->tokens && v[i].together == b->together)
			return &v[i];
	return NULL;
}

/* "2026-02-03" */
static void day_of(int64_t at, char dst[16])
{
	time_t t = (time_t)at;
	struct tm tm;
	*dst = '\0';
	if (gmtime_r(&t, &tm))
		strftime(dst, 16, "%Y-%m-%d", &tm);
}

/* ---- as it is kept ---- */

struct text {
	const char *key;
	size_t at, size;
};
#define TEXT(key, f) {key, offsetof(struct h0_bench, f), sizeof(((struct h0_bench *)0)->f)}
static const struct text texts[] = {
	TEXT("slot", slot), TEXT("model", model), TEXT("quant", quant), TEXT("device", device),
	TEXT("model_sha256", sha256), TEXT("image", image), TEXT("image_digest", digest),
	TEXT("hardware", hardware), TEXT("driver", driver), TEXT("kernel", kernel),
	TEXT("arithmetic_type", math), TEXT("ceiling_source", roof_from),
};

struct number {
	const char *key;
	size_t at;
};
#define FIELD(key, f) {key, offsetof(struct h0_bench, f)}
static const struct number wholes[] = {
	FIELD("measured_at", at), FIELD("prompt_tokens", prompt), FIELD("answer_tokens", tokens),
	FIELD("runs", runs), FIELD("context", context), FIELD("together", together),
	FIELD("model_bytes", model_bytes), FIELD("memory_bandwidth_gbs", gb_per_s),
	FIELD("arithmetic_gflops", gflops),
};
static const struct number reals[] = {
	FIELD("prompt_tok_s", read.median), FIELD("prompt_low_tok_s", read.low),
	FIELD("prompt_high_tok_s", read.high), FIELD("decode_tok_s", write.median),
	FIELD("decode_low_tok_s", write.low), FIELD("decode_high_tok_s", write.high),
	FIELD("first_token_ms", first.median), FIELD("first_token_low_ms", first.low),
	FIELD("first_token_high_ms", first.high), FIELD("round_trip_ms", trip.median),
	FIELD("round_trip_low_ms", trip.low), FIELD("round_trip_high_ms", trip.high),
	FIELD("decode_ceiling_tok_s", write_roof), FIELD("prompt_ceiling_tok_s", read_roof),
};

struct h0_json *h0_bench_json(const struct h0_bench *b)
{
	struct h0_json *o = h0_json_object();
	const char *p = (const char *)b;
	for (size_t i = 0; i < H0_ARRAY_LEN(texts); i++)
		h0_json_set_str(o, texts[i].key, p[texts[i].at] ? p + texts[i].at : NULL);
	for (size_t i = 0; i < H0_ARRAY_LEN(wholes); i++) {
		int64_t v;
		memcpy(&v, p + wholes[i].at, sizeof v);
		if (v < 0)
			h0_json_set_null(o, wholes[i].key);
		else
			h0_json_set_int(o, wholes[i].key, v);
	}
	for (size_t i = 0; i < H0_ARRAY_LEN(reals); i++) {
		double v;
		memcpy(&v, p + reals[i].at, sizeof v);
		h0_json_set(o, reals[i].key, v < 0 ? h0_json_new_null() : h0_json_new_real(v));
	}
	return o;
}

static double sane(const struct h0_json *j)
{
	double v = h0_json_num(j, -1);
	return v >= 0 && v < SANE ? v : -1;
}

bool h0_bench_read(const struct h0_json *j, struct h0_bench *ret)
{
	struct h0_bench b = {0};
	char *p = (char *)&b;
	if (h0_json_type(j) != H0_JSON_OBJECT)
		return false;
	for (size_t i = 0; i < H0_ARRAY_LEN(texts); i++) {
		const char *s = h0_json_str(h0_json_get(j, texts[i].key));
		snprintf(p + texts[i].at, texts[i].size, "%s", s ? s : "");
	}
	for (size_t i = 0; i < H0_ARRAY_LEN(wholes); i++) {
		int64_t v = h0_json_int(h0_json_get(j, wholes[i].key), -1);
		memcpy(p + wholes[i].at, &v, sizeof v);
	}
	for (size_t i = 0; i < H0_ARRAY_LEN(reals); i++) {
		double v = sane(h0_json_get(j, reals[i].key));
		memcpy(p + reals[i].at, &v, sizeof v);
	}
	if (!*b.slot || !*b.model || b.prompt <= 0 || b.tokens <= 0 || b.together <= 0 || b.at < 0 ||
	    b.read.median < 0 || b.write.median < 0)
		return false;
	*ret = b;
	return true;
}

/* ---- Markdown ---- */

static void cell(struct h0_buf *out, const char *s)
{
	h0_buf_adds(out, " ");
	for (; *s; s++) {
		if (*s == '|' || *s == '\\')
			h0_buf_addc(out, '\\');
		h0_buf_addc(out, (unsigned char)*s < ' ' ? ' ' : *s);
	}
	h0_buf_adds(out, " |");
}

static void spread(struct h0_buf *out, struct h0_bench_spread s)
{
	if (s.median < 0)
		h0_buf_adds(out, " - |");
	else
		h0_buf_addf(out, " %.1f (%.1f to %.1f) |", s.median, s.low, s.high);
}

static void share(struct h0_buf *out, double percent)
{
	if (percent < 0)
		h0_buf_adds(out, " - |");
	else
		h0_buf_addf(out, " %.0f %% |", percent);
}

/* "61 GB/s, 505 GFLOP/s fp32, measured" */
static void limits(struct h0_buf *out, const struct h0_bench *b)
{
	h0_autobuf struct h0_buf text = {0};
	if (b->gb_per_s > 0)
		h0_buf_addf(&text, "%" PRId64 " GB/s, ", b->gb_per_s);
	if (b->gflops > 0)
		h0_buf_addf(&text, "%" PRId64 " GFLOP/s %s, ", b->gflops, b->math);
	h0_buf_adds(&text, text.len ? b->roof_from : "-");
	cell(out, h0_buf_str(&text));
}

/* The first digits name a file or an image well enough in a table. */
static void sum(struct h0_buf *out, const char *s)
{
	char brief[24];
	const char *hex = strchr(s, ':');
	snprintf(brief, sizeof brief, "%.12s", hex ? hex + 1 : s);
	cell(out, *brief ? brief : "-");
}

void h0_bench_markdown(const struct h0_bench *v, size_t n, struct h0_buf *ret)
{
	h0_buf_adds(ret, "| slot | model | quant | sha256 | device | hardware | driver | kernel | image | "
	                 "digest | test | prompt tok/s | decode tok/s | first token ms | round trip ms | "
	                 "of bandwidth | of arithmetic | machine's limits | at once | date |\n|");
	for (int i = 0; i < 20; i++)
		h0_buf_adds(ret, (i >= 11 && i < 17) || i == 18 ? " ---: |" : " --- |");
	h0_buf_adds(ret, "\n");
	for (size_t i = 0; i < n; i++) {
		const struct h0_bench *b = &v[i];
		const char *words[] = {b->device, b->hardware, b->driver, b->kernel, b->image};
		const char *base = strrchr(b->model, '/');
		char day[16];
		h0_buf_adds(ret, "|");
		cell(ret, b->slot);
		cell(ret, base ? base + 1 : b->model);
		cell(ret, *b->quant ? b->quant : "-");
		sum(ret, b->sha256);
		for (size_t k = 0; k < H0_ARRAY_LEN(words); k++)
			cell(ret, *words[k] ? words[k] : "-");
		sum(ret, b->digest);
		h0_buf_addf(ret, " pp%" PRId64 " tg%" PRId64 " |", b->prompt, b->tokens);
		spread(ret, b->read);
		spread(ret, b->write);
		spread(ret, b->first);
		spread(ret, b->trip);
		share(ret, h0_bench_share(b->write.median, b->write_roof));
		share(ret, h0_bench_share(b->read.median, b->read_roof));
		limits(ret, b);
		day_of(b->at, day);
		h0_buf_addf(ret, " %" PRId64 " | %s |\n", b->together, day);
	}
}

/* ---- a picture ---- */

#define WIDTH  760
#define MARGIN 20
#define ROOM   (WIDTH - 2 * MARGIN - 90)        /* the number stands behind its bar */
#define ROW    62

static void one_bar(double value, double roof, double most, int y, const char *color,
                    struct h0_buf *out)
{
	double w = most > 0 ? ROOM * value / most : 0, r = most > 0 ? ROOM * roof / most : 0;
	h0_buf_addf(out, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>", MARGIN, y,
	            w < 1 ? 1 : w, color);
	if (roof > 0)
		h0_buf_addf(out, "<path d=\"M%.1f %dv18\" class=\"o\"/>", MARGIN + r, y - 2);
	h0_buf_addf(out, "<text x=\"%.1f\" y=\"%d\" class=\"t\">%.1f</text>\n",
	            MARGIN + (r > w ? r : w) + 6, y + 12, value);
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

void h0_bench_svg(const struct h0_bench *v, size_t n, struct h0_buf *ret)
{
	double read = 0, write = 0;
	int height = 50 + (int)n * ROW;
	for (size_t i = 0; i < n; i++) {
		read = larger(read, larger(v[i].read.median, v[i].read_roof));
		write = larger(write, larger(v[i].write.median, v[i].write_roof));
	}
	h0_buf_addf(ret,
	            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
	            "viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"system-ui, sans-serif\" "
	            "font-size=\"13\">\n<title>How fast slots are</title>\n<style>\n"
	            ".b{fill:#fff}.t{fill:#212529}.s{fill:#6c757d;font-size:11px}\n"
	            ".o{fill:none;stroke:#868e96;stroke-width:2}\n"
	            "@media (prefers-color-scheme:dark){\n"
	            ".b{fill:#0d1117}.t{fill:#e6edf3}.s{fill:#9198a1}}\n</style>\n"
	            "<rect width=\"%d\" height=\"%d\" rx=\"6\" class=\"b\"/>\n",
	            WIDTH, height, WIDTH, height, WIDTH, height);
	h0_buf_addf(ret, "<text x=\"%d\" y=\"24\" class=\"s\">tokens per second, each kind to its own scale: "
	                 "<tspan fill=\"#1971c2\">prompt</tspan>, <tspan fill=\"#e8590c\">decode</tspan>; "
	                 "a mark is what the machine allows at most</text>\n", MARGIN);
	for (size_t i = 0; i < n; i++) {
		const struct h0_bench *b = &v[i];
		const char *base = strrchr(b->model, '/');
		int y = 50 + (int)i * ROW;
		char day[16];
		day_of(b->at, day);
		h0_buf_addf(ret, "<text x=\"%d\" y=\"%d\" class=\"t\">", MARGIN, y);
		h0_buf_adds_xml(ret, b->slot);
		h0_buf_adds(ret, " <tspan class=\"s\">");
		h0_buf_adds_xml(ret, base ? base + 1 : b->model);
		h0_buf_addf(ret, ", %s, pp%" PRId64 " tg%" PRId64 ", %" PRId64 " at once, %s</tspan></text>\n",
		            b->device, b->prompt, b->tokens, b->together, day);
		one_bar(b->read.median, b->read_roof, read, y + 6, "#1971c2", ret);
		one_bar(b->write.median, b->write_roof, write, y + 24, "#e8590c", ret);
	}
	h0_buf_adds(ret, "</svg>\n");
}
