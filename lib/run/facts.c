/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/facts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "model/container.h"
#include "model/fit.h"
#include "run/fithist.h"
#include "base/words.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "run/slotkey.h"

#define NOBODY 65534
#define SHARD_TAIL "-00001-of-"

void h0_slot_dirs(const struct h0_paths *paths, const char *slot, char *run_dir, char *log_path)
{
	snprintf(run_dir, 1200, "%s/slots/%s", paths->run, slot);
	snprintf(log_path, 1200, "%s/slots/%s/server.log", paths->var, slot);
}

/* ---- the model ---- */
static bool below(const char *path, const char *root)
{
	size_t n = root ? strlen(root) : 0;
	return n && strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* "x-00001-of-00003.gguf": the number of shards, 0 when it is not split. */
static int shard_count(const char *path, const char **ret_mark)
{
	const char *mark = strstr(path, SHARD_TAIL);
	for (const char *next = mark; next; next = strstr(next + 1, SHARD_TAIL))
		mark = next;
	int count, used = 0;
	if (!mark || sscanf(mark, SHARD_TAIL "%5d.gguf%n", &count, &used) != 1 || !used || mark[used])
		return 0;
	*ret_mark = mark;
	return count > 1 && count < 100000 ? count : 0;
}

static int check_shards(const char *path, int64_t *bytes, struct h0_err *e)
{
	const char *mark = NULL;
	int count = shard_count(path, &mark);
	for (int i = 2; i <= count; i++) {
		h0_autofree char *file = h0_asprintf("%.*s-%05d-of-%05d.gguf", (int)(mark - path), path, i,
		                                     count);
		struct stat st;
		if (stat(file, &st) < 0) {
			h0_fail(e, H0_CONFIG, "shard %d of %d is missing: %s", i, count, file);
			return h0_err_code(e, "model.path_missing");
		}
		*bytes += st.st_size;
	}
	return 0;
}

static int read_model(struct h0_spec *s, int64_t *ret_bytes, struct h0_err *e)
{
	if (h0_gguf_open(s->model.path, &s->gguf, e) < 0 ||
	    h0_gguf_check_size(&s->gguf, s->model.path, e) < 0)
		return -1;
	*ret_bytes = (int64_t)s->gguf.file_bytes;
	return check_shards(s->model.path, ret_bytes, e);
}

/* What is wrong with the model, said at the key that names it. */
static int blame_key(const struct h0_slot *slot, const struct h0_err *why, struct h0_err *e)
{
	if (e && why->key[0]) { /* it names a key of another file: that one is to blame */
		*e = *why;
		return -1;
	}
	h0_slot_fail(slot, "model.default", e, "%s", why->msg);
	return h0_err_code(e, why->kind == H0_SYS ? "model.path_missing" : h0_err_name(why));
}

/* Adds a path unless one that is there already holds it. */
static void add_mount(struct h0_spec *s, const char *path)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (below(path, s->mounts.v[i]))
			return;
	h0_strv_add(&s->mounts, path);
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash > path ? h0_strndup(path, (size_t)(slash - path)) : h0_strdup("/");
}

/* A file outside the mounts: by itself, or with its directory when it is one of several. The same
 * for where it really lies, when it is a link from the store to elsewhere. */
static void mount_file(struct h0_spec *s, const char *path)
{
	const char *mark;
	char real[PATH_MAX];
	h0_autofree char *dir = shard_count(path, &mark) ? directory_of(path) : h0_strdup(path);
	bool covered = false;
	for (size_t i = 0; i < s->mounts.n; i++)
		covered |= below(path, s->mounts.v[i]);
	add_mount(s, dir);
	if (covered && realpath(path, real) && strcmp(real, path) != 0)
		add_mount(s, real);
}

static bool take_owner(const char *path, mode_t others_need, struct h0_argv_facts *f)
{
	struct stat st;
	if (stat(path, &st) < 0 || (st.st_mode & others_need) == others_need)
		return false;
	f->uid = st.st_uid;
	f->gid = st.st_gid;
	return true;
}

