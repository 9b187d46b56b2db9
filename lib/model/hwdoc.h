/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hardware.json as a value: built from a machine, merged with what an operator added, compared
 * with an earlier one. Field names and meanings: hal0-hardware.json(5). Pure, no I/O.
 */
#ifndef H0_MODEL_HWDOC_H
#define H0_MODEL_HWDOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "fmt/json.h"
#include "model/machine.h"

/* The document of a machine. probed_at: ISO 8601 in UTC, NULL = null. The caller owns it. */
struct h0_json *h0_hwdoc(const struct h0_machine *m, const char *probed_at);

/* Takes over from `old` (may be NULL) what hal0 does not write: unknown keys wherever they stand,
 * the `slots` block. Elements of lists are matched as in h0_hwdoc_diff; what went takes its own along. */
void h0_hwdoc_keep(struct h0_json *doc, const struct h0_json *old);

struct h0_hwchange {
	char *path;            /* "gpus[0000:c3:00.0].vram_mib" */
	char *from, *to;       /* JSON text; NULL = was not there, is not there any more */
};
struct h0_hwchanges {
	struct h0_hwchange *v;
	size_t n, cap;
};
/* What differs apart from readings that change by themselves, sorted by path. Elements of lists
 * are matched by their address, code or name, not by position. old NULL: everything is new. */
void h0_hwdoc_diff(const struct h0_json *old, const struct h0_json *new, struct h0_hwchanges *ret);
void h0_hwchanges_done(struct h0_hwchanges *c);

/* The text of the file: sorted keys, two spaces, a newline at the end. */
void h0_hwdoc_text(const struct h0_json *doc, struct h0_buf *ret);

#endif
