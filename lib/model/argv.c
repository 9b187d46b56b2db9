/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/argv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/words.h"
#include "model/argvdiff.h"
#include "model/flm.h"
#include "model/npu.h"

#define PIDS_LIMIT       512      /* a llama-server of 32 threads needs about 100; below 16 it dies */
#define TMPFS            "/tmp:rw,size=256m,mode=1777"
#define LOG_MAX          "8mb"
#define NOFILE_MAX       65536
#define NPROC_MAX        16384    /* podman lowers its own to the kernel's pid_max, 32768 by default */
#define CONTEXT_UNKNOWN  8192     /* when neither slot nor model say */
#define CONTEXT_DEFAULT  32768    /* at most, when the slot does not say */
#define CONTEXT_ONE_STEP 8192     /* ... and a text is read in one step, which all of it must fit */
#define CACHE_RAM_MAX    4096     /* MiB of prompt cache; llama-server's own default is 8192 */
#define CACHE_RAM_SHARE  32       /* ... and no more than this part of the memory */
#define CACHE_RAM_UNSAID 512

const char *const h0_argv_source_names[] = {"base", "hal0", "profile", "slot", "extra_args", NULL};

/* Pieces of the server's command line before and after de-duplication. */
struct piece {
	char *flag, *value;     /* value NULL: none */
	enum h0_argv_source source;
	bool dropped;
};

struct build {
	const struct h0_plan *plan;
	const struct h0_slot *slot;
	const struct h0_argv_facts *f;
	struct piece *v;
	size_t n, cap;
	struct h0_argv a;
};

static void build_done(struct build *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].flag);
		free(b->v[i].value);
	}
	free(b->v);
	h0_argv_done(&b->a);
}

void h0_argv_done(struct h0_argv *a)
{
	h0_strv_done(&a->words);
	free(a->items);
	*a = (struct h0_argv){0};
}

/* ---- flags of llama-server ---- */
static const char *const synonyms[][2] = {
	{"b", "batch-size"}, {"ub", "ubatch-size"}, {"ngl", "n-gpu-layers"},
	{"gpu-layers", "n-gpu-layers"}, {"ctk", "cache-type-k"}, {"ctv", "cache-type-v"},
	{"t", "threads"}, {"tb", "threads-batch"}, {"fa", "flash-attn"}, {"dev", "device"},
	{"sm", "split-mode"}, {"c", "ctx-size"}, {"ts", "tensor-split"}, {"mg", "main-gpu"},
	{"np", "parallel"}, {"ngld", "n-gpu-layers-draft"}, {"m", "model"}, {"a", "alias"},
	{"mm", "mmproj"}, {"embeddings", "embedding"}, {"rerank", "reranking"},
	{"cram", "cache-ram"}, {"lm", "load-mode"},
};
/* May be given several times, each counts. */
static const char *const repeatable[] = {"lora", "lora-scaled", "draft-model", "override-kv",
	"control-vector", "control-vector-scaled", "api-key-file", NULL};
/* Only hal0 sets these: whoever knows the slot relies on them. */
static const struct {
	const char *key, *why;
} owned[] = {
	{"host", "a slot listens on 127.0.0.1 only"},
	{"listen", "a slot listens on 127.0.0.1 only"},
	{"port", "the slot's key 'port' sets it"},
	{"model", "the slot's key 'model.default' sets it"},
	{"alias", "requests are routed by it"},
	{"api-key", "a secret on a command line is no secret: use --api-key-file"},
};

static bool is_flag(const char *w)
{
	return w[0] == '-' && ((w[1] == '-' && w[2]) || isalpha((unsigned char)w[1]));
}

const char *h0_argv_flag(const char *w)
{
	if (!is_flag(w))
		return NULL;
	w += w[1] == '-' ? 2 : 1;
	for (size_t i = 0; i < H0_ARRAY_LEN(synonyms); i++)
		if (h0_streq(w, synonyms[i][0]))
			return synonyms[i][1];
	return w;
}

