/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/jsonschema.h"

#include "base/mem.h"
#include "base/str.h"
#include "conf/names.h"
#include "fmt/toml.h"
#include "fmt/tomljson.h"

#define NAME_PATTERN "^[a-z0-9][a-z0-9_-]{0,31}$"

static struct h0_json *typed(const char *type)
{
	struct h0_json *j = h0_json_object();
	h0_json_set_str(j, "type", type);
	return j;
}

static struct h0_json *list_of(const char *const *words, bool with_empty)
{
	struct h0_json *l = h0_json_array();
	for (; *words; words++)
		h0_json_add(l, h0_json_new_str(*words));
	if (with_empty)
		h0_json_add(l, h0_json_new_str(""));
	return l;
}

static const char *pattern_of(enum h0_key_format format)
{
	switch (format) {
	case H0_FMT_NAME:
		return "^$|" NAME_PATTERN;
	case H0_FMT_ABSPATH:
		return "^$|^/";
	case H0_FMT_URL:
		return "^https?://";
	case H0_FMT_ENVVAR:
		return "^[A-Za-z_][A-Za-z0-9_]*$|^$";
	case H0_FMT_NONBLANK:
		return "\\S";
	case H0_FMT_IMAGE:
		return "^[A-Za-z0-9][A-Za-z0-9._:/@-]*$";
	case H0_FMT_SIZE2D:
		return "^[1-9][0-9]*x[1-9][0-9]*$|^$";
	case H0_FMT_NONE:
		break;
	}
	return NULL;
}

static struct h0_json *object_of(const struct h0_key *keys, bool strict);

static struct h0_json *string_of(const struct h0_key *k)
{
	struct h0_json *j = typed("string");
	if (k->choices)
		h0_json_set(j, "enum", list_of(k->choices, true));
	if (!k->choices && pattern_of(k->format))
		h0_json_set_str(j, "pattern", pattern_of(k->format));
	return j;
}

static struct h0_json *string_or_table(const struct h0_key *k)
{
	struct h0_json *j = h0_json_object(), *any = h0_json_array();
	h0_json_add(any, string_of(k));
	h0_json_add(any, object_of(k->sub, k->flags & H0_KEY_STRICT));
	h0_json_set(j, "anyOf", any);
	return j;
}

static struct h0_json *map_of(const struct h0_key *k)
{
	struct h0_json *j = typed("object"), *patterns = h0_json_object();
	struct h0_json *entry = object_of(k->sub, k->flags & H0_KEY_STRICT);
	if (k->flags & H0_KEY_PARTIAL)
		h0_json_del(entry, "required");
	h0_json_set(patterns, NAME_PATTERN, entry);
	h0_json_set(j, "patternProperties", patterns);
	h0_json_set_bool(j, "additionalProperties", false);
	return j;
}

static struct h0_json *number_of(const struct h0_key *k, const char *type)
{
	struct h0_json *j = typed(type);
	if (k->min || k->max || k->type == H0_KEY_REAL)
		h0_json_set_int(j, "minimum", k->min);
	if (k->max)
		h0_json_set_int(j, "maximum", k->max);
	return j;
}

static struct h0_json *array_of(struct h0_json *items)
{
	struct h0_json *j = typed("array");
	h0_json_set(j, "items", items);
	return j;
}

static struct h0_json *value_of(const struct h0_key *k)
{
	bool strict = k->flags & H0_KEY_STRICT;
	if (k->flags & H0_KEY_IGNORED)
		return h0_json_object();
	switch (k->type) {
	case H0_KEY_BOOL:
		return typed("boolean");
	case H0_KEY_INT:
		return number_of(k, "integer");
	case H0_KEY_REAL:
		return number_of(k, "number");
	case H0_KEY_STR:
		return string_of(k);
	case H0_KEY_STRINGS:
		return array_of(typed("string"));
	case H0_KEY_TABLE:
		return k->sub ? object_of(k->sub, strict) : typed("object");
	case H0_KEY_STR_OR_TABLE:
		return string_or_table(k);
	case H0_KEY_MAP:
		return map_of(k);
	case H0_KEY_TABLES:
		return array_of(object_of(k->sub, strict));
	case H0_KEY_ANY:
		break;
	}
	return h0_json_object();
}

