/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rules of the NPU. It runs one program at a time: the server of one chat slot, the anchor.
 * That server also embeds and transcribes when the anchor's [npu] table says so; slots of type
 * embedding and transcription on device npu are records of that (shadows) and never run a
 * container of their own. Pure.
 */
#ifndef H0_MODEL_NPU_H
#define H0_MODEL_NPU_H

#include <stdbool.h>

#include "base/err.h"
#include "model/slot.h"

/* A record of the NPU trio: the anchor's container answers for it, it never runs one itself. */
bool h0_slot_is_shadow(const struct h0_slot *s);
/* The slot whose server is the NPU's: the one that wants it (there may be one; if there are more,
 * the one called "npu", else the first). Else, for who asks what is missing, the one called "npu",
 * else the first enabled llm slot on device npu. NULL: there is none. h0_npu_trio says whether it
 * is fit. */
const struct h0_slot *h0_npu_anchor(const struct h0_slots *slots);
/* Can the anchor's server, once it runs, answer for this shadow? H0_NO, npu.trio_unavailable with
 * the condition that fails and what to do. */
int h0_npu_trio(const struct h0_slots *slots, const struct h0_slot *shadow,
                const struct h0_slot **ret_anchor, struct h0_err *e);
/* The slot whose container serves this one: itself, of a shadow the anchor, NULL where that
 * cannot. */
const struct h0_slot *h0_npu_server(const struct h0_slots *slots, const struct h0_slot *s);
/* The error itself, for who finds another condition. Returns -1. */
int h0_npu_trio_fail(struct h0_err *e, const struct h0_slot *shadow, const char *fmt, ...)
    H0_PRINTF(3, 4);

/* No other slot may want the NPU for itself (enabled, chat, with a model), too: H0_CONFLICT,
 * slot.npu_exclusivity_violation, every other one named. `starting`: the slot is to run now,
 * whether it is enabled or not. */
int h0_npu_check(const struct h0_slots *slots, const struct h0_slot *s, bool starting,
                 struct h0_err *e);

#endif