bool h0_argv_repeats(const char *name)
{
	const char *const *l = repeatable;
	while (*l && !h0_streq(*l, name))
		l++;
	return *l;
}

static void piece(struct build *b, enum h0_argv_source source, const char *flag, const char *value)
{
	b->v = h0_grow(b->v, b->n, &b->cap, sizeof *b->v);
	b->v[b->n++] = (struct piece){h0_strdup(flag), h0_strdup(value), source, false};
}

static void piecef(struct build *b, enum h0_argv_source source, const char *flag, const char *fmt, ...)
    H0_PRINTF(4, 5);
static void piecef(struct build *b, enum h0_argv_source source, const char *flag, const char *fmt, ...)
{
	char value[64];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	piece(b, source, flag, value);
}

/* Says who wrote the flags, then what is wrong with them. */
static int blame(const struct build *b, enum h0_argv_source source, struct h0_err *e,
                 const char *fmt, ...) H0_PRINTF(4, 5);
static int blame(const struct build *b, enum h0_argv_source source, struct h0_err *e,
                 const char *fmt, ...)
{
	char why[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	if (source == H0_ARGV_EXTRA)
		return h0_slot_fail(b->slot, "server.extra_args", e, "%s", why);
	h0_fail(e, H0_CONFIG, "profile '%s': flags: %s",
	        b->plan->profile ? b->plan->profile->name : "?", why);
	return h0_err_code(e, "slot.config_error");
}

static int check_owned(const struct build *b, enum h0_argv_source source, const char *flag,
                       struct h0_err *e)
{
	const char *key = h0_argv_flag(flag);
	size_t n = key ? strcspn(key, "=") : 0;
	for (size_t i = 0; key && i < H0_ARRAY_LEN(owned); i++)
		if (strlen(owned[i].key) == n && strncmp(key, owned[i].key, n) == 0)
			return blame(b, source, e, "%s must not stand here: %s", flag, owned[i].why);
	return 0;
}

/* Flags as a person wrote them. A flag takes the next word as its value unless that is a flag. */
static int written(struct build *b, enum h0_argv_source source, const char *text, struct h0_err *e)
{
	h0_autostrv struct h0_strv w = {0};
	struct h0_err why = {0};
	if (!text || !*text)
		return 0;
	if (h0_words_split(text, &w, &why) < 0)
		return blame(b, source, e, "%s", why.msg);
	for (size_t i = 0; i < w.n; i++) {
		bool flag = is_flag(w.v[i]);
		if (flag && check_owned(b, source, w.v[i], e) < 0)
			return -1;
		bool takes = flag && i + 1 < w.n && !is_flag(w.v[i + 1]);
		piece(b, source, w.v[i], takes ? w.v[i + 1] : NULL);
		i += takes;
	}
	return 0;
}

static struct piece *find(const struct build *b, const char *key)
{
	for (size_t i = b->n; i-- > 0;)
		if (!b->v[i].dropped && h0_streq(h0_argv_flag(b->v[i].flag), key))
			return &b->v[i];
	return NULL;
}

static void dedupe(struct build *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const char *key = h0_argv_flag(b->v[i].flag);
		if (!key || h0_argv_repeats(key))
			continue;
		for (size_t j = i + 1; j < b->n && !b->v[i].dropped; j++)
			b->v[i].dropped = h0_streq(key, h0_argv_flag(b->v[j].flag));
		b->a.removed += b->v[i].dropped;
	}
}

/* A profile is made for one machine; more threads than this one has CPUs only get in each
 * other's way. What the slot itself says stays. */
static void cap_threads(struct build *b)
{
	static const char *const keys[] = {"threads", "threads-batch"};
	for (size_t i = 0; i < H0_ARRAY_LEN(keys); i++) {
		struct piece *p = find(b, keys[i]);
		int64_t n;
		if (!p || p->source != H0_ARGV_PROFILE || !p->value || b->f->cpus <= 0 ||
		    !h0_num_i64(p->value, 1, INT32_MAX, &n) || n <= b->f->cpus)
			continue;
		free(p->value);
		p->value = h0_asprintf("%d", b->f->cpus);
		p->source = H0_ARGV_HAL0;
	}
}

