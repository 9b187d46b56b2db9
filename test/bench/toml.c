/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading a 1 MB TOML file shaped like configuration, beside toml++ in the same run: text in
 * memory to a whole tree, and the tree freed.
 */
#include "bench.h"

#include <string.h>

#include "base/buf.h"
#include "fmt/toml.h"

#define BYTES (1u << 20)
#define RUNS  25

/* toml-plusplus.cc */
double bench_tomlplusplus(const char *text, size_t len, size_t *ret_values);

/* Slots, profiles and tables of short keys, with comments, as people write them. */
static void generate(struct h0_buf *b)
{
	for (unsigned i = 0; b->len < BYTES; i++) {
		h0_buf_addf(b, "# slot number %u: what it serves and where\n[slot.s%u]\n", i, i);
		h0_buf_addf(b, "name = \"s%u\"\nport = %u # loopback only\n", i, 8081 + i % 119);
		h0_buf_addf(b, "device = \"%s\"\nenabled = %s\n", i % 3 ? "gpu-vulkan" : "cpu",
		            i % 2 ? "true" : "false");
		h0_buf_addf(b, "idle_timeout_s = %u\ntemperature = %u.%02u\n", i % 900, i % 2, i % 100);
		h0_buf_addf(b, "extra_args = [\"--ctx-size\", \"%u\", \"--no-mmap\"]\n", 1024 + i);
		h0_buf_addf(b, "\n[slot.s%u.model]\ndefault = \"/srv/models/m%u-Q4_K_M.gguf\"\n", i, i);
		h0_buf_addf(b, "created = 2025-0%u-1%uT08:30:00Z\n", 1 + i % 9, i % 10);
		h0_buf_addf(b, "limits = { context = %u, batch = 512, labels = [1, 2, 3] }\n\n", i * 256);
		if (i % 8 == 0)
			h0_buf_addf(b, "[[event]]\nid = 0x%X\ntext = '''\nstarted\nstopped'''\n\n", i);
	}
}

static size_t count(const struct h0_toml_node *n)
{
	size_t values = n->first ? 0 : 1;
	h0_toml_each(c, n)
		values += count(c);
	return values;
}

static double ours(const struct h0_buf *b, size_t *ret_values)
{
	struct h0_toml *t = NULL;
	double from = bench_ms();
	if (h0_toml_parse(b->p, b->len, "bench.toml", &t, NULL) < 0)
		exit(1);
	double ms = bench_ms() - from;
	*ret_values = count(h0_toml_root(t));
	from = bench_ms();
	h0_toml_free(t);
	return ms + bench_ms() - from;
}

int main(void)
{
	h0_autobuf struct h0_buf text = {0};
	double us[RUNS], them[RUNS];
	size_t our_values = 0, their_values = 0;
	char note[160];
	generate(&text);
	for (int i = -3; i < RUNS; i++) {
		int at = i < 0 ? 0 : i; /* three to warm up */
		us[at] = ours(&text, &our_values);
		them[at] = bench_tomlplusplus(text.p, text.len, &their_values);
	}
	if (our_values != their_values) {
		fprintf(stderr, "%zu values here, %zu in toml++\n", our_values, their_values);
		return 1;
	}
	double u = bench_median(us, RUNS), t = bench_median(them, RUNS);
	snprintf(note, sizeof note, "%zu bytes, %zu values; toml++ %.3g ms, %.2f of its time", text.len,
	         our_values, t, u / t);
	bench_row("TOML, 1 MB", u, 2 * t, "ms", note);
	return 0;
}
