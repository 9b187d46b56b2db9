/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What each built-in profile makes of a slot, word for word, held in test/golden/argv/PROFILE.txt,
 * and what its container may use, in test/golden/grants; de-duplication on random command lines.
 * After a change that is meant: HAL0_GOLDEN_WRITE=1 build/test/unit/test-bundles, and read the
 * difference.
 */
#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/words.h"
#include "model/argv.h"
#include "model/grants.h"
#include "sys/io.h"

static const char *const mounts[] = {"/srv/models", NULL};
static const char *const nodes[] = {"/dev/kfd", "/dev/dri/card0", "/dev/dri/renderD128",
                                    "/dev/accel/accel0", NULL};
static const long gids[] = {105, 44};

static struct h0_argv_facts facts(void)
{
	return (struct h0_argv_facts){
		.podman = "podman", .home = "", .run_dir = "/run/hal0/slots/s",
		.log_path = "/var/lib/hal0/slots/s/server.log", .model_id = "qwen3-4b",
		.model_path = "/srv/models/qwen3-4b.gguf", .mounts = mounts, .uid = 65534, .gid = 65534,
		.native_context = 40960, .model_has_mtp = true, .model_bytes = INT64_C(2) << 30,
		.ram_bytes = INT64_C(64) << 30, .nofile = 20000, .nproc = -1, .memlock = -1, .cpus = 64,
		.data_dir = "/var/lib/hal0/data",
	};
}

/* One word per line, the flag and its value on the same. */
static void lines(const struct h0_argv *a, struct h0_buf *out)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct h0_argv_item *it = &a->items[i];
		for (size_t w = 0; w < it->n; w++) {
			h0_buf_adds(out, w ? " " : "");
			h0_words_quote(a->words.v[it->at + w], out);
		}
		h0_buf_addf(out, "  # %s\n", h0_argv_source_names[it->source]);
	}
}

/* What the container may use, and why. */
static void rights(const struct h0_plan *plan, const struct h0_argv *a,
                   const struct h0_argv_facts *f, struct h0_buf *out)
{
	h0_autogrants struct h0_grants g = {0};
	struct h0_grant_paths p = {f->model_path, f->key_path, f->chat_template};
	h0_grants_of(plan, a, &p, &g);
	for (size_t i = 0; i < g.n; i++)
		h0_buf_addf(out, "%s (%s)\n", g.v[i].what, g.v[i].why);
}

static void make(const char *toml, const struct h0_argv_facts *f, struct h0_buf *out,
                 struct h0_buf *grants)
{
	struct h0_profiles profiles = {.v = (struct h0_profile *)(uintptr_t)h0_profile_seeds,
	                               .n = h0_profile_nseeds};
	h0_auto(h0_slot_done) struct h0_slot slot = {0};
	h0_autoargv struct h0_argv a = {0};
	struct h0_plan plan;
	struct h0_err e = {0};
	h0_slot_parse("slots/s.toml", toml, strlen(toml), &slot);
	if (slot.broken)
		e = slot.err;
	if (slot.broken || h0_plan_slot(&slot, &profiles, &plan, &e) < 0 ||
	    h0_argv_build(&plan, f, &a, &e) < 0)
		h0_buf_addf(out, "%s: %s\n", e.key, e.msg);
	else {
		lines(&a, out);
		if (grants)
			rights(&plan, &a, f, grants);
	}
}

static void compare(const char *dir, const char *name, const struct h0_buf *got)
{
	h0_autobuf struct h0_buf want = {0};
	const char *source = getenv("HAL0_SOURCE");
	h0_autofree char *file =
		h0_asprintf("%s/test/golden/%s/%s.txt", source ? source : "..", dir, name);
	h0_autofree char *what = h0_asprintf("%s: %s", name, dir);
	if (getenv("HAL0_GOLDEN_WRITE")) {
		h0_autofile FILE *out = fopen(file, "w");
		if (out)
			fputs(h0_buf_str(got), out);
	}
	h0_read_file(file, 1 << 20, &want, NULL);
	is_str(h0_buf_str(got), h0_buf_str(&want), what);
}

static void golden(const char *name, const char *toml)
{
	struct h0_argv_facts f = facts();
	h0_autobuf struct h0_buf got = {0}, grants = {0};
	if (strstr(toml, "gpu") || strstr(toml, "npu"))
		f.nodes = nodes, f.gids = gids, f.ngids = 2;
	if (strstr(name, "flm"))
		f.model_id = "gemma4-it-e2b-FLM";
	if (strstr("flm tts comfyui", name))
		f.model_path = NULL; /* their servers have none, or the profile names it */
	make(toml, &f, &got, &grants);
	compare("argv", name, &got);
	compare("grants", name, &grants);
}

static void test_golden(void)
{
	golden("rocm", "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm\"\n");
	golden("rocm-dnse", "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-dnse\"\n");
	golden("rocm-moe", "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-moe\"\n");
	golden("rocm-moe-mtp-off",
	       "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-moe\"\nmtp = false\n");
	golden("rocm-mtp-on", "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm\"\nmtp = true\n");
	golden("vulkan", "port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"vulkan\"\n");
	golden("vulkan-embedding",
	       "port = 8082\ndevice = \"gpu-vulkan\"\ntype = \"embedding\"\nprofile = \"vulkan\"\n");
	golden("vulkan-cpu", "port = 8081\ndevice = \"cpu\"\nprofile = \"vulkan\"\n");
	golden("flm", "port = 8088\ndevice = \"npu\"\nprofile = \"flm\"\n[npu]\nasr = true\n");
	golden("tts", "port = 8084\ndevice = \"cpu\"\ntype = \"tts\"\nprofile = \"tts\"\n");
	golden("comfyui",
	       "port = 8188\ndevice = \"gpu-rocm\"\ntype = \"image\"\nprofile = \"comfyui\"\n");
}

