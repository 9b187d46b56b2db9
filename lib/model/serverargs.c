/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/serverargs.h"

#include <ctype.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "base/words.h"
#include "model/flm.h"
#include "model/npu.h"

#define CONTEXT_UNKNOWN  8192     /* when neither slot nor model say */
#define CONTEXT_DEFAULT  32768    /* at most, when the slot does not say */
#define CONTEXT_ONE_STEP 8192     /* ... and a text is read in one step, which all of it must fit */
#define CACHE_RAM_MAX    4096     /* MiB of prompt cache; llama-server's own default is 8192 */
#define CACHE_RAM_SHARE  32       /* ... and no more than this part of the memory */
#define CACHE_RAM_UNSAID 512

void h0_server_args_done(struct h0_server_args *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].flag);
		free(a->v[i].value);
	}
	free(a->v);
	*a = (struct h0_server_args){0};
}

/* ---- flags of llama-server ---- */

static const char *const synonyms[][2] = {
	{"b", "batch-size"}, {"ub", "ubatch-size"}, {"ngl", "n-gpu-layers"},
	{"gpu-layers", "n-gpu-layers"}, {"ctk", "cache-type-k"}, {"ctv", "cache-type-v"},
	{"t", "threads"}, {"tb", "threads-batch"}, {"fa", "flash-attn"}, {"dev", "device"},
	{"sm", "split-mode"}, {"c", "ctx-size"}, {"ts", "tensor-split"}, {"mg", "main-gpu"},
	{"np", "parallel"}, {"ngld", "n-gpu-layers-draft"}, {"m", "model"}, {"a", "alias"},
	{"mm", "mmproj"}, {"embeddings", "embedding"}, {"rerank", "reranking"},
	{"cram", "cache-ram"}, {"lm", "load-mode"}, {"hft", "hf-token"},
	{"mu", "model-url"}, {"hf", "hf-repo"}, {"hfr", "hf-repo"}, {"hff", "hf-file"}, {"dr", "docker-repo"},
	{"hfv", "hf-repo-v"}, {"hfrv", "hf-repo-v"}, {"hffv", "hf-file-v"}, {"hfd", "hf-repo-draft"},
	{"hfrd", "hf-repo-draft"}, {"spec-draft-hf", "hf-repo-draft"}, {"mmu", "mmproj-url"},
};
/* May be given several times, each counts. */
static const char *const repeatable[] = {"lora", "lora-scaled", "draft-model", "override-kv",
	"control-vector", "control-vector-scaled", "api-key-file", NULL};
#define FETCHES "a slot's server fetches nothing: hal0 model pull does, and the slot's key 'model.default' names the file"
#define ONE     "a slot serves one model: hal0 route serve answers for many"
#define TLS     "a slot is asked over plain HTTP on 127.0.0.1: TLS is for what stands before hal0 route serve"
/* Only hal0 sets these, or nobody does: whoever knows the slot relies on them. Shell patterns; the
 * first that fits counts, `why` NULL: allowed. Source: llama-server --help. */
static const struct {
	const char *key, *why;
} owned[] = {
	{"host", "a slot listens on 127.0.0.1 only"},
	{"listen", "a slot listens on 127.0.0.1 only"},
	{"port", "the slot's key 'port' sets it"},
	{"model", "the slot's key 'model.default' sets it"},
	{"alias", "requests are routed by it"},
	{"api-key", "a secret on a command line is no secret: use --api-key-file"},
	{"hf-token", "a secret on a command line is no secret: hal0 model pull takes --token-file"},
	{"model-url", FETCHES}, {"docker-repo", FETCHES},
	{"hf-repo", FETCHES}, {"hf-file", FETCHES}, {"hf-repo-v", FETCHES}, {"hf-file-v", FETCHES},
	{"hf-repo-draft", "a slot's server fetches nothing: hal0 model pull does, and --model-draft names the file"},
	{"mmproj-url", "a slot's server fetches nothing: hal0 model pull --projector does"},
	{"spec-default", NULL}, {"*-default", FETCHES}, {"fim-qwen-*", FETCHES}, /* presets with a model of their own */
	{"models-dir", ONE}, {"models-preset", ONE}, {"models-max", ONE}, {"models-autoload", ONE}, {"no-models-autoload", ONE},
	{"api-prefix", "hal0 asks for /health and /v1 where they are"},
	{"ssl-key-file", TLS}, {"ssl-cert-file", TLS},
	{"reuse-port", "the slot's port is its alone"},
};

