/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/jsonscan.h"

#include <string.h>

#include "base/str.h"

enum step {
	START,        /* before '{' */
	FIRST_KEY,    /* after '{' */
	KEY,          /* after ',' */
	IN_KEY,
	COLON,
	VALUE,        /* before a value */
	IN_STRING,
	IN_NEST,      /* inside an object or array, s->depth deep */
	IN_WORD,      /* number, true, false, null */
	AFTER,        /* after a value */
	END,
};

void h0_scan_init(struct h0_scan *s, const char *const *names)
{
	memset(s, 0, sizeof *s);
	s->names = names;
	s->cur = -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The byte after the quote that ends the string, or NULL: it goes on in the next piece. */
static const char *string_end(struct h0_scan *s, const char *p, const char *end)
{
	for (;;) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		const char *stop = quote ? quote : end, *b = stop;
		while (b > p && b[-1] == '\\')
			b--;
		bool odd = (((stop - b) & 1) != 0) != (b == p && s->odd);
		if (!quote) {
			s->odd = odd;
			return NULL;
		}
		s->odd = false;
		p = quote + 1;
		if (!odd)
			return p;
	}
}

/* The byte after the bracket that ends the outermost one, or NULL. */
static const char *nest_end(struct h0_scan *s, const char *p, const char *end)
{
	while (p < end) {
		if (s->in_string) {
			p = string_end(s, p, end);
			if (!p)
				return NULL;
			s->in_string = false;
			continue;
		}
		char c = *p++;
		if (c == '"')
			s->in_string = true;
		else if (c == '{' || c == '[')
			s->depth++;
		else if ((c == '}' || c == ']') && --s->depth == 0)
			return p;
	}
	return NULL;
}

static const char *word_end(const char *p, const char *end)
{
	for (; p < end; p++) {
		char c = *p;
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '-' ||
		      c == '+' || c == '.'))
			return p;
	}
	return NULL;
}

static void keep(struct h0_scan_value *v, const char *p, size_t n)
{
	size_t room = sizeof v->raw - v->len;
	if (n > room) {
		v->cut = true;
		n = room;
	}
	memcpy(v->raw + v->len, p, n);
	v->len += n;
}

