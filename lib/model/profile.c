/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The seeds are the catalog of the original hal0 of 2026-06-15 (its q4 KV era), bench figures as
 * shown there.
 */
#include "model/profile.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/words.h"
#include "model/device.h"
#include "model/provider.h"

#define TOOLBOX "ghcr.io/hal0ai/amd-strix-halo-toolboxes:"
#define ROCM    TOOLBOX "rocm-7.2.4-rocmfp4-server"
#define VULKAN  TOOLBOX "vulkan-radv-server"
#define FLM     "ghcr.io/hal0ai/hal0-toolbox-flm:0.9.43"
#define KOKORO  "ghcr.io/hal0ai/hal0-toolbox-kokoro:v1"
#define COMFYUI                                                                          \
	"docker.io/kyuz0/amd-strix-halo-comfyui"                                         \
	"@sha256:0066678ae9043f69a1c8c7699e70626ceffd35c1a8ca03227a05640ad0241ed2"

#define SEED .seed = true

const struct h0_profile h0_profile_seeds[] = {
	{.name = "rocm", .image = ROCM, .device_class = H0_CLASS_GPU, .backend = "rocm", SEED,
	 .flags = "-fa on -ctk q8_0 -ctv q8_0 -b 512 -ub 512 --parallel 1 --threads 8 --no-mmap",
	 .intent = "MoE agents", .quant = "FP4", .tps = 52.8},
	{.name = "rocm-dnse", .image = ROCM, .device_class = H0_CLASS_GPU, .backend = "rocm", SEED,
	 .mtp = true,
	 .flags = "-fa on -ctk q4_0 -ctv q4_0 -b 512 -ub 512 --parallel 1 --threads 8 --no-mmap",
	 .intent = "Dense + MTP · q4 KV", .quant = "FP4", .tps = 30.4},
	{.name = "rocm-moe", .image = ROCM, .device_class = H0_CLASS_GPU, .backend = "rocm", SEED,
	 .mtp = true,
	 .flags = "-fa on -ctk q4_0 -ctv q4_0 -b 512 -ub 512 --parallel 1 --threads 16 --no-mmap "
	          "--jinja",
	 .intent = "MoE + MTP · q4 KV", .quant = "FP4", .tps = 90.0},
	{.name = "vulkan", .image = VULKAN, .device_class = H0_CLASS_GPU, .backend = "vulkan", SEED,
	 .flags = "-fa on -b 512 -ub 512 --parallel 1 --threads 8 --no-mmap",
	 .intent = "Vulkan std · fallback", .quant = "Q4_K_M", .tps = 41.0},
	{.name = "flm", .image = FLM, .device_class = H0_CLASS_NPU, SEED, .flags = "",
	 .intent = "FLM NPU inference", .quant = "W4ABF16", .tps = 38.6},
	{.name = "tts", .image = KOKORO, .device_class = H0_CLASS_CPU, SEED,
	 .flags = "--model_path /mnt/ai-models/local/kokoro-v1/kokoro-onnx",
	 .intent = "TTS · Kokoro", .quant = "", .rtf = 0.18},
	{.name = "comfyui", .image = COMFYUI, .device_class = H0_CLASS_IMG, SEED,
	 .flags = "--disable-mmap --bf16-vae --cache-none", .intent = "Image generation", .quant = ""},
};
const size_t h0_profile_nseeds = H0_ARRAY_LEN(h0_profile_seeds);

const char h0_mtp_flags[] =
	"--spec-type draft-mtp --spec-draft-device ROCm0 --spec-draft-ngl all --spec-draft-n-max 4 "
	"--spec-draft-n-min 0 --spec-draft-p-min 0.0 --spec-draft-p-split 0.10 "
	"--spec-draft-type-k q4_0 --spec-draft-type-v q4_0";

/* What profiles were called before 2026-06-13. */
static const char *const renamed[][2] = {
	{"flm-npu", "flm"},           {"kokoro-cpu", "tts"},
	{"vulkan-std", "vulkan"},     {"moe-rocmfp4", "rocm"},
	{"dense-mtp-rocmfp4", "rocm-dnse"},
};

/* ---- the catalog ---- */

static const struct h0_profile *seed_called(const char *name)
{
	for (size_t i = 0; i < h0_profile_nseeds; i++)
		if (strcmp(h0_profile_seeds[i].name, name) == 0)
			return &h0_profile_seeds[i];
	return NULL;
}

static const char *string_of(const struct h0_toml_node *table, const char *key, const char *absent)
{
	const struct h0_toml_node *n = h0_toml_get(table, key);
	return n && n->str_len ? n->str : absent; /* "" is how others write "not set" */
}

