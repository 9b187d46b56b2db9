/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/slotedit.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "fmt/tomledit.h"
#include "model/device.h"
#include "model/npu.h"
#include "model/plan.h"
#include "model/port.h"
#include "model/profile.h"
#include "model/slot.h"

/* ---- one key in the text of a file ---- */

struct draft {
	const char *file;           /* "slots/chat.toml" */
	struct h0_buf text;
	struct h0_slot slot;        /* of the text as it is now */
};

static void draft_done(struct draft *d)
{
	h0_buf_done(&d->text);
	h0_slot_done(&d->slot);
}

static void reparse(struct draft *d)
{
	h0_slot_done(&d->slot);
	h0_slot_parse(d->file, h0_buf_str(&d->text), d->text.len, &d->slot);
}

/* Where a flat path stands in this file, or shall stand: in [slot] or not. */
static void place(const struct h0_slot *s, const struct h0_strv *flat, struct h0_strv *ret)
{
	const struct h0_toml_node *root = s->doc ? h0_toml_root(s->doc) : NULL;
	const struct h0_toml_node *inner = h0_toml_get(root, h0_schema_slot.inner);
	bool there = h0_toml_get(inner, flat->v[0]);
	bool outside = h0_toml_get(root, flat->v[0]);
	if (there || (inner && !outside && flat->n == 1))
		h0_strv_add(ret, h0_schema_slot.inner);
	for (size_t i = 0; i < flat->n; i++)
		h0_strv_add(ret, flat->v[i]);
}

static bool same_value(const struct h0_toml_node *a, const struct h0_toml_node *b)
{
	if (a->type != b->type || a->count != b->count)
		return false;
	switch (a->type) {
	case H0_TOML_INT:
		return a->i64 == b->i64;
	case H0_TOML_FLOAT:
		return memcmp(&a->f64, &b->f64, sizeof a->f64) == 0;
	case H0_TOML_BOOL:
		return a->boolean == b->boolean;
	case H0_TOML_TABLE:
		h0_toml_each(child, a) {
			const struct h0_toml_node *other = h0_toml_get(b, child->key);
			if (!other || !same_value(child, other))
				return false;
		}
		return true;
	case H0_TOML_ARRAY:
		for (const struct h0_toml_node *x = a->first, *y = b->first; x; x = x->next, y = y->next)
			if (!same_value(x, y))
				return false;
		return true;
	default:
		return a->str_len == b->str_len && memcmp(a->str, b->str, a->str_len) == 0;
	}
}

/* Whether the key has this value already, however it is written. */
static bool has_value(const struct h0_slot *s, const struct h0_strv *flat, const char *value)
{
	const struct h0_toml_node *n = h0_slot_node(s, (const char *const *)flat->v);
	h0_autobuf struct h0_buf line = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	h0_buf_addf(&line, "v = %s\n", value);
	return n && h0_toml_parse(line.p, line.len, "", &doc, NULL) == 0 &&
	       same_value(n, h0_toml_root(doc)->first);
}

static int set_key(struct draft *d, const char *key, const char *value, struct h0_err *e)
{
	h0_autostrv struct h0_strv flat = {0}, path = {0};
	if (h0_toml_split_path(key, &flat, e) < 0)
		return -1;
	if (has_value(&d->slot, &flat, value))
		return 0;
	place(&d->slot, &flat, &path);
	if (h0_tomledit_set(h0_buf_str(&d->text), d->text.len, d->file, (const char *const *)path.v,
	                    value, &d->text, e) < 0)
		return -1;
	reparse(d);
	return 0;
}

static int unset_path(struct draft *d, const struct h0_strv *path, struct h0_err *e)
{
	bool found;
	return h0_tomledit_unset(h0_buf_str(&d->text), d->text.len, d->file,
	                         (const char *const *)path->v, &d->text, &found, e);
}

/* From both places: what stood at the top level must not come back to life. */
static int unset_key(struct draft *d, const char *key, struct h0_err *e)
{
	h0_autostrv struct h0_strv flat = {0}, nested = {0};
	if (h0_toml_split_path(key, &flat, e) < 0)
		return -1;
	h0_strv_add(&nested, h0_schema_slot.inner);
	for (size_t i = 0; i < flat.n; i++)
		h0_strv_add(&nested, flat.v[i]);
	if (unset_path(d, &nested, e) < 0 || unset_path(d, &flat, e) < 0)
		return -1;
	reparse(d);
	return 0;
}

