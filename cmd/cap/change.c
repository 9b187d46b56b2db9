/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cap/change.h"

#include "base/mem.h"
#include "base/words.h"
#include "fmt/json.h"
#include "run/slotkey.h"
#include "run/state.h"

#define TRIES 8 /* against others who change the files at the same time */

struct change {
	struct h0_ctx *ctx;
	const struct cap_change_opts *o;
	struct h0_box now, box;         /* as it is, as it will be */
	struct h0_capplan plan;
	struct h0_convergence steps;
	bool committed, rolled_back;
	struct h0_err failure;          /* of the slots, after the commit; H0_OK: none */
};

static void change_done(struct change *c)
{
	h0_convergence_done(&c->steps);
	h0_box_done(&c->box);
	h0_capplan_done(&c->plan);
	h0_box_done(&c->now);
}

void cap_files_text(const struct h0_changeset *cs, struct h0_buf *ret)
{
	for (size_t i = 0; i < cs->n; i++)
		h0_buf_addf(ret, "%s%s", i ? ", " : "", cs->v[i].path);
}

/* ---- the report ---- */

static bool for_people(const struct h0_ctx *ctx)
{
	return !ctx->json && !ctx->columns && !ctx->format;
}

static void say_done(const struct h0_step *s, const struct h0_slot *slot, struct h0_buf *out)
{
	if (s->err.kind != H0_OK) {
		char text[1536];
		h0_err_text(&s->err, text, sizeof text);
		h0_buf_adds(out, text);
	} else if (s->deed == H0_DEED_NONE) {
		bool shadow = s->target->anchor[0] && !h0_streq(s->target->anchor, s->target->slot);
		h0_buf_adds(out, shadow && slot && slot->enabled ? "answered by the NPU slot"
		                 : s->ran || s->state == H0_STATE_READY ? "runs already"
		                                                        : "does not run");
	} else {
		h0_buf_adds(out, h0_deed_done[s->deed]);
		if (s->deed != H0_DEED_STOP && slot && s->state == H0_STATE_READY)
			h0_buf_addf(out, ", ready after %.1f s on port %d", (double)s->ms / 1000, slot->port);
		else if (s->deed != H0_DEED_STOP)
			h0_buf_adds(out, ", loading");
	}
}

static void say_planned(const struct h0_step *s, const struct h0_slot *slot, struct h0_buf *out)
{
	if (s->deed == H0_DEED_NONE)
		h0_buf_adds(out, s->ran ? "runs already" : "nothing to do");
	else
		h0_buf_addf(out, "would %s", h0_deed_verbs[s->deed]);
	if (s->deed != H0_DEED_NONE && s->deed != H0_DEED_STOP && slot)
		h0_buf_addf(out, " on port %d", slot->port);
	if (s->fit[0])
		h0_buf_addf(out, "; %s: %s", h0_fit_verdicts[s->verdict], s->fit);
}

/* It went well, and was taken back because another slot did not. */
static bool put_back(const struct change *c, const struct h0_step *s)
{
	return c->rolled_back && s->err.kind == H0_OK && s->deed != H0_DEED_NONE;
}

static void message_of(const struct change *c, const struct h0_step *s, const struct h0_slot *slot,
                       struct h0_buf *out)
{
	if (c->ctx->dry_run)
		say_planned(s, slot, out);
	else if (put_back(c, s))
		h0_buf_addf(out, "%s, then put back", h0_deed_done[s->deed]);
	else
		say_done(s, slot, out);
	if (s->pending_reload)
		h0_buf_addf(out, "; slot %s has to be restarted for it: hal0 slot restart %s",
		            s->target->anchor, s->target->anchor);
}

static void fill_slot(struct h0_rec *r, struct h0_box *b, const struct h0_slot *slot)
{
	struct h0_plan p;
	if (!slot || slot->broken)
		return;
	h0_rec_bool(r, CHANGE_ENABLED, slot->enabled);
	h0_rec_str(r, CHANGE_DEVICE, h0_device_names[slot->device]);
	h0_rec_str(r, CHANGE_MODEL, *slot->model ? slot->model : NULL);
	h0_rec_int(r, CHANGE_PORT, slot->port);
	if (h0_box_profiles(b, NULL) == 0 && h0_plan_slot(slot, &b->profiles, &p, NULL) == 0)
		h0_rec_str(r, CHANGE_PROVIDER, h0_provider_names[p.family]);
}

