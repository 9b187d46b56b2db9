/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Finds one text field of a multipart/form-data body while it streams past: an upload is routed by
 * its "model" without being held. Memory is fixed, time is linear.
 */
#ifndef H0_SERVE_FORMSCAN_H
#define H0_SERVE_FORMSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H0_FORM_VALUE 512

struct h0_formscan {
	bool found, cut;
	uint64_t begin, end;            /* the value's place in the stream */
	size_t len;
	char value[H0_FORM_VALUE];      /* NUL-terminated; its beginning when cut */
	/* private */
	const char *name;
	char mark[80];                  /* CR LF -- boundary */
	size_t mark_len, matched;
	int step;
	bool ours, was_ours;
	uint64_t pos;
	size_t line_len;
	char line[512];                 /* a line of a part's head, its beginning */
};

/* From the Content-Type's value; false when it is no form or has no good boundary. `name` outlives
 * the scan. */
bool h0_form_init(struct h0_formscan *f, const char *content_type, const char *name);
void h0_form_feed(struct h0_formscan *f, const char *p, size_t n);

#endif
