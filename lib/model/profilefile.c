/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/profilefile.h"

#include <string.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "base/str.h"

#define KIND "hal0.profile"

/* ---- the canonical text ---- */

/* One code point of valid UTF-8; *p moves behind it. */
static uint32_t code_point(const unsigned char **p)
{
	static const unsigned char mask[] = {0x7f, 0x7f, 0x1f, 0x0f, 0x07};
	int n = **p < 0x80 ? 1 : **p < 0xe0 ? 2 : **p < 0xf0 ? 3 : 4;
	uint32_t c = *(*p)++ & mask[n];
	for (int i = 1; i < n && (**p & 0xc0) == 0x80; i++)
		c = c << 6 | (*(*p)++ & 0x3f);
	return c;
}

static void add_string(struct h0_buf *out, const char *s)
{
	static const char special[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";
	h0_buf_addc(out, '"');
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		uint32_t c = code_point(&p);
		const char *known = c < 0x80 ? strchr(special, (int)c) : NULL;
		if (known)
			h0_buf_addf(out, "\\%c", letter[known - special]);
		else if (c >= 0x20 && c < 0x7f)
			h0_buf_addc(out, (char)c);
		else if (c < 0x10000)
			h0_buf_addf(out, "\\u%04x", c);
		else
			h0_buf_addf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
	}
	h0_buf_addc(out, '"');
}

static void add_value(struct h0_buf *out, const struct h0_json *v)
{
	switch (h0_json_type(v)) {
	case H0_JSON_STRING:
		add_string(out, h0_json_str(v));
		break;
	case H0_JSON_BOOL:
		h0_buf_adds(out, h0_json_bool(v, false) ? "true" : "false");
		break;
	default:
		h0_json_dump(v, 0, true, out);
	}
}

/* Keys sorted by bytes, ", " and ": " between. */
static void canonical(const struct h0_json *body, struct h0_buf *out)
{
	h0_autostrv struct h0_strv keys = {0};
	const char *key;
	const struct h0_json *val;
	for (void *it = NULL; (it = h0_json_next(body, it, &key, &val));)
		h0_strv_add(&keys, key);
	h0_strv_sort(&keys);
	h0_buf_addc(out, '{');
	for (size_t i = 0; i < keys.n; i++) {
		h0_buf_adds(out, i ? ", " : "");
		add_string(out, keys.v[i]);
		h0_buf_adds(out, ": ");
		add_value(out, h0_json_get(body, keys.v[i]));
	}
	h0_buf_addc(out, '}');
}

static void checksum(const struct h0_json *body, char dst[H0_SHA256_TEXT])
{
	h0_autobuf struct h0_buf text = {0};
	canonical(body, &text);
	h0_sha256_of(h0_buf_str(&text), text.len, dst);
}

/* ---- out ---- */

static struct h0_json *body_of(const struct h0_profile *p)
{
	struct h0_json *b = h0_json_object();
	h0_json_set_str(b, "image", p->image);
	h0_json_set_str(b, "flags", p->flags);
	h0_json_set_bool(b, "mtp", p->mtp);
	h0_json_set_str(b, "device_class", h0_class_names[p->device_class]);
	if (p->backend)
		h0_json_set_str(b, "backend", p->backend);
	if (p->cloned_from)
		h0_json_set_str(b, "cloned_from", p->cloned_from);
	h0_json_set_str(b, "intent", p->intent);
	h0_json_set_str(b, "quant", p->quant);
	return b;
}

struct h0_json *h0_profile_export(const struct h0_profile *p, const char *when)
{
	char sum[H0_SHA256_TEXT];
	struct h0_json *j = h0_json_object(), *body = body_of(p);
	checksum(body, sum);
	h0_json_set_str(j, "kind", KIND);
	h0_json_set_int(j, "schema_version", H0_PROFILE_FILE_VERSION);
	h0_json_set_str(j, "hal0_version", HAL0_VERSION);
	h0_json_set_str(j, "exported_at", when);
	h0_json_set_str(j, "name", p->name);
	h0_json_set_str(j, "checksum", sum);
	h0_json_set(j, "profile", body);
	return j;
}

/* ---- in ---- */

static int bad(const char *file, const char *key, struct h0_err *e, const char *code,
               const char *message)
{
	h0_fail_at(e, file, 0, 0, key, "%s", message);
	return h0_err_code(e, code);
}

static int check_envelope(const struct h0_json *j, const char *file, struct h0_err *e)
{
	char sum[H0_SHA256_TEXT];
	const struct h0_json *body = h0_json_get(j, "profile");
	const char *given = h0_json_str(h0_json_get(j, "checksum"));
	int64_t version = h0_json_int(h0_json_get(j, "schema_version"), H0_PROFILE_FILE_VERSION);
	if (!h0_streq(h0_json_str(h0_json_get(j, "kind")), KIND))
		return bad(file, "kind", e, "profiles.bad_envelope",
		           "this is no exported profile: its kind is not " KIND);
	if (version > H0_PROFILE_FILE_VERSION) {
		h0_fail_at(e, file, 0, 0, "schema_version",
		           "version %lld is newer than %d, the newest this program knows",
		           (long long)version, H0_PROFILE_FILE_VERSION);
		return h0_err_code(e, "profiles.envelope_too_new");
	}
	if (h0_json_type(body) != H0_JSON_OBJECT)
		return bad(file, "profile", e, "profiles.bad_envelope", "missing: object required");
	checksum(body, sum);
	if (given && *given && strcmp(given, sum) != 0)
		return bad(file, "checksum", e, "profiles.checksum_mismatch",
		           "does not fit the profile: the file was changed after its export, or damaged");
	return 0;
}

/* As it would be typed. NULL: null, or no value a profile can have. */
static const char *as_typed(const struct h0_json *v)
{
	if (h0_json_type(v) == H0_JSON_BOOL)
		return h0_json_bool(v, false) ? "true" : "false";
	return h0_json_str(v);
}

static int add_key(struct h0_edits *ret, const char *file, const char *key, const struct h0_json *v,
                   struct h0_err *e)
{
	struct h0_err why = {0};
	const struct h0_json *string = h0_json_type(v) == H0_JSON_STRING ? v : NULL;
	const char *text = as_typed(v);
	const char *path[] = {key, NULL};
	const struct h0_key *known = h0_key_at(ret->keys, path);
	if (h0_json_type(v) == H0_JSON_NULL)
		return 0;
	if (known && (!text || (known->type == H0_KEY_STR) != !!string))
		return bad(file, key, e, "profiles.bad_envelope", "a value of another kind is expected");
	if (string && !*text)
		return 0; /* "" is the default */
	if (h0_edits_set(ret, key, text ? text : "", &why) < 0)
		return bad(file, key, e, "profiles.bad_envelope", why.msg);
	return 0;
}

int h0_profile_import(const struct h0_json *j, const char *file, char *ret_name,
                      struct h0_edits *ret, struct h0_err *e)
{
	const char *key, *name = h0_json_str(h0_json_get(j, "name"));
	const struct h0_json *val, *body = h0_json_get(j, "profile");
	if (check_envelope(j, file, e) < 0)
		return -1;
	for (void *it = NULL; (it = h0_json_next(body, it, &key, &val));)
		if (add_key(ret, file, key, val, e) < 0)
			return -1;
	if (!h0_edits_get(ret, "image"))
		return bad(file, "image", e, "profiles.bad_envelope",
		           "missing: a profile needs a container image");
	snprintf(ret_name, H0_NAME_MAX + 1, "%s", name ? name : "");
	return 0;
}
