/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A change of the catalog as one change set, and its report.
 */
#ifndef H0_CMD_PROFILE_CHANGE_H
#define H0_CMD_PROFILE_CHANGE_H

#include "conf/txn.h"
#include "profile/opts.h"

/* `done` and `same` are what is said when something changed and when not. */
int profile_commit(struct h0_ctx *ctx, const char *name, h0_plan_fn plan, void *arg,
                   const char *done, const char *same, struct h0_err *e);

#endif
