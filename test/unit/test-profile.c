/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The catalog, what a profile runs and where, and the plan of a slot.
 */
#include "tap.h"

#include "base/str.h"
#include "base/words.h"
#include "model/plan.h"
#include "model/profile.h"
#include "model/provider.h"
#include "snap.h"

static void test_seeds(void)
{
	struct h0_snap none = SNAP({0});
	h0_autoprofiles struct h0_profiles p = {0};
	struct h0_err e = {0};
	static const char *const names[] = {"rocm", "rocm-dnse", "rocm-moe", "vulkan",
	                                    "flm",  "tts",       "comfyui"};
	ok(h0_profiles_load(&none, &p, &e) == 0 && p.n == H0_ARRAY_LEN(names) && !p.from_file,
	   "no file: the seven seeds");
	for (size_t i = 0; i < p.n; i++) {
		h0_autostrv struct h0_strv words = {0};
		ok(h0_streq(p.v[i].name, names[i]) && p.v[i].seed && p.v[i].image[0] &&
		       h0_words_split(p.v[i].flags, &words, &e) == 0 && (p.v[i].tps || p.v[i].rtf ||
		       i == 6),
		   "seed %s", names[i]);
		ok(!h0_strv_has(&words, "--model") && !h0_strv_has(&words, "--port") &&
		       !h0_strv_has(&words, "--ctx-size"),
		   "%s is model-free", names[i]);
	}
	is_str(p.v[1].flags,
	       "-fa on -ctk q4_0 -ctv q4_0 -b 512 -ub 512 --parallel 1 --threads 8 --no-mmap",
	       "flags of rocm-dnse");
	is_str(p.v[1].intent, "Dense + MTP \xc2\xb7 q4 KV", "the middle dot");
	ok(!p.v[0].mtp && p.v[1].mtp && p.v[2].mtp && !p.v[3].mtp, "MTP on the two that have it");
	ok(h0_profiles_get(&p, "dense-mtp-rocmfp4") == &p.v[1] &&
	       h0_profiles_get(&p, "kokoro-cpu") == &p.v[5] && !h0_profiles_get(&p, "nope"),
	   "names of older versions");
}

static void test_file(void)
{
	h0_autoprofiles struct h0_profiles p = {0}, none = {0}, bad = {0};
	const struct h0_profile *found;
	struct h0_err e = {0};
	struct h0_snap snap = SNAP({"profiles.toml", "# none\n"});
	ok(h0_profiles_load(&snap, &none, &e) == 0 && none.n == 0 && none.from_file,
	   "an empty file is an empty catalog");
	snap = SNAP({"profiles.toml",
	             "[profile.vulkan-std]\nimage = \"a\"\n"
	             "[profile.mine]\nimage = \"b\"\nmtp = true\nflags = \"-b 1\"\n"
	             "device_class = \"cpu\"\ncloned_from = \"vulkan\"\n"});
	ok(h0_profiles_load(&snap, &p, &e) == 0 && p.n == 2 && p.from_file && !p.v[0].seed,
	   "a file replaces the seeds");
	ok(h0_streq(h0_profiles_get(&p, "vulkan-std")->image, "a") && !h0_profiles_get(&p, "vulkan"),
	   "a name that is there means itself");
	ok(p.v[1].mtp && h0_streq(p.v[1].flags, "-b 1") && h0_streq(p.v[1].cloned_from, "vulkan") &&
	       p.v[1].device_class == H0_CLASS_CPU && !p.v[1].backend,
	   "keys");
	ok(h0_profiles_find(&p, "mien", &found, &e) < 0 && strstr(e.msg, "did you mean mine") &&
	       h0_streq(h0_err_name(&e), "profiles.not_found") && e.kind == H0_USAGE,
	   "unknown, with the nearest");
	snap = SNAP({"profiles.toml", "[profile.x]\nimage = \"i\"\ndevice_class = \"\"\nbackend = \"\"\n"
	             "cloned_from = \"\"\n"});
	h0_autoprofiles struct h0_profiles empty = {0};
	ok(h0_profiles_load(&snap, &empty, &e) == 0 && empty.v[0].device_class == H0_CLASS_GPU &&
	       !empty.v[0].backend && !empty.v[0].cloned_from,
	   "an empty string is as good as none");
	snap = SNAP({"profiles.toml", "[profile.x]\nflags = \"-b 1\"\n"});
	ok(h0_profiles_load(&snap, &bad, &e) < 0 && e.kind == H0_CONFIG && e.line == 1 &&
	       h0_streq(e.key, "profile.x.image") && strstr(e.msg, "missing"),
	   "a profile without an image says what is missing");
}

