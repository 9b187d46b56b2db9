/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/argv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "model/argvdiff.h"
#include "model/serverargs.h"

#define PIDS_LIMIT       512      /* a llama-server of 32 threads needs about 100; below 16 it dies */
#define TMPFS            "/tmp:rw,size=256m,mode=1777"
#define LOG_MAX          "8mb"
#define NOFILE_MAX       65536
#define NPROC_MAX        16384    /* podman lowers its own to the kernel's pid_max, 32768 by default */

const char *const h0_argv_source_names[] = {"base", "hal0", "profile", "slot", "extra_args", NULL};

struct build {
	const struct h0_plan *plan;
	const struct h0_slot *slot;
	const struct h0_argv_facts *f;
	struct h0_server_args args;
	struct h0_argv a;
};

static void build_done(struct build *b)
{
	h0_server_args_done(&b->args);
	h0_argv_done(&b->a);
}

void h0_argv_done(struct h0_argv *a)
{
	h0_strv_done(&a->words);
	free(a->items);
	*a = (struct h0_argv){0};
}

/* ---- the words ---- */

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

/* ---- the container ---- */

/* Whether weights are mapped or read: the flag was renamed between versions of llama-server and
 * an unknown flag ends it, so it goes into the environment under every name it had; a version
 * reads the one it knows. What a person wrote wins over our advice. */
static void load_mode(struct build *b)
{
	struct h0_server_arg *off = h0_server_arg(&b->args, "no-mmap"), *on = h0_server_arg(&b->args, "mmap");
	const struct h0_argv_facts *f = b->f;
	const struct h0_server_arg *last = !on || (off && off > on) ? off : on;
	enum h0_argv_source source = last ? last->source : H0_ARGV_HAL0;
	bool big = f->model_bytes > 0 && f->ram_bytes > 0 && f->model_bytes > f->ram_bytes / 2;
	if (off)
		off->dropped = true;
	if (on)
		on->dropped = true;
	if (h0_server_arg(&b->args, "load-mode") || (!last && !big))
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
	const struct h0_server_arg *layers = h0_server_arg(&b->args, "n-gpu-layers");
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

/* The image's program wants a login shell for its environment; our words come as arguments to a
 * constant script, never as part of it. */
static void comfyui_script(struct build *b)
{
	base(b, "bash", NULL);
	base(b, "-lc", "cd /opt/ComfyUI && exec python main.py \"$@\"");
	base(b, "hal0-slot", NULL);
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
	h0_auto(build_done) struct build b = {.plan = plan, .slot = plan->slot, .f = f};
	if (h0_server_args(plan, f, &b.args, e) < 0 || container(&b, e) < 0)
		return -1;
	b.a.server_at = b.a.words.n;
	if (plan->family == H0_PROVIDER_COMFYUI)
		comfyui_script(&b);
	for (size_t i = 0; i < b.args.n; i++)
		if (!b.args.v[i].dropped)
			item(&b, b.args.v[i].source, b.args.v[i].flag, b.args.v[i].value);
	b.a.context = b.args.context;
	b.a.removed = b.args.removed;
	b.a.mtp = b.args.mtp;
	b.a.mtp_why = b.args.mtp_why;
	stamp(&b.a);
	*ret = b.a;
	b.a = (struct h0_argv){0};
	return 0;
}
