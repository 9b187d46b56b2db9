/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Finds top-level members of a JSON object while its text streams past, whatever the pieces: a
 * request body is routed by its "model" without being parsed, and without being held. Memory is
 * fixed, time is linear. Only what decides is checked: braces, strings and commas of the top
 * level; what is inside other values is somebody else's business.
 */
#ifndef H0_FMT_JSONSCAN_H
#define H0_FMT_JSONSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H0_SCAN_NAMES 4
#define H0_SCAN_RAW   1024  /* bytes of a value's text that are kept */

struct h0_scan_value {
	unsigned count;         /* how often the member occurs; begin, end, raw are the last one's */
	uint64_t begin, end;    /* the value's text in the stream, [begin, end) */
	size_t len;             /* of raw */
	bool cut;               /* the text is longer than raw */
	char raw[H0_SCAN_RAW];
};

enum h0_scan_state {
	H0_SCAN_MORE,           /* the object is still open (or has not begun) */
	H0_SCAN_DONE,           /* it is closed; only white space may follow */
	H0_SCAN_NOT_OBJECT,     /* the text begins with something else */
	H0_SCAN_BAD,            /* not JSON */
};

struct h0_scan {
	struct h0_scan_value val[H0_SCAN_NAMES]; /* in the order of the names */
	enum h0_scan_state state;
	/* private */
	const char *const *names;
	int step, cur;          /* cur: which value is being read, -1 = none that counts */
	unsigned depth;
	bool in_string, odd;    /* odd: an odd number of backslashes ends the last piece */
	uint64_t pos;
	size_t key_len;
	char key[64];
};

/* `names` ends with NULL, at most H0_SCAN_NAMES, and outlives the scan. */
void h0_scan_init(struct h0_scan *s, const char *const *names);
/* Looks at the next piece; returns s->state. */
enum h0_scan_state h0_scan_feed(struct h0_scan *s, const char *p, size_t n);
/* The value as text, escapes resolved. false: absent, cut, not a string, invalid escapes or
 * UTF-8, holds a NUL, or does not fit. */
bool h0_scan_string(const struct h0_scan_value *v, char *dst, size_t size);

#endif
