/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* struct h0_json is json_t under another name; these two are the only places that know. */
static json_t *in(const struct h0_json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct h0_json *out(json_t *j)
{
	if (!j)
		abort();
	return (struct h0_json *)j;
}

static int fail_at(const char *text, size_t at, const char *file, const char *why, struct h0_err *e)
{
	size_t start = 0;
	int line = 1;
	for (size_t i = 0; i < at; i++)
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	return h0_fail_at(e, file, line, (int)(at - start) + 1, NULL, "not valid JSON: %s", why);
}

/* jansson counts a column in characters and quotes the text; we count bytes and do not. */
static int fail_parse(const char *text, size_t len, const char *file, json_error_t *je,
                      struct h0_err *e)
{
	bool next = json_error_code(je) == json_error_invalid_utf8;
	size_t at = je->position > 0 ? (size_t)je->position - !next : 0;
	char *quote = strstr(je->text, " near '");
	if (quote)
		*quote = '\0';
	return fail_at(text, at < len ? at : len, file, je->text, e);
}

int h0_json_parse(const char *text, size_t len, const char *file, struct h0_json **ret,
                  struct h0_err *e)
{
	json_error_t je;
	/* jansson passes over one that follows a number or a word */
	const char *nul = len ? memchr(text, '\0', len) : NULL;
	if (nul)
		return fail_at(text, (size_t)(nul - text), file, "a NUL byte", e);
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
	                       &je);
	if (!j)
		return fail_parse(text, len, file, &je, e);
	*ret = out(j);
	return 0;
}

void h0_json_free(struct h0_json *j)
{
	json_decref(in(j));
}

enum h0_json_type h0_json_type(const struct h0_json *j)
{
	if (!j)
		return H0_JSON_NULL;
	switch (json_typeof(in(j))) {
	case JSON_OBJECT:
		return H0_JSON_OBJECT;
	case JSON_ARRAY:
		return H0_JSON_ARRAY;
	case JSON_STRING:
		return H0_JSON_STRING;
	case JSON_INTEGER:
		return H0_JSON_INT;
	case JSON_REAL:
		return H0_JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return H0_JSON_BOOL;
	case JSON_NULL:
		break;
	}
	return H0_JSON_NULL;
}

const struct h0_json *h0_json_get(const struct h0_json *obj, const char *key)
{
	return (const struct h0_json *)json_object_get(in(obj), key);
}

size_t h0_json_len(const struct h0_json *j)
{
	return json_is_array(in(j)) ? json_array_size(in(j)) : json_object_size(in(j));
}

const struct h0_json *h0_json_at(const struct h0_json *arr, size_t i)
{
	return (const struct h0_json *)json_array_get(in(arr), i);
}

const char *h0_json_str(const struct h0_json *j)
{
	const char *s = json_string_value(in(j));
	return s && strlen(s) == json_string_length(in(j)) ? s : NULL;
}

const char *h0_json_strn(const struct h0_json *j, size_t *ret_len)
{
	*ret_len = json_string_length(in(j));
	return json_string_value(in(j));
}

int64_t h0_json_int(const struct h0_json *j, int64_t otherwise)
{
	return json_is_integer(in(j)) ? json_integer_value(in(j)) : otherwise;
}

double h0_json_num(const struct h0_json *j, double otherwise)
{
	return json_is_number(in(j)) ? json_number_value(in(j)) : otherwise;
}

bool h0_json_bool(const struct h0_json *j, bool otherwise)
{
	return json_is_boolean(in(j)) ? json_is_true(in(j)) : otherwise;
}

bool h0_json_equal(const struct h0_json *a, const struct h0_json *b)
{
	return a == b || json_equal(in(a), in(b));
}

