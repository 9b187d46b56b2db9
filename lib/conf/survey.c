/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/survey.h"

#include <string.h>

#include "conf/changeset.h"
#include "conf/names.h"
#include "conf/publish.h"

static int look(const struct h0_confdir *d, enum h0_conf_dir dir, struct h0_survey *s,
                struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	const char *prefix = h0_conf_dir_prefix[dir];
	int fd = d->dir[dir].fd;
	if (fd < 0)
		return 0;
	if (d->o->list(d->o, fd, &names) < 0)
		return h0_fail_sys(e, "%s/%s", d->etc, prefix);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];
		if (h0_stage_name_is(name))
			h0_strv_addf(&s->leftovers, "%s%s", prefix, name);
		else if (h0_ends(name, ".hal0-new"))
			h0_strv_addf(&s->kept, "%s%s", prefix, name);
		else if (dir == H0_DIR_SLOTS && h0_ends(name, ".toml") &&
		         !h0_name_ok_n(name, strlen(name) - strlen(".toml")))
			h0_strv_addf(&s->ignored, "%s%s", prefix, name);
	}
	return 0;
}

static int look_txn(const struct h0_confdir *d, struct h0_survey *s, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	if (d->txn.fd < 0)
		return 0;
	if (d->o->list(d->o, d->txn.fd, &names) < 0)
		return h0_fail_sys(e, "%s/.txn", d->etc);
	s->pending = h0_strv_has(&names, "journal");
	if (h0_strv_has(&names, "journal.new"))
		h0_strv_add(&s->leftovers, ".txn/journal.new");
	return 0;
}

int h0_survey(const struct h0_ops *o, const char *etc, struct h0_survey *ret, struct h0_err *e)
{
	h0_autosurvey struct h0_survey s = {0};
	h0_autoconfdir struct h0_confdir d = H0_CONFDIR_CLOSED(o);
	if (h0_confdir_look(o, etc, &d, e) < 0 || look_txn(&d, &s, e) < 0)
		return -1;
	for (int i = 0; i < H0_CONF_DIRS; i++)
		if (look(&d, i, &s, e) < 0)
			return -1;
	h0_strv_sort(&s.leftovers);
	h0_strv_sort(&s.kept);
	h0_strv_sort(&s.ignored);
	*ret = s;
	s = (struct h0_survey){0};
	return 0;
}

void h0_survey_done(struct h0_survey *s)
{
	h0_strv_done(&s->leftovers);
	h0_strv_done(&s->kept);
	h0_strv_done(&s->ignored);
}
