/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/slot.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/words.h"
#include "conf/schema.h"
#include "model/cap.h"
#include "model/container.h"
#include "model/device.h"
#include "model/npu.h"
#include "model/port.h"
#include "model/provider.h"

#define MAX_SLOTS      1000     /* these two as in conf/schema.c */
#define IDLE_TIMEOUT_S 300

/* ---- reading one file ---- */

const struct h0_toml_node *h0_slot_node(const struct h0_slot *s, const char *const *path)
{
	const struct h0_toml_node *root = s->doc ? h0_toml_root(s->doc) : NULL;
	const struct h0_toml_node *n = h0_toml_get(h0_toml_get(root, h0_schema_slot.inner), path[0]);
	if (!n)
		n = h0_toml_get(root, path[0]);
	return n ? path[1] ? h0_toml_get_path(n, path + 1) : n : NULL;
}

/* A key of the slot itself, or of one of its tables ("model", "default"). */
static const struct h0_toml_node *node(const struct h0_slot *s, const char *table, const char *key)
{
	const char *path[] = {table ? table : key, table ? key : NULL, NULL};
	return h0_slot_node(s, path);
}

/* NULL when absent or empty: other writers put "" for "not set". */
static const char *text(const struct h0_slot *s, const char *table, const char *key)
{
	const struct h0_toml_node *n = node(s, table, key);
	return n && n->type == H0_TOML_STRING && n->str_len ? n->str : NULL;
}

static int64_t number(const struct h0_slot *s, const char *table, const char *key, int64_t absent)
{
	const struct h0_toml_node *n = node(s, table, key);
	return n && n->type == H0_TOML_INT ? n->i64 : absent;
}

static bool flag(const struct h0_slot *s, const char *table, const char *key, bool absent)
{
	const struct h0_toml_node *n = node(s, table, key);
	return n ? n->boolean : absent;
}

static enum h0_tri tri(const struct h0_slot *s, const char *key)
{
	const struct h0_toml_node *n = node(s, NULL, key);
	return n ? n->boolean ? H0_TRI_TRUE : H0_TRI_FALSE : H0_TRI_ABSENT;
}

/* The word's index in `words`; -1 when absent. The schema let no other word through. */
static int word(const struct h0_slot *s, const char *key, const char *const *words)
{
	return h0_word_index(words, text(s, NULL, key));
}

static void read_device(struct h0_slot *s)
{
	int device = word(s, "device", h0_device_names);
	s->device_given = device >= 0;
	s->device = s->device_given ? (enum h0_device)device : H0_DEVICE_GPU_ROCM;
	const char *backend = text(s, NULL, "backend");
	if (s->device_given || !backend)
		return;
	bool known;
	s->device = h0_device_from_backend(backend, &known);
	if (!known)
		h0_findings_add(&s->found, false, s->file, node(s, NULL, "backend"),
		                "unknown back end '%.64s': taken as device cpu", backend);
}

/* What a slot without `type` serves: its provider's only type, or what its name has always
 * stood for. */
static enum h0_slot_type usual_type(const struct h0_slot *s)
{
	for (int t = 0; t < H0_TYPE_N; t++)
		if (s->provider_given && h0_providers[s->provider].types == H0_TYPE_BIT(t))
			return (enum h0_slot_type)t;
	const struct h0_cap *cap = h0_cap_of_slot(s->name);
	return cap ? cap->type : H0_TYPE_LLM;
}

static void read_kind(struct h0_slot *s)
{
	int provider = word(s, "provider", h0_provider_names);
	s->provider_given = provider >= 0;
	s->provider = s->provider_given ? (enum h0_provider)provider : H0_PROVIDER_LLAMA_SERVER;
	int type = word(s, "type", h0_type_names);
	s->type_given = type >= 0;
	s->type = s->type_given ? (enum h0_slot_type)type : usual_type(s);
	if (!s->type_given && s->type != H0_TYPE_LLM)
		h0_findings_add(&s->found, false, s->file, NULL, "type is absent, taken as %s",
		                h0_type_names[s->type]);
	if (!s->provider_given)
		s->provider = s->device == H0_DEVICE_NPU ? H0_PROVIDER_FLM : h0_types[s->type].provider;
}