/* The one that is the command's own error. */
static const struct h0_step *first_failure(const struct change *c)
{
	for (size_t i = 0; i < c->steps.n; i++)
		if (c->steps.v[i].err.kind != H0_OK)
			return &c->steps.v[i];
	return NULL;
}

static void add_row(struct change *c, struct h0_rec *r, const struct h0_cap_target *t,
                    const struct h0_step *s)
{
	struct h0_box *b = c->rolled_back ? &c->now : &c->box;
	const struct h0_slot *slot = h0_slots_get(&b->slots, t->slot);
	h0_autobuf struct h0_buf message = {0};
	h0_autofree char *cap = t->cap ? h0_asprintf("%s.%s", t->cap->group, t->cap->child) : NULL;
	h0_rec_row(r);
	h0_rec_str(r, CHANGE_SLOT, t->slot);
	h0_rec_str(r, CHANGE_CAPABILITY, cap);
	fill_slot(r, b, slot);
	if (!s) {
		h0_rec_str(r, CHANGE_ACTION, h0_deed_done[H0_DEED_NONE]);
		h0_rec_bool(r, CHANGE_CHANGED, false);
		return;
	}
	message_of(c, s, slot, &message);
	h0_rec_str(r, CHANGE_ACTION, s->err.kind != H0_OK ? "failed"
	                             : put_back(c, s)     ? "put-back"
	                             : c->ctx->dry_run    ? h0_deed_verbs[s->deed]
	                                                  : h0_deed_done[s->deed]);
	h0_rec_str(r, CHANGE_STATE, h0_state_names[s->state]);
	h0_rec_bool(r, CHANGE_CHANGED, c->ctx->dry_run ? s->deed != H0_DEED_NONE : s->changed);
	h0_rec_bool(r, CHANGE_PENDING, s->pending_reload);
	h0_rec_str(r, CHANGE_FIT, s->fit[0] ? h0_fit_verdicts[s->verdict] : NULL);
	h0_rec_str(r, CHANGE_MESSAGE, h0_buf_str(&message));
	if (for_people(c->ctx) && s->err.kind == H0_OK)
		h0_say(c->ctx, "%s%s%s: %s", cap ? cap : t->slot, cap ? ": slot " : "", cap ? t->slot : "",
		       h0_buf_str(&message));
	else if (for_people(c->ctx) && s != first_failure(c))
		h0_warn(c->ctx, "%s", h0_buf_str(&message));
}

static struct h0_json *commands(const struct change *c, struct h0_buf *lines)
{
	struct h0_json *all = h0_json_object();
	for (size_t i = 0; i < c->steps.n; i++) {
		const struct h0_step *s = &c->steps.v[i];
		struct h0_json *words = h0_json_array();
		for (size_t k = 0; k < s->argv.n; k++) {
			h0_json_add(words, h0_json_new_str(s->argv.v[k]));
			if (k)
				h0_buf_addc(lines, ' ');
			h0_words_quote(s->argv.v[k], lines);
		}
		if (s->argv.n) {
			h0_buf_addc(lines, '\n');
			h0_json_set(all, s->target->slot, words);
		} else {
			h0_json_free(words);
		}
	}
	return all;
}

static bool anything_changed(const struct change *c)
{
	bool changed = c->plan.cs.n && !c->rolled_back;
	for (size_t i = 0; i < c->steps.n; i++)
		changed |= c->ctx->dry_run ? c->steps.v[i].deed != H0_DEED_NONE : c->steps.v[i].changed;
	return changed;
}