/* The server runs as nobody, unless the file, or a directory on the way to it from its mount, is
 * not for everybody: then as the owner of that. */
static void choose_user(const struct h0_spec *s, const char *path, struct h0_argv_facts *f)
{
	f->uid = f->gid = NOBODY;
	for (size_t i = 0; i < s->mounts.n; i++) {
		size_t n = strlen(s->mounts.v[i]);
		if (!below(path, s->mounts.v[i]))
			continue;
		/* each directory, from the mount down */
		for (const char *slash = path + n; *slash == '/'; slash += 1 + strcspn(slash + 1, "/")) {
			h0_autofree char *dir = h0_strndup(path, (size_t)(slash - path));
			if (take_owner(dir, S_IXOTH, f))
				return;
		}
	}
	take_owner(path, S_IROTH, f);
}

static int take_model(const struct h0_paths *paths, const struct h0_snap *snap, struct h0_spec *s,
                      struct h0_argv_facts *f, struct h0_err *e)
{
	const struct h0_slot *slot = s->plan.slot;
	f->model_id = slot->model[0] ? slot->model : NULL;
	if (!slot->model[0]) {
		if (h0_providers[s->plan.family].needs_model)
			return h0_slot_fail(slot, "model.default", e,
			                    "the slot has no model: hal0 slot set %s model.default=MODEL",
			                    slot->name);
		return 0;
	}
	if (s->plan.family != H0_PROVIDER_LLAMA_SERVER)
		return 0; /* their servers have names or directories of models, not files */
	struct h0_err why = {0};
	if (h0_store_find(paths, snap, slot->model, &s->model, &why) < 0 ||
	    read_model(s, &f->model_bytes, &why) < 0)
		return blame_key(slot, &why, e);
	f->model_id = s->model.id;
	f->model_path = s->model.path;
	f->mmproj = s->model.mmproj;
	f->native_context = s->gguf.context_length;
	f->model_has_mtp = s->gguf.nextn_predict_layers > 0;
	if (s->model.store && below(s->model.path, s->model.store))
		add_mount(s, s->model.store);
	mount_file(s, s->model.path);
	if (s->model.mmproj && slot->vision)
		mount_file(s, s->model.mmproj);
	choose_user(s, s->model.path, f);
	return 0;
}

/* The value of the last --model_path in words a person wrote; NULL: none. */
static char *model_path_in(const char *text)
{
	h0_autostrv struct h0_strv w = {0};
	const char *found = NULL;
	if (!text || h0_words_split(text, &w, NULL) < 0)
		return NULL;
	for (size_t i = 0; i + 1 < w.n; i++)
		if (h0_streq(w.v[i], H0_ARGV_MODEL_PATH))
			found = w.v[i + 1];
	return h0_strdup(found);
}

/* The directory or file a speech server reads: what extra_args name, else the slot's model where
 * that is a path or, for Moonshine, something in the store, else what the profile names. */
static int take_speech_model(const char *store, struct h0_spec *s, struct h0_argv_facts *f,
                             struct h0_err *e)
{
	const struct h0_slot *slot = s->plan.slot;
	h0_autofree char *in_store = h0_asprintf("%s/%s", store, slot->model);
	if (slot->model[0] == '/')
		f->model_path = slot->model;
	else if (slot->model[0] && s->plan.family == H0_PROVIDER_MOONSHINE)
		f->model_path = s->model_path = h0_take(in_store);
	h0_autofree char *extra = model_path_in(slot->extra_args);
	h0_autofree char *profile = model_path_in(s->plan.flags);
	const char *path = extra ? extra : f->model_path ? f->model_path : profile;
	if (!path || path[0] != '/')
		return 0; /* something of the image's own */
	s->files = h0_strdup(path);
	s->files_by = extra ? "server.extra_args" : path == profile ? NULL : "model.default";
	mount_file(s, path);
	return 0;
}

