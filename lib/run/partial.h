/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A file that is not whole yet: .NAME.hal0-part beside its place, and in .NAME.hal0-state which
 * ranges of it are there, of what. Whoever holds the part's lock (flock, gone with the process)
 * fills it. What the state claims was made durable before. Bytes everywhere.
 */
#ifndef H0_RUN_PARTIAL_H
#define H0_RUN_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"

#define H0_RANGES_MAX 16

struct h0_range {
	int64_t from, pos, to;      /* [from, pos) is there, [pos, to) is not */
};

struct h0_partial {
	char *path, *part;          /* the file's place; what stands for it until it is whole: to be shown */
	char *at, *at_part, *at_state; /* the same and its state, to be worked with: by way of `dir` */
	int dir;                    /* the directory; nobody's link leads elsewhere (sys/trust.h) */
	int fd;                     /* of part, locked */
	char *url, *tag;            /* of what it is; tag is the ETag, "" = none */
	char sum[H0_SHA256_TEXT];   /* "" = not known */
	int64_t bytes;
	struct h0_range seg[H0_RANGES_MAX];
	size_t n;
};

/* What *ret is told of a file that is being made. */
enum h0_partial_open {
	H0_PARTIAL_OURS,            /* locked */
	H0_PARTIAL_HELD,            /* another fills it: h0_partial_held() tells how far */
	H0_PARTIAL_THERE,           /* the file itself is there */
};
/* One try. -1: H0_SYS. Free with h0_partial_done: that lets go, and keeps what is there. */
int h0_partial_open(const char *path, struct h0_partial *ret, struct h0_err *e);
void h0_partial_done(struct h0_partial *p);
#define h0_autopartial h0_auto(h0_partial_done)
/* Bytes another has so far, about. */
int64_t h0_partial_held(const char *path);

/* From now on it is that. Ranges of the same (same length, and the same ETag or sum) are kept; of
 * anything else nothing is. `ways` ranges when nothing is there. */
int h0_partial_begin(struct h0_partial *p, const char *url, const char *tag, const char *sum,
                     int64_t bytes, size_t ways, struct h0_err *e);
/* Forgets all ranges; bytes -1: the length is not known any more. */
int h0_partial_restart(struct h0_partial *p, size_t ways, struct h0_err *e);
int64_t h0_partial_have(const struct h0_partial *p);
/* Writes at the range's position and moves it. */
int h0_partial_write(struct h0_partial *p, struct h0_range *s, const char *data, size_t n,
                     struct h0_err *e);
/* Makes what is there durable and writes the state down. */
int h0_partial_save(struct h0_partial *p, struct h0_err *e);
/* The whole file takes its place, durably. H0_CONFLICT: there is one by now. */
int h0_partial_finish(struct h0_partial *p, struct h0_err *e);
/* Nothing of it is kept. */
void h0_partial_drop(struct h0_partial *p);

#endif
