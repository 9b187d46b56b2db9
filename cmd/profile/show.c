/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/row.h"

int profile_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	profile_autobox struct profile_box b = {0};
	const struct h0_profile *p = NULL;
	if (profile_box_open(&b, e) < 0 || h0_profiles_find(&b.profiles, ctx->argv[0], &p, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(profile_show_cols);
	profile_row(r, &b, p);
	int rc = h0_out_one(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}
