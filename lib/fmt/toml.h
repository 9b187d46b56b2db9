/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TOML 1.0 reader. Every node knows the bytes it came from, so that fmt/tomledit.h can change a
 * file by splicing and messages can name file:line:col. Thread-safe: no global state.
 * Bounds: at most H0_TOML_MAX_BYTES of text, H0_TOML_MAX_NODES values and tables, and
 * H0_TOML_MAX_DEPTH levels; beyond is H0_CONFIG. Time and memory are linear in the text.
 * Floats are read with strtod: the program keeps LC_NUMERIC at "C".
 */
#ifndef H0_FMT_TOML_H
#define H0_FMT_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define H0_TOML_MAX_BYTES (16u << 20)
#define H0_TOML_MAX_NODES (1u << 20)
#define H0_TOML_MAX_DEPTH 128
#define H0_TOML_LIMIT     "config.limit" /* the error's code where a bound is exceeded */

enum h0_toml_type {
	H0_TOML_TABLE,
	H0_TOML_ARRAY,
	H0_TOML_STRING,
	H0_TOML_INT,
	H0_TOML_FLOAT,
	H0_TOML_BOOL,
	H0_TOML_DATETIME,       /* with offset */
	H0_TOML_DATETIME_LOCAL,
	H0_TOML_DATE_LOCAL,
	H0_TOML_TIME_LOCAL,
};

/* How a table came to be; fmt/tomledit.c needs it, most callers do not. */
enum h0_toml_origin {
	H0_TOML_BY_HEADER,      /* [a.b] */
	H0_TOML_BY_ARRAY,       /* one element of [[a.b]], and the array itself */
	H0_TOML_BY_DOTTED,      /* a in `a.b = 1` */
	H0_TOML_IMPLICIT,       /* a in [a.b] with no [a] of its own */
	H0_TOML_INLINE,         /* written as a value: { ... }, [ ... ] and every scalar */
};

struct h0_span {
	size_t start, end;      /* byte offsets into the text, end exclusive */
};

struct h0_toml_node {
	enum h0_toml_type type;
	enum h0_toml_origin origin;
	const char *key;        /* decoded, NUL-terminated; NULL for array elements and the root */
	size_t key_len;         /* a key may hold NUL bytes */
	struct h0_span key_span;   /* its last segment as written; for a header table: in the header */
	struct h0_span value_span; /* the value as written; for [a.b] the header line's brackets; for
	                            * an implicit table those of the header that implies it first;
	                            * for a dotted table its key as first written; root: all */
	size_t expr_start;      /* where the key with all its dotted segments starts; header: its [ */
	int line, col;          /* where the value starts (1-based; col counts bytes) */
	int key_line, key_col;
	struct h0_toml_node *parent, *first, *last, *next; /* children in file order */
	size_t count;           /* children */
	/* by type: */
	const char *str;        /* STRING: decoded UTF-8, NUL-terminated; date/times: normalised text */
	size_t str_len;         /* a string may hold NUL bytes (written \u0000) */
	int64_t i64;            /* INT */
	double f64;             /* FLOAT */
	bool boolean;           /* BOOL */
};

struct h0_toml;

/* Parses text[0..len). `file` is used in messages and copied. The text is copied.
 * Fails with H0_CONFIG and line/col. Free with h0_toml_free (NULL allowed). */
int h0_toml_parse(const char *text, size_t len, const char *file, struct h0_toml **ret,
                  struct h0_err *e);
void h0_toml_free(struct h0_toml *t);
static inline void h0_toml_freep(struct h0_toml **t)
{
	h0_toml_free(*t);
}
#define h0_autotoml h0_auto(h0_toml_freep)

const struct h0_toml_node *h0_toml_root(const struct h0_toml *t);
const char *h0_toml_text(const struct h0_toml *t, size_t *ret_len);

/* The child called `key` of a table, NULL when absent or `table` is NULL or not a table. */
const struct h0_toml_node *h0_toml_get(const struct h0_toml_node *table, const char *key);
/* Same down a path of keys that ends with NULL: {"model", "default", NULL}. */
const struct h0_toml_node *h0_toml_get_path(const struct h0_toml_node *table,
                                            const char *const *path);
/* Same down n decoded keys, where a number selects an element of an array. */
const struct h0_toml_node *h0_toml_find(const struct h0_toml_node *root, const char *const *path,
                                        size_t n);
/* The element number of text ("0", "12"), false when it is none (sign, leading zero, letters). */
bool h0_toml_index(const char *text, size_t *ret);
#define h0_toml_each(child, table) \
	for (const struct h0_toml_node *child = (table) ? (table)->first : NULL; child; \
	     child = child->next)

/* "string", "integer", "table" ...: for messages. */
const char *h0_toml_type_name(enum h0_toml_type type);
/* Dotted key path of a node as TOML would write it: `model.default`, `slots.1.name`. */
void h0_toml_path_text(const struct h0_toml_node *n, struct h0_buf *out);
/* One key as TOML would write it: bare where that is possible, else as a basic string. */
void h0_toml_key_text(const char *key, size_t len, struct h0_buf *out);
/* Whether text is exactly one TOML value, with nothing around it. */
bool h0_toml_is_value(const char *text);
/* A table or array as TOML: values as they stand in the file; a table that is not inline as lines
 * `a.b = 1`; an array of tables as one array. */
void h0_toml_write(const struct h0_toml *t, const struct h0_toml_node *n, struct h0_buf *out);
/* Splits a dotted key path as TOML would ("a.\"b.c\".d"). Free with h0_strv_done. H0_USAGE. */
struct h0_strv;
int h0_toml_split_path(const char *dotted, struct h0_strv *ret, struct h0_err *e);

/* Fails with H0_CONFIG at the node: file, line, col and key path filled in. Returns -1. */
int h0_toml_fail(const struct h0_toml *t, const struct h0_toml_node *n, struct h0_err *e,
                 const char *fmt, ...) H0_PRINTF(4, 5);

#endif
