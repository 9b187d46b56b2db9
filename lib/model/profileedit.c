/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/profileedit.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/schema.h"
#include "fmt/tomledit.h"
#include "model/plan.h"

/* Keys of a profile in the order in which they are written. */
static const char *const layout[] = {"image",       "flags",  "mtp",   "device_class", "backend",
                                     "cloned_from", "intent", "quant", NULL};

/* ---- text of the file ---- */

static void add_line(struct h0_buf *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	h0_buf_addf(out, "%s = ", key);
	h0_toml_lit_str(out, value);
	h0_buf_addc(out, '\n');
}

static void write_seed(const struct h0_profile *p, struct h0_buf *out)
{
	h0_buf_addf(out, "\n[profile.%s]\n", p->name);
	add_line(out, "image", p->image);
	add_line(out, "flags", p->flags);
	if (p->mtp)
		h0_buf_adds(out, "mtp = true\n");
	add_line(out, "device_class", h0_class_names[p->device_class]);
	add_line(out, "backend", p->backend);
	add_line(out, "intent", p->intent);
	add_line(out, "quant", p->quant);
}

struct catalog {
	const struct h0_snap_file *file; /* NULL = not there */
	struct h0_profiles was, now;
	struct h0_slots slots;
	struct h0_buf text;
};

static void catalog_done(struct catalog *c)
{
	h0_profiles_done(&c->was);
	h0_profiles_done(&c->now);
	h0_slots_done(&c->slots);
	h0_buf_done(&c->text);
}

static int catalog_open(struct catalog *c, const struct h0_snap *snap, struct h0_err *e)
{
	c->file = h0_snap_get(snap, h0_schema_profiles.path);
	if (h0_profiles_load(snap, &c->was, e) < 0 || h0_slots_load(snap, &c->slots, e) < 0)
		return -1;
	if (c->file) {
		h0_buf_add(&c->text, c->file->text, c->file->len);
		return 0;
	}
	h0_buf_adds(&c->text,
	            "# Profiles: how slots run. All keys: hal0-profiles.toml(5).\n"
	            "# This file is the whole catalog: while it is here the built-in profiles do not\n"
	            "# apply, so they are written out below.\n");
	for (size_t i = 0; i < h0_profile_nseeds; i++)
		write_seed(&h0_profile_seeds[i], &c->text);
	return 0;
}

static int set_key(struct catalog *c, const char *name, const char *key, const char *value,
                   struct h0_err *e)
{
	const char *path[] = {"profile", name, key, NULL};
	bool found;
	const char *text = h0_buf_str(&c->text);
	if (value)
		return h0_tomledit_set(text, c->text.len, h0_schema_profiles.path, path, value, &c->text, e);
	return h0_tomledit_unset(text, c->text.len, h0_schema_profiles.path, path, &c->text, &found, e);
}

