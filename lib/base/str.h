/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Strings: comparing, lists of them, and the nearest name for "did you mean".
 */
#ifndef H0_BASE_STR_H
#define H0_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"

bool h0_streq(const char *a, const char *b);    /* NULL equals only NULL */
bool h0_starts(const char *s, const char *prefix);
bool h0_ends(const char *s, const char *suffix);

/* Length of the UTF-8 character at p (n > 0 bytes are there); 0: not one. */
size_t h0_utf8_len(const char *p, size_t n);
/* The character at p (n > 0 bytes are there) if it steers the terminal it is shown on, and its
 * length: control characters of both sets, and those that turn the order of others around, so that
 * a line reads as what it is not. 0: it does not, or is NUL; the length is 1 then. */
unsigned h0_char_steers(const char *p, size_t n, size_t *ret_len);

/* A NULL-terminated list that owns its strings: also an argv. {0} is a valid empty one. */
struct h0_strv {
	char **v;     /* NULL while empty; v[n] == NULL otherwise */
	size_t n;
	size_t cap;
};
void h0_strv_add(struct h0_strv *l, const char *s);
void h0_strv_addf(struct h0_strv *l, const char *fmt, ...) H0_PRINTF(2, 3);
bool h0_strv_has(const struct h0_strv *l, const char *s);
void h0_strv_sort(struct h0_strv *l);           /* by bytes */
void h0_strv_done(struct h0_strv *l);
#define h0_autostrv h0_auto(h0_strv_done)

/* Edits (insert, delete, replace, swap neighbours) between two words; at most 64 bytes each
 * are looked at. */
int h0_str_distance(const char *a, const char *b);
/* The choice nearest to `word`, or NULL when none is near enough to suggest.
 * `choices` ends with NULL. */
const char *h0_str_nearest(const char *word, const char *const *choices);

#endif
