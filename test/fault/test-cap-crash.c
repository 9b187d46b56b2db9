/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The change a document makes to capabilities.toml (of version 1: migrated, with its backup) and
 * three slots, one of them made by it, as it is planned by the real code, on a file system that
 * dies at every operation and loses power in every way.
 * test-cap-crash DEPTH LOSSES explores as far as one likes (LOSSES 0: every power-loss state).
 */
#include "base/mem.h"
#include "fault/explore.h"
#include "model/capdoc.h"
#include "tap.h"

static const char caps[] =
	"# by hand\n[selections.voice.tts] # speech\nbackend = \"kokoro\" # small\nenabled = false\n";
static const char tts[] = "# mine\nport = 8084\ntype = \"tts\"\ndevice = \"gpu-vulkan\"\nenabled = false\n";
static const char img[] =
	"[slot]\nport = 8188\ntype = \"image\"\ndevice = \"gpu-rocm\" # or not\n[notes]\nkept = true\n";
static const char box[] =
	"[selections.voice]\ntts = {enabled = true, device = \"cpu\"}\n"
	"stt = {enabled = true, provider = \"moonshine\"}\n"
	"[selections.img.img]\nenabled = true\ndevice = \"gpu-vulkan\"\n";

static void plan(struct h0_capplan *ret)
{
	struct h0_snap_file files[] = {
		{"capabilities.toml", caps, sizeof caps - 1},
		{"slots/img.toml", img, sizeof img - 1},
		{"slots/tts.toml", tts, sizeof tts - 1},
	};
	const struct h0_snap snap = {.files = files, .n = H0_ARRAY_LEN(files)};
	const struct h0_cap_world world = {.device = H0_DEVICE_CPU};
	h0_autocapdoc struct h0_capdoc doc = {0};
	struct h0_err e = {0};
	bool good = h0_capdoc_parse(box, sizeof box - 1, "box", &doc, &e) == 0 &&
	            h0_capplan_make(&snap, &doc.wishes, &world, ret, &e) == 0;
	ok(good && ret->cs.n == 5, "planned: %zu files%s%s", ret->cs.n, e.msg[0] ? ": " : "", e.msg);
}

static void explore(const struct world *w, int depth, uint64_t max_losses, uint64_t least)
{
	struct explore x = {.w = w, .depth = depth, .max_losses = max_losses, .lie_at = -1};
	explore_writer(&x, -1);
	ok(x.violations == 0, "recovery crashed %d deep, power lost: %llu states, %llu violations", depth,
	   (unsigned long long)x.states, (unsigned long long)x.violations);
	if (x.violations)
		printf("# %s\n", x.first);
	ok(x.states >= least, "enough states to mean something");
	explore_done(&x);
}

int main(int argc, char **argv)
{
#ifdef __SANITIZE_ADDRESS__
	const uint64_t sampled = 4, least = 500;
#else
	const uint64_t sampled = 12, least = 3000;
#endif
	h0_autocapplan struct h0_capplan p = {0};
	plan(&p);
	h0_autofree struct file *files = h0_calloc(p.cs.n + 1, sizeof *files);
	for (size_t i = 0; i < p.cs.n; i++)
		files[i] = (struct file){.path = p.cs.v[i].path, .before = p.cs.v[i].before,
		                         .after = p.cs.v[i].after};
	const struct world w = {"capabilities", files, world_setup_steady};
	if (argc > 2)
		explore(&w, atoi(argv[1]), strtoull(argv[2], NULL, 10), 1);
	else
		explore(&w, 1, sampled, least);
	return tap_done();
}