/* ---- de-duplication ---- */

static uint64_t seed = 88172645463325252;

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

/* Spellings of one option in a row; the first is what the original calls canonical. */
static const char *const names[][2] = {
	{"--batch-size", "-b"},   {"--ubatch-size", "-ub"}, {"--cache-type-k", "-ctk"},
	{"--threads", "-t"},      {"--threads-batch", "-tb"}, {"--parallel", "-np"},
	{"--n-gpu-layers", "-ngl"}, {"--temp", "--temp"},   {"--seed", "--seed"},
};
static const char *const values[] = {"1", "-1", "q8_0", "64", "0.5"};
#define NNAMES H0_ARRAY_LEN(names)

struct line {
	struct h0_buf text;
	int last[NNAMES];           /* value of the last mention, -1 = none */
	unsigned loras;             /* --lora may be repeated */
};

static struct line random_line(void)
{
	struct line l = {{0}, {0}, 0};
	memset(l.last, -1, sizeof l.last);
	for (unsigned n = below(24); n; n--) {
		if (below(8) == 0) {
			h0_buf_addf(&l.text, "--lora /l%u.gguf ", l.loras++);
			continue;
		}
		unsigned name = below(NNAMES), value = below(H0_ARRAY_LEN(values));
		h0_buf_addf(&l.text, "%s %s ", names[name][below(2)], values[value]);
		l.last[name] = (int)value;
	}
	return l;
}

static const char *value_of(const struct h0_argv *a, unsigned name, unsigned *count)
{
	const char *value = NULL;
	for (size_t i = 0; i < a->n; i++) {
		const struct h0_argv_item *it = &a->items[i];
		const char *flag = a->words.v[it->at];
		if (it->at < a->server_at || (strcmp(flag, names[name][0]) && strcmp(flag, names[name][1])))
			continue;
		value = it->n > 1 ? a->words.v[it->at + 1] : NULL;
		++*count;
	}
	return value;
}

static unsigned loras(const struct h0_argv *a)
{
	unsigned n = 0;
	for (size_t i = 0; i < a->n; i++)
		n += strcmp(a->words.v[a->items[i].at], "--lora") == 0;
	return n;
}

static bool holds(const struct h0_argv *a, const struct line *l)
{
	bool good = loras(a) == l->loras;
	for (unsigned i = 0; i < NNAMES; i++) {
		unsigned count = 0;
		const char *value = value_of(a, i, &count);
		good = good && count <= 1;
		if (l->last[i] >= 0)
			good = good && value && strcmp(value, values[l->last[i]]) == 0;
	}
	return good;
}

/* Build with the line as extra_args; then again with what came out of it: nothing more goes. */
static bool round_trip(const struct line *l)
{
	struct h0_profiles profiles = {.v = (struct h0_profile *)(uintptr_t)h0_profile_seeds,
	                               .n = h0_profile_nseeds};
	struct h0_argv_facts f = facts();
	h0_auto(h0_slot_done) struct h0_slot slot = {0};
	h0_autoargv struct h0_argv a = {0}, b = {0};
	h0_autobuf struct h0_buf text = {0}, again = {0};
	struct h0_plan plan;
	struct h0_err e = {0};
	f.cpus = 0; /* no bound on --threads */
	h0_buf_addf(&text, "port = 8081\ndevice = \"cpu\"\n[server]\nextra_args = \"%s\"\n",
	            h0_buf_str(&l->text));
	h0_slot_parse("slots/s.toml", h0_buf_str(&text), text.len, &slot);
	if (h0_plan_slot(&slot, &profiles, &plan, &e) < 0 || h0_argv_build(&plan, &f, &a, &e) < 0)
		return false;
	for (size_t i = 0; i < a.n; i++)
		for (size_t w = 0; a.items[i].source == H0_ARGV_EXTRA && w < a.items[i].n; w++)
			h0_buf_addf(&again, "%s ", a.words.v[a.items[i].at + w]);
	slot.extra_args = h0_buf_str(&again);
	if (h0_argv_build(&plan, &f, &b, &e) < 0)
		return false;
	bool same = a.words.n == b.words.n;
	for (size_t i = 0; same && i < a.words.n; i++)
		same = strcmp(a.words.v[i], b.words.v[i]) == 0 ||
		       strncmp(a.words.v[i], "io.hal0.spec=", 13) == 0;
	return same && holds(&a, l);
}

static void test_dedupe(void)
{
	int bad = 0, n = 3000;
	for (int i = 0; i < n; i++) {
		struct line l = random_line();
		if (!round_trip(&l) && ++bad == 1)
			printf("# %s\n", h0_buf_str(&l.text));
		h0_buf_done(&l.text);
	}
	ok(bad == 0, "%d random lines: the last mention stands, once; repeated once more, no change", n);
}

int main(void)
{
	test_golden();
	test_dedupe();
	return tap_done();
}
