/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

int slot_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_list_opts *o = opts;
	return o->files ? slot_print_files(ctx, e) : slot_print_live(ctx, NULL, 0, NULL, e);
}