static bool is_flag(const char *w)
{
	return w[0] == '-' && ((w[1] == '-' && w[2]) || isalpha((unsigned char)w[1]));
}

const char *h0_server_flag(const char *w)
{
	if (!is_flag(w))
		return NULL;
	w += w[1] == '-' ? 2 : 1;
	for (size_t i = 0; i < H0_ARRAY_LEN(synonyms); i++)
		if (h0_streq(w, synonyms[i][0]))
			return synonyms[i][1];
	return w;
}

bool h0_server_flag_repeats(const char *name)
{
	const char *const *l = repeatable;
	while (*l && !h0_streq(*l, name))
		l++;
	return *l;
}

/* ---- flags as they come ---- */

static void add(struct h0_server_args *a, enum h0_argv_source source, const char *flag, const char *value)
{
	a->v = h0_grow(a->v, a->n, &a->cap, sizeof *a->v);
	a->v[a->n++] = (struct h0_server_arg){h0_strdup(flag), h0_strdup(value), source, false};
}

static void addf(struct h0_server_args *a, enum h0_argv_source source, const char *flag, const char *fmt, ...)
    H0_PRINTF(4, 5);
static void addf(struct h0_server_args *a, enum h0_argv_source source, const char *flag, const char *fmt, ...)
{
	char value[64];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	add(a, source, flag, value);
}

/* Says who wrote the flags, then what is wrong with them. */
static int blame(const struct h0_server_args *a, enum h0_argv_source source, struct h0_err *e,
                 const char *fmt, ...) H0_PRINTF(4, 5);
static int blame(const struct h0_server_args *a, enum h0_argv_source source, struct h0_err *e,
                 const char *fmt, ...)
{
	char why[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	if (source == H0_ARGV_EXTRA)
		return h0_slot_fail(a->plan->slot, "server.extra_args", e, "%s", why);
	h0_fail(e, H0_CONFIG, "profile '%s': flags: %s",
	        a->plan->profile ? a->plan->profile->name : "?", why);
	return h0_err_code(e, "slot.config_error");
}

static int check_owned(const struct h0_server_args *a, enum h0_argv_source source, const char *flag,
                       struct h0_err *e)
{
	const char *key = h0_server_flag(flag);
	h0_autofree char *name = key ? h0_strndup(key, strcspn(key, "=")) : NULL;
	size_t i = 0;
	while (name && i < H0_ARRAY_LEN(owned) && fnmatch(owned[i].key, name, 0) != 0)
		i++;
	if (!name || i == H0_ARRAY_LEN(owned) || !owned[i].why)
		return 0;
	return blame(a, source, e, "%s must not stand here: %s", flag, owned[i].why);
}

/* llama-server takes _ for - in the names of its flags; others' have it. */
static void respell(char *word)
{
	for (char *p = h0_starts(word, "--") ? strchr(word, '_') : NULL; p; p = strchr(p, '_'))
		*p = '-';
}

/* Flags as a person wrote them. A flag takes the next word as its value unless that is a flag. */
static int written(struct h0_server_args *a, enum h0_argv_source source, const char *text, struct h0_err *e)
{
	h0_autostrv struct h0_strv w = {0};
	struct h0_err why = {0};
	if (!text || !*text)
		return 0;
	if (h0_words_split(text, &w, &why) < 0)
		return blame(a, source, e, "%s", why.msg);
	for (size_t i = 0; a->plan->family == H0_PROVIDER_LLAMA_SERVER && i < w.n; i++)
		respell(w.v[i]);
	for (size_t i = 0; i < w.n; i++) {
		bool flag = is_flag(w.v[i]);
		if (flag && check_owned(a, source, w.v[i], e) < 0)
			return -1;
		bool takes = flag && i + 1 < w.n && !is_flag(w.v[i + 1]);
		add(a, source, w.v[i], takes ? w.v[i + 1] : NULL);
		i += takes;
	}
	return 0;
}

struct h0_server_arg *h0_server_arg(const struct h0_server_args *a, const char *name)
{
	for (size_t i = a->n; i-- > 0;)
		if (!a->v[i].dropped && h0_streq(h0_server_flag(a->v[i].flag), name))
			return &a->v[i];
	return NULL;
}

static void dedupe(struct h0_server_args *a)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *key = h0_server_flag(a->v[i].flag);
		if (!key || h0_server_flag_repeats(key))
			continue;
		for (size_t j = i + 1; j < a->n && !a->v[i].dropped; j++)
			a->v[i].dropped = h0_streq(key, h0_server_flag(a->v[j].flag));
		a->removed += a->v[i].dropped;
	}
}