/* ---- the result's words ---- */
static void item(struct build *b, enum h0_argv_source source, const char *flag, const char *value)
{
	struct h0_argv *a = &b->a;
	a->items = h0_grow(a->items, a->n, &a->cap, sizeof *a->items);
	a->items[a->n++] = (struct h0_argv_item){a->words.n, value ? 2 : 1, source};
	h0_strv_add(&a->words, flag);
	if (value)
		h0_strv_add(&a->words, value);
}

static void base(struct build *b, const char *flag, const char *value)
{
	item(b, H0_ARGV_BASE, flag, value);
}

static void itemf(struct build *b, enum h0_argv_source source, const char *flag, const char *fmt, ...)
    H0_PRINTF(4, 5);
static void itemf(struct build *b, enum h0_argv_source source, const char *flag, const char *fmt, ...)
{
	h0_autobuf struct h0_buf v = {0};
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	vsnprintf(h0_buf_room(&v, (size_t)n), (size_t)n + 1, fmt, again);
	va_end(again);
	v.len = (size_t)n;
	item(b, source, flag, h0_buf_str(&v));
}

/* ---- the program inside ---- */
/* A vector or a rank is of a whole text, which the server reads in one step. */
static bool one_step(enum h0_slot_type type)
{
	return type == H0_TYPE_EMBEDDING || type == H0_TYPE_RERANKING;
}

int64_t h0_argv_context(enum h0_slot_type type, int64_t native)
{
	int64_t most = one_step(type) ? CONTEXT_ONE_STEP : CONTEXT_DEFAULT;
	return native <= 0 ? CONTEXT_UNKNOWN : native < most ? native : most;
}

static int64_t choose_context(const struct build *b)
{
	return b->slot->context_size > 0 ? b->slot->context_size
	                                 : h0_argv_context(b->slot->type, b->f->native_context);
}

int64_t h0_argv_cache_ram_mib(int64_t ram_bytes)
{
	if (ram_bytes <= 0)
		return CACHE_RAM_UNSAID;
	int64_t mib = (ram_bytes >> 20) / CACHE_RAM_SHARE / 64 * 64;
	return mib < CACHE_RAM_MAX ? mib : CACHE_RAM_MAX;
}

static void llama_advice(struct build *b)
{
	const struct h0_slot *s = b->slot;
	const char *layers = s->device == H0_DEVICE_CPU ? "0" : "999";
	piece(b, H0_ARGV_HAL0, "--n-gpu-layers", layers);
	if (s->type == H0_TYPE_EMBEDDING)
		piece(b, H0_ARGV_HAL0, "--embedding", NULL);
	if (s->type == H0_TYPE_RERANKING)
		piece(b, H0_ARGV_HAL0, "--reranking", NULL);
	piece(b, H0_ARGV_HAL0, "--metrics", NULL);
	piece(b, H0_ARGV_HAL0, "--offline", NULL);
	if (b->f->key_path)
		piece(b, H0_ARGV_HAL0, "--api-key-file", b->f->key_path);
	piecef(b, H0_ARGV_HAL0, "--cache-ram", "%" PRId64, h0_argv_cache_ram_mib(b->f->ram_bytes));
}

static int64_t number(const struct build *b, const char *key, int64_t absent)
{
	const struct piece *p = find(b, key);
	int64_t n;
	return p && p->value && h0_num_i64(p->value, 1, INT32_MAX, &n) ? n : absent;
}

/* Longer texts than a step are refused by the server, so a step covers the context of one
 * sequence. A profile's own size is for other types; what the slot itself says stays. */