static void read_rest(struct h0_slot *s)
{
	const char *template = text(s, NULL, "chat_template");
	s->profile = text(s, NULL, "profile");
	s->role = text(s, NULL, "role");
	s->is_default = flag(s, NULL, "default", false);
	s->enabled = flag(s, NULL, "enabled", true);
	s->mtp = tri(s, "mtp");
	s->enable_thinking = tri(s, "enable_thinking");
	s->vision = flag(s, NULL, "vision", true);
	s->chat_template = h0_streq(template, "auto") ? NULL : template;
	s->workers = number(s, NULL, "workers", 1);
	s->idle_timeout_s = number(s, NULL, "idle_timeout_s", -1);
	s->system_prompt = text(s, NULL, "system_prompt");
	s->image = text(s, NULL, "image");
	s->model = text(s, "model", "default");
	s->model = s->model ? s->model : "";
	s->context_size = number(s, "model", "context_size", number(s, "model", "ctx_size", -1));
	s->extra_args = text(s, "server", "extra_args");
	s->key = flag(s, "server", "key", true);
	s->read_only = flag(s, "container", "read_only", true);
	s->pids_limit = number(s, "container", "pids_limit", -1);
	s->devices = node(s, "container", "devices");
	s->mounts = node(s, "container", "mounts");
	s->caps = node(s, "container", "caps");
	s->has_npu = node(s, NULL, "npu");
	s->npu_chat = flag(s, "npu", "chat", true);
	s->npu_asr = flag(s, "npu", "asr", false);
	s->npu_embed = flag(s, "npu", "embed", false);
	const char *size = text(s, "image", "default_size");
	s->idle_restore_minutes = number(s, "image", "idle_restore_minutes", 60);
	s->default_size = size ? size : "1024x1024";
	s->default_steps = number(s, "image", "default_steps", 0);
}

static void set_broken(struct h0_slot *s, const struct h0_err *e)
{
	s->broken = true;
	s->err = *e;
	h0_err_code(&s->err, "slot.config_error");
}

/* The port even of a file with mistakes elsewhere, so that nobody else gets it. */
static void read_port(struct h0_slot *s)
{
	int64_t port = number(s, NULL, "port", number(s, "server", "port", 0));
	s->port = port > 0 && port <= 65535 ? (int)port : 0;
}

static void check_name(struct h0_slot *s)
{
	const char *name = text(s, NULL, "name");
	struct h0_err e = {0};
	if (!name || strcmp(name, s->name) == 0)
		return;
	h0_toml_fail(s->doc, node(s, NULL, "name"), &e,
	             "'%.64s' is not the name of the file, which makes this slot '%s': make them agree",
	             name, s->name);
	h0_findings_add_err(&s->found, &e);
	set_broken(s, &e);
}

/* A file with the port in [server] alone is complete: older versions wrote that. */
static void forgive_old_port(struct h0_slot *s)
{
	if (!s->port || node(s, NULL, "port"))
		return;
	for (size_t i = 0; i < s->found.n; i++) {
		struct h0_finding *f = &s->found.v[i];
		if (f->error && strcmp(f->key, "port") == 0) {
			f->error = false;
			s->found.errors--;
			free(f->msg);
			f->msg = h0_strdup("stands in [server]: move it to the other keys of the slot");
		}
	}
}

/* Options must be readable as words now, not when the slot starts. */
static void check_extra_args(struct h0_slot *s)
{
	h0_autostrv struct h0_strv words = {0};
	struct h0_err why = {0};
	const char *args = text(s, "server", "extra_args");
	if (args && h0_words_split(args, &words, &why) < 0)
		h0_findings_add(&s->found, true, s->file, node(s, "server", "extra_args"), "%s", why.msg);
}

static void read_doc(struct h0_slot *s)
{
	struct h0_err e = {0};
	read_port(s);
	forgive_old_port(s);
	check_extra_args(s);
	if (!s->found.errors)
		h0_container_check(s, &s->found);
	if (h0_findings_fail(&s->found, &e) < 0) {
		set_broken(s, &e);
		return;
	}
	check_name(s);
	read_device(s);
	read_kind(s);
	read_rest(s);
}

static void bad_file_name(struct h0_slot *s)
{
	struct h0_err named = {0}, e = {0};
	const char *slash = strrchr(s->file, '/');
	const char *base = slash ? slash + 1 : s->file;
	size_t n = strlen(base);
	h0_autofree char *stem = h0_strndup(base, n - (h0_ends(base, ".toml") ? strlen(".toml") : 0));
	snprintf(s->name, sizeof s->name, "%s", stem);
	h0_name_check("slot name", stem, &named);
	h0_fail_at(&e, s->file, 0, 0, NULL, "%s", named.msg);
	h0_findings_add_err(&s->found, &e);
	set_broken(s, &e);
}

