/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * apply and plan: a document that states the wanted box, and a plan that is kept.
 */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cap/change.h"
#include "fmt/json.h"
#include "model/capdoc.h"
#include "sys/durable.h"
#include "sys/io.h"

#define DOC_MAX  (4u << 20)
#define PLAN_MAX (96u << 20)
#define KIND     "hal0.plan"

static int read_text(const char *file, size_t max, struct h0_buf *ret, struct h0_err *e)
{
	return strcmp(file, "-") == 0 ? h0_read_fd(STDIN_FILENO, max, ret, e)
	                              : h0_read_file(file, max, ret, e);
}

static const char *shown(const char *file)
{
	return strcmp(file, "-") == 0 ? "stdin" : file;
}

static int read_doc(const char *file, struct h0_capdoc *ret, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	if (read_text(file, DOC_MAX, &text, e) < 0)
		return -1;
	return h0_capdoc_parse(h0_buf_str(&text), text.len, shown(file), ret, e);
}

static int plan_doc(struct h0_box *now, void *arg, struct h0_capplan *ret, struct h0_err *e)
{
	struct h0_cap_world world;
	h0_converge_world(now, &world);
	return h0_capplan_make(&now->snap, arg, &world, ret, e);
}

/* ---- a plan in a file ---- */

static const char *const wants[] = {"keep", "run", "stop", NULL}; /* enum h0_want */

struct kept {
	struct h0_basis basis;
	struct h0_capplan plan;
};

static void kept_done(struct kept *k)
{
	h0_basis_done(&k->basis);
	h0_capplan_done(&k->plan);
}

static struct h0_json *plan_json(const struct h0_snap *snap, const struct h0_capplan *p)
{
	h0_autobasis struct h0_basis basis = {0};
	struct h0_json *targets = h0_json_array();
	h0_basis_of(snap, &basis);
	struct h0_json *j = h0_prepared_json(&basis, &p->cs);
	for (size_t i = 0; i < p->n; i++) {
		const struct h0_cap_target *t = &p->v[i];
		h0_autofree char *cap = t->cap ? h0_asprintf("%s.%s", t->cap->group, t->cap->child) : NULL;
		struct h0_json *x = h0_json_object();
		h0_json_set_str(x, "slot", t->slot);
		h0_json_set_str(x, "want", wants[t->want]);
		h0_json_set_str(x, "capability", cap);
		h0_json_set_str(x, "anchor", t->anchor[0] ? t->anchor : NULL);
		h0_json_add(targets, x);
	}
	h0_json_set(j, "targets", targets);
	h0_json_set_int(j, "schema", 1);
	h0_json_set_str(j, "kind", KIND);
	return j;
}

static int read_target(const struct h0_json *j, const char *file, struct h0_cap_target *t,
                       struct h0_err *e)
{
	const char *slot = h0_json_str(h0_json_get(j, "slot"));
	const char *cap = h0_json_str(h0_json_get(j, "capability"));
	const char *anchor = h0_json_str(h0_json_get(j, "anchor"));
	int want = h0_word_index(wants, h0_json_str(h0_json_get(j, "want")));
	if (!slot || !h0_name_ok(slot) || want < 0 || (anchor && !h0_name_ok(anchor)) ||
	    (cap && h0_cap_find(cap, &t->cap, NULL) < 0))
		return h0_fail_at(e, file, 0, 0, NULL, "is no plan of hal0: a target in it is damaged");
	snprintf(t->slot, sizeof t->slot, "%s", slot);
	snprintf(t->anchor, sizeof t->anchor, "%s", anchor ? anchor : "");
	t->want = (enum h0_want)want;
	return 0;
}