static void cover_context(struct build *b)
{
	static const char *const keys[][2] = {
		{"batch-size", "--batch-size"}, {"ubatch-size", "--ubatch-size"}};
	bool split = find(b, "parallel") && !find(b, "kv-unified") && !find(b, "kvu");
	int64_t seqs = split ? number(b, "parallel", 1) : 1;
	int64_t need = (b->a.context + seqs - 1) / seqs;
	for (size_t i = 0; one_step(b->slot->type) && i < H0_ARRAY_LEN(keys); i++) {
		struct piece *p = find(b, keys[i][0]);
		if (p && (p->source == H0_ARGV_EXTRA || number(b, keys[i][0], 0) >= need))
			continue;
		if (p)
			p->dropped = true;
		piecef(b, H0_ARGV_HAL0, keys[i][1], "%" PRId64, need);
	}
}

static int check_one_mode(const struct build *b, struct h0_err *e)
{
	const struct piece *embed = find(b, "embedding"), *rerank = find(b, "reranking");
	if (!embed || !rerank)
		return 0;
	const struct piece *by = embed->source > rerank->source ? embed : rerank;
	return blame(b, by->source, e, "%s: one server gives either embeddings or rankings, never "
	             "both: make two slots", by->flag);
}

static int llama(struct build *b, struct h0_err *e)
{
	const struct h0_argv_facts *f = b->f;
	piece(b, H0_ARGV_BASE, "--host", f->network == H0_NET_HOST ? "127.0.0.1" : "0.0.0.0");
	piecef(b, H0_ARGV_BASE, "--port", "%d", b->slot->port);
	if (f->model_path)
		piece(b, H0_ARGV_BASE, "--model", f->model_path);
	if (f->model_id)
		piece(b, H0_ARGV_BASE, "--alias", f->model_id);
	b->a.context = choose_context(b);
	piecef(b, b->slot->context_size > 0 ? H0_ARGV_SLOT : H0_ARGV_HAL0, "--ctx-size", "%" PRId64,
	       b->a.context);
	llama_advice(b);
	b->a.mtp = b->plan->mtp && f->model_has_mtp;
	if (b->plan->mtp && !f->model_has_mtp)
		b->a.mtp_why = "the model has no layers for it";
	if (b->a.mtp &&
	    written(b, b->slot->mtp == H0_TRI_TRUE ? H0_ARGV_SLOT : H0_ARGV_PROFILE, h0_mtp_flags, e) < 0)
		return -1;
	if (written(b, H0_ARGV_PROFILE, b->plan->flags, e) < 0)
		return -1;
	if (f->chat_template)
		piece(b, H0_ARGV_SLOT, "--chat-template-file", f->chat_template);
	if (f->mmproj && b->slot->vision)
		piece(b, H0_ARGV_SLOT, "--mmproj", f->mmproj);
	if (written(b, H0_ARGV_EXTRA, b->slot->extra_args, e) < 0)
		return -1;
	dedupe(b);
	cap_threads(b);
	const struct piece *ctx = find(b, "ctx-size");
	if (ctx && ctx->value)
		b->a.context = strtoll(ctx->value, NULL, 10);
	cover_context(b);
	return check_one_mode(b, e);
}

static int flm_tag(const struct build *b, char tag[H0_FLM_NAME], struct h0_err *e)
{
	const char *id = b->f->model_id ? b->f->model_id : "";
	if (!h0_flm_is_name(id))
		return h0_slot_fail(b->slot, "model.default", e, "'%s' is no FLM tag: these look like family:size "
		                    "(or family-size-FLM), and no other model runs on the NPU", id);
	h0_flm_tag(id, tag);
	return 0;
}

