/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "conf/journal.h"
#include "conf/opts.h"
#include "conf/paths.h"
#include "conf/survey.h"
#include "fmt/json.h"
#include "model/check.h"

#define SECOND_LOOK_MS 300 /* a change being made now is over by then */

static void row(struct h0_rec *r, const struct h0_finding *f)
{
	h0_autobuf struct h0_buf where = {0};
	h0_buf_adds(&where, f->file);
	if (f->line > 0)
		h0_buf_addf(&where, ":%d:%d", f->line, f->col);
	h0_rec_row(r);
	h0_rec_str(r, CHECK_LEVEL, f->error ? "error" : "warning");
	h0_rec_str(r, CHECK_WHERE, h0_buf_str(&where));
	h0_rec_str(r, CHECK_FILE, f->file);
	if (f->line > 0) {
		h0_rec_int(r, CHECK_LINE, f->line);
		h0_rec_int(r, CHECK_COL, f->col);
	}
	h0_rec_str(r, CHECK_KEY, f->key[0] ? f->key : NULL);
	h0_rec_str(r, CHECK_MESSAGE, f->msg);
}

/* What both looks have found, as findings; returns how many. */
static size_t add_lasting(struct h0_findings *ret, const struct h0_strv *first,
                          const struct h0_strv *second, const char *what)
{
	size_t n = 0;
	for (size_t i = 0; i < first->n; i++) {
		if (!h0_strv_has(second, first->v[i]))
			continue;
		h0_findings_add(ret, false, first->v[i], NULL, "%s", what);
		n++;
	}
	return n;
}

/* Whether something beside the configuration wants attention. */
static int add_survey(const char *etc, struct h0_findings *ret, bool *ret_any, struct h0_err *e)
{
	h0_autosurvey struct h0_survey a = {0}, b = {0};
	if (h0_survey(&h0_ops_real, etc, &a, e) < 0)
		return -1;
	bool passing = a.pending || a.leftovers.n;
	if (passing)
		h0_ops_real.sleep_ms(&h0_ops_real, SECOND_LOOK_MS);
	if (passing && h0_survey(&h0_ops_real, etc, &b, e) < 0)
		return -1;
	bool pending = a.pending && b.pending;
	if (pending)
		h0_findings_add(ret, false, ".txn/journal", NULL, "a change was interrupted after its "
		                "commit; the next command that writes finishes it, or hal0-conf recover");
	size_t n = add_lasting(ret, &a.leftovers, &b.leftovers, "left by an interrupted command; the "
	                       "next one that writes removes it, or hal0-conf recover");
	n += add_lasting(ret, &a.kept, &a.kept, "a change that met an edit made by hand; merge it into "
	                 "the file it is named after, then remove it");
	n += add_lasting(ret, &a.ignored, &a.ignored, "ignored: this is no slot name (a to z, 0 to 9, _ "
	                 "and -, at most 32, not beginning with _ or -)");
	*ret_any = pending || n;
	return 0;
}

static int report(struct h0_ctx *ctx, const struct h0_findings *found, const struct h0_snap *snap,
                  struct h0_err *e)
{
	struct h0_rec *r = h0_rec_new(conf_check_cols);
	struct h0_json *more = h0_json_object();
	h0_json_set_bool(more, "valid", found->errors == 0);
	h0_json_set_int(more, "files", (int64_t)snap->n);
	h0_json_set_int(more, "generation", (int64_t)snap->generation);
	for (size_t i = 0; i < found->n; i++)
		row(r, &found->v[i]);
	int rc = found->n || ctx->json ? h0_out_rec(ctx, r, more, e) : (h0_json_free(more), 0);
	h0_rec_free(r);
	return rc;
}

int conf_check(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autofindings struct h0_findings found = {0};
	h0_autosnap struct h0_snap snap = {0};
	struct h0_paths paths;
	struct h0_err why;
	bool attention;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	if (h0_snap_open(paths.etc, &snap, &why) == 0) {
		h0_check(&snap, &found);
	} else if (why.kind == H0_CONFIG) {
		h0_findings_add_err(&found, &why); /* a damaged journal: nothing can be said of the rest */
	} else {
		*e = why;
		return -1;
	}
	if (add_survey(paths.etc, &found, &attention, e) < 0 || report(ctx, &found, &snap, e) < 0)
		return -1;
	if (found.errors)
		return h0_findings_fail(&found, e);
	if (!found.n)
		h0_say(ctx, "%zu files, nothing to report", snap.n);
	return attention ? H0_NO : 0;
}