/* Older spellings of a key that was just set. */
static int fold_old(struct draft *d, const char *key, struct h0_err *e)
{
	static const char *const backend[] = {"backend", NULL};
	static const char *const old_port[] = {"server", "port", NULL};
	static const char *const old_ctx[] = {"model", "ctx_size", NULL};
	h0_autobuf struct h0_buf word = {0};
	if (strcmp(key, "model.context_size") == 0 && h0_slot_node(&d->slot, old_ctx))
		return unset_key(d, "model.ctx_size", e);
	if (strcmp(key, "port") == 0 && h0_slot_node(&d->slot, old_port))
		return unset_key(d, "server.port", e);
	if (strcmp(key, "device") == 0 && h0_slot_node(&d->slot, backend) && !d->slot.broken) {
		h0_toml_lit_str(&word, h0_devices[d->slot.device].legacy_backend);
		return set_key(d, "backend", h0_buf_str(&word), e);
	}
	return 0;
}

/* ... and of one that was just removed: they must not come back to life either. */
static int unset_old(struct draft *d, const char *key, struct h0_err *e)
{
	static const char *const old[][2] = {
		{"model.context_size", "model.ctx_size"}, {"port", "server.port"}, {"device", "backend"}};
	for (size_t i = 0; i < H0_ARRAY_LEN(old); i++)
		if (strcmp(key, old[i][0]) == 0)
			return unset_key(d, old[i][1], e);
	return 0;
}