/* The TOML text of a default as JSON. */
static void set_default(struct h0_json *j, const char *dflt)
{
	h0_autobuf struct h0_buf line = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	h0_buf_addf(&line, "v = %s\n", dflt);
	if (h0_toml_parse(h0_buf_str(&line), line.len, "", &doc, NULL) == 0)
		h0_json_set(j, "default", h0_toml_json(h0_toml_root(doc)->first, false));
}

/* Unknown is null: beside the type, and beside the words where only some are allowed. */
static void allow_null(struct h0_json *j)
{
	struct h0_json *types = h0_json_array();
	h0_json_add(types, h0_json_copy(h0_json_get(j, "type")));
	h0_json_add(types, h0_json_new_str("null"));
	h0_json_set(j, "type", types);
	if (h0_json_get(j, "enum")) {
		struct h0_json *words = h0_json_copy(h0_json_get(j, "enum"));
		h0_json_add(words, h0_json_new_null());
		h0_json_set(j, "enum", words);
	}
}

static struct h0_json *property(const struct h0_key *k)
{
	struct h0_json *j = value_of(k);
	if (k->flags & H0_KEY_NULLABLE)
		allow_null(j);
	h0_json_set_str(j, "description", k->help);
	if (k->dflt)
		set_default(j, k->dflt);
	if (k->flags & H0_KEY_DEPRECATED)
		h0_json_set_bool(j, "deprecated", true);
	return j;
}

static struct h0_json *properties(const struct h0_key *keys)
{
	struct h0_json *j = h0_json_object();
	for (; keys->name; keys++)
		h0_json_set(j, keys->name, property(keys));
	return j;
}

/* NULL when no key is required. */
static struct h0_json *required(const struct h0_key *keys)
{
	struct h0_json *l = h0_json_array();
	for (; keys->name; keys++)
		if (keys->flags & H0_KEY_REQUIRED)
			h0_json_add(l, h0_json_new_str(keys->name));
	if (h0_json_len(l))
		return l;
	h0_json_free(l);
	return NULL;
}

static void require(struct h0_json *j, const struct h0_key *keys)
{
	struct h0_json *l = required(keys);
	if (l)
		h0_json_set(j, "required", l);
}

static struct h0_json *object_of(const struct h0_key *keys, bool strict)
{
	struct h0_json *j = typed("object");
	h0_json_set(j, "properties", properties(keys));
	require(j, keys);
	if (strict)
		h0_json_set_bool(j, "additionalProperties", false);
	return j;
}

/* A required key may stand at the top level or in the inner table. */
static void require_either(struct h0_json *j, const struct h0_schema *s)
{
	struct h0_json *any = h0_json_array(), *flat = h0_json_object(), *nested = h0_json_object();
	struct h0_json *table = h0_json_object(), *inner = h0_json_object();
	struct h0_json *has_inner = h0_json_array();
	require(flat, s->keys);
	require(table, s->keys);
	h0_json_set(inner, s->inner, table);
	h0_json_set(nested, "properties", inner);
	h0_json_add(has_inner, h0_json_new_str(s->inner));
	h0_json_set(nested, "required", has_inner);
	h0_json_add(any, flat);
	h0_json_add(any, nested);
	h0_json_set(j, "anyOf", any);
}

struct h0_json *h0_jsonschema(const struct h0_schema *s)
{
	struct h0_json *j = h0_json_object();
	h0_json_set_str(j, "$schema", "http://json-schema.org/draft-07/schema#");
	h0_json_set_str(j, "title", s->path ? s->path : s->name);
	h0_json_set_str(j, "description", s->summary);
	h0_json_set_str(j, "type", "object");
	struct h0_json *props = properties(s->keys);
	if (s->inner) {
		struct h0_json *inner = typed("object");
		h0_json_set(inner, "properties", properties(s->keys));
		h0_json_set(props, s->inner, inner);
	}
	h0_json_set(j, "properties", props);
	if (s->inner)
		require_either(j, s);
	else
		require(j, s->keys);
	if (s->flags & H0_KEY_STRICT)
		h0_json_set_bool(j, "additionalProperties", false);
	return j;
}
