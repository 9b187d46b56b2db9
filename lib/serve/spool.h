/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A request's body while it is collected and sent on: in memory while it is small, in an unlinked
 * file beyond that, so that four long prompts do not cost four long prompts of memory. It stays
 * until the answer begins, so that it can be sent a second time.
 */
#ifndef H0_SERVE_SPOOL_H
#define H0_SERVE_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define H0_SPOOL_MEMORY (256u << 10)    /* of one body */
#define H0_SPOOL_HELD   (64u << 20)     /* of all that share a count */

struct h0_spool {
	atomic_size_t *held;    /* how much all of them hold in memory; NULL: not counted */
	struct h0_buf mem;      /* the whole body while fd < 0, then empty */
	int fd;                 /* the file, or -1 */
	uint64_t size;
};

void h0_spool_init(struct h0_spool *s, atomic_size_t *held);
/* `dir` holds the file if there must be one. H0_SYS (a full disk). */
int h0_spool_add(struct h0_spool *s, const char *dir, const void *p, size_t n, struct h0_err *e);
void h0_spool_done(struct h0_spool *s);

/* A way through a body in which the bytes [cut, resume) are replaced by `text`. */
struct h0_spool_out {
	const struct h0_spool *spool;
	const char *text;
	size_t text_len;
	uint64_t cut, resume;
	/* private */
	uint64_t at;            /* of the outgoing bytes */
};

uint64_t h0_spool_out_size(const struct h0_spool_out *o);
static inline bool h0_spool_out_over(const struct h0_spool_out *o)
{
	return o->at == h0_spool_out_size(o);
}
/* Sends what the socket takes, after `head` (head_len bytes, may be 0). 1: all sent; 0: the
 * socket is full; -1: errno. *ret_head: bytes of the head that went out. */
int h0_spool_send(struct h0_spool_out *o, int sock, const char *head, size_t head_len,
                  size_t *ret_head);

#endif