void *h0_json_next(const struct h0_json *obj, void *it, const char **ret_key,
                   const struct h0_json **ret_val)
{
	it = it ? json_object_iter_next(in(obj), it) : json_object_iter(in(obj));
	if (it) {
		*ret_key = json_object_iter_key(it);
		*ret_val = (const struct h0_json *)json_object_iter_value(it);
	}
	return it;
}

size_t h0_json_key_len(void *it)
{
	return json_object_iter_key_len(it);
}

struct h0_json *h0_json_object(void)
{
	return out(json_object());
}

struct h0_json *h0_json_array(void)
{
	return out(json_array());
}

struct h0_json *h0_json_new_str(const char *s)
{
	return s ? h0_json_new_strn(s, strlen(s)) : h0_json_new_null();
}

/* s as UTF-8: every byte that is no part of a character becomes '?'. NULL when s is fine. */
static char *cleaned(const char *s, size_t n)
{
	char *clean = NULL;
	for (size_t i = 0; i < n;) {
		size_t len = h0_utf8_len(s + i, n - i);
		if (!len && !clean)
			clean = h0_strndup(s, n);
		if (!len)
			clean[i] = '?';
		i += len ? len : 1;
	}
	return clean;
}

struct h0_json *h0_json_new_strn(const char *s, size_t n)
{
	h0_autofree char *clean = cleaned(s, n);
	return out(json_stringn_nocheck(clean ? clean : s, n));
}

struct h0_json *h0_json_new_int(int64_t v)
{
	return out(json_integer(v));
}

struct h0_json *h0_json_new_real(double v)
{
	return isfinite(v) ? out(json_real(v)) : h0_json_new_null();
}

struct h0_json *h0_json_new_bool(bool v)
{
	return out(json_boolean(v));
}

struct h0_json *h0_json_new_null(void)
{
	return out(json_null());
}

struct h0_json *h0_json_copy(const struct h0_json *j)
{
	return j ? out(json_deep_copy(in(j))) : h0_json_new_null();
}

void h0_json_set(struct h0_json *obj, const char *key, struct h0_json *val)
{
	h0_json_setn(obj, key, strlen(key), val);
}

void h0_json_setn(struct h0_json *obj, const char *key, size_t n, struct h0_json *val)
{
	h0_autofree char *clean = cleaned(key, n);
	if (json_object_setn_new_nocheck(in(obj), clean ? clean : key, n, in(val)) != 0)
		abort();
}

void h0_json_set_str(struct h0_json *obj, const char *key, const char *s)
{
	h0_json_set(obj, key, h0_json_new_str(s));
}

void h0_json_set_int(struct h0_json *obj, const char *key, int64_t v)
{
	h0_json_set(obj, key, h0_json_new_int(v));
}

void h0_json_set_bool(struct h0_json *obj, const char *key, bool v)
{
	h0_json_set(obj, key, h0_json_new_bool(v));
}

void h0_json_set_null(struct h0_json *obj, const char *key)
{
	h0_json_set(obj, key, h0_json_new_null());
}

void h0_json_del(struct h0_json *obj, const char *key)
{
	json_object_del(in(obj), key);
}

void h0_json_add(struct h0_json *arr, struct h0_json *val)
{
	if (json_array_append_new(in(arr), in(val)) != 0)
		abort();
}

static struct h0_json *list_of(const char *s)
{
	struct h0_json *list = h0_json_array();
	while (*s) {
		size_t n = strcspn(s, ",");
		h0_json_add(list, h0_json_new_strn(s, n));
		s += n;
		s += strspn(s, ", ");
	}
	return list;
}

void h0_json_set_details(struct h0_json *obj, const struct h0_err *e)
{
	for (int i = 0; i < e->ndetail; i++) {
		const struct h0_err_detail *d = &e->detail[i];
		size_t n = strlen(d->key);
		if (n > 2 && strcmp(d->key + n - 2, "[]") == 0)
			h0_json_setn(obj, d->key, n - 2, list_of(d->val));
		else
			h0_json_set_str(obj, d->key, d->val);
	}
}
