/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Keys and values as TOML text, and back.
 */
#include <string.h>

#include "fmt/toml.h"
#include "fmt/tomledit.h"
#include "fmt/tomlsplice.h"

static void quote(struct h0_buf *b, const char *s, size_t n)
{
	static const char special[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";
	h0_buf_addc(b, '"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		const char *known = c ? strchr(special, c) : NULL;
		if (known)
			h0_buf_addf(b, "\\%c", letter[known - special]);
		else if (c < 0x20 || c == 0x7f)
			h0_buf_addf(b, "\\u%04X", c);
		else
			h0_buf_addc(b, (char)c);
	}
	h0_buf_addc(b, '"');
}

void h0_toml_lit_str(struct h0_buf *b, const char *s)
{
	quote(b, s, strlen(s));
}

void h0_toml_key_text(const char *key, size_t len, struct h0_buf *out)
{
	bool bare = len > 0;
	for (size_t i = 0; i < len && bare; i++) {
		char c = key[i];
		bare = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		       c == '-' || c == '_';
	}
	if (bare)
		h0_buf_add(out, key, len);
	else
		quote(out, key, len);
}

int h0_toml_parse_value(const char *text, struct h0_toml **ret, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autotoml struct h0_toml *t = NULL;
	struct h0_err why;
	h0_buf_addf(&b, "v=%s", text);
	if (h0_toml_parse(b.p, b.len, "value", &t, &why) < 0)
		return h0_fail(e, H0_USAGE, "'%s': %s", text, why.msg);
	const struct h0_toml_node *v = h0_toml_root(t)->first;
	if (v->next || v->value_span.start != 2 || v->value_span.end != b.len)
		return h0_fail(e, H0_USAGE, "'%s' is not one TOML value", text);
	*ret = h0_take(t);
	return 0;
}

bool h0_toml_is_value(const char *text)
{
	h0_autotoml struct h0_toml *t = NULL;
	return h0_toml_parse_value(text, &t, NULL) == 0;
}

/* ---- writing ---- */

static void write_inline(const struct h0_toml *t, const struct h0_toml_node *n,
                         struct h0_buf *out)
{
	if (n->origin == H0_TOML_INLINE) {
		const char *text = h0_toml_text(t, NULL);
		h0_buf_add(out, text + n->value_span.start, n->value_span.end - n->value_span.start);
		return;
	}
	bool table = n->type == H0_TOML_TABLE;
	h0_buf_adds(out, table ? "{" : "[");
	h0_toml_each(c, n) {
		h0_buf_adds(out, c != n->first ? ", " : table ? " " : "");
		if (table) {
			h0_toml_key_text(c->key, c->key_len, out);
			h0_buf_adds(out, " = ");
		}
		write_inline(t, c, out);
	}
	h0_buf_adds(out, table ? n->first ? " }" : "}" : "]");
}

/* `prefix` is the dotted path of n so far, restored before returning. */
static void write_lines(const struct h0_toml *t, const struct h0_toml_node *n,
                        struct h0_buf *prefix, struct h0_buf *out)
{
	size_t len = prefix->len;
	h0_toml_each(c, n) {
		h0_toml_key_text(c->key, c->key_len, prefix);
		if (c->type == H0_TOML_TABLE && c->origin != H0_TOML_INLINE && c->first) {
			h0_buf_addc(prefix, '.');
			write_lines(t, c, prefix, out);
		} else {
			h0_buf_addf(out, "%s = ", h0_buf_str(prefix));
			write_inline(t, c, out);
			h0_buf_addc(out, '\n');
		}
		prefix->len = len;
		prefix->p[len] = '\0';
	}
}

void h0_toml_write(const struct h0_toml *t, const struct h0_toml_node *n, struct h0_buf *out)
{
	h0_autobuf struct h0_buf prefix = {0};
	if (n->type == H0_TOML_TABLE && n->origin != H0_TOML_INLINE)
		write_lines(t, n, &prefix, out);
	else
		write_inline(t, n, out);
}
