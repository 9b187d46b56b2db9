/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

int slot_status(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	bool ready = true;
	if (!ctx->columns && !ctx->format && !ctx->json)
		ctx->columns = "name,state,port,model,uptime,message";
	if (slot_print_live(ctx, ctx->argv, (size_t)ctx->argc, &ready, e) < 0)
		return -1;
	/* without names it is a report, not a question */
	return ctx->argc == 0 || ready ? 0 : H0_NO;
}
