/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/tomlscan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- dates and times ---- */

/* A cursor over one token: every step answers false once something did not fit. */
struct clock {
	const char *p, *end;
	char *out;
};

static bool digits(struct clock *c, int n, int *ret)
{
	*ret = 0;
	if (c->end - c->p < n)
		return false;
	for (int i = 0; i < n; i++, c->p++) {
		if (!is_digit(*c->p))
			return false;
		*ret = *ret * 10 + (*c->p - '0');
		*c->out++ = *c->p;
	}
	return true;
}

static bool mark(struct clock *c, char want)
{
	if (c->p >= c->end || *c->p != want)
		return false;
	*c->out++ = *c->p++;
	return true;
}

/* NULL, or what is wrong. */
static const char *scan_date(struct clock *c)
{
	static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	if (!digits(c, 4, &year) || !mark(c, '-') || !digits(c, 2, &month) || !mark(c, '-') ||
	    !digits(c, 2, &day))
		return "a date is written YYYY-MM-DD";
	if (month < 1 || month > 12)
		return "the month is 01 to 12";
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int last = month == 2 && !leap ? 28 : month_days[month - 1];
	return day < 1 || day > last ? "there is no such day in that month" : NULL;
}

/* Fractions keep three to nine digits: padded to milliseconds, cut at nanoseconds. */
static const char *scan_time(struct clock *c)
{
	int hour, minute, second;
	if (!digits(c, 2, &hour) || !mark(c, ':') || !digits(c, 2, &minute) || !mark(c, ':') ||
	    !digits(c, 2, &second))
		return "a time is written HH:MM:SS";
	if (hour > 23 || minute > 59 || second > 60)
		return "there is no such time of day";
	if (!mark(c, '.'))
		return NULL;
	int n = 0;
	for (; c->p < c->end && is_digit(*c->p); c->p++, n++)
		if (n < 9)
			*c->out++ = *c->p;
	if (!n)
		return "digits must follow the decimal point";
	for (; n < 3; n++)
		*c->out++ = '0';
	return NULL;
}

static const char *scan_offset(struct clock *c)
{
	int hour, minute;
	if (*c->p == 'z' || *c->p == 'Z') {
		c->p++;
		*c->out++ = 'Z';
		return NULL;
	}
	if (!(mark(c, '+') || mark(c, '-')) || !digits(c, 2, &hour) || !mark(c, ':') ||
	    !digits(c, 2, &minute))
		return "an offset is written Z or +HH:MM";
	return hour > 23 || minute > 59 ? "there is no such offset" : NULL;
}

static const char *scan_datetime(struct clock *c, struct h0_toml_node *n)
{
	const char *wrong;
	if (c->p[2] == ':') {
		n->type = H0_TOML_TIME_LOCAL;
		return scan_time(c);
	}
	n->type = H0_TOML_DATE_LOCAL;
	if ((wrong = scan_date(c)) || c->p == c->end)
		return wrong;
	if (*c->p != 'T' && *c->p != 't' && *c->p != ' ')
		return "a date is written YYYY-MM-DD";
	c->p++;
	*c->out++ = 'T';
	n->type = H0_TOML_DATETIME_LOCAL;
	if ((wrong = scan_time(c)) || c->p == c->end)
		return wrong;
	n->type = H0_TOML_DATETIME;
	return scan_offset(c);
}

static int read_datetime(struct h0_toml_scan *s, struct h0_toml_node *n, const char *end)
{
	char text[64];
	struct clock c = {s->p, end, text};
	const char *wrong = scan_datetime(&c, n);
	if (wrong || c.p != end)
		return h0_toml_scan_fail(s, s->p, "not a date or time: '%.*s' (%s)",
		                         (int)(end - s->p > 60 ? 60 : end - s->p), s->p,
		                         wrong ? wrong : "something follows it");
	n->str_len = (size_t)(c.out - text);
	n->str = h0_arena_strndup(s->arena, text, n->str_len);
	s->p = end;
	return 0;
}