static void family(struct h0_profile p, enum h0_provider want, const char *why)
{
	p.name = p.name ? p.name : "x";
	p.image = p.image ? p.image : "i";
	ok(h0_profile_family(&p) == want, "%s: %s", why, h0_provider_names[want]);
}

static void test_family(void)
{
	family((struct h0_profile){.name = "tts"}, H0_PROVIDER_KOKORO, "named so");
	family((struct h0_profile){.cloned_from = "tts"}, H0_PROVIDER_KOKORO, "cloned from it");
	family((struct h0_profile){.device_class = H0_CLASS_NPU}, H0_PROVIDER_FLM, "class npu");
	family((struct h0_profile){.device_class = H0_CLASS_IMG}, H0_PROVIDER_COMFYUI, "class img");
	family((struct h0_profile){.image = "r/llama-flm-kokoro:v1", .backend = "vulkan"},
	       H0_PROVIDER_LLAMA_SERVER, "substrings of an image");
	family((struct h0_profile){.image = "flm.example/kokoro/llama:comfyui"},
	       H0_PROVIDER_LLAMA_SERVER, "substrings of an image without a back end");
	family((struct h0_profile){.image = "h:5000/hal0-toolbox-kokoro@sha256:0"}, H0_PROVIDER_KOKORO,
	       "an image known by its whole repository name");
	family((struct h0_profile){.device_class = H0_CLASS_CPU}, H0_PROVIDER_LLAMA_SERVER, "class cpu");
	for (size_t i = 0; i < h0_profile_nseeds; i++) {
		static const enum h0_provider want[] = {
			H0_PROVIDER_LLAMA_SERVER, H0_PROVIDER_LLAMA_SERVER, H0_PROVIDER_LLAMA_SERVER,
			H0_PROVIDER_LLAMA_SERVER, H0_PROVIDER_FLM,          H0_PROVIDER_KOKORO,
			H0_PROVIDER_COMFYUI,
		};
		ok(h0_profile_family(&h0_profile_seeds[i]) == want[i], "seed %s runs %s",
		   h0_profile_seeds[i].name, h0_provider_names[want[i]]);
	}
}

/* Every device and type: the default profile fits, serves, and is the expected one. */
static void test_defaults(void)
{
	static const char *const want[H0_DEVICE_N][H0_TYPE_N] = {
		{"rocm", "rocm", "rocm", NULL, NULL, "comfyui"},
		{"vulkan", "vulkan", "vulkan", NULL, "tts", "comfyui"},
		{"vulkan", "vulkan", "vulkan", NULL, "tts", NULL},
		{"flm", "flm", NULL, "flm", NULL, NULL},
	};
	struct h0_snap none = SNAP({0});
	h0_autoprofiles struct h0_profiles p = {0};
	h0_profiles_load(&none, &p, NULL);
	for (int d = 0; d < H0_DEVICE_N; d++) {
		for (int t = 0; t < H0_TYPE_N; t++) {
			const struct h0_profile *got = h0_profiles_default(&p, d, t, -1);
			char name[64];
			snprintf(name, sizeof name, "default for %s, %s", h0_device_names[d],
			         h0_type_names[t]);
			is_str(got ? got->name : NULL, want[d][t], name);
			ok(!got || (h0_profile_fits(got, d) && h0_profile_types(got) & H0_TYPE_BIT(t) &&
			            h0_profile_device(got, d) == (enum h0_device)d),
			   "and it fits");
		}
	}
}

