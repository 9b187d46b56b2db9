/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/common.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "fmt/json.h"

int model_find(const struct h0_box *b, const char *name, struct h0_model_file *ret,
               bool *ret_registered, struct h0_err *e)
{
	h0_automodels struct h0_models all = {0};
	bool path = strchr(name, '/') && (name[0] == '/' || name[0] == '.');
	h0_autofree char *real = path ? realpath(name, NULL) : NULL;
	if (h0_store_list(&b->paths, &b->snap, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct h0_model_entry *m = &all.v[i];
		if (!h0_streq(m->file.id, name) && !h0_streq(m->file.path, real ? real : name))
			continue;
		if (ret_registered)
			*ret_registered = m->registered;
		*ret = m->file;
		m->file = (struct h0_model_file){0};
		return 0;
	}
	if (ret_registered)
		*ret_registered = false;
	return h0_store_find_named(&b->paths, &b->snap, real ? real : name, ret, e);
}

#define ID_MAX 200

int model_check_name(const char *name, struct h0_err *e)
{
	size_t n = strlen(name);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '/')
			return h0_fail(e, H0_USAGE, "a model's name holds neither blanks nor slashes: '%s'", name);
	if (!n || n > ID_MAX || name[0] == '.' || name[0] == '-')
		return h0_fail(e, H0_USAGE, "not a name for a model: '%s'", name);
	return 0;
}

int model_changed(struct h0_ctx *ctx, const struct model_change *c, struct h0_err *e)
{
	if (!ctx->json && !ctx->columns && !ctx->format) {
		if (!ctx->dry_run)
			h0_say(ctx, "%s: %s", c->name, c->message);
		return 0;
	}
	struct h0_rec *r = h0_rec_new(model_change_cols);
	struct h0_json *more = h0_json_object();
	h0_json_set_bool(more, "changed", c->changed);
	h0_rec_row(r);
	h0_rec_str(r, CHANGE_NAME, c->name);
	h0_rec_bool(r, CHANGE_CHANGED, c->changed);
	h0_rec_str(r, CHANGE_PATH, c->path);
	if (c->bytes >= 0)
		h0_rec_int(r, CHANGE_SIZE, c->bytes);
	h0_rec_str(r, CHANGE_MESSAGE, c->message);
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}

#define BAR 24

void model_progress(struct h0_ctx *ctx, const char *what, int64_t done, int64_t total, int64_t per_s)
{
	char bar[BAR + 1], key[64], have[32], all[32], speed[32], left[32] = "";
	if (!*what) {
		h0_progress(ctx, "", "%s", "");
		return;
	}
	int64_t percent = total > 0 ? (int64_t)((double)done * 100 / (double)total) : 0;
	for (int i = 0; i < BAR; i++)
		bar[i] = i < percent * BAR / 100 ? '#' : '.';
	bar[BAR] = '\0';
	h0_num_human(done, have, sizeof have);
	h0_num_human(total, all, sizeof all);
	h0_num_human(per_s, speed, sizeof speed);
	if (per_s > 0)
		snprintf(left, sizeof left, ", %lld s left", (long long)((total - done) / per_s));
	snprintf(key, sizeof key, "%.40s %d", what, (int)percent / 10);
	h0_progress(ctx, key, "%s [%s] %d %% of %s, %s/s%s", what, bar, (int)percent, all, speed, left);
}