static int take_template(const struct h0_paths *paths, const struct h0_snap *snap,
                         struct h0_spec *s, struct h0_argv_facts *f, struct h0_err *e)
{
	const struct h0_slot *slot = s->plan.slot;
	h0_autofree char *store = NULL;
	if (!slot->chat_template || s->plan.family != H0_PROVIDER_LLAMA_SERVER)
		return 0;
	if (strchr(slot->chat_template, '/') || slot->chat_template[0] == '.')
		return h0_slot_fail(slot, "chat_template", e, "'%s' is no template id", slot->chat_template);
	if (h0_store_root(paths, snap, &store, e) < 0)
		return -1;
	s->chat_template = h0_asprintf("%s/chat-templates/%s.jinja", store, slot->chat_template);
	if (access(s->chat_template, R_OK) < 0)
		return h0_slot_fail(slot, "chat_template", e, "there is no %s", s->chat_template);
	mount_file(s, s->chat_template);
	f->chat_template = s->chat_template;
	return 0;
}

static int take_data_dir(const struct h0_paths *paths, const struct h0_snap *snap,
                         struct h0_spec *s, struct h0_argv_facts *f, struct h0_err *e)
{
	const char *flm = getenv("HAL0_FLM_MODELS_DIR"), *comfyui = getenv("HAL0_COMFYUI_DATA_ROOT");
	h0_autofree char *store = NULL;
	if (s->plan.family == H0_PROVIDER_FLM) {
		s->data_dir = flm && *flm ? h0_strdup(flm) : h0_asprintf("%s/.config/flm/models", paths->var);
	} else if (s->plan.family == H0_PROVIDER_COMFYUI) {
		if (h0_store_root(paths, snap, &store, e) < 0)
			return -1;
		s->data_dir = comfyui && *comfyui ? h0_strdup(comfyui) : h0_asprintf("%s/comfyui", store);
	} else if (s->plan.family != H0_PROVIDER_LLAMA_SERVER) {
		if (h0_store_root(paths, snap, &store, e) < 0)
			return -1;
		add_mount(s, store);
		if (take_speech_model(store, s, f, e) < 0)
			return -1;
	}
	f->data_dir = s->data_dir;
	return 0;
}

/* ---- devices ---- */
/* Also where a link leads. */
static int check_extra_mount(const struct h0_slot *slot, const char *path, struct h0_err *e)
{
	char real[PATH_MAX];
	struct stat st;
	if (!realpath(path, real) || stat(real, &st) < 0)
		return h0_slot_fail(slot, "container.mounts", e, "there is no %s", path);
	const char *fault = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? h0_container_mount_fault(real)
	                                                              : "a file or a directory is expected";
	return fault ? h0_slot_fail(slot, "container.mounts", e, "%s is %s: %s", path, real, fault) : 0;
}

/* The table [container]: what it names must be there, and a node is of use with its group only. */
static int take_container(struct h0_spec *s, struct h0_err *e)
{
	const struct h0_slot *slot = s->plan.slot;
	if (slot->devices)
		h0_toml_each(x, slot->devices) {
			int rc = h0_nodes_group(x->str, &s->nodes);
			if (rc == 0)
				continue;
			if (rc == 2)
				return h0_slot_fail(slot, "container.devices", e, "%s: disks, the machine's memory and what is no "
				                    "device are given to no container", x->str);
			h0_slot_fail(slot, "container.devices", e, "this machine has no %s", x->str);
			if (e)
				e->kind = H0_NOHW;
			return h0_err_code(e, "backend.missing");
		}
	if (slot->mounts)
		h0_toml_each(x, slot->mounts)
			if (check_extra_mount(slot, x->str, e) < 0)
				return -1;
	return 0;
}

