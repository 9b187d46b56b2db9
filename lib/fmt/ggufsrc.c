/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/ggufsrc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fmt/gguf.h"

#define MAX_DEPTH 4             /* arrays of arrays */

/* Bytes of one value; 0: as long as it says. */
static const unsigned char sizes[H0_KV_N] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

void h0_src_done(struct h0_src *s)
{
	free(s->own);
}

int h0_src_fail(const struct h0_src *s, struct h0_err *e, const char *fmt, ...)
{
	char why[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	h0_fail(e, H0_CONFIG, "%s: damaged GGUF file: %s (at byte %" PRIu64 ")", s->file, why, s->pos);
	return h0_err_code(e, "model.unsupported_format");
}

int h0_src_have(const struct h0_src *s, uint64_t n, struct h0_err *e)
{
	if (n > s->size - s->pos)
		return h0_src_fail(s, e, "%s needs %" PRIu64 " bytes, the file has %" PRIu64 " more", s->what, n,
		                   s->size - s->pos);
	if (n > H0_GGUF_MAX_META || s->pos > H0_GGUF_MAX_META - n)
		return h0_src_fail(s, e, "%s lies beyond the first %u MiB", s->what, H0_GGUF_MAX_META >> 20);
	return 0;
}

static int fill(struct h0_src *s, struct h0_err *e)
{
	if (s->fd < 0)
		return h0_src_fail(s, e, "%s ends early", s->what);
	ssize_t n;
	while ((n = pread(s->fd, s->own, H0_SRC_WINDOW, (off_t)s->pos)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return h0_fail_sys(e, "%s", s->file);
	if (n == 0)
		return h0_src_fail(s, e, "the file shrank while it was read");
	s->at = s->pos;
	s->len = (size_t)n;
	return 0;
}

int h0_src_get(struct h0_src *s, void *dst, size_t n, struct h0_err *e)
{
	unsigned char *d = dst;
	if (h0_src_have(s, n, e) < 0)
		return -1;
	while (n) {
		if ((s->pos < s->at || s->pos >= s->at + s->len) && fill(s, e) < 0)
			return -1;
		size_t room = (size_t)(s->at + s->len - s->pos), k = n < room ? n : room;
		memcpy(d, s->win + (s->pos - s->at), k);
		d += k;
		n -= k;
		s->pos += k;
	}
	return 0;
}

int h0_src_skip(struct h0_src *s, uint64_t n, struct h0_err *e)
{
	if (h0_src_have(s, n, e) < 0)
		return -1;
	s->pos += n;
	return 0;
}

int h0_src_uint(struct h0_src *s, unsigned bytes, uint64_t *ret, struct h0_err *e)
{
	unsigned char b[8];
	uint64_t v = 0;
	if (h0_src_get(s, b, bytes, e) < 0)
		return -1;
	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | b[i];
	*ret = v;
	return 0;
}

int h0_src_u32(struct h0_src *s, uint32_t *ret, struct h0_err *e)
{
	uint64_t v;
	if (h0_src_uint(s, 4, &v, e) < 0)
		return -1;
	*ret = (uint32_t)v;
	return 0;
}

int h0_src_name(struct h0_src *s, char *dst, size_t max, struct h0_err *e)
{
	uint64_t n;
	if (h0_src_uint(s, 8, &n, e) < 0 || h0_src_have(s, n, e) < 0)
		return -1;
	if (n >= max)
		return h0_src_fail(s, e, "%s is %" PRIu64 " bytes long", s->what, n);
	if (h0_src_get(s, dst, (size_t)n, e) < 0)
		return -1;
	dst[n] = '\0';
	return 0;
}

static int skip_str(struct h0_src *s, struct h0_err *e)
{
	uint64_t n;
	return h0_src_uint(s, 8, &n, e) < 0 ? -1 : h0_src_skip(s, n, e);
}

int h0_src_array(struct h0_src *s, uint32_t *ret_type, uint64_t *ret_n, struct h0_err *e)
{
	if (h0_src_u32(s, ret_type, e) < 0 || h0_src_uint(s, 8, ret_n, e) < 0)
		return -1;
	if (*ret_type >= H0_KV_N)
		return h0_src_fail(s, e, "%s has elements of unknown type %u", s->what, *ret_type);
	/* the smallest element: a string's length, an array's head, or the number itself */
	unsigned least = *ret_type == H0_KV_STR ? 8 : *ret_type == H0_KV_ARR ? 12 : sizes[*ret_type];
	if (*ret_n > (s->size - s->pos) / least)
		return h0_src_fail(s, e, "%s claims %" PRIu64 " elements, the file has %" PRIu64 " more bytes",
		                   s->what, *ret_n, s->size - s->pos);
	return 0;
}

static int skip_array(struct h0_src *s, int depth, struct h0_err *e);

static int skip_elements(struct h0_src *s, uint32_t type, uint64_t n, int depth, struct h0_err *e)
{
	if (type != H0_KV_STR && type != H0_KV_ARR)
		return h0_src_skip(s, n * sizes[type], e);
	for (uint64_t i = 0; i < n; i++)
		if ((type == H0_KV_STR ? skip_str(s, e) : skip_array(s, depth + 1, e)) < 0)
			return -1;
	return 0;
}

static int skip_array(struct h0_src *s, int depth, struct h0_err *e)
{
	uint32_t type;
	uint64_t n;
	if (depth > MAX_DEPTH)
		return h0_src_fail(s, e, "%s is nested too deeply", s->what);
	return h0_src_array(s, &type, &n, e) < 0 ? -1 : skip_elements(s, type, n, depth, e);
}

int h0_src_skip_elements(struct h0_src *s, uint32_t type, uint64_t n, struct h0_err *e)
{
	return skip_elements(s, type, n, 0, e);
}

int h0_src_skip_value(struct h0_src *s, uint32_t type, struct h0_err *e)
{
	if (type == H0_KV_ARR)
		return skip_array(s, 0, e);
	return type == H0_KV_STR ? skip_str(s, e) : h0_src_skip(s, sizes[type], e);
}

bool h0_src_is_whole(uint32_t type)
{
	return type < H0_KV_N && sizes[type] && type != H0_KV_F32 && type != H0_KV_F64;
}

int h0_src_whole(struct h0_src *s, uint32_t type, int64_t *ret, struct h0_err *e)
{
	uint64_t v;
	unsigned bytes = sizes[type];
	if (h0_src_uint(s, bytes, &v, e) < 0)
		return -1;
	bool is_signed = type == H0_KV_I8 || type == H0_KV_I16 || type == H0_KV_I32 || type == H0_KV_I64;
	if (is_signed && bytes < 8 && v >> (bytes * 8 - 1))
		v |= ~UINT64_C(0) << (bytes * 8);
	if (!is_signed && v > INT64_MAX)
		return h0_src_fail(s, e, "%s is %" PRIu64, s->what, v);
	*ret = (int64_t)v;
	return 0;
}
