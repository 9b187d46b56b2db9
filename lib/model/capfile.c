/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/capfile.h"

#include <string.h>

#include "base/buf.h"
#include "conf/schema.h"
#include "fmt/toml.h"
#include "fmt/tomledit.h"
#include "model/device.h"

#define BACKUP "capabilities.toml.v1.bak"

static const char *file_name(void)
{
	return h0_schema_capabilities.path;
}

static int set(struct h0_buf *text, const char *const *path, const char *value, struct h0_err *e)
{
	return h0_tomledit_set(h0_buf_str(text), text->len, file_name(), path, value, text, e);
}

/* ---- from v1 to v2 ---- */

/* The key's own bytes: what stands around it, a comment behind it too, stays. */
static void rename_key(struct h0_buf *text, const struct h0_toml_node *n, const char *name)
{
	h0_autobuf struct h0_buf out = {0};
	h0_buf_add(&out, h0_buf_str(text), n->key_span.start);
	h0_buf_adds(&out, name);
	h0_buf_add(&out, h0_buf_str(text) + n->key_span.end, text->len - n->key_span.end);
	h0_buf_reset(text);
	h0_buf_add(text, out.p, out.len);
}

static int translate(const struct h0_cap *c, struct h0_buf *text, struct h0_strv *warnings,
                     struct h0_err *e)
{
	const char *device[] = {"selections", c->group, c->child, "device", NULL};
	const char *backend[] = {"selections", c->group, c->child, "backend", NULL};
	h0_autotoml struct h0_toml *doc = NULL;
	h0_autobuf struct h0_buf word = {0};
	bool known = true, found;
	if (h0_toml_parse(h0_buf_str(text), text->len, file_name(), &doc, e) < 0)
		return -1;
	const struct h0_toml_node *old = h0_toml_get_path(h0_toml_root(doc), backend);
	if (!old)
		return 0;
	if (h0_toml_get_path(h0_toml_root(doc), device)) /* it wins */
		return h0_tomledit_unset(h0_buf_str(text), text->len, file_name(), backend, text, &found, e);
	const char *said = old->type == H0_TOML_STRING ? old->str : "";
	h0_toml_lit_str(&word, *said ? h0_device_names[h0_device_from_backend(said, &known)] : "");
	if (!known)
		h0_strv_addf(warnings, "%s:%d: %s.%s: unknown back end '%.64s': taken as device cpu",
		             file_name(), old->line, c->group, c->child, said);
	rename_key(text, old, "device");
	return set(text, device, h0_buf_str(&word), e);
}

static int migrate(struct h0_buf *text, struct h0_strv *warnings, struct h0_err *e)
{
	static const char *const version[] = {"schema_version", NULL};
	for (size_t i = 0; i < h0_ncaps; i++)
		if (translate(&h0_caps[i], text, warnings, e) < 0)
			return -1;
	return set(text, version, "2", e);
}

/* ---- records ---- */

static void add_record(struct h0_buf *text, const struct h0_selection *s)
{
	h0_buf_addf(text, "\n[selections.%s.%s]\ndevice = ", s->cap->group, s->cap->child);
	h0_toml_lit_str(text, s->device);
	h0_buf_adds(text, "\nprovider = ");
	h0_toml_lit_str(text, s->provider);
	h0_buf_adds(text, "\nmodel = ");
	h0_toml_lit_str(text, s->model);
	h0_buf_addf(text, "\nenabled = %s\n", s->enabled ? "true" : "false");
}

static void write_new(const struct h0_selection *want, struct h0_buf *text)
{
	h0_buf_adds(text, "# What this box does besides chat, and which model does it where.\n"
	                  "# All keys: hal0-capabilities.toml(5). Edit by hand, or: hal0 cap set\n"
	                  "schema_version = 2\n");
	for (size_t i = 0; i < h0_ncaps; i++)
		add_record(text, &want[i]);
}

/* In a record that is there an absent key and an empty string, or false, are the same. */
static int set_key(struct h0_buf *text, const struct h0_selection *s, const char *key,
                   const char *value, bool may_miss, struct h0_err *e)
{
	const char *path[] = {"selections", s->cap->group, s->cap->child, key, NULL};
	h0_autotoml struct h0_toml *doc = NULL;
	if (h0_toml_parse(h0_buf_str(text), text->len, file_name(), &doc, e) < 0)
		return -1;
	if (may_miss && !h0_toml_get_path(h0_toml_root(doc), path))
		return 0;
	return set(text, path, value, e);
}

static int set_record(struct h0_buf *text, const struct h0_selection *s, bool there,
                      struct h0_err *e)
{
	h0_autobuf struct h0_buf device = {0}, provider = {0}, model = {0};
	h0_toml_lit_str(&device, s->device);
	h0_toml_lit_str(&provider, s->provider);
	h0_toml_lit_str(&model, s->model);
	if (set_key(text, s, "device", h0_buf_str(&device), there && !*s->device, e) < 0 ||
	    set_key(text, s, "provider", h0_buf_str(&provider), there && !*s->provider, e) < 0 ||
	    set_key(text, s, "model", h0_buf_str(&model), there && !*s->model, e) < 0)
		return -1;
	return set_key(text, s, "enabled", s->enabled ? "true" : "false",
	               there && !s->enabled, e);
}

int h0_capfile_write(const struct h0_snap *snap, const struct h0_selection *want,
                     struct h0_changeset *cs, struct h0_strv *warnings, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(snap, file_name());
	h0_autobuf struct h0_buf text = {0};
	h0_autoselections struct h0_selections now = {0};
	if (!f) {
		write_new(want, &text);
		h0_changeset_add(cs, file_name(), NULL, 0, h0_buf_str(&text), text.len);
		return 0;
	}
	if (h0_selections_load(snap, &(struct h0_slots){0}, &now, e) < 0)
		return -1;
	h0_buf_add(&text, f->text, f->len);
	if (now.version < 2) {
		if (!h0_snap_get(snap, BACKUP))
			h0_changeset_add(cs, BACKUP, NULL, 0, f->text, f->len);
		if (migrate(&text, warnings, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < h0_ncaps; i++)
		if (want[i].present && set_record(&text, &want[i], now.v[i].present, e) < 0)
			return -1;
	h0_changeset_add(cs, file_name(), f->text, f->len, h0_buf_str(&text), text.len);
	return 0;
}