static int flm(struct build *b, struct h0_err *e)
{
	char tag[H0_FLM_NAME];
	if (h0_slot_is_shadow(b->slot)) {
		h0_slot_fail(b->slot, "type", e, "the NPU's chat slot answers for this one: it has no command of "
		             "its own");
		if (e)
			e->kind = H0_NO;
		return -1;
	}
	if (flm_tag(b, tag, e) < 0)
		return -1;
	piece(b, H0_ARGV_BASE, "serve", NULL);
	piece(b, H0_ARGV_BASE, tag, NULL);
	piece(b, H0_ARGV_BASE, "--host", "127.0.0.1");
	piecef(b, H0_ARGV_BASE, "--port", "%d", b->slot->port);
	b->a.context = b->slot->context_size > 0 ? b->slot->context_size : CONTEXT_UNKNOWN;
	piecef(b, b->slot->context_size > 0 ? H0_ARGV_SLOT : H0_ARGV_HAL0, "--ctx-len", "%" PRId64,
	       b->a.context);
	if (b->slot->has_npu && b->slot->npu_embed)
		piece(b, H0_ARGV_SLOT, "--embed", "1");
	if (b->slot->has_npu && b->slot->npu_asr)
		piece(b, H0_ARGV_SLOT, "--asr", "1");
	return 0;
}

/* The image's program wants a login shell for its environment; our words come as arguments to a
 * constant script, never as part of it. */
static void comfyui_script(struct build *b)
{
	base(b, "bash", NULL);
	base(b, "-lc", "cd /opt/ComfyUI && exec python main.py \"$@\"");
	base(b, "hal0-slot", NULL);
}

