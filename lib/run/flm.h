/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What stands before a start on the NPU.
 */
#ifndef H0_RUN_FLM_H
#define H0_RUN_FLM_H

#include "base/err.h"
#include "run/live.h"

/* May this slot be started at all, as far as the NPU is concerned? Slots elsewhere always may.
 * H0_NO: a record of the trio, with what its anchor lacks (npu.trio_unavailable), or that the
 * anchor is the one to start. H0_CONFLICT: another slot wants the NPU. */
int h0_flm_may_start(const struct h0_box *b, const struct h0_slot *slot, struct h0_err *e);

#endif
