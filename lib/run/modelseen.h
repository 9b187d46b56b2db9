/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which files a running slot's server was given: noted below /run/hal0 when it is started, so that a
 * model that was replaced under its path is seen.
 */
#ifndef H0_RUN_MODELSEEN_H
#define H0_RUN_MODELSEEN_H

#include "run/facts.h"

/* Notes the model's shards; nothing of a slot whose program takes no file. H0_SYS. */
int h0_modelseen_note(const struct h0_spec *s, struct h0_err *e);
/* Whether other files stand there by now. false also when nothing was noted. */
bool h0_modelseen_replaced(const struct h0_spec *s);

#endif
