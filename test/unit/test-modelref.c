/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "model/modelref.h"

static void test_parse(void)
{
	static const struct { const char *text, *repo, *file, *quant, *url; } good[] = {
		{"hf:o/r", "o/r", NULL, NULL, NULL},
		{"hf:o/r:Q4_K_M", "o/r", NULL, "Q4_K_M", NULL},
		{"hf:o/r:q8_0", "o/r", NULL, "Q8_0", NULL},
		{"hf:o/r:sub/a b.gguf", "o/r", "sub/a b.gguf", NULL, NULL},
		{"https://example.org/a.gguf?download=1", NULL, NULL, NULL, "https://example.org/a.gguf?download=1"},
		{"http://127.0.0.1:8/a.gguf", NULL, NULL, NULL, "http://127.0.0.1:8/a.gguf"}};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		h0_automodelref struct h0_modelref r = {0};
		struct h0_err e = {0};
		ok(h0_modelref_parse(good[i].text, &r, &e) == 0, "%s", good[i].text);
		is_str(r.repo ? r.repo : "", good[i].repo ? good[i].repo : "", "its repository");
		is_str(r.file ? r.file : "", good[i].file ? good[i].file : "", "its file");
		is_str(r.quant ? r.quant : "", good[i].quant ? good[i].quant : "", "its quantisation");
		is_str(r.url ? r.url : "", good[i].url ? good[i].url : "", "its URL");
	}
	static const char *const bad[] = {"", "r", "o/r", "hf:", "hf:r", "hf:/r", "hf:o/", "hf:o/r/x", "hf:o/..",
		"hf:../r", "hf:o/r:", "hf:o/r:../a.gguf", "hf:o/r:/a.gguf", "hf:o/r:.a.gguf", "hf:o/r:a/.b.gguf",
		"hf:o/r:a//b.gguf", "hf:o/r:a.txt", "hf:o/r:Q9_Z", "hf:o r/x", "hf:o/r:a?.gguf", "hf:o/r:a%2f.gguf",
		"hf:o/r:a\n.gguf", "http://example.org/a.gguf", "http://127.0.0.1.example.org/a.gguf",
		"https://example.org/", "https://example.org/a.txt", "https://example.org/.gguf",
		"https://example.org/.a.gguf", "ftp://example.org/a.gguf"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		h0_automodelref struct h0_modelref r = {0};
		struct h0_err e = {0};
		ok(h0_modelref_parse(bad[i], &r, &e) < 0 && e.kind == H0_USAGE, "refused: '%.*s'",
		   (int)strcspn(bad[i], "\n"), bad[i]);
	}
}

