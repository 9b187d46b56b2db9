/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Growable bytes, always followed by a NUL that does not count. {0} is a valid empty one.
 */
#ifndef H0_BASE_BUF_H
#define H0_BASE_BUF_H

#include <stddef.h>
#include "base/attr.h"

struct h0_buf {
	char *p;      /* NULL while nothing was added; use h0_buf_str() for a string */
	size_t len;
	size_t cap;
};

void h0_buf_add(struct h0_buf *b, const void *data, size_t n);
void h0_buf_adds(struct h0_buf *b, const char *s);
/* As text between the tags of XML: < and & escaped, control characters become blanks. */
void h0_buf_adds_xml(struct h0_buf *b, const char *s);
void h0_buf_addc(struct h0_buf *b, char c);
void h0_buf_addf(struct h0_buf *b, const char *fmt, ...) H0_PRINTF(2, 3);
/* Makes room for n more bytes and returns where they go; the caller then raises len. */
char *h0_buf_room(struct h0_buf *b, size_t n);
void h0_buf_reset(struct h0_buf *b);           /* len = 0, memory kept */
const char *h0_buf_str(const struct h0_buf *b); /* never NULL */
/* Gives the bytes to the caller (free()); never NULL; the buffer is empty afterwards. */
char *h0_buf_take(struct h0_buf *b);
void h0_buf_done(struct h0_buf *b);
#define h0_autobuf h0_auto(h0_buf_done)

#endif