static struct h0_profile from_node(const struct h0_toml_node *n)
{
	const struct h0_toml_node *mtp = h0_toml_get(n, "mtp");
	const struct h0_profile *seed = seed_called(n->key);
	int class = h0_word_index(h0_class_names, string_of(n, "device_class", "gpu"));
	return (struct h0_profile){
		.name = n->key,
		.image = string_of(n, "image", ""),
		.flags = string_of(n, "flags", ""),
		.mtp = mtp && mtp->boolean,
		.device_class = (enum h0_device_class)class,
		.backend = string_of(n, "backend", NULL),
		.cloned_from = string_of(n, "cloned_from", NULL),
		.intent = string_of(n, "intent", ""),
		.quant = string_of(n, "quant", ""),
		.seed = seed,
		.tps = seed ? seed->tps : 0,
		.rtf = seed ? seed->rtf : 0,
	};
}

static const struct h0_profile *called(const struct h0_profiles *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].name, name) == 0)
			return &p->v[i];
	return NULL;
}

/* Follows cloned_from as far as the catalog knows; a ring ends after as many steps as there are
 * profiles. */
static const char *root_of(const struct h0_profiles *all, const struct h0_profile *p)
{
	const char *root = p->cloned_from;
	for (size_t steps = 0; root && steps < all->n; steps++) {
		const struct h0_profile *parent = called(all, root);
		if (!parent || !parent->cloned_from)
			break;
		root = parent->cloned_from;
	}
	return root;
}

static int check_flags(const struct h0_toml *doc, const struct h0_toml_node *profile,
                       struct h0_err *e)
{
	h0_autostrv struct h0_strv words = {0};
	struct h0_err why = {0};
	const struct h0_toml_node *flags = h0_toml_get(profile, "flags");
	if (flags && h0_words_split(flags->str, &words, &why) < 0)
		return h0_toml_fail(doc, flags, e, "%s", why.msg);
	return 0;
}

static void seeds(struct h0_profiles *ret)
{
	*ret = (struct h0_profiles){.n = h0_profile_nseeds};
	ret->v = h0_calloc(ret->n, sizeof *ret->v);
	memcpy(ret->v, h0_profile_seeds, sizeof h0_profile_seeds);
}

int h0_profiles_parse(const char *text, size_t len, struct h0_profiles *ret, struct h0_err *e)
{
	if (!text) {
		seeds(ret);
		return 0;
	}
	h0_autofindings struct h0_findings found = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	h0_validate_text(&h0_schema_profiles, text, len, h0_schema_profiles.path, &found, &doc);
	if (h0_findings_fail(&found, e) < 0)
		return -1;
	h0_autoprofiles struct h0_profiles p = {.from_file = true};
	const struct h0_toml_node *all = h0_toml_get(h0_toml_root(doc), "profile");
	p.v = h0_calloc(all ? all->count : 0, sizeof *p.v);
	h0_toml_each(n, all) {
		if (check_flags(doc, n, e) < 0)
			return -1;
		p.v[p.n++] = from_node(n);
	}
	for (size_t i = 0; i < p.n; i++)
		p.v[i].root = root_of(&p, &p.v[i]);
	p.priv = h0_take(doc);
	*ret = p;
	p = (struct h0_profiles){0};
	return 0;
}

int h0_profiles_load(const struct h0_snap *snap, struct h0_profiles *ret, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(snap, h0_schema_profiles.path);
	return h0_profiles_parse(f ? f->text : NULL, f ? f->len : 0, ret, e);
}

void h0_profiles_done(struct h0_profiles *p)
{
	free(p->v);
	h0_toml_free(p->priv);
	*p = (struct h0_profiles){0};
}

const struct h0_profile *h0_profiles_get(const struct h0_profiles *p, const char *name)
{
	const struct h0_profile *found = called(p, name);
	for (size_t i = 0; !found && i < H0_ARRAY_LEN(renamed); i++)
		if (strcmp(renamed[i][0], name) == 0)
			found = called(p, renamed[i][1]);
	return found;
}

int h0_profiles_find(const struct h0_profiles *p, const char *name, const struct h0_profile **ret,
                     struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	const struct h0_profile *found = h0_profiles_get(p, name);
	if (found) {
		*ret = found;
		return 0;
	}
	for (size_t i = 0; i < p->n; i++)
		h0_strv_add(&names, p->v[i].name);
	const char *near = names.n ? h0_str_nearest(name, (const char *const *)names.v) : NULL;
	h0_fail(e, H0_USAGE, "no profile '%.64s'%s%s%s", name, near ? " (did you mean " : "",
	        near ? near : "", near ? "?)" : p->n ? "" : ": profiles.toml has none at all");
	return h0_err_code(e, "profiles.not_found");
}

/* ---- what a profile runs and where ---- */

