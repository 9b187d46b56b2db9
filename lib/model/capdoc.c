/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/capdoc.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/schema.h"
#include "conf/validate.h"
#include "fmt/json.h"
#include "fmt/toml.h"
#include "fmt/tomledit.h"

#define SLOTS_MAX 200 /* below what one change set can hold */

/* ---- JSON as TOML ---- */

static int write_value(const struct h0_json *j, const char *file, struct h0_buf *out,
                       struct h0_err *e);

static int write_pairs(const struct h0_json *j, const char *file, const char *between,
                       struct h0_buf *out, struct h0_err *e)
{
	const char *key;
	const struct h0_json *v;
	size_t n = 0;
	for (void *it = NULL; (it = h0_json_next(j, it, &key, &v));) {
		if (n++)
			h0_buf_adds(out, between);
		h0_toml_key_text(key, h0_json_key_len(it), out);
		h0_buf_adds(out, " = ");
		if (write_value(v, file, out, e) < 0)
			return -1;
	}
	return 0;
}

static int write_list(const struct h0_json *j, const char *file, struct h0_buf *out,
                      struct h0_err *e)
{
	h0_buf_addc(out, '[');
	for (size_t i = 0; i < h0_json_len(j); i++) {
		if (i)
			h0_buf_adds(out, ", ");
		if (write_value(h0_json_at(j, i), file, out, e) < 0)
			return -1;
	}
	h0_buf_addc(out, ']');
	return 0;
}

static int write_value(const struct h0_json *j, const char *file, struct h0_buf *out,
                       struct h0_err *e)
{
	const char *text = h0_json_str(j);
	switch (h0_json_type(j)) {
	case H0_JSON_OBJECT:
		h0_buf_adds(out, "{");
		if (write_pairs(j, file, ", ", out, e) < 0)
			return -1;
		h0_buf_adds(out, "}");
		return 0;
	case H0_JSON_ARRAY:
		return write_list(j, file, out, e);
	case H0_JSON_STRING:
		if (!text)
			return h0_fail_at(e, file, 0, 0, NULL, "a string holds a NUL character");
		h0_toml_lit_str(out, text);
		return 0;
	case H0_JSON_NULL:
		return h0_fail_at(e, file, 0, 0, NULL, "null says nothing: leave the key out");
	default:
		h0_json_dump(j, 0, false, out);
		return 0;
	}
}

static int from_json(const char *text, size_t len, const char *file, struct h0_buf *out,
                     struct h0_err *e)
{
	h0_autojson struct h0_json *j = NULL;
	if (h0_json_parse(text, len, file, &j, e) < 0)
		return -1;
	return write_pairs(j, file, "\n", out, e);
}

static bool is_json(const char *text, size_t len)
{
	while (len && strchr(" \t\r\n", *text) && *text) {
		text++;
		len--;
	}
	return len && *text == '{';
}

/* ---- wishes ---- */

/* NULL when absent, so "" can be said. */
static const char *string_of(const struct h0_toml_node *table, const char *key)
{
	const struct h0_toml_node *n = h0_toml_get(table, key);
	return n ? n->str : NULL;
}

static void read_caps(const struct h0_toml_node *root, struct h0_wishes *w)
{
	w->caps = h0_calloc(h0_ncaps, sizeof *w->caps);
	for (size_t i = 0; i < h0_ncaps; i++) {
		const char *path[] = {"selections", h0_caps[i].group, h0_caps[i].child, NULL};
		const struct h0_toml_node *n = h0_toml_get_path(root, path);
		const struct h0_toml_node *on = h0_toml_get(n, "enabled");
		if (!n)
			continue;
		w->caps[w->ncaps++] = (struct h0_cap_wish){
			.cap = &h0_caps[i],
			.enabled = !on ? H0_TRI_ABSENT : on->boolean ? H0_TRI_TRUE : H0_TRI_FALSE,
			.device = string_of(n, "device"),
			.provider = string_of(n, "provider"),
			.model = string_of(n, "model"),
		};
	}
}

static struct h0_slot_wish *wish_for(struct h0_wishes *w, const char *name)
{
	for (size_t i = 0; i < w->nslots; i++)
		if (strcmp(w->slots[i].name, name) == 0)
			return &w->slots[i];
	struct h0_slot_wish *s = &w->slots[w->nslots++];
	*s = (struct h0_slot_wish){.name = name, .edits = H0_SLOT_EDITS, .want = H0_WANT_KEEP};
	return s;
}

/* The keys of one slot, dotted: those of a table in it stand for themselves. */
static void read_keys(const struct h0_toml *doc, const struct h0_toml_node *table,
                      const struct h0_key *keys, const char *prefix, struct h0_edits *edits)
{
	h0_toml_each(n, table) {
		const char *word[] = {n->key, NULL};
		const struct h0_key *known = h0_key_at(keys, word);
		h0_autofree char *path = h0_asprintf("%s%s%s", prefix, *prefix ? "." : "", n->key);
		h0_autobuf struct h0_buf value = {0};
		if (n->type == H0_TOML_TABLE && known && known->sub) {
			read_keys(doc, n, known->sub, path, edits);
			continue;
		}
		h0_buf_add(&value, h0_toml_text(doc, NULL) + n->value_span.start,
		           n->value_span.end - n->value_span.start);
		h0_edits_put(edits, path, h0_buf_str(&value));
	}
}