static int apply(struct draft *d, const struct h0_edits *edits, struct h0_err *e)
{
	for (size_t i = 0; i < edits->n; i++) {
		const struct h0_edit *x = &edits->v[i];
		if (!x->value ? unset_key(d, x->key, e) < 0 : set_key(d, x->key, x->value, e) < 0)
			return -1;
	}
	/* only now: before, a mistake that a later edit mends may have hidden what there is */
	for (size_t i = 0; i < edits->n; i++) {
		const struct h0_edit *x = &edits->v[i];
		if (x->value ? fold_old(d, x->key, e) < 0 : unset_old(d, x->key, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- what must hold for the result ---- */

static int contradiction(const struct h0_slot *s, const struct h0_profile *p, struct h0_err *e)
{
	const char *needs = p->backend ? p->backend : h0_class_names[p->device_class];
	h0_slot_fail(s, "profile", e, "profile %s (%s) does not go with device %s%s%s", p->name, needs,
	             h0_device_names[s->device], h0_profile_fits(p, s->device) ? " and type " : "",
	             h0_profile_fits(p, s->device) ? h0_type_names[s->type] : "");
	h0_err_detail(e, "device", "%s", h0_device_names[s->device]);
	return h0_err_detail(e, "profile", "%s", p->name);
}

static int set_word(struct draft *d, const char *key, const char *word, struct h0_err *e)
{
	h0_autobuf struct h0_buf lit = {0};
	h0_toml_lit_str(&lit, word);
	return set_key(d, key, h0_buf_str(&lit), e) < 0 || fold_old(d, key, e) < 0 ? -1 : 0;
}

/* Device and profile stay together: what was not named follows what was. */
static int make_coherent(struct draft *d, const struct h0_profiles *profiles,
                         const struct h0_edits *edits, struct h0_err *e)
{
	const struct h0_slot *s = &d->slot;
	const struct h0_profile *p = s->profile ? h0_profiles_get(profiles, s->profile) : NULL;
	bool new_profile = h0_edits_get(edits, "profile");
	bool new_device = h0_edits_has(edits, "device"), new_type = h0_edits_has(edits, "type");
	if (!p || (!new_profile && !new_device && !new_type))
		return 0;
	bool serves = h0_profile_types(p) & H0_TYPE_BIT(s->type);
	if (h0_profile_fits(p, s->device) && serves)
		return 0;
	if (new_profile && !new_device && serves)
		return set_word(d, "device", h0_device_names[h0_profile_device(p, s->device)], e);
	if (new_profile)
		return contradiction(s, p, e);
	const struct h0_profile *follow = h0_profiles_default(profiles, s->device, s->type, -1);
	if (follow)
		return set_word(d, "profile", follow->name, e);
	return contradiction(s, p, e);
}

static bool decides(const char *key)
{
	static const char *const keys[] = {"device", "backend", "profile", "type", "provider", "image",
	                                   NULL};
	return h0_word_index(keys, key) >= 0;
}

/* Keys that other slots' files bear on. */
static bool shared(const char *key)
{
	static const char *const keys[] = {"port", "default", "type", "device", "backend", "provider",
	                                   "profile", "enabled", "model.default", NULL};
	return h0_word_index(keys, key) >= 0;
}

static bool any(const struct h0_edits *edits, bool (*is)(const char *key))
{
	for (size_t i = 0; i < edits->n; i++)
		if (is(edits->v[i].key))
			return true;
	return false;
}

static int port_taken(const struct h0_slot *s, const struct h0_bound *bound, struct h0_err *e)
{
	if (!bound || !bound->fn || h0_slot_is_shadow(s) || !bound->fn(s->port, bound->arg))
		return 0;
	h0_slot_fail(s, "port", e, "%d is taken: another program listens on it", s->port);
	if (e)
		e->kind = H0_CONFLICT;
	return -1;
}

/* The catalog is read only where it matters, so that a mistake there does not stop other edits. */
static int settle(struct draft *d, const struct h0_snap *snap, const struct h0_edits *edits,
                  struct h0_err *e)
{
	h0_autoprofiles struct h0_profiles profiles = {0};
	struct h0_plan plan;
	if (d->slot.broken || !any(edits, decides))
		return 0;
	if (h0_profiles_load(snap, &profiles, e) < 0 || make_coherent(d, &profiles, edits, e) < 0)
		return -1;
	return d->slot.broken ? 0 : h0_plan_slot(&d->slot, &profiles, &plan, e);
}

/* Who else is looked at. */
enum scope { ALONE, AMONG_ALL };

static int check(const struct draft *d, const struct h0_slots *slots, const struct h0_slot *before,
                 const struct h0_edits *edits, const struct h0_bound *bound, enum scope scope,
                 struct h0_err *e)
{
	if (d->slot.broken) {
		if (e)
			*e = d->slot.err;
		return -1;
	}
	if ((!before || before->port != d->slot.port) &&
	    (h0_slot_check_port(&d->slot, &slots->conf, e) < 0 || port_taken(&d->slot, bound, e) < 0))
		return -1;
	return scope == AMONG_ALL && any(edits, shared) ? h0_slots_check_one(slots, &d->slot, e) : 0;
}

static void add_change(struct h0_changeset *cs, const struct draft *d,
                       const struct h0_snap_file *was)
{
	h0_changeset_add(cs, d->file, was ? was->text : NULL, was ? was->len : 0,
	                 h0_buf_str(&d->text), d->text.len);
}

static int edit(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                const struct h0_bound *bound, enum scope scope, struct h0_changeset *cs,
                struct h0_err *e)
{
	h0_autoslots struct h0_slots slots = {0};
	h0_auto(draft_done) struct draft d = {0};
	const struct h0_slot *was = NULL;
	if (h0_slots_load(snap, &slots, e) < 0)
		return -1;
	struct h0_slot *known = h0_slots_get(&slots, name);
	if (!known || !known->doc) {
		if (h0_slots_find(&slots, name, &was, e) < 0)
			return -1;
	} else {
		was = known; /* broken, but it parses: this may mend it */
	}
	d.file = was->file;
	const struct h0_snap_file *f = h0_snap_get(snap, d.file);
	h0_buf_add(&d.text, f->text, f->len);
	reparse(&d);
	if (apply(&d, edits, e) < 0)
		return -1;
	if (settle(&d, snap, edits, e) < 0 || check(&d, &slots, was, edits, bound, scope, e) < 0)
		return -1;
	if (d.text.len != f->len || memcmp(h0_buf_str(&d.text), f->text, f->len) != 0)
		add_change(cs, &d, f);
	return 0;
}

int h0_slot_edit(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                 const struct h0_bound *bound, struct h0_changeset *cs, struct h0_err *e)
{
	return edit(snap, name, edits, bound, AMONG_ALL, cs, e);
}

int h0_slot_edit_part(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                      const struct h0_bound *bound, struct h0_changeset *cs, struct h0_err *e)
{
	return edit(snap, name, edits, bound, ALONE, cs, e);
}

int h0_slots_check_changed(const struct h0_snap *snap, const struct h0_changeset *cs,
                           struct h0_err *e)
{
	h0_autoslots struct h0_slots slots = {0};
	char name[H0_NAME_MAX + 1];
	if (h0_slots_load(snap, &slots, e) < 0)
		return -1;
	for (size_t i = 0; i < cs->n; i++) {
		const struct h0_slot *s =
			h0_slot_path_name(cs->v[i].path, name) ? h0_slots_get(&slots, name) : NULL;
		if (s && !s->broken && h0_slots_check_one(&slots, s, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- new files ---- */

static const char *const layout[] = {
	"name", "port", "type", "device", "profile", "role", "default", "image", NULL,
};
static const char *const model_layout[] = {"model.default", "model.context_size", NULL};

/* `key = value` for those of a list that are given; key without its table. */
static void add_lines(const struct h0_edits *edits, const char *const *keys, struct h0_buf *out)
{
	for (; *keys; keys++) {
		const char *value = h0_edits_get(edits, *keys);
		const char *dot = strchr(*keys, '.');
		if (value)
			h0_buf_addf(out, "%s = %s\n", dot ? dot + 1 : *keys, value);
	}
}

static void write_new(const char *name, const struct h0_edits *edits, struct h0_buf *out)
{
	h0_buf_addf(out,
	            "# Slot %s: one model in one container on one loopback port.\n"
	            "# All keys: hal0-slot.toml(5). Edit by hand, or: hal0 slot set %s KEY=VALUE\n",
	            name, name);
	add_lines(edits, layout, out);
	h0_buf_adds(out, "\n[model]\n");
	add_lines(edits, model_layout, out);
}

/* Of a record of the NPU's trio: the slot whose server answers for it, where it exists already. */
static const struct h0_slot *server_for(const struct h0_slots *slots, const struct h0_edits *edits)
{
	const char *type = h0_edits_get(edits, "type");
	bool record = h0_streq(type, "\"embedding\"") || h0_streq(type, "\"transcription\"");
	const struct h0_slot *anchor = h0_npu_anchor(slots);
	return record && h0_streq(h0_edits_get(edits, "device"), "\"npu\"") ? anchor : NULL;
}

/* Copies what is given and adds what is not: name, type, device, port. */
static int complete(const struct h0_slots *slots, const struct h0_profiles *profiles,
                    const char *name, const struct h0_edits *given, enum h0_device device,
                    const struct h0_bound *bound, struct h0_edits *ret, struct h0_err *e)
{
	int port = 0;
	for (size_t i = 0; i < given->n; i++)
		if (given->v[i].value)
			h0_edits_put(ret, given->v[i].key, given->v[i].value);
	if (!h0_edits_get(ret, "name") && h0_edits_set(ret, "name", name, e) < 0)
		return -1;
	if (!h0_edits_get(ret, "type") && h0_edits_set(ret, "type", "llm", e) < 0)
		return -1;
	if (!h0_edits_get(ret, "device")) {
		const char *lit = h0_edits_get(ret, "profile");
		h0_autofree char *bare = lit ? h0_strndup(lit + 1, strlen(lit) - 2) : NULL;
		const struct h0_profile *p = bare ? h0_profiles_get(profiles, bare) : NULL;
		if (p)
			device = h0_profile_device(p, device);
		if (h0_edits_set(ret, "device", h0_device_names[device], e) < 0)
			return -1;
	}
	if (h0_edits_get(ret, "port"))
		return 0;
	const struct h0_slot *server = server_for(slots, ret);
	port = server ? server->port : 0;
	if (!port && h0_port_pick(slots, bound ? bound->fn : NULL, bound ? bound->arg : NULL, &port, e) < 0)
		return -1;
	h0_autofree char *lit = h0_asprintf("%d", port);
	h0_edits_put(ret, "port", lit);
	return 0;
}

/* A key the file leaves out, but whose default is the given value. */
static bool means(const struct h0_slot *s, const struct h0_edit *x)
{
	h0_autobuf struct h0_buf type = {0}, device = {0};
	h0_toml_lit_str(&type, h0_type_names[s->type]);
	h0_toml_lit_str(&device, h0_device_names[s->device]);
	if (s->broken)
		return false;
	return (strcmp(x->key, "type") == 0 && strcmp(h0_buf_str(&type), x->value) == 0) ||
	       (strcmp(x->key, "device") == 0 && strcmp(h0_buf_str(&device), x->value) == 0);
}

/* The slot is there: fine if every given key has its value. */
static int compare(const struct h0_slot *s, const struct h0_edits *given, struct h0_err *e)
{
	if (!s->doc) {
		if (e)
			*e = s->err;
		return -1;
	}
	for (size_t i = 0; i < given->n; i++) {
		h0_autostrv struct h0_strv flat = {0};
		const struct h0_edit *x = &given->v[i];
		if (!x->value || h0_toml_split_path(x->key, &flat, e) < 0 ||
		    has_value(s, &flat, x->value) || means(s, x))
			continue;
		return h0_fail(e, H0_CONFLICT,
		               "slot '%s' exists and its %s is not %s: change it with hal0 slot set %s",
		               s->name, x->key, x->value, s->name);
	}
	return 0;
}

/* The file does not exist, so a place in it says nothing. */
static int about_new(struct h0_err *e)
{
	if (e) {
		e->file[0] = '\0';
		e->line = e->col = 0;
	}
	return -1;
}

static int apply_others(struct draft *d, const struct h0_edits *edits, struct h0_err *e)
{
	for (size_t i = 0; i < edits->n; i++)
		if (h0_word_index(layout, edits->v[i].key) < 0 &&
		    h0_word_index(model_layout, edits->v[i].key) < 0 &&
		    set_key(d, edits->v[i].key, edits->v[i].value, e) < 0)
			return -1;
	return 0;
}

static int create(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                  enum h0_device device, const struct h0_bound *bound, enum scope scope,
                  struct h0_changeset *cs, bool *ret_existed, struct h0_err *e)
{
	h0_autoslots struct h0_slots slots = {0};
	h0_autoprofiles struct h0_profiles profiles = {0};
	h0_autoedits struct h0_edits all = H0_SLOT_EDITS;
	h0_auto(draft_done) struct draft d = {0};
	if (h0_name_check("slot name", name, e) < 0)
		return h0_err_code(e, "slot.config_error");
	if (h0_slots_load(snap, &slots, e) < 0)
		return -1;
	const struct h0_slot *there = h0_slots_get(&slots, name);
	if (ret_existed)
		*ret_existed = there;
	if (there)
		return compare(there, edits, e);
	if (slots.conf.max_slots > 0 && (int64_t)slots.n >= slots.conf.max_slots) {
		h0_fail(e, H0_CONFLICT, "hal0.toml allows %lld slots (slots.max_slots) and there are %zu",
		        (long long)slots.conf.max_slots, slots.n);
		return h0_err_code(e, "slot.config_error");
	}
	if (h0_profiles_load(snap, &profiles, e) < 0 ||
	    complete(&slots, &profiles, name, edits, device, bound, &all, e) < 0)
		return -1;
	h0_autofree char *path = h0_asprintf("slots/%s.toml", name);
	d.file = path;
	write_new(name, &all, &d.text);
	reparse(&d);
	if (apply_others(&d, &all, e) < 0 || settle(&d, snap, &all, e) < 0 ||
	    check(&d, &slots, NULL, &all, bound, scope, e) < 0)
		return about_new(e);
	add_change(cs, &d, NULL);
	return 0;
}

int h0_slot_create(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                   enum h0_device device, const struct h0_bound *bound, struct h0_changeset *cs,
                   bool *ret_existed, struct h0_err *e)
{
	return create(snap, name, edits, device, bound, AMONG_ALL, cs, ret_existed, e);
}

int h0_slot_create_part(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                        enum h0_device device, const struct h0_bound *bound,
                        struct h0_changeset *cs, struct h0_err *e)
{
	return create(snap, name, edits, device, bound, ALONE, cs, NULL, e);
}