/* The last part of an image's repository: "host:5000/a/b:tag@sha256:..." -> "b" is `want`. */
static bool repository_is(const char *image, const char *want)
{
	const char *slash = strrchr(image, '/');
	const char *base = slash ? slash + 1 : image;
	size_t n = strcspn(base, ":@");
	return n == strlen(want) && memcmp(base, want, n) == 0;
}

static bool descends(const struct h0_profile *p, const char *name)
{
	return h0_streq(p->name, name) || h0_streq(p->cloned_from, name) || h0_streq(p->root, name);
}

enum h0_provider h0_profile_family(const struct h0_profile *p)
{
	static const struct {
		const char *repository;
		enum h0_provider family;
	} known[] = {
		{"hal0-toolbox-flm", H0_PROVIDER_FLM},
		{"hal0-toolbox-kokoro", H0_PROVIDER_KOKORO},
		{"hal0-toolbox-moonshine", H0_PROVIDER_MOONSHINE},
		{"amd-strix-halo-comfyui", H0_PROVIDER_COMFYUI},
	};
	if (p->backend)
		return H0_PROVIDER_LLAMA_SERVER;
	if (p->device_class == H0_CLASS_NPU || descends(p, "flm"))
		return H0_PROVIDER_FLM;
	if (p->device_class == H0_CLASS_IMG || descends(p, "comfyui"))
		return H0_PROVIDER_COMFYUI;
	if (descends(p, "tts"))
		return H0_PROVIDER_KOKORO;
	for (size_t i = 0; i < H0_ARRAY_LEN(known); i++)
		if (repository_is(p->image, known[i].repository))
			return known[i].family;
	return H0_PROVIDER_LLAMA_SERVER;
}

char *h0_profile_foreign_flag(const char *flags)
{
	static const char *const foreign[] = {"-m", "--model", "--port", "--host", "-c", "--ctx-size",
	                                      "-a", "--alias", "--ctx_size", NULL};
	h0_autostrv struct h0_strv words = {0};
	if (h0_words_split(flags, &words, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < words.n; i++) {
		h0_autofree char *flag = h0_strndup(words.v[i], strcspn(words.v[i], "="));
		if (h0_word_index(foreign, flag) >= 0)
			return h0_take(flag);
	}
	return NULL;
}

unsigned h0_profile_types(const struct h0_profile *p)
{
	return h0_providers[h0_profile_family(p)].types;
}

bool h0_profile_fits(const struct h0_profile *p, enum h0_device device)
{
	enum h0_provider family = h0_profile_family(p);
	if (!(h0_providers[family].devices & H0_DEVICE_BIT(device)))
		return false;
	if (family != H0_PROVIDER_LLAMA_SERVER)
		return true;
	if (p->backend && device == H0_DEVICE_CPU)
		return h0_streq(p->backend, "vulkan");
	if (p->backend)
		return h0_streq(p->backend, h0_devices[device].backend);
	return p->device_class != H0_CLASS_CPU || device == H0_DEVICE_CPU;
}

/* How good a default p is; 0 = none. */
static int preference(const struct h0_profile *p, enum h0_device device, enum h0_slot_type type)
{
	const char *back = h0_devices[device].backend;
	if (!h0_profile_fits(p, device) || !(h0_profile_types(p) & H0_TYPE_BIT(type)))
		return 0;
	int score = p->mtp ? 1 : 2;
	if (h0_streq(p->name, back ? back : h0_device_names[device]))
		score += 8;
	if (device == H0_DEVICE_CPU && p->device_class == H0_CLASS_CPU)
		score += 4;
	if (device == H0_DEVICE_CPU && h0_streq(p->name, "vulkan"))
		score += 2;
	return score;
}

const struct h0_profile *h0_profiles_default(const struct h0_profiles *p, enum h0_device device,
                                             enum h0_slot_type type, int family)
{
	const struct h0_profile *best = NULL;
	int best_score = 0;
	for (size_t i = 0; i < p->n; i++) {
		bool other = family >= 0 && h0_profile_family(&p->v[i]) != (enum h0_provider)family;
		int score = other ? 0 : preference(&p->v[i], device, type);
		if (score > best_score) {
			best = &p->v[i];
			best_score = score;
		}
	}
	return best;
}

enum h0_device h0_profile_device(const struct h0_profile *p, enum h0_device was)
{
	static const enum h0_device order[] = {
		H0_DEVICE_NPU, H0_DEVICE_GPU_ROCM, H0_DEVICE_GPU_VULKAN, H0_DEVICE_CPU,
	};
	if (h0_profile_fits(p, was))
		return was;
	if (p->device_class == H0_CLASS_CPU && h0_profile_fits(p, H0_DEVICE_CPU))
		return H0_DEVICE_CPU;
	for (size_t i = 0; i < H0_ARRAY_LEN(order); i++)
		if (h0_profile_fits(p, order[i]))
			return order[i];
	return was;
}
