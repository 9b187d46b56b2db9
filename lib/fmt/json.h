/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON values, over jansson (the only file that includes jansson.h is fmt/json.c).
 * A `struct h0_json` is reference-free here: every value has one owner; the _set and _add
 * functions take their argument over. Integers are exact int64. Object keys keep the order in
 * which they were set. Thread-safe for distinct values.
 *
 * Text that is read may be 2048 levels deep; integers beyond int64, reals beyond a double and
 * NUL characters in keys are refused. What is written is always valid: UTF-8, no NaN; reals have
 * as few digits as read back to the same value.
 */
#ifndef H0_FMT_JSON_H
#define H0_FMT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct h0_json;

enum h0_json_type {
	H0_JSON_NULL,
	H0_JSON_BOOL,
	H0_JSON_INT,
	H0_JSON_REAL,
	H0_JSON_STRING,
	H0_JSON_ARRAY,
	H0_JSON_OBJECT,
};

/* Parses one JSON value; duplicate keys are refused. H0_CONFIG with line and column; the message
 * never quotes the text, which may hold secrets. */
int h0_json_parse(const char *text, size_t len, const char *file, struct h0_json **ret,
                  struct h0_err *e);
void h0_json_free(struct h0_json *j);            /* NULL allowed */
static inline void h0_json_freep(struct h0_json **j)
{
	h0_json_free(*j);
}
#define h0_autojson h0_auto(h0_json_freep)

/* Readers accept NULL and answer "absent": so h0_json_str(h0_json_get(o, "a")) is safe. */
enum h0_json_type h0_json_type(const struct h0_json *j);     /* NULL -> H0_JSON_NULL */
const struct h0_json *h0_json_get(const struct h0_json *obj, const char *key);
size_t h0_json_len(const struct h0_json *j);                 /* elements or keys; else 0 */
const struct h0_json *h0_json_at(const struct h0_json *arr, size_t i);
/* NULL if not a string, or one that holds a NUL character: so no name is ever taken for its
 * first part. */
const char *h0_json_str(const struct h0_json *j);
/* Any string; NULL if not one. */
const char *h0_json_strn(const struct h0_json *j, size_t *ret_len);
int64_t h0_json_int(const struct h0_json *j, int64_t otherwise);
double h0_json_num(const struct h0_json *j, double otherwise); /* int or real */
bool h0_json_bool(const struct h0_json *j, bool otherwise);
bool h0_json_equal(const struct h0_json *a, const struct h0_json *b);
/* Iterates an object in order: for (it = NULL; (it = h0_json_next(o, it, &key, &val)); ) */
void *h0_json_next(const struct h0_json *obj, void *it, const char **ret_key,
                   const struct h0_json **ret_val);
/* Length of the key the iterator is at (a key set with h0_json_setn may hold NULs). */
size_t h0_json_key_len(void *it);

struct h0_json *h0_json_object(void);
struct h0_json *h0_json_array(void);
struct h0_json *h0_json_new_str(const char *s);  /* NULL -> null; bytes that are no UTF-8 -> ? */
struct h0_json *h0_json_new_strn(const char *s, size_t n);
struct h0_json *h0_json_new_int(int64_t v);
struct h0_json *h0_json_new_real(double v);      /* NaN and infinities -> null */
struct h0_json *h0_json_new_bool(bool v);
struct h0_json *h0_json_new_null(void);
struct h0_json *h0_json_copy(const struct h0_json *j);

void h0_json_set(struct h0_json *obj, const char *key, struct h0_json *val); /* takes val */
/* The same; the key may hold NULs. h0_json_equal cannot compare such an object. */
void h0_json_setn(struct h0_json *obj, const char *key, size_t n, struct h0_json *val);
void h0_json_set_str(struct h0_json *obj, const char *key, const char *s);   /* NULL -> null */
void h0_json_set_int(struct h0_json *obj, const char *key, int64_t v);
void h0_json_set_bool(struct h0_json *obj, const char *key, bool v);
void h0_json_set_null(struct h0_json *obj, const char *key);
void h0_json_del(struct h0_json *obj, const char *key);
void h0_json_add(struct h0_json *arr, struct h0_json *val);                  /* takes val */

/* The facts of an error into obj; what is called "x[]" is a list, separated by ", ". */
void h0_json_set_details(struct h0_json *obj, const struct h0_err *e);

/* Appends the text of j. indent 0 = one line. sorted: object keys by bytes. */
void h0_json_dump(const struct h0_json *j, int indent, bool sorted, struct h0_buf *out);

#endif
