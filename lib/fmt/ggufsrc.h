/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside the GGUF reader: the file's bytes, from a descriptor through a window or from memory, and
 * the numbers, strings and arrays they make. Used by fmt/gguf*.c only. Nothing is read or passed
 * over before it is known to be there, and to be within H0_GGUF_MAX_META. Errors as in fmt/gguf.h.
 */
#ifndef H0_FMT_GGUFSRC_H
#define H0_FMT_GGUFSRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define H0_SRC_WINDOW (64u << 10)

/* Types of a metadata value, as the file numbers them. */
enum h0_kv_type {
	H0_KV_U8, H0_KV_I8, H0_KV_U16, H0_KV_I16, H0_KV_U32, H0_KV_I32, H0_KV_F32, H0_KV_BOOL,
	H0_KV_STR, H0_KV_ARR, H0_KV_U64, H0_KV_I64, H0_KV_F64, H0_KV_N
};

struct h0_src {
	const char *file;
	uint64_t size, pos;
	const unsigned char *win; /* bytes [at, at + len) of the file */
	uint64_t at;
	size_t len;
	int fd;                   /* -1: win is everything */
	unsigned char *own;       /* the window's memory */
	const char *what;         /* what is being read, for messages */
};

void h0_src_done(struct h0_src *s);
#define h0_autosrc h0_auto(h0_src_done)

/* "FILE: damaged GGUF file: ... (at byte N)". -1. */
int h0_src_fail(const struct h0_src *s, struct h0_err *e, const char *fmt, ...) H0_PRINTF(3, 4);
/* Are n more bytes there, and still in the part that may be metadata? 0 or -1. */
int h0_src_have(const struct h0_src *s, uint64_t n, struct h0_err *e);
int h0_src_get(struct h0_src *s, void *dst, size_t n, struct h0_err *e);
int h0_src_skip(struct h0_src *s, uint64_t n, struct h0_err *e);
int h0_src_uint(struct h0_src *s, unsigned bytes, uint64_t *ret, struct h0_err *e);
int h0_src_u32(struct h0_src *s, uint32_t *ret, struct h0_err *e);
/* A string of at most max - 1 bytes into dst; longer is refused. A NUL inside ends it. */
int h0_src_name(struct h0_src *s, char *dst, size_t max, struct h0_err *e);
/* Type and number of an array's elements, which can all be there. */
int h0_src_array(struct h0_src *s, uint32_t *ret_type, uint64_t *ret_n, struct h0_err *e);
int h0_src_skip_elements(struct h0_src *s, uint32_t type, uint64_t n, struct h0_err *e);
int h0_src_skip_value(struct h0_src *s, uint32_t type, struct h0_err *e);
bool h0_src_is_whole(uint32_t type);
/* A whole number of any width; what int64 cannot hold is refused. */
int h0_src_whole(struct h0_src *s, uint32_t type, int64_t *ret, struct h0_err *e);

#endif
