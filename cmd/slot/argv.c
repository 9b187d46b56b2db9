/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

#include "base/words.h"
#include "fmt/json.h"

static int print_line(struct h0_ctx *ctx, const struct h0_argv *a, struct h0_err *e)
{
	h0_autobuf struct h0_buf line = {0};
	for (size_t i = 0; i < a->words.n; i++) {
		if (i)
			h0_buf_addc(&line, ' ');
		h0_words_quote(a->words.v[i], &line);
	}
	h0_buf_addc(&line, '\n');
	return h0_out_bytes(ctx, line.p, line.len, e);
}

/* Only where somebody asked for it, or for it to be off. */
static void say_mtp(struct h0_ctx *ctx, const struct h0_spec *s)
{
	const struct h0_profile *p = s->plan.profile;
	if (s->plan.slot->mtp != H0_TRI_ABSENT || (p && p->mtp))
		h0_say(ctx, "multi-token prediction is %s: %s", s->argv.mtp ? "on" : "off",
		       s->argv.mtp_why);
}

static struct h0_rec *records(const struct h0_argv *a)
{
	struct h0_rec *r = h0_rec_new(slot_argv_cols);
	for (size_t i = 0; i < a->n; i++) {
		const struct h0_argv_item *it = &a->items[i];
		h0_rec_row(r);
		h0_rec_str(r, ARGV_FLAG, a->words.v[it->at]);
		h0_rec_str(r, ARGV_VALUE, it->n > 1 ? a->words.v[it->at + 1] : NULL);
		h0_rec_str(r, ARGV_SOURCE, h0_argv_source_names[it->source]);
		h0_rec_str(r, ARGV_FOR, it->at < a->server_at ? "podman" : "server");
	}
	return r;
}

/* On a machine without the slot's device: all but its nodes. */
static int make(struct h0_ctx *ctx, struct h0_box *b, const struct h0_slot *slot, struct h0_spec *ret,
                struct h0_err *e)
{
	struct h0_err why = {0};
	if (h0_spec_make(&b->paths, &b->snap, &b->profiles, &b->podman, slot, H0_ARGV_DETACHED, ret, &why) == 0)
		return 0;
	h0_spec_done(ret);
	if (why.kind != H0_NOHW) {
		*e = why;
		return -1;
	}
	h0_warn(ctx, "%s: shown without it", why.msg);
	return h0_spec_make_anywhere(&b->paths, &b->snap, &b->profiles, &b->podman, slot, ret, e);
}

int slot_argv(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_argv_opts *o = opts;
	h0_autobox struct h0_box b = {0};
	h0_autospec struct h0_spec s = {0};
	const struct h0_slot *slot = NULL;
	if (h0_box_open(&b, e) < 0 || h0_slots_find(&b.slots, ctx->argv[0], &slot, e) < 0 ||
	    h0_box_profiles(&b, e) < 0 || make(ctx, &b, slot, &s, e) < 0)
		return -1;
	say_mtp(ctx, &s);
	if (!o->sources && !ctx->json && !ctx->columns && !ctx->format)
		return print_line(ctx, &s.argv, e);
	struct h0_json *more = h0_json_object(), *words = h0_json_array();
	for (size_t i = 0; i < s.argv.words.n; i++)
		h0_json_add(words, h0_json_new_str(s.argv.words.v[i]));
	h0_json_set_str(more, "name", slot->name);
	h0_json_set(more, "argv", words);
	h0_json_set_int(more, "removed", (int64_t)s.argv.removed);
	h0_json_set_str(more, "spec", s.argv.spec);
	h0_json_set_bool(more, "mtp", s.argv.mtp);
	h0_json_set_str(more, "mtp_why", s.argv.mtp_why);
	struct h0_rec *r = records(&s.argv);
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}