static int take_nodes(struct h0_spec *s, struct h0_argv_facts *f, struct h0_err *e)
{
	static const unsigned kinds[] = {H0_NODE_KFD, H0_NODE_DRI, H0_NODE_ACCEL};
	const struct h0_slot *slot = s->plan.slot;
	unsigned missing = h0_nodes_find(s->plan.nodes | s->plan.also, &s->nodes) & s->plan.nodes;
	int rc = take_container(s, e);
	f->nodes = (const char *const *)s->nodes.v.v;
	f->gids = s->nodes.gids;
	f->ngids = s->nodes.ngids;
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < H0_ARRAY_LEN(kinds); i++) {
		if (!(missing & kinds[i]))
			continue;
		h0_slot_fail(slot, "device", e, "%s needs %s, which this machine does not have",
		             h0_device_names[slot->device], h0_nodes_name(kinds[i]));
		if (e)
			e->kind = H0_NOHW;
		return h0_err_code(e, "backend.missing");
	}
	return 0;
}

/* ---- limits ---- */
static int64_t hard_limit(int which)
{
	struct rlimit l;
	if (getrlimit((__rlimit_resource_t)which, &l) < 0 || l.rlim_max == RLIM_INFINITY)
		return -1;
	return (int64_t)l.rlim_max;
}

static bool may_raise_limits(void)
{
	struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {0};
	return syscall(SYS_capget, &who, caps) == 0 && (caps[0].effective & (1u << CAP_SYS_RESOURCE));
}

