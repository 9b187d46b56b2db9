/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/value.h"

#include <string.h>

#include "base/mem.h"
#include "conf/validate.h"
#include "fmt/tomledit.h"

/* Whether `text` is one TOML value as it stands. */
static bool is_value(const char *text, enum h0_toml_type *ret_type)
{
	h0_autobuf struct h0_buf line = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	h0_buf_addf(&line, "v = %s\n", text);
	if (strpbrk(text, "\n#") || h0_toml_parse(h0_buf_str(&line), line.len, "", &doc, NULL) < 0)
		return false;
	*ret_type = h0_toml_root(doc)->first->type;
	return h0_toml_root(doc)->count == 1;
}

/* "a,b" as an array of strings. */
static void add_strings(const char *arg, struct h0_buf *out)
{
	h0_buf_addc(out, '[');
	for (const char *p = arg; *p;) {
		size_t n = strcspn(p, ",");
		h0_autofree char *item = h0_strndup(p, n);
		h0_buf_adds(out, p == arg ? "" : ", ");
		h0_toml_lit_str(out, item);
		p += n + (p[n] == ',');
	}
	h0_buf_addc(out, ']');
}

/* Appends arg as TOML text of the wanted kind; whether it fits is checked afterwards. */
static void add_literal(enum h0_key_type type, const char *arg, struct h0_buf *out)
{
	enum h0_toml_type got = H0_TOML_STRING;
	bool value = is_value(arg, &got);
	bool quoted = value && got == H0_TOML_STRING;
	if (type == H0_KEY_STRINGS && !(value && got == H0_TOML_ARRAY))
		add_strings(arg, out);
	else if ((type == H0_KEY_STR && !quoted) ||
	         (type == H0_KEY_STR_OR_TABLE && !quoted && !(value && got == H0_TOML_TABLE)) || !value)
		h0_toml_lit_str(out, arg);
	else
		h0_buf_adds(out, arg);
}

static int bad_value(const struct h0_key *key, const char *name, const char *arg,
                     const struct h0_findings *f, struct h0_err *e)
{
	if (key->type == H0_KEY_BOOL)
		return h0_fail(e, H0_USAGE, "%s: true or false is expected, not '%.64s'", name, arg);
	if (key->type == H0_KEY_INT || key->type == H0_KEY_REAL)
		if (strspn(arg, "-0123456789.") != strlen(arg) || !*arg)
			return h0_fail(e, H0_USAGE, "%s: a number is expected, not '%.64s'", name, arg);
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].error)
			return h0_fail(e, H0_USAGE, "%s: %s", name, f->v[i].msg);
	return 0;
}

int h0_value_from_arg(const struct h0_key *key, const char *name, const char *arg,
                      struct h0_buf *ret, struct h0_err *e)
{
	h0_autobuf struct h0_buf lit = {0}, line = {0};
	h0_autofindings struct h0_findings found = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	add_literal(key ? key->type : H0_KEY_ANY, arg, &lit);
	h0_buf_addf(&line, "v = %s\n", h0_buf_str(&lit));
	if (h0_toml_parse(h0_buf_str(&line), line.len, "", &doc, e) < 0)
		return h0_fail(e, H0_USAGE, "%s: '%.64s' is not valid text", name, arg);
	if (key)
		h0_validate_value(key, h0_toml_root(doc)->first, "", &found);
	if (found.errors)
		return bad_value(key, name, arg, &found, e);
	h0_buf_add(ret, lit.p, lit.len);
	return 0;
}