static int read_list(const struct h0_toml *doc, const char *key, enum h0_want want, bool absent,
                     struct h0_wishes *w, struct h0_err *e)
{
	const struct h0_toml_node *list = h0_toml_get(h0_toml_root(doc), key);
	h0_toml_each(n, list) {
		struct h0_err why = {0};
		if (h0_name_check("slot name", n->str, &why) < 0)
			return h0_toml_fail(doc, n, e, "%s", why.msg);
		struct h0_slot_wish *s = wish_for(w, n->str);
		if (s->want != H0_WANT_KEEP && (s->want != want || s->absent != absent))
			return h0_toml_fail(doc, n, e, "slot %s stands in two of the lists", n->str);
		if (absent && s->edits.n)
			return h0_toml_fail(doc, n, e, "slot %s shall go, and has settings in [slots] too", n->str);
		s->want = want;
		s->absent = absent;
	}
	return 0;
}

static int read_slots(const struct h0_toml *doc, struct h0_wishes *w, struct h0_err *e)
{
	const struct h0_toml_node *root = h0_toml_root(doc), *all = h0_toml_get(root, "slots");
	size_t room = all ? all->count : 0;
	static const char *const lists[] = {"run", "stop", "remove"};
	for (size_t i = 0; i < H0_ARRAY_LEN(lists); i++) {
		const struct h0_toml_node *n = h0_toml_get(root, lists[i]);
		room += n ? n->count : 0;
	}
	if (room > SLOTS_MAX)
		return h0_toml_fail(doc, root, e, "%zu slots; at most %d in one document", room, SLOTS_MAX);
	w->slots = h0_calloc(room + 1, sizeof *w->slots);
	h0_toml_each(n, all)
		read_keys(doc, n, h0_schema_slot.keys, "", &wish_for(w, n->key)->edits);
	if (read_list(doc, "run", H0_WANT_RUN, false, w, e) < 0 ||
	    read_list(doc, "stop", H0_WANT_STOP, false, w, e) < 0)
		return -1;
	return read_list(doc, "remove", H0_WANT_STOP, true, w, e);
}

/* The code of a finding at "selections.GROUP.CHILD.KEY", or at a part of that. */
static const char *selection_code(const char *key)
{
	static const char *const fields[] = {"device", "provider", "model", "enabled", NULL};
	h0_autofree char *group = h0_strdup(key + strlen("selections."));
	char *child = strchr(group, '.'), *field = child ? strchr(child + 1, '.') : NULL;
	bool known_group = false, known_child = false;
	if (child)
		*child++ = '\0';
	if (field)
		*field++ = '\0';
	for (size_t i = 0; i < h0_ncaps; i++) {
		bool in = h0_streq(h0_caps[i].group, group);
		known_group |= in;
		known_child |= in && child && h0_streq(h0_caps[i].child, child);
	}
	if (!known_group)
		return "capability.unknown_slot";
	if (child && !known_child)
		return "capability.unknown_child";
	return field && h0_word_index(fields, field) < 0 ? "capability.unknown_fields"
	                                                 : "capability.invalid_selection";
}

/* Nothing in a document that states a wish may be without effect: a warning is an error. */
static int check(const struct h0_toml *doc, const char *file, struct h0_err *e)
{
	h0_autofindings struct h0_findings found = {0};
	h0_validate(&h0_schema_apply, doc, file, &found);
	if (!found.n)
		return 0;
	const struct h0_finding *f = &found.v[0];
	bool chat = h0_starts(f->key, "selections.chat");
	h0_fail_at(e, f->file, f->line, f->col, f->key, "%s%s", f->msg,
	           chat ? ": chat is no capability, it lives in its slots: [slots.NAME]" : "");
	return h0_err_code(e, h0_starts(f->key, "selections.") ? selection_code(f->key) : "config.invalid");
}

static int read_doc(struct h0_capdoc *d, const char *file, struct h0_err *e)
{
	if (check(d->doc, file, e) < 0)
		return -1;
	read_caps(h0_toml_root(d->doc), &d->wishes);
	return read_slots(d->doc, &d->wishes, e);
}

int h0_capdoc_parse(const char *text, size_t len, const char *file, struct h0_capdoc *ret,
                    struct h0_err *e)
{
	h0_autocapdoc struct h0_capdoc d = {0};
	h0_autobuf struct h0_buf toml = {0};
	bool json = is_json(text, len);
	struct h0_err own = {0};
	if (!e)
		e = &own;
	if (json && from_json(text, len, file, &toml, e) < 0)
		return -1;
	if (h0_toml_parse(json ? h0_buf_str(&toml) : text, json ? toml.len : len, file, &d.doc, e) < 0 ||
	    read_doc(&d, file, e) < 0) {
		if (json) /* lines of what it was turned into say nothing */
			e->line = e->col = 0;
		return -1;
	}
	*ret = d;
	d = (struct h0_capdoc){0};
	return 0;
}

void h0_capdoc_done(struct h0_capdoc *d)
{
	for (size_t i = 0; i < d->wishes.nslots; i++)
		h0_edits_done(&d->wishes.slots[i].edits);
	free(d->wishes.slots);
	free(d->wishes.caps);
	h0_toml_free(d->doc);
	*d = (struct h0_capdoc){0};
}