void h0_slot_parse(const char *path, const char *file_text, size_t len, struct h0_slot *ret)
{
	struct h0_slot s = {.file = h0_strdup(path)};
	struct h0_err e = {0};
	if (!h0_slot_path_name(path, s.name)) {
		bad_file_name(&s);
	} else {
		h0_validate_text(&h0_schema_slot, file_text, len, path, &s.found, &s.doc);
		if (s.doc)
			read_doc(&s);
		else if (h0_findings_fail(&s.found, &e) < 0)
			set_broken(&s, &e);
	}
	*ret = s;
}

void h0_slot_done(struct h0_slot *s)
{
	free(s->file);
	h0_findings_done(&s->found);
	h0_toml_free(s->doc);
	*s = (struct h0_slot){0};
}

/* ---- all of them ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct h0_slot *)a)->name, ((const struct h0_slot *)b)->name);
}

static int64_t bounded(const struct h0_toml_node *t, const char *key, int64_t min, int64_t max,
                       int64_t otherwise)
{
	const struct h0_toml_node *n = h0_toml_get(t, key);
	return n && n->type == H0_TOML_INT && n->i64 >= min && n->i64 <= max ? n->i64 : otherwise;
}

static void read_conf(const struct h0_snap *snap, struct h0_slots_conf *ret)
{
	const struct h0_snap_file *f = h0_snap_get(snap, "hal0.toml");
	h0_autotoml struct h0_toml *doc = NULL;
	*ret = (struct h0_slots_conf){0, H0_PORT_MIN, H0_PORT_MAX, H0_PORT_NEW_MAX, IDLE_TIMEOUT_S};
	if (!f || h0_toml_parse(f->text, f->len, f->path, &doc, NULL) < 0)
		return;
	const struct h0_toml_node *t = h0_toml_get(h0_toml_root(doc), "slots");
	ret->max_slots = bounded(t, "max_slots", 0, MAX_SLOTS, ret->max_slots);
	ret->idle_timeout_s = bounded(t, "idle_timeout_s", 0, INT32_MAX, ret->idle_timeout_s);
	int first = (int)bounded(t, "port_range_start", 1024, 65535, ret->port_first);
	int last = (int)bounded(t, "port_range_end", 1024, 65535, first > ret->port_last ? 65535 : ret->port_last);
	if (first > last || (first == ret->port_first && last == ret->port_last))
		return;
	ret->port_first = first;
	ret->port_last = ret->port_new_last = last;
}

int h0_slot_check_port(const struct h0_slot *s, const struct h0_slots_conf *conf, struct h0_err *e)
{
	if (s->port >= conf->port_first && s->port <= conf->port_last)
		return 0;
	return h0_slot_fail(s, "port", e, "%d is out of range: %d to %d is allowed (hal0.toml: "
	                    "slots.port_range_start, slots.port_range_end)", s->port, conf->port_first,
	                    conf->port_last);
}

/* What a slot's own file cannot know. */
static void check_in_range(struct h0_slot *s, const struct h0_slots_conf *conf)
{
	struct h0_err e = {0};
	if (s->broken || h0_slot_check_port(s, conf, &e) == 0)
		return;
	s->broken = true;
	s->err = e;
	h0_findings_add_err(&s->found, &e);
}

int64_t h0_slot_idle_timeout(const struct h0_slot *s, const struct h0_slots_conf *conf)
{
	static const char *const kept[] = {"agent", "utility", "npu"};
	if (s->idle_timeout_s >= 0)
		return s->idle_timeout_s;
	for (size_t i = 0; i < H0_ARRAY_LEN(kept); i++)
		if (h0_streq(s->name, kept[i]))
			return 0;
	return conf->idle_timeout_s;
}

int h0_slots_load(const struct h0_snap *snap, struct h0_slots *ret, struct h0_err *e)
{
	struct h0_slots s = {0};
	read_conf(snap, &s.conf);
	s.v = h0_calloc(snap->n, sizeof *s.v);
	for (size_t i = 0; i < snap->n; i++) {
		const struct h0_snap_file *f = &snap->files[i];
		if (h0_starts(f->path, "slots/"))
			h0_slot_parse(f->path, f->text, f->len, &s.v[s.n++]);
	}
	for (size_t i = 0; i < s.n; i++)
		check_in_range(&s.v[i], &s.conf);
	if (s.n)
		qsort(s.v, s.n, sizeof *s.v, by_name);
	*ret = s;
	return 0;
}

