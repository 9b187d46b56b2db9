/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hardware.json as an operator may have left it: the input is one document, or two apart by a line
 * "---". Whatever stands there: what hal0 does not write is kept, what it writes is renewed, a
 * second look at the same machine finds nothing, and a difference is the same in both directions.
 */
#include "fuzz.h"

#include "model/hwdoc.h"

static struct h0_json *read_back(const struct h0_json *doc)
{
	h0_autobuf struct h0_buf text = {0};
	struct h0_json *j = NULL;
	h0_hwdoc_text(doc, &text);
	H0_ASSERT(h0_json_parse(text.p, text.len, "again", &j, NULL) == 0);
	return j;
}

static size_t differences(const struct h0_json *a, const struct h0_json *b)
{
	h0_auto(h0_hwchanges_done) struct h0_hwchanges c = {0};
	h0_hwdoc_diff(a, b, &c);
	for (size_t i = 0; i < c.n; i++) {
		H0_ASSERT(c.v[i].path && (c.v[i].from || c.v[i].to));
		H0_ASSERT(!i || strcmp(c.v[i - 1].path, c.v[i].path) <= 0);
	}
	return c.n;
}

/* The document of a machine that tells nothing. */
static struct h0_json *fresh(void)
{
	struct h0_root root = {.fd = -1};
	H0_ASSERT(h0_root_open(&root, "/proc/self/task", NULL) == 0);
	h0_autohw struct h0_hw *hw = h0_hw_probe(&root, 0);
	struct h0_machine *m = h0_machine(hw);
	struct h0_json *doc = h0_hwdoc(m, NULL);
	free(m);
	h0_root_close(&root);
	return doc;
}

/* `got` is `ours`, but for members that somebody added to its objects. */
static bool renewed(const struct h0_json *got, const struct h0_json *ours)
{
	const char *key;
	const struct h0_json *val;
	if (h0_json_type(got) != h0_json_type(ours))
		return false;
	if (h0_json_type(ours) == H0_JSON_ARRAY) {
		bool same = h0_json_len(got) == h0_json_len(ours);
		for (size_t i = 0; same && i < h0_json_len(ours); i++)
			same = renewed(h0_json_at(got, i), h0_json_at(ours, i));
		return same;
	}
	if (h0_json_type(ours) != H0_JSON_OBJECT)
		return h0_json_equal(got, ours);
	for (void *it = NULL; (it = h0_json_next(ours, it, &key, &val));)
		if (!renewed(h0_json_get(got, key), val))
			return false;
	return true;
}

static void keeps(const struct h0_json *old)
{
	h0_autojson struct h0_json *plain = fresh(), *doc = fresh();
	const char *key;
	const struct h0_json *val;
	h0_hwdoc_keep(doc, old);
	for (void *it = NULL; (it = h0_json_next(old, it, &key, &val));)
		if (!h0_json_get(plain, key) || strcmp(key, "slots") == 0)
			H0_ASSERT(h0_json_equal(h0_json_get(doc, key), val));
	for (void *it = NULL; (it = h0_json_next(plain, it, &key, &val));)
		if (strcmp(key, "slots") != 0)
			H0_ASSERT(renewed(h0_json_get(doc, key), val));
	/* what was written is what the next run finds */
	h0_autojson struct h0_json *again = read_back(doc), *next = fresh();
	h0_hwdoc_keep(next, again);
	H0_ASSERT(differences(again, next) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *line = memmem(text, size, "\n---\n", 5);
	size_t first = line ? (size_t)(line - text) : size;
	h0_autojson struct h0_json *a = NULL, *b = NULL;
	struct h0_err e = {0};
	if (h0_json_parse(text, first, "fuzz", &a, &e) < 0) {
		H0_ASSERT(e.kind == H0_CONFIG && e.msg[0]);
		return 0;
	}
	if (h0_json_type(a) == H0_JSON_OBJECT)
		keeps(a);
	H0_ASSERT(differences(a, a) == 0);
	if (line && h0_json_parse(line + 5, size - first - 5, "fuzz", &b, NULL) == 0)
		H0_ASSERT(differences(a, b) == differences(b, a));
	return 0;
}

static const char *const fuzz_words[] = {
	"{", "}", "[", "]", ":", ",", "\"", "null", "true", "0", "-1", "1e999", "9223372036854775808",
	"\\u0000", "\\ud800", "\n---\n", "\"slots\": {}", "\"extra\": {}", "\"extra\": 1", "\"gpus\": [",
	"\"pci\": \"0000:c5:00.0\"", "\"warnings\": [", "\"code\": \"a\"", "\"memory\": {", "\"pools\": [",
	"\"name\": \"gtt\"", "\"probed_at\": \"x\"", "\"free_mib\": 1", "\"schema\": 2", "{}", "[]",
	"\xff", "\xc3\xa9", " ", "\n", NULL};

FUZZ_TARGET("hwdoc", 3000)
