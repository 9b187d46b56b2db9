/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a changed machine means for the slots: which fitted before and do not now, or the other
 * way round. By model/fit.h; by file size and a tenth where that knows nothing.
 */
#ifndef H0_CMD_PROBE_SLOTS_H
#define H0_CMD_PROBE_SLOTS_H

#include "fmt/json.h"

/* Bytes of a model file; of NAME-00001-of-0000N.gguf, of all its parts. H0_CONFIG. */
int probe_model_bytes(const char *path, int64_t *ret, struct h0_err *e);

struct h0_buf;
/* An array of {slot, needs_mib, fitted, fits} of the slots whose verdict differs between the two
 * documents; empty when old is NULL or a budget is unknown. The caller owns it. */
struct h0_json *probe_slot_verdicts(const struct h0_json *old, const struct h0_json *now);
/* The same as sentences, one a line. */
void probe_slot_verdicts_text(const struct h0_json *verdicts, struct h0_buf *ret);

#endif
