/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * FLM's names for models, and what `flm list -j` prints.
 */
#include "tap.h"

#include "base/str.h"
#include "model/flm.h"

static void test_names(void)
{
	static const struct {
		const char *id, *tag;
	} t[] = {
		{"gemma4-it-e2b-FLM", "gemma4-it:e2b"}, {"llama3.2-1b-FLM", "llama3.2:1b"},
		{"deepseek-r1-0528-8b-FLM", "deepseek-r1-0528:8b"}, {"whisper-v3-turbo-FLM", "whisper-v3:turbo"},
		{"embed-gemma-300m-FLM", "embed-gemma:300m"}, {"gpt-oss-20b-FLM", "gpt-oss:20b"},
	};
	char got[H0_FLM_NAME];
	for (size_t i = 0; i < H0_ARRAY_LEN(t); i++) {
		is_str(h0_flm_tag(t[i].id, got), t[i].tag, t[i].id);
		is_str(h0_flm_tag(t[i].tag, got), t[i].tag, "a tag stays");
		ok(h0_flm_same(t[i].tag, t[i].id) && h0_flm_same(t[i].id, t[i].tag), "both are one model");
	}
	static const char *const others[] = {"qwen3-4b", "", "-FLM", "/srv/m:1/x.gguf", "bge-m3"};
	for (size_t i = 0; i < H0_ARRAY_LEN(others); i++) {
		ok(!h0_flm_is_name(others[i]), "'%s' is none of FLM's names", others[i]);
		is_str(h0_flm_tag(others[i], got), others[i], "and left alone");
	}
	ok(!h0_flm_same("qwen3-4b", "qwen3:4b") && !h0_flm_same("qwen3-4b", "qwen3-4b"),
	   "a GGUF's name is never FLM's");
	ok(!h0_flm_same("qwen3:4b", "qwen3:8b"), "another size is another model");
	ok(!h0_flm_is_name(NULL), "no name at all");
	char longer[400];
	memset(longer, 'x', sizeof longer);
	memcpy(longer + sizeof longer - 6, "-FLM", 5);
	ok(strlen(h0_flm_tag(longer, got)) < H0_FLM_NAME, "a name without end is cut");
}

#define LIST(models) "[FLM] Fetching models from: {cache}\n{\"models\":[" models "]}\n"

static void test_list(void)
{
	static const char text[] = LIST("{\"model\":\"llama3.2:1b\",\"name\":\"llama3.2:1b\",\"installed\":true,"
	                                "\"footprint\":1.25,\"label\":[\"reasoning\"]},"
	                                "{\"model\":\"gemma4-it:e2b\",\"installed\":false},"
	                                "{\"name\":\"old:1b\"},{\"name\":\"\"},{\"name\":7},\"odd\",null");
	h0_autoflmlist struct h0_flm_list l = {0};
	struct h0_err e = {0};
	const struct h0_flm_model *m;
	is_int(h0_flm_list_parse(text, strlen(text), &l, &e), 0, "read, after its greeting");
	m = h0_flm_list_get(&l, "old:1b");
	ok(m && m->installed, "a list that does not say what is installed");
	is_int((long long)l.n, 3, "what has no name is passed over");
	m = h0_flm_list_get(&l, "llama3.2-1b-FLM");
	ok(m && m->installed, "found by id");
	m = h0_flm_list_get(&l, "gemma4-it:e2b");
	ok(m && !m->installed, "found by tag, not installed");
	ok(!h0_flm_list_get(&l, "gemma4-it-e2b"), "not by a GGUF's name");
	is_str(h0_flm_list_nearest(&l, "gema4-it:e2b"), "gemma4-it:e2b", "the nearest one");

	static const char *const bad[] = {"", "[FLM] no such command\n", "{\"models\":", "{\"models\":{}}", "{}",
	                                  "Models:\n  - a:1b\n"};
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++) {
		h0_autoflmlist struct h0_flm_list none = {0};
		ok(h0_flm_list_parse(bad[i], strlen(bad[i]), &none, &e) < 0 && !none.n, "refused: %.*s", (int)strcspn(bad[i], "\n"), bad[i]);
	}
}

int main(void)
{
	test_names();
	test_list();
	return tap_done();
}
