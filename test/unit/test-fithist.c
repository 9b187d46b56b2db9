/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What loads took: kept, found again by the same load alone, and never believed when it is spoilt.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "run/fithist.h"
#include "sys/io.h"
#include "sys/tree.h"

static char dir[] = "/tmp/hal0-test-fithist.XXXXXX";
static struct h0_paths paths;

static void put_text(const char *name, const char *text)
{
	h0_autofree char *path = h0_asprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static bool same(const struct h0_fit_buffers *a, const struct h0_fit_buffers *b)
{
	return a->weights == b->weights && a->kv == b->kv && a->compute == b->compute &&
	       a->output == b->output && a->host == b->host;
}

/* ---- keys ---- */

static void key_of(const char *model, const char *image, struct h0_fit_run run, char ret[H0_FITHIST_KEY])
{
	if (!h0_fithist_key(model, image, &run, ret))
		strcpy(ret, "none");
}

static void test_keys(void)
{
	h0_autofree char *model = h0_asprintf("%s/m.gguf", dir);
	const struct h0_fit_run run = {.ctx = 4096, .batch = 2048, .ubatch = 512, .parallel = 1, .flash = true};
	char key[H0_FITHIST_KEY], other[H0_FITHIST_KEY];
	put_text("m.gguf", "12345");
	key_of(model, "image:1", run, key);
	ok(strlen(key) == H0_FITHIST_KEY - 1 && strspn(key, "0123456789abcdef") == strlen(key),
	   "a key is 32 hexadecimal digits: %s", key);
	key_of(model, "image:1", run, other);
	is_str(other, key, "the same load has the same key");

	key_of(model, "image:2", run, other);
	ok(strcmp(other, key) != 0, "another image has another");
	struct h0_fit_run r = run;
#define DIFFERS(field, value) \
	r = run; \
	r.field = (value); \
	key_of(model, "image:1", r, other); \
	ok(strcmp(other, key) != 0 && strlen(other) == strlen(key), "so has another " #field)
	DIFFERS(ctx, 8192);
	DIFFERS(batch, 1024);
	DIFFERS(ubatch, 256);
	DIFFERS(parallel, 2);
	DIFFERS(flash, false);
	DIFFERS(k_type, run.k_type + 1);
	DIFFERS(v_type, run.v_type + 1);
	DIFFERS(kv_on_host, true);
	DIFFERS(swa_full, true);
	DIFFERS(embedding, true);
#undef DIFFERS
	put_text("m.gguf", "123456");
	key_of(model, "image:1", run, other);
	ok(strcmp(other, key) != 0, "so has a file of another size");

	r = run;
	r.unclear = true;
	ok(!h0_fithist_key(model, "image:1", &r, other), "a flag that is not accounted for: no key");
	ok(!h0_fithist_key(model, NULL, &run, other), "no image: no key");
	ok(!h0_fithist_key(NULL, "image:1", &run, other), "no model: no key");
	ok(!h0_fithist_key("/nowhere/m.gguf", "image:1", &run, other), "no file: no key");
}

/* ---- files ---- */

#define KEY_A "00000000000000000000000000000000"
#define KEY_B "11111111111111111111111111111111"
#define KEY_C "22222222222222222222222222222222"

static struct h0_fithist entry(const char *key, int64_t at)
{
	struct h0_fithist h = {
		.model = h0_strdup("/m/a.gguf"), .image = h0_strdup("i:1"), .device = h0_strdup("cpu"),
		.k_type = h0_strdup("f16"), .v_type = h0_strdup("q8_0"), .context = 4096, .batch = 2048,
		.ubatch = 512, .parallel = 3, .flash = false, .at = at,
		.measured = {1, 2, 3, 4, 5}, .estimate = {10, 20, 30, 40, 50},
	};
	snprintf(h.key, sizeof h.key, "%s", key);
	return h;
}

static void put(const char *key, int64_t at)
{
	h0_auto(h0_fithist_done) struct h0_fithist h = entry(key, at);
	struct h0_err e = {0};
	if (h0_fithist_put(&paths, &h, &e) < 0)
		ok(false, "put: %s", e.msg);
}

/* The first characters of the keys, as listed. */
static const char *listed(void)
{
	static char got[300];
	struct h0_fithist *v = NULL;
	struct h0_err e = {0};
	size_t n = 0;
	if (h0_fithist_list(&paths, &v, &n, &e) < 0)
		return "failed";
	for (size_t i = 0; i < n; i++) {
		if (i < sizeof got - 1)
			got[i] = v[i].key[0];
		h0_fithist_done(&v[i]);
	}
	got[n < sizeof got ? n : sizeof got - 1] = '\0';
	free(v);
	return got;
}

static void test_files(void)
{
	struct h0_fit_buffers got = {0};
	is_str(listed(), "", "no directory: nothing is known");
	ok(!h0_fithist_find(&paths, KEY_A, &got), "nor found");

	put(KEY_A, 100);
	put(KEY_B, 300);
	put(KEY_C, 200);
	ok(h0_fithist_find(&paths, KEY_A, &got) && same(&got, &(struct h0_fit_buffers){1, 2, 3, 4, 5}),
	   "what was measured is found");
	ok(h0_fithist_find(&paths, KEY_A, NULL), "or only that it was");
	is_str(listed(), "120", "listed with the latest first");
	put(KEY_A, 400);
	is_str(listed(), "012", "measured again, it is the latest, and there once");

	struct h0_fithist *v = NULL, want = entry(KEY_A, 400);
	size_t n = 0;
	ok(h0_fithist_list(&paths, &v, &n, NULL) == 0 && n == 3, "all of it is read back");
	is_str(v[0].model, want.model, "model");
	is_str(v[0].image, want.image, "image");
	is_str(v[0].device, want.device, "device");
	is_str(v[0].k_type, want.k_type, "cache of keys");
	is_str(v[0].v_type, want.v_type, "cache of values");
	ok(v[0].context == 4096 && v[0].batch == 2048 && v[0].ubatch == 512 && v[0].parallel == 3 &&
	   !v[0].flash && v[0].at == 400, "and the numbers");
	ok(same(&v[0].estimate, &want.estimate), "and what had been estimated");
	for (size_t i = 0; i < n; i++)
		h0_fithist_done(&v[i]);
	free(v);
	h0_fithist_done(&want);
}

static void test_spoilt(void)
{
#define HEAD(key) "{\"schema\":1,\"key\":\"" key "\","
#define WHOLE "\"measured\":{\"weights_bytes\":7,\"kv_bytes\":7,\"compute_bytes\":7,\"output_bytes\":7,\"host_bytes\":7}}"
	static const struct { const char *text, *why; bool good; } rows[] = {
		{"", "nothing in it", false},
		{"{", "torn", false},
		{"[]", "no object", false},
		{HEAD(KEY_B) WHOLE, "the file of another key", false},
		{HEAD(KEY_C) "\"measured\":{}}", "nothing measured", false},
		{HEAD(KEY_C) "\"measured\":{\"weights_bytes\":-1,\"kv_bytes\":7,\"compute_bytes\":7,\"output_bytes\":7,"
		 "\"host_bytes\":7}}", "less than nothing", false},
		{HEAD(KEY_C) "\"measured\":{\"weights_bytes\":9000000000000000000,\"kv_bytes\":7,\"compute_bytes\":7,"
		 "\"output_bytes\":7,\"host_bytes\":7}}", "more than any memory", false},
		{HEAD(KEY_C) "\"measured\":{\"weights_bytes\":\"7\",\"kv_bytes\":7,\"compute_bytes\":7,"
		 "\"output_bytes\":7,\"host_bytes\":7}}", "a text for a number", false},
		{HEAD(KEY_C) WHOLE, "no more than what is needed", true},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(rows); i++) {
		struct h0_fit_buffers got = {-1, -1, -1, -1, -1};
		put_text("var/fit/" KEY_C ".json", rows[i].text);
		bool found = h0_fithist_find(&paths, KEY_C, &got);
		ok(found == rows[i].good && got.kv == (found ? 7 : -1), "%s: %s", rows[i].why,
		   found ? "taken" : "not believed");
	}
	put_text("var/fit/README", "x");
	put_text("var/fit/short.json", HEAD("short") WHOLE);
	put_text("var/fit/" KEY_C ".json", "spoilt");
	is_str(listed(), "01", "a list leaves out what is spoilt, and files that are none of these");
}

static void test_many(void)
{
	enum { KEEP = 256 };
	struct h0_fit_buffers got;
	for (int i = 0; i < KEEP + 3; i++) {
		char key[H0_FITHIST_KEY];
		snprintf(key, sizeof key, "%032x", 0x300 + i);
		put(key, 1000 + i);
	}
	is_int((long long)strlen(listed()), KEEP, "of many only so many are kept");
	ok(!h0_fithist_find(&paths, KEY_A, &got) && !h0_fithist_find(&paths, "00000000000000000000000000000302", &got),
	   "the oldest go");
	ok(h0_fithist_find(&paths, "00000000000000000000000000000303", &got), "and no other");
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(paths.var, sizeof paths.var, "%s/var", dir);
	test_keys();
	test_files();
	test_spoilt();
	test_many();
	h0_remove_tree(dir, NULL);
	return tap_done();
}
