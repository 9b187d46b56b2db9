/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * export and import.
 */
#include <string.h>
#include <time.h>

#include "model/profileedit.h"
#include "model/profilefile.h"
#include "profile/change.h"
#include "profile/row.h"
#include "sys/io.h"

#define FILE_MAX (1u << 20)

int profile_export(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	profile_autobox struct profile_box b = {0};
	const struct h0_profile *p = NULL;
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	if (profile_box_open(&b, e) < 0 || h0_profiles_find(&b.profiles, ctx->argv[0], &p, e) < 0)
		return -1;
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&now, &tm));
	return h0_out_json(ctx, h0_profile_export(p, when), e);
}

struct import {
	char name[H0_NAME_MAX + 1];
	struct h0_edits edits;
};

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct import *i = arg;
	return h0_profile_add(snap, i->name, &i->edits, cs, e);
}

static int read_envelope(const char *file, struct import *i, struct h0_err *e)
{
	bool from_stdin = strcmp(file, "-") == 0;
	const char *shown = from_stdin ? "stdin" : file;
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *j = NULL;
	if ((from_stdin ? h0_read_fd(STDIN_FILENO, FILE_MAX, &text, e)
	                : h0_read_file(file, FILE_MAX, &text, e)) < 0)
		return -1;
	if (h0_json_parse(h0_buf_str(&text), text.len, shown, &j, e) < 0)
		return h0_err_code(e, "profiles.bad_envelope");
	return h0_profile_import(j, shown, i->name, &i->edits, e);
}

static int choose_name(const struct profile_import_opts *o, struct import *i, struct h0_err *e)
{
	if (o->name && h0_name_check("profile name", o->name, e) < 0)
		return h0_err_code(e, "profiles.invalid_name");
	if (o->name)
		snprintf(i->name, sizeof i->name, "%s", o->name);
	if (i->name[0])
		return 0;
	h0_fail(e, H0_USAGE, "the file does not name its profile: give --name");
	return h0_err_code(e, "profiles.import_no_name");
}

int profile_import(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct import i = {.edits = H0_PROFILE_EDITS};
	int rc = read_envelope(ctx->argv[0], &i, e);
	if (rc == 0)
		rc = choose_name(opts, &i, e);
	if (rc == 0)
		rc = profile_commit(ctx, i.name, plan, &i, "imported", "is there, just so", e);
	h0_edits_done(&i.edits);
	return rc;
}