static struct h0_json *envelope(const struct change *c, struct h0_buf *text)
{
	struct h0_json *more = h0_json_object(), *files = h0_json_array();
	bool pending = false;
	for (size_t i = 0; i < c->plan.cs.n; i++)
		h0_json_add(files, h0_json_new_str(c->plan.cs.v[i].path));
	for (size_t i = 0; i < c->steps.n; i++)
		pending |= c->steps.v[i].pending_reload;
	h0_json_set_bool(more, "changed", anything_changed(c));
	h0_json_set(more, "files", files);
	h0_json_set_bool(more, "pending_reload", pending);
	h0_json_set_bool(more, "rolled_back", c->rolled_back);
	if (c->ctx->dry_run) {
		h0_changeset_diff(&c->plan.cs, text);
		h0_json_set_bool(more, "dry_run", true);
		h0_json_set_str(more, "diff", h0_buf_str(text));
		h0_json_set(more, "commands", commands(c, text));
	}
	return more;
}

static int report(struct change *c, struct h0_err *e)
{
	h0_autobuf struct h0_buf files = {0}, text = {0};
	struct h0_rec *r = h0_rec_new(cap_change_cols);
	struct h0_json *more = envelope(c, &text);
	cap_files_text(&c->plan.cs, &files);
	for (size_t i = 0; i < c->plan.warnings.n; i++)
		h0_warn(c->ctx, "%s", c->plan.warnings.v[i]);
	if (for_people(c->ctx) && !c->ctx->dry_run)
		h0_say(c->ctx, "%s%s", files.len && !c->rolled_back ? "changed " : "", c->rolled_back
		       ? "put every file back" : files.len ? h0_buf_str(&files) : "the files say so already");
	for (size_t i = 0; i < c->plan.n; i++)
		add_row(c, r, &c->plan.v[i], i < c->steps.n ? &c->steps.v[i] : NULL);
	int rc = 0;
	if (!for_people(c->ctx)) {
		rc = h0_out_rec(c->ctx, r, more, e);
	} else {
		h0_json_free(more);
		rc = c->ctx->dry_run ? h0_out_bytes(c->ctx, h0_buf_str(&text), text.len, e) : 0;
	}
	h0_rec_free(r);
	return rc;
}

/* ---- the change ---- */

static void tell(const char *slot, const char *doing, const char *text, void *arg)
{
	struct h0_ctx *ctx = arg;
	h0_progress(ctx, doing, "%s: %s", slot, text);
}

static void note(const char *text, void *arg)
{
	h0_warn(arg, "%s", text);
}

/* What shall start at boot follows the files, whoever wrote them; a slot that is gone does not. */
static void follow_at_boot(struct change *c, const struct h0_box *b)
{
	struct h0_err why = {0};
	char text[1536];
	int rc = h0_units_follow_slots(&b->units, &b->slots, &why);
	for (size_t i = 0; rc == 0 && i < c->plan.n; i++) {
		struct h0_unit_boot gone = {.slot = c->plan.v[i].slot};
		if (!h0_slots_get(&b->slots, gone.slot))
			rc = h0_units_follow(&b->units, &gone, 1, false, &why);
	}
	if (rc == 0)
		return;
	h0_err_text(&why, text, sizeof text);
	h0_warn(c->ctx, "what starts at boot is not as the files say: %s", text);
}

static int look(struct change *c, cap_plan_fn plan, void *arg, struct h0_err *e)
{
	if (h0_box_open(&c->now, e) < 0 || plan(&c->now, arg, &c->plan, e) < 0 ||
	    h0_box_over(&c->now, &c->plan.cs, &c->box, e) < 0)
		return -1;
	return c->o->no_start ? 0 : h0_converge_plan(&c->box, &c->plan, c->o->force, &c->steps, e);
}

static int try_commit(struct change *c, const struct h0_basis *basis, struct h0_err *e)
{
	const struct h0_txn_opts o = {.etc = c->now.paths.etc, .command_line = c->ctx->command_line};
	h0_autobasis struct h0_basis mine = {0};
	if (!basis)
		h0_basis_of(&c->now.snap, &mine);
	return h0_prepared_commit(&o, basis ? basis : &mine, &c->plan.cs, NULL, e);
}

/* What was kept of slots that are there no more. */
static void forget_gone(const struct change *c, const struct h0_slots *slots, const struct h0_convergence *steps)
{
	for (size_t i = 0; i < c->plan.n && i < steps->n; i++) {
		if (h0_slots_get(slots, c->plan.v[i].slot) || steps->v[i].err.kind != H0_OK)
			continue;
		h0_slot_key_forget(&c->now.paths, c->plan.v[i].slot);
		h0_state_forget(&c->now.paths, c->plan.v[i].slot);
	}
}