static void test_shards(void)
{
	static const struct { const char *first, *want; } rows[] = {
		{"a.gguf", "a.gguf"}, {"d/x-00001-of-00003.gguf", "d/x-00001-of-00003.gguf d/x-00002-of-00003.gguf "
		 "d/x-00003-of-00003.gguf"},
		{"x-00002-of-00002.gguf?k=1#f", "x-00001-of-00002.gguf?k=1#f x-00002-of-00002.gguf?k=1#f"},
		{"x-00003-of-00002.gguf", "x-00003-of-00002.gguf"}, {"x-00000-of-00002.gguf", "x-00000-of-00002.gguf"},
		{"x-00001-of-09999.gguf", "x-00001-of-09999.gguf"}, {"x-1-of-2.gguf", "x-1-of-2.gguf"},
		{"-00001-of-00001.gguf", "-00001-of-00001.gguf"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		h0_autostrv struct h0_strv v = {0};
		h0_autobuf struct h0_buf b = {0};
		h0_modelref_shards(rows[i].first, &v);
		for (size_t k = 0; k < v.n; k++)
			h0_buf_addf(&b, "%s%s", k ? " " : "", v.v[k]);
		is_str(h0_buf_str(&b), rows[i].want, rows[i].first);
	}
	h0_autofree char *base = h0_modelref_base("https://h/a/b%20c.gguf?x=/y#/z");
	is_str(base, "b%20c.gguf", "the last part of a URL");
	h0_autobuf struct h0_buf esc = {0};
	h0_modelref_escape("a b/c+%?.gguf", &esc);
	is_str(h0_buf_str(&esc), "a%20b/c%2B%25%3F.gguf", "as it stands in a URL");
}

static void fill(struct h0_strv *v, const char *const *names)
{
	for (; *names; names++)
		h0_strv_add(v, *names);
}

/* What `text` means among `names`: the chosen files, or "!" and the message. */
static char *chosen(const char *text, const char *const *names)
{
	h0_automodelref struct h0_modelref r = {0};
	h0_autostrv struct h0_strv all = {0}, got = {0};
	struct h0_err e = {0};
	struct h0_buf b = {0};
	fill(&all, names);
	if (h0_modelref_parse(text, &r, &e) < 0 || h0_modelref_choose(&r, &all, &got, &e) < 0)
		h0_buf_addf(&b, "!%s", e.msg);
	for (size_t i = 0; i < got.n; i++)
		h0_buf_addf(&b, "%s%s", i ? " " : "", got.v[i]);
	return h0_buf_take(&b);
}

static void test_choose(void)
{
	static const char *const names[] = {"README.md", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-m-F16.gguf",
		"m-mmproj-Q4_K_M.gguf", "big/m-BF16-00002-of-00002.gguf", "big/m-BF16-00001-of-00002.gguf",
		"cut/m-F16-00001-of-00002.gguf", "../evil-Q5_0.gguf", ".hidden-Q5_1.gguf", NULL};
	static const char *const one[] = {"x.gguf", "mmproj-x.gguf", "notes.txt", NULL}, *const none[] = {"a.bin", NULL};
	static const struct { const char *text; const char *const *names; const char *want; } rows[] = {
		{"hf:o/r", names, "m-Q4_K_M.gguf"}, {"hf:o/r:Q8_0", names, "m-Q8_0.gguf"},
		{"hf:o/r:m-Q8_0.gguf", names, "m-Q8_0.gguf"},
		{"hf:o/r:BF16", names, "big/m-BF16-00001-of-00002.gguf big/m-BF16-00002-of-00002.gguf"},
		{"hf:o/r:mmproj-m-F16.gguf", names, "mmproj-m-F16.gguf"}, {"hf:o/r", one, "x.gguf"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		h0_autofree char *got = chosen(rows[i].text, rows[i].names);
		is_str(got, rows[i].want, rows[i].text);
	}
	static const struct { const char *text; const char *const *names; const char *word; } bad[] = {
		{"hf:o/r:Q2_K", names, "m-Q8_0.gguf"}, {"hf:o/r:none.gguf", names, "m-Q4_K_M.gguf"},
		{"hf:o/r:cut/m-F16-00001-of-00002.gguf", names, "lacks cut/m-F16-00002-of-00002.gguf"},
		{"hf:o/r:Q5_0", names, "say which"}, {"hf:o/r:Q5_1", names, "say which"},
		{"hf:o/r", none, "holds no .gguf model"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		h0_autofree char *got = chosen(bad[i].text, bad[i].names);
		if (!ok(got[0] == '!' && strstr(got, bad[i].word) && !strstr(got, "evil") && !strstr(got, "hidden"),
		        "%s: refused", bad[i].text))
			printf("# %s\n", got);
	}
}

static void test_projector(void)
{
	static const char *const names[] = {"a-Q4_K_M.gguf", "mmproj-a-f32.gguf", "mmproj-a-BF16.gguf",
		"a-mmproj-f16.gguf", "sub/b.gguf", "sub/mmproj-b.gguf", "deep/x/mmproj.gguf", "deep/c.gguf",
		"mmproj-F16.txt", NULL};
	static const struct { const char *model, *want; } rows[] = {
		{"a-Q4_K_M.gguf", "a-mmproj-f16.gguf"}, {"sub/b.gguf", "sub/mmproj-b.gguf"}, {"deep/c.gguf", ""}};
	h0_autostrv struct h0_strv all = {0};
	fill(&all, names);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *got = h0_modelref_projector(&all, rows[i].model);
		is_str(got ? got : "", rows[i].want, rows[i].model);
	}
}

int main(void)
{
	test_parse();
	test_shards();
	test_choose();
	test_projector();
	return tap_done();
}
