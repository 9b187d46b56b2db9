/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "conf/journal.h"
#include "conf/list.h"
#include "conf/opts.h"
#include "conf/paths.h"

static char *command_of(const struct h0_journal *j)
{
	h0_autobuf struct h0_buf b = {0};
	for (size_t i = 0; i < j->argv.n; i++)
		h0_buf_addf(&b, "%s%s", i ? " " : "", j->argv.v[i]);
	return h0_buf_take(&b);
}

static void row(struct h0_rec *r, const struct h0_journal *j, const char *state)
{
	h0_autofree char *command = command_of(j);
	char when[32] = "";
	time_t t = (time_t)j->time;
	struct tm tm;
	if (gmtime_r(&t, &tm))
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	h0_rec_row(r);
	h0_rec_int(r, LOG_GENERATION, (int64_t)j->id);
	h0_rec_str(r, LOG_STATE, state);
	h0_rec_str(r, LOG_TIME, when);
	h0_rec_str(r, LOG_COMMAND, command);
	h0_rec_json(r, LOG_ARGV, conf_list(&j->argv));
	h0_rec_json(r, LOG_FILES, conf_list_paths(&j->cs));
}

static int read_one(const char *etc, const char *name, struct h0_journal *ret, struct h0_err *e)
{
	h0_autofree char *path = h0_asprintf("%s/.txn/%s", etc, name);
	bool found;
	return h0_journal_read(&h0_ops_real, AT_FDCWD, path, path, ret, &found, e);
}

int conf_log(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct conf_log_opts *o = opts;
	h0_autojournal struct h0_journal pending = {0}, applied = {0};
	h0_autobuf struct h0_buf diff = {0};
	struct h0_paths paths;
	if (h0_paths_init(&paths, e) < 0 || read_one(paths.etc, "journal", &pending, e) < 0 ||
	    read_one(paths.etc, "applied", &applied, e) < 0)
		return -1;
	/* a journal read just before it was retired is the applied one */
	bool show_pending = pending.id && pending.id != applied.id;
	if (o->diff)
		h0_changeset_diff(show_pending ? &pending.cs : &applied.cs, &diff);
	if (o->diff && !ctx->json)
		return h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
	struct h0_rec *r = h0_rec_new(conf_log_cols);
	struct h0_json *more = h0_json_object();
	if (show_pending)
		row(r, &pending, "pending");
	if (applied.id)
		row(r, &applied, "applied");
	if (o->diff)
		h0_json_set_str(more, "diff", h0_buf_str(&diff));
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}