/* ---- numbers ---- */

static int not_a_value(struct h0_toml_scan *s, const char *end)
{
	int n = (int)(end - s->p > 60 ? 60 : end - s->p);
	return h0_toml_scan_fail(s, s->p, "not a TOML value: '%.*s' (a string needs quotes)", n, s->p);
}

static int bad_number(struct h0_toml_scan *s, const char *end, const char *why)
{
	int n = (int)(end - s->p > 60 ? 60 : end - s->p);
	return h0_toml_scan_fail(s, s->p, "not a number: '%.*s' (%s)", n, s->p, why);
}

static int set_int(struct h0_toml_scan *s, struct h0_toml_node *n, const char *end, uint64_t v,
                   bool negative, bool overflow)
{
	if (overflow || v > (uint64_t)INT64_MAX + negative)
		return bad_number(s, end, "it needs more than 64 bits");
	n->type = H0_TOML_INT;
	n->i64 = negative ? (int64_t)(0 - v) : (int64_t)v;
	s->p = end;
	return 0;
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* p is at 0x, 0o or 0b. */
static int read_radix(struct h0_toml_scan *s, struct h0_toml_node *n, const char *end)
{
	unsigned base = s->p[1] == 'x' ? 16 : s->p[1] == 'o' ? 8 : 2;
	uint64_t v = 0;
	bool overflow = false, after_digit = false;
	for (const char *p = s->p + 2; p < end; p++) {
		if (*p == '_' && after_digit) {
			after_digit = false;
			continue;
		}
		unsigned d = (unsigned)digit_value(*p);
		if (d >= base)
			return bad_number(s, end, "a digit is out of place");
		overflow |= v > (UINT64_MAX - d) / base;
		v = v * base + d;
		after_digit = true;
	}
	if (!after_digit)
		return bad_number(s, end, "it must end with a digit");
	return set_int(s, n, end, v, false, overflow);
}

/* Digits with single underscores between them. Returns where they end, NULL when there is none or
 * an underscore is out of place. Digits are copied to *out; the first 19 gather in *v. */
static const char *run_of_digits(const char *p, const char *end, char **out, uint64_t *v,
                                 int *ret_n)
{
	if (p >= end || !is_digit(*p))
		return NULL;
	for (; p < end; p++) {
		if (*p == '_') {
			if (p + 1 >= end || !is_digit(p[1]))
				return NULL;
			continue;
		}
		if (!is_digit(*p))
			break;
		if (*ret_n < 19)
			*v = *v * 10 + (uint64_t)(*p - '0');
		++*ret_n;
		*(*out)++ = *p;
	}
	return p;
}

/* The double nearest to m * 10^e: exact by one operation where both are exact doubles, as nearly
 * always in practice; else strtod reads the digits. */
static double to_double(uint64_t m, int ndigits, int64_t e10, const char *text)
{
	static const double pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
		1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
		1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	if (ndigits <= 19 && m <= 1ull << 53 && e10 >= -22 && e10 <= 22)
		return e10 < 0 ? (double)m / pow10[-e10] : (double)m * pow10[e10];
	return strtod(text, NULL);
}

/* What follows the integer part at p. `digits` digits of it are in m and, as text, in the pool. */
static int read_float(struct h0_toml_scan *s, struct h0_toml_node *n, const char *p,
                      const char *end, uint64_t m, int ndigits, char *out)
{
	bool negative = *s->p == '-';
	int64_t e10 = 0;
	if (*p == '.') {
		int before = ndigits;
		*out++ = '.';
		p = run_of_digits(p + 1, end, &out, &m, &ndigits);
		if (!p)
			return bad_number(s, end, "digits must follow the decimal point");
		e10 = before - ndigits;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		uint64_t v = 0;
		int nexp = 0;
		*out++ = *p++;
		bool down = p < end && *p == '-';
		if (p < end && (*p == '-' || *p == '+'))
			*out++ = *p++;
		p = run_of_digits(p, end, &out, &v, &nexp);
		if (!p)
			return bad_number(s, end, "the exponent needs digits");
		int64_t exponent = nexp > 9 ? 1000000000 : (int64_t)v;
		e10 += down ? -exponent : exponent;
	}
	if (p != end)
		return bad_number(s, end, "a character is out of place");
	*out = '\0';
	n->type = H0_TOML_FLOAT;
	n->f64 = to_double(m, ndigits, e10, s->pool);
	if (negative)
		n->f64 = -n->f64;
	s->p = end;
	return 0;
}

static int read_decimal(struct h0_toml_scan *s, struct h0_toml_node *n, const char *end)
{
	const char *p = s->p;
	bool negative = *p == '-';
	p += negative || *p == '+';
	const char *first = p;
	char *out = s->pool; /* scratch: the token is text not yet decoded, so there is room */
	uint64_t v = 0;
	int ndigits = 0;
	p = run_of_digits(p, end, &out, &v, &ndigits);
	if (!p)
		return first < end && is_digit(*first)
		           ? bad_number(s, end, "an underscore needs a digit on both sides")
		           : not_a_value(s, end);
	if (ndigits > 1 && *first == '0')
		return bad_number(s, end, "a leading zero");
	if (p < end)
		return *p == '.' || *p == 'e' || *p == 'E'
		           ? read_float(s, n, p, end, v, ndigits, out)
		           : bad_number(s, end, "a character is out of place");
	/* 19 digits fit into v; more than 19 are beyond 64 bits, as the first is not 0 */
	return set_int(s, n, end, v, negative, ndigits > 19);
}

static bool token_byte(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '+' || c == '_' || c == '.' || c == ':' || (c & 0x80);
}

/* true, false, inf, nan: words that are values. */
static bool read_word(struct h0_toml_scan *s, struct h0_toml_node *n, const char *end)
{
	size_t len = (size_t)(end - s->p);
	if ((len == 4 && memcmp(s->p, "true", 4) == 0) ||
	    (len == 5 && memcmp(s->p, "false", 5) == 0)) {
		n->type = H0_TOML_BOOL;
		n->boolean = len == 4;
		return true;
	}
	bool sign = *s->p == '+' || *s->p == '-';
	if (len != 3u + sign)
		return false;
	const char *word = s->p + sign;
	bool inf = memcmp(word, "inf", 3) == 0;
	if (!inf && memcmp(word, "nan", 3) != 0)
		return false;
	n->type = H0_TOML_FLOAT;
	n->f64 = inf ? (*s->p == '-' ? -INFINITY : INFINITY) : NAN;
	return true;
}

int h0_toml_scan_number(struct h0_toml_scan *s, struct h0_toml_node *n)
{
	const char *p = s->p, *end = p;
	while (token_byte(*end))
		end++;
	size_t len = (size_t)(end - p);
	if (!len)
		return h0_toml_scan_fail(s, p, "expected a value");
	if (p[0] == '0' && len > 1 && (p[1] == 'x' || p[1] == 'o' || p[1] == 'b'))
		return read_radix(s, n, end);
	if (is_digit(p[0]) && is_digit(p[1])) {
		bool time = p[2] == ':';
		bool date = is_digit(p[2]) && is_digit(p[3]) && p[4] == '-';
		if (date && len == 10 && *end == ' ' && is_digit(end[1]))
			for (end++; token_byte(*end);)
				end++;
		if (time || date)
			return read_datetime(s, n, end);
	}
	if (is_digit(p[0]) || (p[0] == '-' && is_digit(p[1])) || (p[0] == '+' && is_digit(p[1])))
		return read_decimal(s, n, end);
	if (!read_word(s, n, end))
		return not_a_value(s, end);
	s->p = end;
	return 0;
}