/* A profile is made for one machine; more threads than this one has CPUs only get in each
 * other's way. What the slot itself says stays. */
static void cap_threads(struct h0_server_args *a)
{
	static const char *const keys[] = {"threads", "threads-batch"};
	for (size_t i = 0; i < H0_ARRAY_LEN(keys); i++) {
		struct h0_server_arg *p = h0_server_arg(a, keys[i]);
		int64_t n;
		if (!p || p->source != H0_ARGV_PROFILE || !p->value || a->f->cpus <= 0 ||
		    !h0_num_i64(p->value, 1, INT32_MAX, &n) || n <= a->f->cpus)
			continue;
		free(p->value);
		p->value = h0_asprintf("%d", a->f->cpus);
		p->source = H0_ARGV_HAL0;
	}
}

/* ---- each program ---- */

/* A vector or a rank is of a whole text, which the server reads in one step. */
static bool one_step(enum h0_slot_type type)
{
	return type == H0_TYPE_EMBEDDING || type == H0_TYPE_RERANKING;
}

int64_t h0_server_context(enum h0_slot_type type, int64_t native)
{
	int64_t most = one_step(type) ? CONTEXT_ONE_STEP : CONTEXT_DEFAULT;
	return native <= 0 ? CONTEXT_UNKNOWN : native < most ? native : most;
}

static int64_t choose_context(const struct h0_server_args *a)
{
	const struct h0_slot *s = a->plan->slot;
	return s->context_size > 0 ? s->context_size : h0_server_context(s->type, a->f->native_context);
}

int64_t h0_server_cache_ram_mib(int64_t ram_bytes)
{
	if (ram_bytes <= 0)
		return CACHE_RAM_UNSAID;
	int64_t mib = (ram_bytes >> 20) / CACHE_RAM_SHARE / 64 * 64;
	return mib < CACHE_RAM_MAX ? mib : CACHE_RAM_MAX;
}

static void llama_advice(struct h0_server_args *a)
{
	const struct h0_slot *s = a->plan->slot;
	const char *layers = s->device == H0_DEVICE_CPU ? "0" : "999";
	add(a, H0_ARGV_HAL0, "--n-gpu-layers", layers);
	if (s->type == H0_TYPE_EMBEDDING)
		add(a, H0_ARGV_HAL0, "--embedding", NULL);
	if (s->type == H0_TYPE_RERANKING)
		add(a, H0_ARGV_HAL0, "--reranking", NULL);
	add(a, H0_ARGV_HAL0, "--metrics", NULL);
	add(a, H0_ARGV_HAL0, "--offline", NULL);
	if (a->f->key_path)
		add(a, H0_ARGV_HAL0, "--api-key-file", a->f->key_path);
	addf(a, H0_ARGV_HAL0, "--cache-ram", "%" PRId64, h0_server_cache_ram_mib(a->f->ram_bytes));
}

static int64_t number(const struct h0_server_args *a, const char *key, int64_t absent)
{
	const struct h0_server_arg *p = h0_server_arg(a, key);
	int64_t n;
	return p && p->value && h0_num_i64(p->value, 1, INT32_MAX, &n) ? n : absent;
}

