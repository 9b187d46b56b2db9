/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Device, program and model of one capability: what is chosen when nobody says, and what does not
 * go together. Part of model/capplan.c's work. Pure.
 */
#ifndef H0_MODEL_CAPCHOICE_H
#define H0_MODEL_CAPCHOICE_H

#include "model/capplan.h"
#include "model/npu.h"
#include "model/profile.h"

struct h0_cap_ground {
	const struct h0_snap *snap;
	const struct h0_profiles *profiles;
	const struct h0_cap_world *world;
};

struct h0_cap_choice {
	const struct h0_cap *cap;
	const struct h0_slot *slot;     /* NULL: to be made */
	struct h0_selection want;       /* the record, merged */
	enum h0_device device;
	int provider;                   /* of the record, or asked for; -1: none */
	bool kept;                      /* the slot's program stays */
	bool drop_image;                /* the slot's own image is for another program */
	enum h0_provider family;        /* what will run */
};

/* In this order: words (capability.invalid_selection), is there such a model (.unknown_model), does
 * anything run it there (.illegal_backend_model_pair), is it for that (.illegal_model_fit). `asked`:
 * the record's provider is not only remembered. A broken slot: its own error. */
int h0_cap_choose(const struct h0_cap_ground *ground, const struct h0_slot *slot,
                  const struct h0_selection *want, bool asked, struct h0_cap_choice *ret,
                  struct h0_err *e);
/* The keys of the slot that make it so; those it has already are left out. */
int h0_cap_choice_edits(const struct h0_profiles *profiles, const struct h0_cap_choice *c,
                        struct h0_edits *edits, struct h0_err *e);
/* Will it be a record of the NPU's, which the chat slot there answers for? */
bool h0_cap_choice_shadow(const struct h0_cap_choice *c);
/* Names the code and the capability. Returns -1. */
int h0_cap_refuse(const struct h0_cap_choice *c, const char *code, struct h0_err *e);

#endif
