/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/json.h"
#include "profile/row.h"

int profile_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	profile_autobox struct profile_box b = {0};
	if (profile_box_open(&b, e) < 0)
		return -1;
	struct h0_rec *r = h0_rec_new(profile_cols);
	struct h0_json *more = h0_json_object();
	for (size_t i = 0; i < b.profiles.n; i++)
		profile_row(r, &b, &b.profiles.v[i]);
	h0_json_set_str(more, "catalog", b.profiles.from_file ? "profiles.toml" : "built-in");
	if (b.profiles.from_file)
		h0_say(ctx, "from %s/profiles.toml, which replaces the built-in ones", b.paths.etc);
	else
		h0_say(ctx, "the built-in ones: there is no %s/profiles.toml", b.paths.etc);
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}
