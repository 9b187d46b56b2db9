/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What lies in the configuration directory besides the configuration: a look without the lock,
 * so a change being made right now shows as well.
 */
#ifndef H0_CONF_SURVEY_H
#define H0_CONF_SURVEY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "sys/ops.h"

struct h0_survey {
	bool pending;             /* a change set is committed and not yet published */
	struct h0_strv leftovers; /* staged files and journal.new: recovery removes them */
	struct h0_strv kept;      /* NAME.hal0-new: a change that lost against a person's edit */
	struct h0_strv ignored;   /* slots/X.toml where X is no slot name */
};

/* Paths are below etc, sorted. A missing directory has nothing. H0_SYS. */
int h0_survey(const struct h0_ops *o, const char *etc, struct h0_survey *ret, struct h0_err *e);
void h0_survey_done(struct h0_survey *s);
#define h0_autosurvey h0_auto(h0_survey_done)

#endif
