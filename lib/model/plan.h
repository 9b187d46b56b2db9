/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What follows from a slot's file and the catalog: which profile, which program, which image,
 * whether MTP. Pure. Strings belong to the slot, the catalog or are constants.
 */
#ifndef H0_MODEL_PLAN_H
#define H0_MODEL_PLAN_H

#include "model/device.h"
#include "model/profile.h"
#include "model/provider.h"
#include "model/slot.h"

struct h0_plan {
	const struct h0_slot *slot;
	const struct h0_profile *profile; /* NULL: the slot has its own image and no profile fits */
	bool profile_given;               /* false: chosen for the device and type */
	enum h0_provider family;          /* the program in the container */
	const char *image;                /* reference to run */
	const char *image_source;         /* as in model/images.h */
	const char *image_tag;            /* what the lock knows it by, NULL = nothing to lock */
	const char *flags;                /* the profile's, "" = none */
	unsigned nodes;                   /* H0_NODE_...: what the device needs */
	unsigned also;                    /* and what it gets where it is there */
	bool cpu_only;                    /* llama-server on cpu: no nodes, -ngl 0 */
	bool mtp;                         /* wanted and possible here; the model must have heads too */
	const char *mtp_why;              /* one clause: "the slot says so", "profile vulkan: ..." */
	char warning[256];                /* "" = none: an incoherent file that still runs */
};

/* H0_CONFIG, slot.config_error: unknown profile (nearest named), type not served by the family,
 * no profile for the device. The slot must not be broken. */
int h0_plan_slot(const struct h0_slot *slot, const struct h0_profiles *profiles,
                 struct h0_plan *ret, struct h0_err *e);

#endif
