/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The images of this box: what its profiles and slots would run, each reference once.
 */
#ifndef H0_CMD_PROFILE_TARGETS_H
#define H0_CMD_PROFILE_TARGETS_H

#include "profile/row.h"
#include "run/images.h"

struct profile_target {
	struct h0_image_choice image;
	struct h0_strv profiles, slots; /* that name it; slots also through their profile */
};
struct profile_targets {
	struct profile_target *v;
	size_t n, cap;
};

/* Without operands: with `all` every image of catalog and slots, else those that slots use.
 * Operands are names of profiles or image references. H0_USAGE for a name that is neither. */
int profile_targets(const struct profile_box *b, bool all, char *const *names, int n,
                    struct profile_targets *ret, struct h0_err *e);
void profile_targets_done(struct profile_targets *t);
#define profile_autotargets h0_auto(profile_targets_done)

#endif
