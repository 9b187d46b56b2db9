/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a slot's container may use and why, read off the command that starts it. Everything that is
 * not told is taken away from it. Pure.
 */
#ifndef H0_MODEL_GRANTS_H
#define H0_MODEL_GRANTS_H

#include "model/argv.h"

/* What its paths are. NULL = none. */
struct h0_grant_paths {
	const char *model, *key, *chat_template;
};

struct h0_grant {
	char *what;             /* "read /srv/models" */
	char *why;              /* "the model lies there" */
};
struct h0_grants {
	struct h0_grant *v;
	size_t n, cap;
};
void h0_grants_done(struct h0_grants *g);
#define h0_autogrants h0_auto(h0_grants_done)

void h0_grants_of(const struct h0_plan *plan, const struct h0_argv *a,
                  const struct h0_grant_paths *paths, struct h0_grants *ret);

#endif