static int read_plan(const char *file, struct kept *k, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *j = NULL;
	if (read_text(file, PLAN_MAX, &text, e) < 0 ||
	    h0_json_parse(h0_buf_str(&text), text.len, shown(file), &j, e) < 0)
		return -1;
	if (!h0_streq(h0_json_str(h0_json_get(j, "kind")), KIND) ||
	    h0_json_int(h0_json_get(j, "schema"), 0) != 1)
		return h0_fail_at(e, shown(file), 0, 0, NULL,
		                  "is no plan of hal0 (hal0 cap plan -o writes one; a document goes with -f)");
	const struct h0_json *targets = h0_json_get(j, "targets");
	if (h0_prepared_read(j, shown(file), &k->basis, &k->plan.cs, e) < 0)
		return -1;
	k->plan.v = h0_calloc(h0_json_len(targets) + 1, sizeof *k->plan.v);
	for (size_t i = 0; i < h0_json_len(targets); i++)
		if (read_target(h0_json_at(targets, i), shown(file), &k->plan.v[k->plan.n++], e) < 0)
			return -1;
	return 0;
}

/* A plan is taken as it is; whether the files still are those it was made for is asked first. */
static int plan_kept(struct h0_box *now, void *arg, struct h0_capplan *ret, struct h0_err *e)
{
	const struct kept *k = arg;
	if (h0_basis_check(&k->basis, &now->snap, e) < 0)
		return -1;
	*ret = (struct h0_capplan){0};
	for (size_t i = 0; i < k->plan.cs.n; i++) {
		const struct h0_change *c = &k->plan.cs.v[i];
		h0_changeset_add(&ret->cs, c->path, c->before, c->before_len, c->after, c->after_len);
	}
	ret->v = h0_calloc(k->plan.n + 1, sizeof *ret->v);
	for (size_t i = 0; i < k->plan.n; i++)
		ret->v[ret->n++] = k->plan.v[i];
	return 0;
}

/* ---- the verbs ---- */

int cap_apply(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct cap_apply_opts *o = opts;
	h0_autocapdoc struct h0_capdoc doc = {0};
	h0_auto(kept_done) struct kept kept = {0};
	if (!o->file == !ctx->argc)
		return h0_fail(e, H0_USAGE, "%s", o->file ? "either a plan or -f FILE, not both"
		                                          : "name a plan, or give a document with -f FILE");
	if (o->file)
		return read_doc(o->file, &doc, e) < 0
		           ? -1 : cap_change(ctx, &o->how, plan_doc, &doc.wishes, NULL, e);
	if (read_plan(ctx->argv[0], &kept, e) < 0)
		return -1;
	return cap_change(ctx, &o->how, plan_kept, &kept, &kept.basis, e);
}

static int look(struct h0_box *now, const struct h0_capplan *p, bool force, struct h0_err *e)
{
	h0_autobox struct h0_box box = {0};
	h0_autoconvergence struct h0_convergence steps = {0};
	if (h0_box_over(now, &p->cs, &box, e) < 0)
		return -1;
	return h0_converge_plan(&box, p, force, &steps, e);
}

int cap_plan(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct cap_plan_opts *o = opts;
	h0_autocapdoc struct h0_capdoc doc = {0};
	h0_autobox struct h0_box now = {0};
	h0_autocapplan struct h0_capplan p = {0};
	h0_autobuf struct h0_buf text = {0}, diff = {0};
	if (read_doc(o->file, &doc, e) < 0 || h0_box_open(&now, e) < 0 ||
	    plan_doc(&now, &doc.wishes, &p, e) < 0 || look(&now, &p, o->force, e) < 0)
		return -1;
	h0_autojson struct h0_json *j = plan_json(&now.snap, &p);
	h0_json_dump(j, 2, false, &text);
	h0_buf_addc(&text, '\n');
	for (size_t i = 0; i < p.warnings.n; i++)
		h0_warn(ctx, "%s", p.warnings.v[i]);
	if (!o->output || strcmp(o->output, "-") == 0)
		return h0_out_bytes(ctx, h0_buf_str(&text), text.len, e);
	h0_changeset_diff(&p.cs, &diff);
	if (h0_durable_write(o->output, h0_buf_str(&text), text.len, 0600, e) < 0)
		return -1;
	if (!ctx->json)
		return h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
	struct h0_json *said = h0_json_object();
	h0_json_set_int(said, "schema", 1);
	h0_json_set_str(said, "plan", o->output);
	h0_json_set_int(said, "files", (int64_t)p.cs.n);
	h0_json_set_str(said, "diff", h0_buf_str(&diff));
	return h0_out_json(ctx, said, e);
}
