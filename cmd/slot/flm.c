/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/flm.h"
#include "slot/common.h"

void slot_warn_flm(struct h0_ctx *ctx, const char *name)
{
	h0_autobox struct h0_box b = {0};
	struct h0_err why = {0};
	if (ctx->dry_run || h0_box_open(&b, NULL) < 0)
		return;
	if (h0_flm_check_slot(&b, name, &why) < 0)
		h0_warn(ctx, "%s", why.msg);
}