static void take_limits(struct h0_argv_facts *f)
{
	cpu_set_t set;
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	f->nofile = hard_limit(RLIMIT_NOFILE);
	f->nproc = hard_limit(RLIMIT_NPROC);
	f->memlock = may_raise_limits() ? -1 : hard_limit(RLIMIT_MEMLOCK);
	f->ram_bytes = pages > 0 && page > 0 ? (int64_t)pages * page : -1;
	f->cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

void h0_spec_fit_run(const struct h0_spec *s, struct h0_fit_run *ret)
{
	h0_fit_run_server(ret, s->plan.slot->device);
	h0_fit_run_words(ret, s->argv.words.v + s->argv.server_at, s->argv.words.n - s->argv.server_at);
}

/* Would a load tell something new about what it takes? */
static bool unmeasured(const struct h0_paths *paths, const struct h0_spec *s)
{
	struct h0_fit_run run;
	char key[H0_FITHIST_KEY];
	if (s->plan.family != H0_PROVIDER_LLAMA_SERVER || !s->model.path)
		return false;
	h0_spec_fit_run(s, &run);
	return h0_fithist_key(s->model.path, s->plan.image, &run, key) &&
	       !h0_fithist_find(paths, key, NULL);
}

static int make(const struct h0_paths *paths, const struct h0_snap *snap,
                const struct h0_profiles *profiles, const struct h0_podman *podman,
                const struct h0_slot *slot, enum h0_argv_mode mode, bool anywhere,
                struct h0_spec *s, struct h0_err *e)
{
	struct h0_err absent = {0};
	struct h0_argv_facts f = {
		.mode = mode, .network = H0_NET_HOST, .podman = podman->program,
		.runtime = podman->runtime, .home = paths->home, .run_dir = s->run_dir,
		.log_path = s->log_path, .uid = -1, .gid = -1, .native_context = -1, .model_bytes = -1,
		.model_has_mtp = true,
	};
	*s = (struct h0_spec){0};
	h0_gguf_done(&s->gguf); /* every value unknown */
	h0_slot_dirs(paths, slot->name, s->run_dir, s->log_path);
	if (h0_plan_slot(slot, profiles, &s->plan, e) < 0)
		return -1;
	if (take_model(paths, snap, s, &f, e) < 0 || take_template(paths, snap, s, &f, e) < 0 ||
	    take_data_dir(paths, snap, s, &f, e) < 0)
		return -1;
	if (take_nodes(s, &f, anywhere ? &absent : e) < 0 && absent.kind != H0_NOHW)
		return -1;
	if (slot->key && s->plan.family == H0_PROVIDER_LLAMA_SERVER) {
		h0_slot_key_path(paths, slot->name, s->key_path);
		f.key_path = s->key_path;
	}
	s->uid = f.uid;
	s->gid = f.gid;
	take_limits(&f);
	f.mounts = (const char *const *)s->mounts.v;
	if (h0_argv_build(&s->plan, &f, &s->argv, e) < 0)
		return -1;
	f.measure = mode != H0_ARGV_EXPORTED && unmeasured(paths, s);
	if (!f.measure)
		return 0;
	h0_argv_done(&s->argv);
	return h0_argv_build(&s->plan, &f, &s->argv, e);
}

int h0_spec_make(const struct h0_paths *paths, const struct h0_snap *snap,
                 const struct h0_profiles *profiles, const struct h0_podman *podman,
                 const struct h0_slot *slot, enum h0_argv_mode mode, struct h0_spec *s,
                 struct h0_err *e)
{
	return make(paths, snap, profiles, podman, slot, mode, false, s, e);
}

int h0_spec_make_anywhere(const struct h0_paths *paths, const struct h0_snap *snap,
                          const struct h0_profiles *profiles, const struct h0_podman *podman,
                          const struct h0_slot *slot, struct h0_spec *s, struct h0_err *e)
{
	return make(paths, snap, profiles, podman, slot, H0_ARGV_DETACHED, true, s, e);
}

int h0_spec_check(const struct h0_spec *s, struct h0_err *e)
{
	const struct h0_slot *slot = s->plan.slot;
	if (!s->files || access(s->files, F_OK) == 0)
		return 0;
	if (s->files_by)
		h0_slot_fail(slot, s->files_by, e, "no model at %s", s->files);
	else
		h0_slot_fail(slot, "model.default", e, "no model at %s, where the profile has it: put it there, or "
		             "name its place: hal0 slot set %s model.default=/PATH", s->files, slot->name);
	return h0_err_code(e, "model.path_missing");
}

/* ---- directories ---- */
static int write_comfyui_paths(const char *path, struct h0_err *e)
{
	static const char *const kinds[] = {"checkpoints", "clip", "clip_vision", "controlnet",
		"diffusion_models", "embeddings", "loras", "text_encoders", "unet", "upscale_models", "vae"};
	h0_autobuf struct h0_buf text = {0};
	if (access(path, F_OK) == 0)
		return 0;
	h0_buf_adds(&text, "# Where ComfyUI finds models: the directory models beside this file.\n"
	            "hal0:\n  base_path: /root/comfy-models\n");
	for (size_t i = 0; i < H0_ARRAY_LEN(kinds); i++)
		h0_buf_addf(&text, "  %s: %s\n", kinds[i], kinds[i]);
	return h0_durable_write(path, text.p, text.len, 0644, e);
}

int h0_spec_prepare(const struct h0_spec *s, struct h0_err *e)
{
	const struct h0_argv *a = &s->argv;
	for (size_t i = 0; i < a->n && a->items[i].at < a->server_at; i++) {
		const char *const *w = (const char *const *)&a->words.v[a->items[i].at];
		if (a->items[i].n != 2 || strcmp(w[0], "--volume") != 0)
			continue;
		h0_autofree char *from = h0_strndup(w[1], strcspn(w[1], ":"));
		if (h0_ends(w[1], ":rw") && h0_mkdirs(from, 0755, e) < 0)
			return -1;
		if (h0_ends(from, "/" H0_COMFYUI_PATHS) && write_comfyui_paths(from, e) < 0)
			return -1;
	}
	return 0;
}

void h0_spec_done(struct h0_spec *s)
{
	h0_argv_done(&s->argv);
	h0_model_file_done(&s->model);
	h0_gguf_done(&s->gguf);
	h0_strv_done(&s->mounts);
	h0_nodes_done(&s->nodes);
	free(s->model_path);
	free(s->files);
	free(s->mmproj);
	free(s->chat_template);
	free(s->data_dir);
	*s = (struct h0_spec){0};
}
