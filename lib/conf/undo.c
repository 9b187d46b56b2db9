/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>

#include "base/mem.h"
#include "conf/journal.h"
#include "conf/txn.h"

/* The newest change set, published or not. */
static int newest(const struct h0_ops *o, const char *etc, struct h0_journal *ret, bool *ret_found,
                  struct h0_err *e)
{
	static const char *const names[] = {"journal", "applied"};
	*ret_found = false;
	for (size_t i = 0; i < H0_ARRAY_LEN(names) && !*ret_found; i++) {
		h0_autofree char *path = h0_asprintf("%s/.txn/%s", etc, names[i]);
		if (h0_journal_read(o, AT_FDCWD, path, path, ret, ret_found, e) < 0)
			return -1;
	}
	return 0;
}

static int plan_undo(const struct h0_snap *s, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct h0_journal *j = arg;
	if (s->generation != j->id)
		return h0_fail(e, H0_CONFLICT, "another change was made meanwhile; look at 'hal0-conf log' "
		               "and run the command again");
	for (size_t i = 0; i < j->cs.n; i++) {
		const struct h0_change *c = &j->cs.v[i];
		const struct h0_snap_file *f = h0_snap_get(s, c->path);
		if (!h0_same_bytes(f ? f->text : NULL, f ? f->len : 0, c->after, c->after_len)) {
			h0_fail(e, H0_CONFLICT, "%s was edited since the change that would be undone; "
			        "nothing is changed", c->path);
			h0_err_detail(e, "file", "%s", c->path);
			return h0_err_code(e, "config.conflict");
		}
		h0_changeset_add(cs, c->path, c->after, c->after_len, c->before, c->before_len);
		cs->v[cs->n - 1].mode = c->mode;
	}
	return 0;
}

int h0_txn_undo(const struct h0_txn_opts *o, struct h0_changeset *ret_cs, bool *ret_changed,
                struct h0_err *e)
{
	const struct h0_ops *ops = o->ops ? o->ops : &h0_ops_real;
	h0_autojournal struct h0_journal j = {0};
	bool found;
	if (newest(ops, o->etc, &j, &found, e) < 0)
		return -1;
	if (!found)
		return h0_fail(e, H0_NO, "there is no change to undo in %s", o->etc);
	return h0_txn_run(o, plan_undo, &j, ret_cs, ret_changed, e);
}