static int comfyui(struct build *b, struct h0_err *e)
{
	piece(b, H0_ARGV_BASE, "--listen", "127.0.0.1");
	piecef(b, H0_ARGV_BASE, "--port", "%d", b->slot->port);
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

static int speech(struct build *b, struct h0_err *e)
{
	const char *arch = b->plan->family == H0_PROVIDER_MOONSHINE ? moonshine_arch(b->f) : NULL;
	piece(b, H0_ARGV_BASE, "--host", "127.0.0.1");
	piecef(b, H0_ARGV_BASE, "--port", "%d", b->slot->port);
	if (arch)
		piece(b, H0_ARGV_HAL0, "--model_arch", arch);
	return 0;
}

static int server(struct build *b, struct h0_err *e)
{
	static int (*const by_family[H0_PROVIDER_N])(struct build *, struct h0_err *) = {
		[H0_PROVIDER_LLAMA_SERVER] = llama, [H0_PROVIDER_FLM] = flm,
		[H0_PROVIDER_MOONSHINE] = speech, [H0_PROVIDER_KOKORO] = speech,
		[H0_PROVIDER_COMFYUI] = comfyui,
	};
	if (by_family[b->plan->family](b, e) < 0)
		return -1;
	if (b->plan->family == H0_PROVIDER_LLAMA_SERVER)
		return 0;
	if (written(b, H0_ARGV_PROFILE, b->plan->flags, e) < 0)
		return -1;
	bool speech_server = by_family[b->plan->family] == speech;
	if (speech_server && b->f->model_path)
		piece(b, H0_ARGV_SLOT, H0_ARGV_MODEL_PATH, b->f->model_path);
	if (written(b, H0_ARGV_EXTRA, b->slot->extra_args, e) < 0)
		return -1;
	dedupe(b);
	return 0;
}

/* ---- the container ---- */
/* Whether weights are mapped or read: the flag was renamed between versions of llama-server and
 * an unknown flag ends it, so it goes into the environment under every name it had; a version
 * reads the one it knows. What a person wrote wins over our advice. */
static void load_mode(struct build *b)
{
	struct piece *off = find(b, "no-mmap"), *on = find(b, "mmap");
	const struct h0_argv_facts *f = b->f;
	const struct piece *last = !on || (off && off > on) ? off : on;
	enum h0_argv_source source = last ? last->source : H0_ARGV_HAL0;
	bool big = f->model_bytes > 0 && f->ram_bytes > 0 && f->model_bytes > f->ram_bytes / 2;
	if (off)
		off->dropped = true;
	if (on)
		on->dropped = true;
	if (find(b, "load-mode") || (!last && !big))
		return;
	bool map = last && last == on;
	item(b, source, "--env", map ? "LLAMA_ARG_LOAD_MODE=mmap" : "LLAMA_ARG_LOAD_MODE=none");
	item(b, source, "--env", map ? "LLAMA_ARG_MMAP=1" : "LLAMA_ARG_MMAP=0");
	if (!map)
		item(b, source, "--env", "LLAMA_ARG_NO_MMAP=1");
}

static void environment(struct build *b)
{
	static const char *const flm_env[] = {
		"FLM_CONFIG_PATH=/opt/fastflowlm/share/flm/model_list.json",
		"LD_LIBRARY_PATH=/opt/fastflowlm/lib:/opt/xilinx/xrt/lib:/usr/lib/x86_64-linux-gnu",
	};
	for (size_t i = 0; b->plan->family == H0_PROVIDER_FLM && i < H0_ARRAY_LEN(flm_env); i++)
		base(b, "--env", flm_env[i]);
	if (b->plan->family != H0_PROVIDER_LLAMA_SERVER)
		return;
	base(b, "--env", "HOME=/tmp");
	base(b, "--env", "XDG_CACHE_HOME=/tmp");
	/* a page in somebody's browser must not be able to ask the slot */
	item(b, H0_ARGV_HAL0, "--env", "LLAMA_ARG_CORS_ORIGINS=localhost");
	if (b->slot->device == H0_DEVICE_GPU_ROCM)
		item(b, H0_ARGV_HAL0, "--env", "ROCBLAS_USE_HIPBLASLT=1");
	if (b->slot->device == H0_DEVICE_GPU_VULKAN)
		item(b, H0_ARGV_HAL0, "--env", "AMD_VULKAN_ICD=RADV");
	const struct piece *layers = find(b, "n-gpu-layers");
	/* asked for by hand: Vulkan's driver for the processor, which the server hides unless named;
	 * no GPU's nodes are in the container, so it is the first device */
	if (b->slot->device == H0_DEVICE_CPU && layers && !h0_streq(layers->value, "0"))
		item(b, H0_ARGV_HAL0, "--env", "GGML_VK_VISIBLE_DEVICES=0");
	/* what it allocates is told at this level by versions that read this name, and by older ones
	 * at every level */
	if (b->f->measure)
		item(b, H0_ARGV_HAL0, "--env", "LLAMA_ARG_LOG_VERBOSITY=4");
	load_mode(b);
}

static void limits(struct build *b)
{
	const struct h0_argv_facts *f = b->f;
	int64_t nofile = f->nofile >= 0 && f->nofile < NOFILE_MAX ? f->nofile : NOFILE_MAX;
	int64_t nproc = f->nproc >= 0 && f->nproc < NPROC_MAX ? f->nproc : NPROC_MAX;
	itemf(b, b->slot->pids_limit > 0 ? H0_ARGV_SLOT : H0_ARGV_BASE, "--pids-limit", "%" PRId64,
	      b->slot->pids_limit > 0 ? b->slot->pids_limit : PIDS_LIMIT);
	/* said in full, within what we may pass on: what podman would set by itself can need a
	 * capability that this machine does not grant */
	itemf(b, H0_ARGV_BASE, "--ulimit", "nofile=%" PRId64 ":%" PRId64, nofile, nofile);
	itemf(b, H0_ARGV_BASE, "--ulimit", "nproc=%" PRId64 ":%" PRId64, nproc, nproc);
	base(b, "--ulimit", "core=0:0");
	if (b->plan->family == H0_PROVIDER_FLM) /* the NPU works on locked memory */
		itemf(b, H0_ARGV_BASE, "--ulimit", "memlock=%" PRId64 ":%" PRId64, f->memlock, f->memlock);
}

/* What the slot's table [container] lists, but for what is there without it. */
static void granted(struct build *b, const char *option, const struct h0_toml_node *list,
                    const char *const *there)
{
	if (!list)
		return;
	h0_toml_each(x, list) {
		bool has = false;
		for (size_t i = 0; there && there[i]; i++)
			has |= h0_streq(there[i], x->str);
		if (has)
			continue;
		if (h0_streq(option, "--volume"))
			itemf(b, H0_ARGV_SLOT, option, "%s:%s:ro", x->str, x->str);
		else
			item(b, H0_ARGV_SLOT, option, x->str);
	}
}

static void hardening(struct build *b)
{
	base(b, "--cap-drop", "all");
	granted(b, "--cap-add", b->slot->caps, NULL);
	base(b, "--security-opt", "no-new-privileges");
	/* device nodes and the model store keep the labels they have */
	base(b, "--security-opt", "label=disable");
	if (b->plan->family == H0_PROVIDER_LLAMA_SERVER && b->slot->read_only) {
		base(b, "--read-only", NULL);
		base(b, "--read-only-tmpfs=false", NULL);
	}
	if (b->plan->family == H0_PROVIDER_LLAMA_SERVER)
		base(b, "--tmpfs", TMPFS);
	if (b->f->uid >= 0)
		itemf(b, H0_ARGV_BASE, "--user", "%ld:%ld", b->f->uid, b->f->gid);
}

static int mount(struct build *b, const char *from, const char *to, const char *mode,
                 struct h0_err *e)
{
	if (strchr(from, ':'))
		return h0_slot_fail(b->slot, "model.default", e,
		                    "podman cannot mount a path with a colon: %s", from);
	itemf(b, H0_ARGV_BASE, "--volume", "%s:%s:%s", from, to, mode);
	return 0;
}

static int mounts(struct build *b, struct h0_err *e)
{
	static const char *const comfyui_dirs[][2] = {
		{"models", "/root/comfy-models"}, {"output", "/opt/ComfyUI/output"},
		{"input", "/opt/ComfyUI/input"}, {"user", "/opt/ComfyUI/user"},
		{"custom_nodes", "/opt/ComfyUI/custom_nodes"},
	};
	const struct h0_argv_facts *f = b->f;
	for (size_t i = 0; f->mounts && f->mounts[i]; i++)
		if (mount(b, f->mounts[i], f->mounts[i], "ro", e) < 0)
			return -1;
	granted(b, "--volume", b->slot->mounts, f->mounts);
	if (f->key_path && mount(b, f->key_path, f->key_path, "ro", e) < 0)
		return -1;
	if (!f->data_dir)
		return 0;
	if (b->plan->family == H0_PROVIDER_FLM)
		return mount(b, f->data_dir, H0_FLM_MODELS, "rw", e);
	for (size_t i = 0; b->plan->family == H0_PROVIDER_COMFYUI && i < H0_ARRAY_LEN(comfyui_dirs); i++) {
		h0_autofree char *from = h0_asprintf("%s/%s", f->data_dir, comfyui_dirs[i][0]);
		if (mount(b, from, comfyui_dirs[i][1], "rw", e) < 0)
			return -1;
	}
	if (b->plan->family != H0_PROVIDER_COMFYUI)
		return 0;
	h0_autofree char *paths = h0_asprintf("%s/" H0_COMFYUI_PATHS, f->data_dir);
	return mount(b, paths, "/opt/ComfyUI/" H0_COMFYUI_PATHS, "ro", e);
}

static void network(struct build *b)
{
	if (b->f->network == H0_NET_HOST)
		base(b, "--network", "host");
	else
		itemf(b, H0_ARGV_BASE, "--publish", "127.0.0.1:%d:%d", b->slot->port, b->slot->port);
}

static void identity(struct build *b)
{
	const struct h0_argv_facts *f = b->f;
	itemf(b, H0_ARGV_BASE, "--name", H0_CONTAINER_PREFIX "%s", b->slot->name);
	base(b, "--replace", NULL);
	base(b, "--pull=never", NULL);
	itemf(b, H0_ARGV_BASE, "--label", H0_LABEL_SLOT "=%s", b->slot->name);
	itemf(b, H0_ARGV_BASE, "--label", H0_LABEL_HOME "=%s", f->home);
	itemf(b, H0_ARGV_BASE, "--label", H0_LABEL_PORT "=%d", b->slot->port);
	itemf(b, H0_ARGV_BASE, "--label", H0_LABEL_MODEL "=%s", f->model_id ? f->model_id : "");
	itemf(b, H0_ARGV_BASE, "--label", H0_LABEL_PROVIDER "=%s",
	      h0_provider_names[b->plan->family]);
	itemf(b, H0_ARGV_BASE, "--label", H0_LABEL_SPEC "=%16s", "");
	itemf(b, H0_ARGV_BASE, "--pidfile", "%s/pid", f->run_dir);
	itemf(b, H0_ARGV_BASE, "--conmon-pidfile", "%s/conmon.pid", f->run_dir);
	base(b, "--log-driver", "k8s-file");
	itemf(b, H0_ARGV_BASE, "--log-opt", "path=%s", f->log_path);
	base(b, "--log-opt", "max-size=" LOG_MAX);
	/* an image's own check asks a fixed port */
	base(b, "--no-healthcheck", NULL);
}

static int container(struct build *b, struct h0_err *e)
{
	const struct h0_argv_facts *f = b->f;
	h0_strv_add(&b->a.words, f->podman);
	if (f->runtime)
		item(b, H0_ARGV_BASE, "--runtime", f->runtime);
	base(b, "run", NULL);
	base(b, f->mode == H0_ARGV_FOREGROUND ? "--rm" : "--detach", NULL);
	if (f->mode == H0_ARGV_FOREGROUND)
		base(b, "--sdnotify=conmon", NULL);
	if (f->mode == H0_ARGV_UNIT) {
		/* we tell systemd ourselves: what podman says as it ends can be lost on a busy machine */
		base(b, "--sdnotify=ignore", NULL);
		/* the monitor is the unit's main process, so it stays in the unit's control group */
		base(b, "--cgroups=no-conmon", NULL);
	}
	identity(b);
	network(b);
	for (size_t i = 0; f->nodes && f->nodes[i]; i++)
		base(b, "--device", f->nodes[i]);
	granted(b, "--device", b->slot->devices, f->nodes);
	for (size_t i = 0; i < f->ngids; i++)
		itemf(b, H0_ARGV_BASE, "--group-add", "%ld", f->gids[i]);
	hardening(b);
	limits(b);
	if (mounts(b, e) < 0)
		return -1;
	environment(b);
	enum h0_argv_source named = b->plan->profile ? H0_ARGV_PROFILE : H0_ARGV_HAL0;
	item(b, h0_streq(b->plan->image_source, "slot") ? H0_ARGV_SLOT : named, b->plan->image, NULL);
	return 0;
}

static void stamp(struct h0_argv *a)
{
	h0_argv_stamp(a->words.v, a->words.n, a->spec);
	for (size_t i = 0; i < a->words.n; i++)
		if (h0_starts(a->words.v[i], H0_LABEL_SPEC "="))
			memcpy(a->words.v[i] + strlen(H0_LABEL_SPEC "="), a->spec, 16);
}

int h0_argv_build(const struct h0_plan *plan, const struct h0_argv_facts *f, struct h0_argv *ret,
                  struct h0_err *e)
{
	h0_auto(build_done) struct build b = {
		.plan = plan, .slot = plan->slot, .f = f, .a.mtp_why = plan->mtp_why};
	if (server(&b, e) < 0 || container(&b, e) < 0)
		return -1;
	b.a.server_at = b.a.words.n;
	if (plan->family == H0_PROVIDER_COMFYUI)
		comfyui_script(&b);
	for (size_t i = 0; i < b.n; i++)
		if (!b.v[i].dropped)
			item(&b, b.v[i].source, b.v[i].flag, b.v[i].value);
	stamp(&b.a);
	*ret = b.a;
	b.a = (struct h0_argv){0};
	return 0;
}
