/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/tomlscan.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"

enum {
	BARE = 1,  /* may stand in a bare key */
	PLAIN = 2, /* stands for itself in every string and comment: no control, quote, backslash */
};

static const unsigned char byte_class[256] = {
	['\t'] = PLAIN,
	[' ' ... '!'] = PLAIN,
	['#' ... '&'] = PLAIN,
	['(' ... ','] = PLAIN,
	['-'] = BARE | PLAIN,
	['.' ... '/'] = PLAIN,
	['0' ... '9'] = BARE | PLAIN,
	[':' ... '@'] = PLAIN,
	['A' ... 'Z'] = BARE | PLAIN,
	['['] = PLAIN,
	[']' ... '^'] = PLAIN,
	['_'] = BARE | PLAIN,
	['`'] = PLAIN,
	['a' ... 'z'] = BARE | PLAIN,
	['{' ... '~'] = PLAIN,
	[0x80 ... 0xff] = PLAIN,
};

static inline bool is(const char *p, int class)
{
	return byte_class[(unsigned char)*p] & class;
}

int h0_toml_scan_fail(const struct h0_toml_scan *s, const char *at, const char *fmt, ...)
{
	char msg[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	return h0_fail_at(s->e, s->file, s->line, (int)(at - s->line_start) + 1, NULL, "%s", msg);
}

/* ---- text ---- */

int h0_toml_scan_utf8(const struct h0_toml_scan *s)
{
	const char *p = s->p;
	while (p < s->end) {
		uint64_t word;
		if (s->end - p >= 8 && (memcpy(&word, p, 8), !(word & 0x8080808080808080u))) {
			p += 8;
			continue;
		}
		size_t n = h0_utf8_len(p, (size_t)(s->end - p));
		if (!n)
			break;
		p += n;
	}
	if (p >= s->end)
		return 0;
	struct h0_toml_scan at = *s;
	for (const char *q = s->p; q < p; q++)
		if (*q == '\n') {
			at.line++;
			at.line_start = q + 1;
		}
	return h0_toml_scan_fail(&at, p, "not UTF-8 (byte 0x%02x)", (unsigned char)*p);
}

bool h0_toml_at_newline(const struct h0_toml_scan *s)
{
	return s->p[0] == '\n' || (s->p[0] == '\r' && s->p[1] == '\n');
}

void h0_toml_scan_newline(struct h0_toml_scan *s)
{
	s->p += s->p[0] == '\r' ? 2 : 1;
	s->line++;
	s->line_start = s->p;
}

/* Says why the byte at p may not stand where it stands. */
static int bad_byte(const struct h0_toml_scan *s, const char *where)
{
	unsigned char c = (unsigned char)*s->p;
	if (s->p >= s->end)
		return h0_toml_scan_fail(s, s->p, "the file ends inside %s", where);
	if (c == '\r')
		return h0_toml_scan_fail(s, s->p, "a carriage return without a line feed in %s", where);
	if (c < 0x20 || c == 0x7f)
		return h0_toml_scan_fail(s, s->p, "control character 0x%02x in %s", c, where);
	return h0_toml_scan_fail(s, s->p, "unexpected '%c' in %s", c, where);
}

int h0_toml_scan_comment(struct h0_toml_scan *s)
{
	if (*s->p != '#')
		return 0;
	while (is(s->p, PLAIN) || *s->p == '"' || *s->p == '\'' || *s->p == '\\')
		s->p++;
	if (s->p >= s->end || h0_toml_at_newline(s))
		return 0;
	return bad_byte(s, "a comment");
}

int h0_toml_scan_line_end(struct h0_toml_scan *s, const char *after_what)
{
	h0_toml_scan_blanks(s);
	if (*s->p == '#' && h0_toml_scan_comment(s) < 0)
		return -1;
	if (h0_toml_at_newline(s)) {
		h0_toml_scan_newline(s);
		return 0;
	}
	if (s->p >= s->end)
		return 0;
	if (is(s->p, PLAIN) || *s->p == '"' || *s->p == '\'' || *s->p == '\\')
		return h0_toml_scan_fail(s, s->p, "expected the end of the line after %s", after_what);
	return bad_byte(s, "the line");
}

/* ---- strings ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void put_utf8(struct h0_toml_scan *s, uint32_t c)
{
	if (c < 0x80) {
		*s->pool++ = (char)c;
		return;
	}
	if (c < 0x800) {
		*s->pool++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*s->pool++ = (char)(0xe0 | c >> 12);
		} else {
			*s->pool++ = (char)(0xf0 | c >> 18);
			*s->pool++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*s->pool++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*s->pool++ = (char)(0x80 | (c & 0x3f));
}

/* p is at the digits of \u or \U. */
static int scan_unicode(struct h0_toml_scan *s, int digits)
{
	const char *start = s->p - 2;
	uint32_t c = 0;
	for (int i = 0; i < digits; i++, s->p++) {
		int d = hex_digit(*s->p);
		if (d < 0)
			return h0_toml_scan_fail(s, start, "\\%c needs %d hexadecimal digits", start[1],
			                         digits);
		c = c << 4 | (uint32_t)d;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return h0_toml_scan_fail(s, start, "'%.*s' is no Unicode character", digits + 2, start);
	put_utf8(s, c);
	return 0;
}

/* p is at a backslash. */
static int scan_escape(struct h0_toml_scan *s)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	char c = s->p[1];
	const char *known = c ? strchr(from, c) : NULL;
	if (known) {
		*s->pool++ = to[known - from];
		s->p += 2;
		return 0;
	}
	if (c == 'u' || c == 'U') {
		s->p += 2;
		return scan_unicode(s, c == 'u' ? 4 : 8);
	}
	if (c > ' ' && c < 0x7f)
		return h0_toml_scan_fail(s, s->p, "unknown escape '\\%c' (write \\\\ for a backslash, or "
		                         "use a 'literal string')", c);
	return h0_toml_scan_fail(s, s->p, "unknown escape (write \\\\ for a backslash)");
}

static struct h0_toml_str end_str(struct h0_toml_scan *s, const char *start)
{
	struct h0_toml_str str = {start, (size_t)(s->pool - start)};
	*s->pool++ = '\0';
	return str;
}

static void copy_plain(struct h0_toml_scan *s)
{
	const char *from = s->p;
	while (is(s->p, PLAIN))
		s->p++;
	size_t n = (size_t)(s->p - from);
	memcpy(s->pool, from, n);
	s->pool += n;
}

/* p is at the opening quote of a one-line string. */
static int scan_line_string(struct h0_toml_scan *s, struct h0_toml_str *ret)
{
	const char *open = s->p, *start = s->pool;
	char quote = *s->p++;
	for (;;) {
		copy_plain(s);
		char c = *s->p;
		if (c == quote) {
			s->p++;
			*ret = end_str(s, start);
			return 0;
		}
		if (c == '\\' && quote == '"') {
			if (scan_escape(s) < 0)
				return -1;
		} else if (c == '"' || c == '\'' || c == '\\') {
			*s->pool++ = *s->p++;
		} else if (s->p >= s->end || h0_toml_at_newline(s)) {
			return h0_toml_scan_fail(s, open, "the string has no closing %c on its line",
			                         quote);
		} else {
			return bad_byte(s, "a string");
		}
	}
}

/* A backslash at a line's end: skips all white space up to the next character. */
static int scan_continuation(struct h0_toml_scan *s)
{
	const char *start = s->p++;
	h0_toml_scan_blanks(s);
	if (!h0_toml_at_newline(s))
		return h0_toml_scan_fail(s, start, "unknown escape: only the end of the line may "
		                         "follow a backslash and blanks");
	for (;;) {
		h0_toml_scan_blanks(s);
		if (!h0_toml_at_newline(s))
			return 0;
		h0_toml_scan_newline(s);
	}
}

/* Quotes inside a multi-line string: up to two stand for themselves, three close it, and up to
 * two may stand just before those three. *ret_closed says which it was. */
static void scan_quotes(struct h0_toml_scan *s, char quote, bool *ret_closed)
{
	int n = 0;
	while (n < 5 && s->p[n] == quote)
		n++;
	s->p += n;
	*ret_closed = n >= 3;
	for (int keep = n >= 3 ? n - 3 : n; keep > 0; keep--)
		*s->pool++ = quote;
}

/* p is at the three opening quotes. */
static int scan_text(struct h0_toml_scan *s, struct h0_toml_str *ret)
{
	const struct h0_toml_scan open = *s;
	const char *start = s->pool;
	char quote = *s->p;
	bool closed = false;
	s->p += 3;
	if (h0_toml_at_newline(s))
		h0_toml_scan_newline(s);
	while (!closed) {
		copy_plain(s);
		char c = *s->p;
		if (c == quote) {
			scan_quotes(s, quote, &closed);
		} else if (h0_toml_at_newline(s)) {
			if (c == '\r')
				*s->pool++ = '\r';
			*s->pool++ = '\n';
			h0_toml_scan_newline(s);
		} else if (c == '\\' && quote == '"') {
			char next = s->p[1];
			bool blank = next == ' ' || next == '\t' || next == '\n' || next == '\r';
			if ((blank ? scan_continuation(s) : scan_escape(s)) < 0)
				return -1;
		} else if (c == '"' || c == '\'' || c == '\\') {
			*s->pool++ = *s->p++;
		} else if (s->p >= s->end) {
			return h0_toml_scan_fail(&open, open.p, "the string has no closing %c%c%c", quote,
			                         quote, quote);
		} else {
			return bad_byte(s, "a string");
		}
	}
	*ret = end_str(s, start);
	return 0;
}

int h0_toml_scan_key(struct h0_toml_scan *s, struct h0_toml_key *ret)
{
	const char *start = s->p, *pooled = s->pool;
	ret->col = (int)(start - s->line_start) + 1;
	if (*start == '"' || *start == '\'') {
		if (scan_line_string(s, &ret->name) < 0)
			return -1;
	} else {
		while (is(s->p, BARE))
			s->p++;
		size_t n = (size_t)(s->p - start);
		if (!n && (s->p >= s->end || h0_toml_at_newline(s)))
			return h0_toml_scan_fail(s, s->p, "expected a key");
		if (!n && (is(s->p, PLAIN) || *s->p == '\\'))
			return h0_toml_scan_fail(s, s->p, "expected a key (one with other characters than "
			                         "A-Z a-z 0-9 - _ needs quotes)");
		if (!n)
			return bad_byte(s, "a key");
		memcpy(s->pool, start, n);
		s->pool += n;
		ret->name = end_str(s, pooled);
	}
	ret->span = (struct h0_span){(size_t)(start - s->text), (size_t)(s->p - s->text)};
	return 0;
}

int h0_toml_scan_scalar(struct h0_toml_scan *s, struct h0_toml_node *n)
{
	const char *p = s->p;
	n->line = s->line;
	n->col = (int)(p - s->line_start) + 1;
	n->value_span.start = (size_t)(p - s->text);
	int rc = 0;
	if (*p == '"' || *p == '\'') {
		struct h0_toml_str str = {0};
		bool text = p[1] == *p && p[2] == *p;
		rc = text ? scan_text(s, &str) : scan_line_string(s, &str);
		n->type = H0_TOML_STRING;
		n->str = str.s;
		n->str_len = str.len;
	} else {
		rc = h0_toml_scan_number(s, n);
	}
	n->value_span.end = (size_t)(s->p - s->text);
	return rc;
}