static void plan(const char *profiles, const char *text, const char *want)
{
	struct h0_snap snap = SNAP({"profiles.toml", profiles ? profiles : ""});
	if (!profiles)
		snap.n = 0;
	h0_autoprofiles struct h0_profiles p = {0};
	h0_auto(h0_slot_done) struct h0_slot s;
	struct h0_plan got = {0};
	struct h0_err e = {0};
	char line[2048];
	h0_profiles_load(&snap, &p, &e);
	h0_slot_parse("slots/x.toml", text, strlen(text), &s);
	if (s.broken || h0_plan_slot(&s, &p, &got, &e) < 0)
		h0_err_text(s.broken ? &s.err : &e, line, sizeof line);
	else
		snprintf(line, sizeof line, "%s %s %s%s nodes=%u%s mtp=%s (%s)",
		         got.profile ? got.profile->name : "-", h0_provider_names[got.family],
		         got.image_source, got.cpu_only ? " cpu" : "", got.nodes,
		         got.warning[0] ? " warning" : "", got.mtp ? "on" : "off", got.mtp_why);
	is_str(line, want, want);
}

static void test_plan(void)
{
	plan(NULL, "port = 8081\ndevice = \"cpu\"\n",
	     "vulkan llama-server profile cpu nodes=0 mtp=off (the profile has none)");
	plan(NULL, "port = 8081\ndevice = \"cpu\"\nimage = \"i\"\n",
	     "vulkan llama-server slot cpu nodes=0 mtp=off (the profile has none)");
	plan("", "port = 8081\ndevice = \"cpu\"\nimage = \"i\"\n",
	     "- llama-server slot cpu nodes=0 mtp=off (the profile has none)");
	plan("", "port = 8081\ndevice = \"cpu\"\n",
	     "slots/x.toml: profile: no profile of profiles.toml fits device cpu and type llm: name one, "
	     "or an image");
	plan(NULL, "port = 8081\ndevice = \"gpu-vulkan\"\n",
	     "vulkan llama-server profile nodes=2 mtp=off (the profile has none)");
	plan(NULL, "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-moe\"\n",
	     "rocm-moe llama-server profile nodes=3 mtp=on (the profile has it)");
	plan(NULL, "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-moe\"\nmtp = false\n",
	     "rocm-moe llama-server profile nodes=3 mtp=off (the slot turns it off)");
	plan(NULL, "port = 8081\ndevice = \"gpu-rocm\"\nmtp = true\n",
	     "rocm llama-server profile nodes=3 mtp=on (the slot turns it on)");
	plan(NULL, "port = 8081\ndevice = \"gpu-vulkan\"\nmtp = true\n",
	     "vulkan llama-server profile nodes=2 mtp=off (only the ROCm back end takes it)");
	plan(NULL, "port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"moe-rocmfp4\"\n",
	     "rocm llama-server profile nodes=2 warning mtp=off (the profile has none)");
	plan(NULL, "port = 8088\ndevice = \"npu\"\nprovider = \"llama-server\"\n",
	     "flm flm profile nodes=4 mtp=off (the profile has none)");
	plan(NULL, "port = 8084\ntype = \"tts\"\ndevice = \"cpu\"\n",
	     "tts kokoro profile nodes=0 mtp=off (the profile has none)");
	plan(NULL, "port = 8188\ntype = \"image\"\ndevice = \"gpu-rocm\"\nprofile = \"comfyui\"\n"
	     "[image]\ndefault_steps = 4\n",
	     "comfyui comfyui profile nodes=3 mtp=off (the profile has none)");
	plan(NULL, "port = 8085\ntype = \"embedding\"\ndevice = \"cpu\"\nprofile = \"tts\"\n",
	     "slots/x.toml:2:8: type: embedding is not served by profile tts, which does tts");
	plan(NULL, "port = 8085\nprofile = \"vulcan\"\n",
	     "slots/x.toml:2:11: profile: no profile 'vulcan' (did you mean vulkan?)");
	plan(NULL, "port = 8085\nimage = \"i\"\ntype = \"tts\"\ndevice = \"cpu\"\n",
	     "tts kokoro slot nodes=0 mtp=off (the profile has none)");
}

int main(void)
{
	test_seeds();
	test_file();
	test_family();
	test_defaults();
	test_plan();
	return tap_done();
}
