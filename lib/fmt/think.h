/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Splits the reasoning that some models write first, <think>...</think>, from the answer, in text
 * that comes in pieces: a tag may be cut anywhere. Only a tag that opens the text counts. The
 * white space before and behind the reasoning goes.
 */
#ifndef H0_FMT_THINK_H
#define H0_FMT_THINK_H

#include <stdbool.h>
#include <stddef.h>

struct h0_think {
	/* A piece of the answer or of the reasoning. Non-zero ends the feed and is returned. */
	int (*on_text)(bool reasoning, const char *p, size_t n, void *arg);
	void *arg;
	/* private */
	int state;
	size_t nheld;
	char held[16];          /* the beginning of what may be a tag */
};

int h0_think_feed(struct h0_think *t, const char *p, size_t n);
/* The text is over: what was held back is given out. */
int h0_think_end(struct h0_think *t);

#endif