/* What became of the slots when they were put back. */
static void note_back(struct change *c, const struct h0_convergence *back)
{
	for (size_t i = 0; i < c->steps.n && i < back->n; i++) {
		struct h0_step *s = &c->steps.v[i];
		s->state = back->v[i].state;
		s->changed = s->ran && back->v[i].changed;
	}
}

/* Puts files and slots back. What cannot be put back is said; the failure that led here stays the
 * verb's own. */
static void roll_back(struct change *c, const struct h0_how *how)
{
	const struct h0_txn_opts o = {.etc = c->now.paths.etc, .command_line = c->ctx->command_line};
	h0_autobox struct h0_box b = {0};
	h0_autocapplan struct h0_capplan plan = {0};
	h0_autoconvergence struct h0_convergence steps = {0};
	struct h0_err why = {0};
	char text[1536];
	if (h0_prepared_revert(&o, &c->plan.cs, &why) == 0) {
		c->rolled_back = true;
		if (h0_box_open(&b, &why) == 0)
			follow_at_boot(c, &b);
		bool back = why.kind == H0_OK && h0_converge_back(&b, &c->steps, how, &plan, &steps, &why) == 0;
		note_back(c, &steps);
		forget_gone(c, &b.slots, &steps);
		if (back)
			return;
	}
	h0_err_text(&why, text, sizeof text);
	h0_warn(c->ctx, "%s: %s", c->rolled_back ? "the files are as before, but a slot is not"
	                                         : "the files could not be put back", text);
}

static void follow(struct change *c)
{
	const struct h0_wait wait = {
		.stall_s = c->o->timeout_s > INT32_MAX ? INT32_MAX : (int)c->o->timeout_s,
		.signal_fd = -1, .tell = tell, .tell_arg = c->ctx,
	};
	const struct h0_how how = {.wait = c->o->no_wait ? NULL : &wait, .force = c->o->force,
	                           .note = note, .note_arg = c->ctx};
	h0_converge_run(&how, &c->steps);
	h0_progress(c->ctx, "", "%s", "");
	forget_gone(c, &c->box.slots, &c->steps);
	if (h0_converge_failed(&c->steps, &c->failure) < 0 && c->o->rollback)
		roll_back(c, &how);
}

static bool moved(const struct h0_err *e)
{
	return e->kind == H0_CONFLICT && h0_streq(h0_err_name(e), "config.moved");
}

static int prepare(struct change *c, cap_plan_fn plan, void *arg, const struct h0_basis *basis,
                   struct h0_err *e)
{
	for (int i = 0;; i++) {
		struct h0_err why = {0};
		if (look(c, plan, arg, e) < 0)
			return -1;
		if (basis && h0_basis_check(basis, &c->now.snap, e) < 0)
			return -1;
		if (c->ctx->dry_run || try_commit(c, basis, &why) == 0)
			return 0;
		if (basis || !moved(&why) || i == TRIES) {
			*e = why;
			return why.kind == H0_SYS ? h0_err_code(e, "capability.apply_failed") : -1;
		}
		struct change again = {.ctx = c->ctx, .o = c->o};
		change_done(c);
		*c = again;
	}
}

int cap_change(struct h0_ctx *ctx, const struct cap_change_opts *o, cap_plan_fn plan, void *arg,
               const struct h0_basis *basis, struct h0_err *e)
{
	h0_auto(change_done) struct change c = {.ctx = ctx, .o = o};
	if (prepare(&c, plan, arg, basis, e) < 0)
		return -1;
	if (!ctx->dry_run && c.plan.cs.n)
		follow_at_boot(&c, &c.box);
	if (!ctx->dry_run && !o->no_start)
		follow(&c);
	if (report(&c, e) < 0)
		return -1;
	if (c.failure.kind == H0_OK)
		return 0;
	*e = c.failure;
	if (!c.rolled_back)
		h0_wrap(e, "%s", c.plan.cs.n ? "the files are changed (hal0 cap undo puts them back), but"
		                             : "the files said so already, but");
	else
		h0_wrap(e, "%s", "everything is as before, because");
	return -1;
}
