/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What clients of the router read that no slot has written: the envelope of an error, its HTTP
 * status, and the list of models. One text, whoever sends it.
 * Source of codes and shapes: formats of the original hal0.
 */
#ifndef H0_MODEL_ENVELOPE_H
#define H0_MODEL_ENVELOPE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/route.h"

#define H0_RETRY_AFTER_S 15     /* where nothing is known of the slot */

/* The HTTP status of a stable code; of a code without one, by kind. */
int h0_envelope_status(const char *code, enum h0_kind kind);
/* {"error":{...}} and a line end. `details` may be NULL; retry_after_s < 0: not said. */
void h0_envelope_print(int status, const char *code, const char *message, const struct h0_err *details,
                       int retry_after_s, struct h0_buf *out);
/* The answer to /v1/models: slots, their models, the virtual names that lead somewhere, and what
 * upstreams list (us may be NULL). */
void h0_envelope_models(const struct h0_slots *slots, const struct h0_upstreams *us,
                        const struct h0_route_look *look, struct h0_buf *out);

#endif
