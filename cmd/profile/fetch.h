/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pulling one image, with its progress shown and its half done parts in a directory of our own.
 */
#ifndef H0_CMD_PROFILE_FETCH_H
#define H0_CMD_PROFILE_FETCH_H

#include "profile/opts.h"
#include "cli/stop.h"
#include "run/images.h"

struct profile_fetch {
	struct h0_ctx *ctx;
	struct h0_stop stop;
	char tmp[1200];             /* below /var/lib/hal0/pull */
	const char *ref;            /* being pulled */
};

/* Makes the directory; those of processes that are gone are swept: podman leaves half done layers
 * lying when it is interrupted. */
int profile_fetch_open(struct profile_fetch *f, struct h0_ctx *ctx, const struct h0_paths *paths,
                       struct h0_err *e);
void profile_fetch_done(struct profile_fetch *f);
int profile_fetch(struct profile_fetch *f, const struct h0_podman *p, const char *ref,
                  struct h0_err *e);

#endif