/* Of a new profile: known keys in their order. */
static int set_all(struct catalog *c, const char *name, const struct h0_edits *edits,
                   struct h0_err *e)
{
	for (size_t i = 0; layout[i]; i++) {
		const char *value = h0_edits_get(edits, layout[i]);
		if (value && set_key(c, name, layout[i], value, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- what must hold ---- */

void h0_profile_users(const struct h0_profiles *profiles, const struct h0_slots *slots,
                      const struct h0_profile *p, struct h0_strv *ret)
{
	for (size_t i = 0; i < slots->n; i++) {
		struct h0_plan plan;
		const struct h0_slot *s = &slots->v[i];
		if (!s->broken && h0_plan_slot(s, profiles, &plan, NULL) == 0 && plan.profile == p)
			h0_strv_add(ret, s->name);
	}
}

static void join(const struct h0_strv *names, struct h0_buf *out)
{
	for (size_t i = 0; i < names->n; i++)
		h0_buf_addf(out, "%s%s", i ? ", " : "", names->v[i]);
}

static int immutable(const char *name, struct h0_err *e)
{
	h0_fail(e, H0_CONFLICT,
	        "'%s' is a built-in profile and stays as it is: hal0 profile clone %s NAME, then change "
	        "that", name, name);
	return h0_err_code(e, "profiles.seed_immutable");
}

/* Slots that ran before and would not now, and why the first of them. */
static void find_stranded(const struct catalog *c, struct h0_strv *ret, char *why, size_t size)
{
	for (size_t i = 0; i < c->slots.n; i++) {
		struct h0_plan was, now;
		struct h0_err e = {0};
		const struct h0_slot *s = &c->slots.v[i];
		if (s->broken || h0_plan_slot(s, &c->was, &was, NULL) < 0)
			continue;
		bool runs = h0_plan_slot(s, &c->now, &now, &e) == 0;
		if (runs && (was.warning[0] || !now.warning[0]))
			continue;
		if (!ret->n)
			snprintf(why, size, "%s", runs ? now.warning : e.msg);
		h0_strv_add(ret, s->name);
	}
}

static int commit(struct catalog *c, const char *name, struct h0_changeset *cs, struct h0_err *e)
{
	h0_autostrv struct h0_strv stranded = {0};
	h0_autobuf struct h0_buf names = {0};
	char why[512];
	if (h0_profiles_parse(h0_buf_str(&c->text), c->text.len, &c->now, e) < 0)
		return -1;
	const struct h0_profile *p = h0_profiles_get(&c->now, name);
	h0_autofree char *foreign = p ? h0_profile_foreign_flag(p->flags) : NULL;
	if (foreign)
		return h0_fail(e, H0_CONFIG, "flags: %s is the slot's business, not a profile's", foreign);
	find_stranded(c, &stranded, why, sizeof why);
	if (stranded.n) {
		join(&stranded, &names);
		h0_fail(e, H0_CONFLICT, "profile '%s' is used by %s: %s", name, h0_buf_str(&names), why);
		h0_err_detail(e, "slots", "%s", h0_buf_str(&names));
		return h0_err_code(e, "profiles.in_use");
	}
	h0_changeset_add(cs, h0_schema_profiles.path, c->file ? c->file->text : NULL,
	                 c->file ? c->file->len : 0, h0_buf_str(&c->text), c->text.len);
	return 0;
}

/* ---- new ones ---- */

static bool same_text(const char *a, const char *b)
{
	return h0_streq(a ? a : "", b ? b : "");
}

static bool same_profile(const struct h0_profile *a, const struct h0_profile *b)
{
	return same_text(a->image, b->image) && same_text(a->flags, b->flags) && a->mtp == b->mtp &&
	       a->device_class == b->device_class && same_text(a->backend, b->backend) &&
	       same_text(a->cloned_from, b->cloned_from) && same_text(a->intent, b->intent) &&
	       same_text(a->quant, b->quant);
}

/* There is one of that name: fine when it is what the text would make of it. */
static int compare(struct catalog *c, const char *name, const struct h0_profile *there,
                   const struct h0_edits *edits, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	h0_autoprofiles struct h0_profiles wanted = {0};
	struct catalog alone = {.text = {0}};
	int rc = set_all(&alone, name, edits, e);
	text = alone.text;
	if (rc < 0 || h0_profiles_parse(h0_buf_str(&text), text.len, &wanted, e) < 0)
		return -1;
	if (wanted.n && same_profile(&wanted.v[0], there))
		return 0;
	if (there->seed)
		return immutable(name, e);
	h0_fail(e, H0_CONFLICT, "profile '%s' exists and differs: change it with hal0 profile set", name);
	return h0_err_code(e, "profiles.exists");
}

int h0_profile_add(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                   struct h0_changeset *cs, struct h0_err *e)
{
	h0_auto(catalog_done) struct catalog c = {0};
	if (h0_name_check("profile name", name, e) < 0)
		return h0_err_code(e, "profiles.invalid_name");
	if (catalog_open(&c, snap, e) < 0)
		return -1;
	for (size_t i = 0; i < c.was.n; i++)
		if (strcmp(c.was.v[i].name, name) == 0)
			return compare(&c, name, &c.was.v[i], edits, e);
	for (size_t i = 0; i < h0_profile_nseeds; i++)
		if (strcmp(h0_profile_seeds[i].name, name) == 0)
			return immutable(name, e);
	if (set_all(&c, name, edits, e) < 0)
		return -1;
	return commit(&c, name, cs, e);
}

static void put_text(struct h0_edits *edits, const char *key, const char *value)
{
	h0_autobuf struct h0_buf lit = {0};
	if (!value || !*value)
		return;
	h0_toml_lit_str(&lit, value);
	h0_edits_put(edits, key, h0_buf_str(&lit));
}

static void put_profile(struct h0_edits *edits, const struct h0_profile *p)
{
	put_text(edits, "image", p->image);
	put_text(edits, "flags", p->flags);
	if (p->mtp)
		h0_edits_put(edits, "mtp", "true");
	put_text(edits, "device_class", h0_class_names[p->device_class]);
	put_text(edits, "backend", p->backend);
	put_text(edits, "cloned_from", p->name);
	put_text(edits, "intent", p->intent);
	put_text(edits, "quant", p->quant);
}

int h0_profile_clone(const struct h0_snap *snap, const char *from, const char *name,
                     const struct h0_edits *edits, struct h0_changeset *cs, struct h0_err *e)
{
	h0_autoprofiles struct h0_profiles profiles = {0};
	h0_autoedits struct h0_edits all = H0_PROFILE_EDITS;
	const struct h0_profile *source = NULL;
	if (h0_profiles_load(snap, &profiles, e) < 0 ||
	    h0_profiles_find(&profiles, from, &source, e) < 0)
		return -1;
	put_profile(&all, source);
	for (size_t i = 0; i < edits->n; i++)
		h0_edits_put(&all, edits->v[i].key, edits->v[i].value);
	return h0_profile_add(snap, name, &all, cs, e);
}

/* ---- those that are there ---- */

/* Same value already, however it is written? Then no byte changes. */
static bool has_value(const struct catalog *c, const char *name, const struct h0_edit *x)
{
	h0_autotoml struct h0_toml *doc = NULL;
	h0_autobuf struct h0_buf line = {0};
	h0_autotoml struct h0_toml *wanted = NULL;
	const char *path[] = {"profile", name, x->key, NULL};
	h0_buf_addf(&line, "v = %s\n", x->value ? x->value : "0");
	if (h0_toml_parse(h0_buf_str(&c->text), c->text.len, "", &doc, NULL) < 0 ||
	    h0_toml_parse(h0_buf_str(&line), line.len, "", &wanted, NULL) < 0)
		return false;
	const struct h0_toml_node *n = h0_toml_get_path(h0_toml_root(doc), path);
	const struct h0_toml_node *w = h0_toml_root(wanted)->first;
	if (!n || !x->value)
		return !n && !x->value;
	return n->type == w->type && n->type == H0_TOML_STRING ? h0_streq(n->str, w->str)
	                                                       : n->type == w->type && n->boolean == w->boolean;
}

int h0_profile_edit(const struct h0_snap *snap, const char *name, const struct h0_edits *edits,
                    struct h0_changeset *cs, struct h0_err *e)
{
	h0_auto(catalog_done) struct catalog c = {0};
	const struct h0_profile *p = NULL;
	if (catalog_open(&c, snap, e) < 0 || h0_profiles_find(&c.was, name, &p, e) < 0)
		return -1;
	if (p->seed)
		return immutable(p->name, e);
	bool changed = false;
	for (size_t i = 0; i < edits->n; i++) {
		if (has_value(&c, p->name, &edits->v[i]))
			continue;
		changed = true;
		if (set_key(&c, p->name, edits->v[i].key, edits->v[i].value, e) < 0)
			return -1;
	}
	return changed ? commit(&c, p->name, cs, e) : 0;
}

int h0_profile_remove(const struct h0_snap *snap, const char *name, struct h0_changeset *cs,
                      struct h0_err *e)
{
	h0_auto(catalog_done) struct catalog c = {0};
	h0_autostrv struct h0_strv users = {0};
	h0_autobuf struct h0_buf names = {0};
	const char *path[] = {"profile", name, NULL};
	bool found;
	if (h0_name_check("profile name", name, e) < 0)
		return h0_err_code(e, "profiles.invalid_name");
	if (catalog_open(&c, snap, e) < 0)
		return -1;
	const struct h0_profile *p = h0_profiles_get(&c.was, name);
	if (!p || strcmp(p->name, name) != 0)
		return 0;
	if (p->seed)
		return immutable(name, e);
	h0_profile_users(&c.was, &c.slots, p, &users);
	if (users.n) {
		join(&users, &names);
		h0_fail(e, H0_CONFLICT, "profile '%s' is used by %s", name, h0_buf_str(&names));
		h0_err_detail(e, "slots", "%s", h0_buf_str(&names));
		return h0_err_code(e, "profiles.in_use");
	}
	if (h0_tomledit_unset(h0_buf_str(&c.text), c.text.len, h0_schema_profiles.path, path, &c.text,
	                      &found, e) < 0)
		return -1;
	return commit(&c, name, cs, e);
}