/* Longer texts than a step are refused by the server, so a step covers the context of one
 * sequence. A profile's own size is for other types; what the slot itself says stays. */
static void cover_context(struct h0_server_args *a)
{
	static const char *const keys[][2] = {
		{"batch-size", "--batch-size"}, {"ubatch-size", "--ubatch-size"}};
	bool split = h0_server_arg(a, "parallel") && !h0_server_arg(a, "kv-unified") && !h0_server_arg(a, "kvu");
	int64_t seqs = split ? number(a, "parallel", 1) : 1;
	int64_t need = (a->context + seqs - 1) / seqs;
	for (size_t i = 0; one_step(a->plan->slot->type) && i < H0_ARRAY_LEN(keys); i++) {
		struct h0_server_arg *p = h0_server_arg(a, keys[i][0]);
		if (p && (p->source == H0_ARGV_EXTRA || number(a, keys[i][0], 0) >= need))
			continue;
		if (p)
			p->dropped = true;
		addf(a, H0_ARGV_HAL0, keys[i][1], "%" PRId64, need);
	}
}

static int check_one_mode(const struct h0_server_args *a, struct h0_err *e)
{
	const struct h0_server_arg *embed = h0_server_arg(a, "embedding"), *rerank = h0_server_arg(a, "reranking");
	if (!embed || !rerank)
		return 0;
	const struct h0_server_arg *by = embed->source > rerank->source ? embed : rerank;
	return blame(a, by->source, e, "%s: one server gives either embeddings or rankings, never "
	             "both: make two slots", by->flag);
}

static int llama(struct h0_server_args *a, struct h0_err *e)
{
	const struct h0_argv_facts *f = a->f;
	add(a, H0_ARGV_BASE, "--host", f->network == H0_NET_HOST ? "127.0.0.1" : "0.0.0.0");
	addf(a, H0_ARGV_BASE, "--port", "%d", a->plan->slot->port);
	if (f->model_path)
		add(a, H0_ARGV_BASE, "--model", f->model_path);
	if (f->model_id)
		add(a, H0_ARGV_BASE, "--alias", f->model_id);
	a->context = choose_context(a);
	addf(a, a->plan->slot->context_size > 0 ? H0_ARGV_SLOT : H0_ARGV_HAL0, "--ctx-size", "%" PRId64,
	       a->context);
	llama_advice(a);
	a->mtp = a->plan->mtp && f->model_has_mtp;
	if (a->plan->mtp && !f->model_has_mtp)
		a->mtp_why = "the model has no layers for it";
	if (a->mtp &&
	    written(a, a->plan->slot->mtp == H0_TRI_TRUE ? H0_ARGV_SLOT : H0_ARGV_PROFILE, h0_mtp_flags, e) < 0)
		return -1;
	if (written(a, H0_ARGV_PROFILE, a->plan->flags, e) < 0)
		return -1;
	if (f->chat_template)
		add(a, H0_ARGV_SLOT, "--chat-template-file", f->chat_template);
	if (f->mmproj && a->plan->slot->vision)
		add(a, H0_ARGV_SLOT, "--mmproj", f->mmproj);
	if (written(a, H0_ARGV_EXTRA, a->plan->slot->extra_args, e) < 0)
		return -1;
	dedupe(a);
	cap_threads(a);
	const struct h0_server_arg *ctx = h0_server_arg(a, "ctx-size");
	int64_t said;
	if (ctx && ctx->value && h0_num_i64(ctx->value, 0, INT32_MAX, &said))
		a->context = said ? said : f->native_context > 0 ? f->native_context : CONTEXT_UNKNOWN;
	cover_context(a);
	return check_one_mode(a, e);
}

static int flm_tag(const struct h0_server_args *a, char tag[H0_FLM_NAME], struct h0_err *e)
{
	const char *id = a->f->model_id ? a->f->model_id : "";
	if (!h0_flm_is_name(id))
		return h0_slot_fail(a->plan->slot, "model.default", e, "'%s' is no FLM tag: these look like family:size "
		                    "(or family-size-FLM), and no other model runs on the NPU", id);
	h0_flm_tag(id, tag);
	return 0;
}