void h0_slots_done(struct h0_slots *s)
{
	for (size_t i = 0; i < s->n; i++)
		h0_slot_done(&s->v[i]);
	free(s->v);
	*s = (struct h0_slots){0};
}

struct h0_slot *h0_slots_get(const struct h0_slots *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	return NULL;
}

static int not_found(const struct h0_slots *s, const char *name, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	for (size_t i = 0; i < s->n; i++)
		h0_strv_add(&names, s->v[i].name);
	const char *near = names.n ? h0_str_nearest(name, (const char *const *)names.v) : NULL;
	if (near)
		h0_fail(e, H0_USAGE, "no slot '%s' (did you mean %s?)", name, near);
	else
		h0_fail(e, H0_USAGE, "no slot '%s'%s", name,
		        s->n ? "" : ": there are none yet, see hal0 slot create");
	h0_err_detail(e, "slot", "%s", name);
	return h0_err_code(e, "slot.not_found");
}

int h0_slots_find(const struct h0_slots *s, const char *name, const struct h0_slot **ret,
                  struct h0_err *e)
{
	if (h0_name_check("slot name", name, e) < 0)
		return h0_err_code(e, "slot.config_error");
	const struct h0_slot *slot = h0_slots_get(s, name);
	if (!slot)
		return not_found(s, name, e);
	if (slot->broken) {
		if (e)
			*e = slot->err;
		return -1;
	}
	*ret = slot;
	return 0;
}

int h0_slot_fail(const struct h0_slot *s, const char *key, struct h0_err *e, const char *fmt, ...)
{
	const char *dot = strchr(key, '.');
	h0_autofree char *table = dot ? h0_strndup(key, (size_t)(dot - key)) : NULL;
	const struct h0_toml_node *n = node(s, table, dot ? dot + 1 : key);
	h0_autobuf struct h0_buf path = {0};
	h0_autofree char *msg = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&msg, fmt, ap) < 0)
		msg = h0_strdup(fmt);
	va_end(ap);
	if (n)
		h0_toml_path_text(n, &path);
	else
		h0_buf_adds(&path, key);
	h0_fail_at(e, s->file, n ? n->line : 0, n ? n->col : 0, h0_buf_str(&path), "%s", msg);
	return h0_err_code(e, "slot.config_error");
}

/* ---- what must hold between slots ---- */

static int conflict(struct h0_err *e, const struct h0_slot *other)
{
	if (e)
		e->kind = H0_CONFLICT;
	return h0_err_detail(e, "conflicting_slots[]", "%s", other->name);
}

/* Two slots against each other; the message is about `s`. */
static int check_pair(const struct h0_slot *s, const struct h0_slot *other, struct h0_err *e)
{
	bool shadow = !s->broken && h0_slot_is_shadow(s);
	shadow = shadow || (!other->broken && h0_slot_is_shadow(other));
	if (s->port && s->port == other->port && !shadow) {
		h0_slot_fail(s, "port", e, "%d is the port of slot '%s' too (%s)", s->port, other->name,
		             other->file);
		return conflict(e, other);
	}
	if (s->broken || other->broken)
		return 0;
	if (s->is_default && other->is_default && s->type == other->type) {
		h0_slot_fail(s, "default", e, "slot '%s' is the default of type %s already (%s)",
		             other->name, h0_type_names[s->type], other->file);
		return conflict(e, other);
	}
	return 0;
}

int h0_slots_check_one(const struct h0_slots *s, const struct h0_slot *slot, struct h0_err *e)
{
	if (h0_slot_check_port(slot, &s->conf, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, slot->name) != 0 && check_pair(slot, &s->v[i], e) < 0)
			return -1;
	return slot->broken ? 0 : h0_npu_check(s, slot, false, e);
}

void h0_slots_check(const struct h0_slots *s, struct h0_findings *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = 0; j < i; j++) {
			struct h0_err e = {0};
			if (check_pair(&s->v[i], &s->v[j], &e) < 0)
				h0_findings_add_err(ret, &e);
		}
		/* against those before it: a finding per pair */
		const struct h0_slots before = {s->v, i};
		struct h0_err e = {0};
		if (!s->v[i].broken && h0_npu_check(&before, &s->v[i], false, &e) < 0)
			h0_findings_add_err(ret, &e);
	}
}
