/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Decoding a journal is total: any bytes give an error, or entries whose paths a change may
 * touch, and those survive encoding. The input is tried as it is, and as the body behind a header
 * that fits it.
 */
#include "conf/journal.h"
#include "fuzz.h"

static void same(const struct h0_journal *a, const struct h0_journal *b)
{
	H0_ASSERT(a->id == b->id && a->time == b->time && h0_streq(a->stage, b->stage));
	H0_ASSERT(a->argv.n == b->argv.n && a->cs.n == b->cs.n);
	for (size_t i = 0; i < a->cs.n; i++) {
		const struct h0_change *x = &a->cs.v[i], *y = &b->cs.v[i];
		H0_ASSERT(h0_streq(x->path, y->path) && x->mode == y->mode);
		H0_ASSERT(h0_same_bytes(x->before, x->before_len, y->before, y->before_len));
		H0_ASSERT(h0_same_bytes(x->after, x->after_len, y->after, y->after_len));
	}
}

static void decode(const char *text, size_t len)
{
	h0_autojournal struct h0_journal j = {0}, again = {0};
	h0_autobuf struct h0_buf out = {0};
	struct h0_err e = {0};
	if (h0_journal_decode(text, len, "fuzz", &j, &e) < 0) {
		H0_ASSERT(e.kind == H0_CONFIG && e.msg[0]);
		return;
	}
	for (size_t i = 0; i < j.cs.n; i++)
		H0_ASSERT(h0_changeset_path_ok(j.cs.v[i].path));
	H0_ASSERT(h0_journal_encode(&j, &out, &e) == 0);
	H0_ASSERT(h0_journal_decode(out.p, out.len, "again", &again, &e) == 0);
	same(&j, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	h0_autobuf struct h0_buf framed = {0};
	h0_buf_addf(&framed, "hal0-journal 1 7 %zu\n", size);
	h0_buf_add(&framed, data, size);
	decode((const char *)data, size);
	decode(framed.p, framed.len);
	return 0;
}

static const char *const fuzz_words[] = {
	"hal0-journal 1 ", "hal0-journal 1 1 2\n{}", "{\"argv\":[", "\"time\":", "\"stage\":\"00000000\"",
	"\"entries\":[", "{\"path\":\"slots/a.toml\",", "\"mode\":420,", "\"before\":", "\"after\":",
	"null", "{\"hex\":\"00ff\"}", "\"\"", "../", "slots/", ".toml", "capabilities.toml", "\\u0000",
	"\\ud800", "1e999", "-1", "18446744073709551615", "]", "}", ",", "\n", NULL,
};

FUZZ_TARGET("journal", 50000)