static int flm(struct h0_server_args *a, struct h0_err *e)
{
	char tag[H0_FLM_NAME];
	if (h0_slot_is_shadow(a->plan->slot)) {
		h0_slot_fail(a->plan->slot, "type", e, "the NPU's chat slot answers for this one: it has no command of "
		             "its own");
		if (e)
			e->kind = H0_NO;
		return -1;
	}
	if (flm_tag(a, tag, e) < 0)
		return -1;
	add(a, H0_ARGV_BASE, "serve", NULL);
	add(a, H0_ARGV_BASE, tag, NULL);
	add(a, H0_ARGV_BASE, "--host", "127.0.0.1");
	addf(a, H0_ARGV_BASE, "--port", "%d", a->plan->slot->port);
	a->context = a->plan->slot->context_size > 0 ? a->plan->slot->context_size : CONTEXT_UNKNOWN;
	addf(a, a->plan->slot->context_size > 0 ? H0_ARGV_SLOT : H0_ARGV_HAL0, "--ctx-len", "%" PRId64,
	       a->context);
	if (a->plan->slot->has_npu && a->plan->slot->npu_embed)
		add(a, H0_ARGV_SLOT, "--embed", "1");
	if (a->plan->slot->has_npu && a->plan->slot->npu_asr)
		add(a, H0_ARGV_SLOT, "--asr", "1");
	return 0;
}

static int comfyui(struct h0_server_args *a, struct h0_err *e)
{
	add(a, H0_ARGV_BASE, "--listen", "127.0.0.1");
	addf(a, H0_ARGV_BASE, "--port", "%d", a->plan->slot->port);
	return 0;
}

/* Moonshine wants to be told what its files are; the name a model goes by ends in it. */
static const char *moonshine_arch(const struct h0_argv_facts *f)
{
	static const char *const archs[] = {"tiny_streaming", "small_streaming", "tiny", "base", "small", NULL};
	const char *slash = f->model_path ? strrchr(f->model_path, '/') : NULL;
	for (const char *const *a = archs; *a; a++)
		if ((f->model_id && h0_ends(f->model_id, *a)) || (slash && h0_ends(slash, *a)))
			return *a;
	return NULL;
}

static int speech(struct h0_server_args *a, struct h0_err *e)
{
	const char *arch = a->plan->family == H0_PROVIDER_MOONSHINE ? moonshine_arch(a->f) : NULL;
	add(a, H0_ARGV_BASE, "--host", "127.0.0.1");
	addf(a, H0_ARGV_BASE, "--port", "%d", a->plan->slot->port);
	if (arch)
		add(a, H0_ARGV_HAL0, "--model_arch", arch);
	return 0;
}

static int words_of(struct h0_server_args *a, struct h0_err *e)
{
	static int (*const by_family[H0_PROVIDER_N])(struct h0_server_args *, struct h0_err *) = {
		[H0_PROVIDER_LLAMA_SERVER] = llama, [H0_PROVIDER_FLM] = flm,
		[H0_PROVIDER_MOONSHINE] = speech, [H0_PROVIDER_KOKORO] = speech,
		[H0_PROVIDER_COMFYUI] = comfyui,
	};
	if (by_family[a->plan->family](a, e) < 0)
		return -1;
	if (a->plan->family == H0_PROVIDER_LLAMA_SERVER)
		return 0;
	if (written(a, H0_ARGV_PROFILE, a->plan->flags, e) < 0)
		return -1;
	bool speech_server = by_family[a->plan->family] == speech;
	if (speech_server && a->f->model_path)
		add(a, H0_ARGV_SLOT, H0_ARGV_MODEL_PATH, a->f->model_path);
	if (written(a, H0_ARGV_EXTRA, a->plan->slot->extra_args, e) < 0)
		return -1;
	dedupe(a);
	return 0;
}

int h0_server_args(const struct h0_plan *plan, const struct h0_argv_facts *f,
                   struct h0_server_args *ret, struct h0_err *e)
{
	*ret = (struct h0_server_args){.plan = plan, .f = f, .mtp_why = plan->mtp_why};
	return words_of(ret, e);
}