static int hex4(const char *p)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static size_t put_utf8(char *d, unsigned c)
{
	if (c < 0x80) {
		d[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		d[0] = (char)(0xc0 | c >> 6);
		d[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		d[0] = (char)(0xe0 | c >> 12);
		d[1] = (char)(0x80 | (c >> 6 & 63));
		d[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	d[0] = (char)(0xf0 | c >> 18);
	d[1] = (char)(0x80 | (c >> 12 & 63));
	d[2] = (char)(0x80 | (c >> 6 & 63));
	d[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* One escape at p (after the backslash). Returns the bytes read, 0 = invalid. */
static size_t unescape(const char *p, size_t n, char *dst, size_t *ret_len)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = n && *p ? strchr(from, *p) : NULL;
	if (at) {
		*dst = to[at - from];
		*ret_len = 1;
		return 1;
	}
	int c = n >= 5 && *p == 'u' ? hex4(p + 1) : -1;
	if (c <= 0 || (c >= 0xdc00 && c < 0xe000))
		return 0;
	if (c < 0xd800 || c >= 0xe000) {
		*ret_len = put_utf8(dst, (unsigned)c);
		return 5;
	}
	int low = n >= 11 && p[5] == '\\' && p[6] == 'u' ? hex4(p + 7) : -1;
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*ret_len = put_utf8(dst, 0x10000u + (((unsigned)c - 0xd800) << 10) + ((unsigned)low - 0xdc00));
	return 11;
}

/* The inside of a string into dst, NUL-terminated. */
static bool decode(const char *p, size_t n, char *dst, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < n;) {
		char piece[4];
		size_t len = 0, took;
		if (p[i] == '\\') {
			took = unescape(p + i + 1, n - i - 1, piece, &len);
			took += took != 0;
		} else {
			took = len = (unsigned char)p[i] < 0x20 ? 0 : h0_utf8_len(p + i, n - i);
			memcpy(piece, p + i, len);
		}
		if (!took || used + len >= size)
			return false;
		memcpy(dst + used, piece, len);
		used += len;
		i += took;
	}
	dst[used] = '\0';
	return true;
}

static void add_key(struct h0_scan *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s->key_len < sizeof s->key)
			s->key[s->key_len++] = p[i];
}

/* The key is complete (with its closing quote): which name is it? */
static void match_key(struct h0_scan *s)
{
	char name[sizeof s->key];
	s->cur = -1;
	if (s->key_len == sizeof s->key || !decode(s->key, s->key_len - 1, name, sizeof name))
		return; /* too long or no text: none of ours */
	for (int i = 0; s->names[i]; i++)
		if (strcmp(s->names[i], name) == 0)
			s->cur = i;
}

static int begin_value(struct h0_scan *s, char c, uint64_t pos)
{
	if (s->cur >= 0) {
		struct h0_scan_value *v = &s->val[s->cur];
		v->count++;
		v->begin = v->end = pos;
		v->len = 0;
		v->cut = false;
	}
	s->depth = 1;
	s->in_string = s->odd = false;
	if (c == '"')
		return IN_STRING;
	if (c == '{' || c == '[')
		return IN_NEST;
	return (c >= '0' && c <= '9') || c == '-' || c == 't' || c == 'f' || c == 'n' ? IN_WORD : -1;
}

/* One byte between values. */
static void punctuation(struct h0_scan *s, char c, uint64_t pos)
{
	int next = -1;
	if (is_space(c))
		return;
	switch (s->step) {
	case START:
		next = c == '{' ? FIRST_KEY : -1;
		if (next < 0) {
			s->state = H0_SCAN_NOT_OBJECT;
			return;
		}
		break;
	case FIRST_KEY:
		next = c == '}' ? END : c == '"' ? IN_KEY : -1;
		break;
	case KEY:
		next = c == '"' ? IN_KEY : -1;
		break;
	case COLON:
		next = c == ':' ? VALUE : -1;
		break;
	case VALUE:
		next = begin_value(s, c, pos);
		break;
	case AFTER:
		next = c == ',' ? KEY : c == '}' ? END : -1;
		break;
	}
	if (next == IN_KEY)
		s->key_len = 0, s->odd = false;
	if (next == END)
		s->state = H0_SCAN_DONE;
	else if (next < 0)
		s->state = H0_SCAN_BAD;
	s->step = next;
}

/* Goes through a key or value from p; returns where it stopped (`end`: not over yet). */
static const char *inside(struct h0_scan *s, const char *p, const char *end)
{
	const char *stop = s->step == IN_NEST ? nest_end(s, p, end)
	                 : s->step == IN_WORD ? word_end(p, end) : string_end(s, p, end);
	size_t n = (size_t)((stop ? stop : end) - p);
	if (s->step == IN_KEY) {
		add_key(s, p, n);
		if (stop)
			match_key(s);
	} else if (s->cur >= 0) {
		keep(&s->val[s->cur], p, n);
		s->val[s->cur].end += n;
	}
	if (!stop)
		return end;
	s->step = s->step == IN_KEY ? COLON : AFTER;
	return stop;
}

enum h0_scan_state h0_scan_feed(struct h0_scan *s, const char *p, size_t n)
{
	const char *start = p, *end = p + n;
	while (p < end && s->state != H0_SCAN_BAD && s->state != H0_SCAN_NOT_OBJECT) {
		if (s->step == IN_KEY || s->step == IN_STRING || s->step == IN_NEST || s->step == IN_WORD) {
			p = inside(s, p, end);
			continue;
		}
		uint64_t pos = s->pos + (uint64_t)(p - start);
		punctuation(s, *p, pos);
		if (s->cur >= 0 && (s->step == IN_STRING || s->step == IN_NEST || s->step == IN_WORD)) {
			keep(&s->val[s->cur], p, 1);
			s->val[s->cur].end++;
		}
		p++;
	}
	s->pos += n;
	return s->state;
}

bool h0_scan_string(const struct h0_scan_value *v, char *dst, size_t size)
{
	return v->count && !v->cut && v->len >= 2 && v->raw[0] == '"' && v->raw[v->len - 1] == '"' &&
	       decode(v->raw + 1, v->len - 2, dst, size);
}
