/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The catalog beside the slots, and one profile as a row of a report.
 */
#ifndef H0_CMD_PROFILE_ROW_H
#define H0_CMD_PROFILE_ROW_H

#include "conf/paths.h"
#include "model/profile.h"
#include "model/slot.h"
#include "profile/opts.h"
#include "run/images.h"

struct profile_box {
	struct h0_paths paths;
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_profiles profiles;
	struct h0_images images;
};
int profile_box_open(struct profile_box *b, struct h0_err *e);
void profile_box_done(struct profile_box *b);
#define profile_autobox h0_auto(profile_box_done)

void profile_row(struct h0_rec *r, const struct profile_box *b, const struct h0_profile *p);

#endif
