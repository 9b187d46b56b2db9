/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One change of the box, whoever thought of it: planned, looked at, committed, followed by the
 * slots, taken back if it fails and that was asked for, reported.
 */
#ifndef H0_CMD_CAP_CHANGE_H
#define H0_CMD_CAP_CHANGE_H

#include "cap/opts.h"
#include "conf/prepared.h"
#include "run/converge.h"

/* Makes the plan from the box as it is now. Called again when the files moved before it could be
 * committed. */
typedef int (*cap_plan_fn)(struct h0_box *now, void *arg, struct h0_capplan *ret, struct h0_err *e);

/* `basis`: the files the plan must be for; NULL: those it is made on, and then it is made anew when
 * they move. */
int cap_change(struct h0_ctx *ctx, const struct cap_change_opts *o, cap_plan_fn plan, void *arg,
               const struct h0_basis *basis, struct h0_err *e);

/* "capabilities.toml, slots/embed.toml" */
void cap_files_text(const struct h0_changeset *cs, struct h0_buf *ret);

#endif
