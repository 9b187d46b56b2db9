/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Server-sent events out of bytes as they come, split anywhere: LF, CR and CRLF line ends,
 * comments, several data lines joined by LF. An event that the stream's end cuts off is dropped.
 */
#ifndef H0_FMT_SSE_H
#define H0_FMT_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct h0_sse {
	/* One event: its name ("" = none) and data (NUL-terminated). -1 with *e filled ends it. */
	int (*on_event)(const char *name, const char *data, size_t len, void *arg, struct h0_err *e);
	void *arg;
	size_t max;             /* bytes of one event; 0: 1 MiB */
	/* private */
	struct h0_buf line, data;
	char name[64];
	bool after_cr, begun, has_data;
};

/* -1: H0_EXTERN for an event beyond the bound, or what on_event said. */
int h0_sse_feed(struct h0_sse *s, const char *p, size_t n, struct h0_err *e);
void h0_sse_done(struct h0_sse *s);
#define h0_autosse h0_auto(h0_sse_done)

#endif
