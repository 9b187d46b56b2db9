/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/check.h"

#include <string.h>

#include "base/str.h"
#include "conf/schema.h"
#include "model/cap.h"
#include "model/plan.h"
#include "model/slot.h"

static const char *text_of(const struct h0_toml_node *table, const char *key)
{
	const struct h0_toml_node *n = h0_toml_get(table, key);
	return n && n->type == H0_TOML_STRING ? n->str : "";
}

static void check_upstreams(const struct h0_toml *doc, const char *file, struct h0_findings *ret)
{
	const struct h0_toml_node *all = h0_toml_get(h0_toml_root(doc), "upstream");
	h0_toml_each(u, all) {
		const char *name = text_of(u, "name");
		if (h0_streq(text_of(u, "kind"), "slot") && !*text_of(u, "slot_name"))
			h0_findings_add(ret, true, file, u, "kind is slot, so slot_name is required");
		for (const struct h0_toml_node *o = all->first; o != u; o = o->next)
			if (*name && h0_streq(text_of(o, "name"), name))
				h0_findings_add(ret, true, file, h0_toml_get(u, "name"),
				                "'%s' is the name of the upstream of line %d too", name,
				                o->line);
	}
}

static void check_port_range(const struct h0_toml *doc, const char *file, struct h0_findings *ret)
{
	const struct h0_toml_node *slots = h0_toml_get(h0_toml_root(doc), "slots");
	const struct h0_toml_node *first = h0_toml_get(slots, "port_range_start");
	const struct h0_toml_node *last = h0_toml_get(slots, "port_range_end");
	if (first && last && first->i64 > last->i64)
		h0_findings_add(ret, true, file, last, "lies below port_range_start, %lld",
		                (long long)first->i64);
}

static void check_selections(const struct h0_toml *doc, const char *file, struct h0_findings *ret)
{
	for (size_t i = 0; i < h0_ncaps; i++) {
		const char *path[] = {"selections", h0_caps[i].group, h0_caps[i].child, "device", NULL};
		const struct h0_toml_node *n = h0_toml_get_path(h0_toml_root(doc), path);
		if (!n || !n->str_len || h0_word_index(h0_device_names, n->str) >= 0)
			continue;
		const char *near = h0_str_nearest(n->str, h0_device_names);
		h0_findings_add(ret, true, file, n, "unknown device '%.64s'%s%s%s", n->str,
		                near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	}
}

static void check_file(const struct h0_snap_file *f, struct h0_findings *ret)
{
	const struct h0_schema *s = h0_schema_for_path(f->path);
	h0_autotoml struct h0_toml *doc = NULL;
	size_t before = ret->errors;
	if (!s || s == &h0_schema_slot)
		return; /* slots are read as slots, below */
	h0_validate_text(s, f->text, f->len, f->path, ret, &doc);
	if (!doc || ret->errors > before)
		return;
	if (s == &h0_schema_upstreams)
		check_upstreams(doc, f->path, ret);
	else if (s == &h0_schema_hal0)
		check_port_range(doc, f->path, ret);
	else if (s == &h0_schema_capabilities)
		check_selections(doc, f->path, ret);
}

static void copy_finding(const struct h0_finding *f, struct h0_findings *ret)
{
	struct h0_err e = {0};
	h0_fail_at(&e, f->file, f->line, f->col, f->key, "%s", f->msg);
	h0_findings_add_err(ret, &e);
	if (!f->error) {
		ret->v[ret->n - 1].error = false;
		ret->errors--;
	}
}

static void check_plan(const struct h0_slot *s, const struct h0_profiles *profiles,
                       struct h0_findings *ret)
{
	struct h0_plan plan;
	struct h0_err e = {0};
	if (h0_plan_slot(s, profiles, &plan, &e) < 0) {
		h0_findings_add_err(ret, &e);
	} else if (plan.warning[0]) {
		const char *path[] = {"profile", NULL};
		h0_findings_add(ret, false, s->file, h0_slot_node(s, path), "%s", plan.warning);
	}
}

static void check_slots(const struct h0_snap *snap, struct h0_findings *ret)
{
	h0_autoslots struct h0_slots slots = {0};
	h0_autoprofiles struct h0_profiles profiles = {0};
	struct h0_err e = {0};
	if (h0_slots_load(snap, &slots, &e) < 0) {
		h0_findings_add_err(ret, &e);
		return;
	}
	bool catalog = h0_profiles_load(snap, &profiles, &e) == 0; /* its faults are found already */
	for (size_t i = 0; i < slots.n; i++) {
		const struct h0_slot *s = &slots.v[i];
		for (size_t j = 0; j < s->found.n; j++)
			copy_finding(&s->found.v[j], ret);
		if (!s->broken && catalog)
			check_plan(s, &profiles, ret);
	}
	h0_slots_check(&slots, ret);
}

static int by_place(const void *a, const void *b)
{
	const struct h0_finding *x = a, *y = b;
	int d = strcmp(x->file, y->file);
	if (!d)
		d = x->line - y->line;
	return d ? d : x->col - y->col;
}

void h0_check(const struct h0_snap *snap, struct h0_findings *ret)
{
	for (size_t i = 0; i < snap->n; i++)
		check_file(&snap->files[i], ret);
	check_slots(snap, ret);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_place);
}
