/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/flm.h"

#include "model/npu.h"

/* A record of the NPU trio: whose server answers for it, and what that needs. */
static int never_by_itself(const struct h0_box *b, const struct h0_slot *s, struct h0_err *e)
{
	const struct h0_slot *anchor;
	if (h0_npu_trio(&b->slots, s, &anchor, e) < 0)
		return -1;
	h0_fail(e, H0_NO, "slot %s has no server of its own: that of slot %s, the NPU's, answers for it: "
	        "hal0 slot start %s", s->name, anchor->name, anchor->name);
	h0_err_detail(e, "anchor", "%s", anchor->name);
	return h0_err_code(e, "slot.spawn_failed");
}

int h0_flm_may_start(const struct h0_box *b, const struct h0_slot *slot, struct h0_err *e)
{
	return h0_slot_is_shadow(slot) ? never_by_itself(b, slot, e) : h0_npu_check(&b->slots, slot, true, e);
}
