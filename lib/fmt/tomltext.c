/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Keys and values as TOML text.
 */
#include <string.h>

#include "fmt/toml.h"
#include "fmt/tomledit.h"

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

void h0_toml_lit_int(struct h0_buf *b, int64_t v)
{
	h0_buf_addf(b, "%lld", (long long)v);
}

void h0_toml_lit_bool(struct h0_buf *b, bool v)
{
	h0_buf_adds(b, v ? "true" : "false");
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
