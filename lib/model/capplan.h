/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From what somebody wants of the box to the files that change and the slots that follow. Pure:
 * a snapshot and wishes in; a change set and targets out. Everything is planned on the files as
 * they would be after the step before, and the rules between slots are asked of the whole.
 */
#ifndef H0_MODEL_CAPPLAN_H
#define H0_MODEL_CAPPLAN_H

#include "conf/edits.h"
#include "model/cap.h"
#include "model/slotedit.h"

/* What is wanted of one capability. NULL and H0_TRI_ABSENT: as it is. */
struct h0_cap_wish {
	const struct h0_cap *cap;
	enum h0_tri enabled;
	const char *device, *provider, *model;
};

/* What the slot shall do once the files are right. */
enum h0_want {
	H0_WANT_KEEP,           /* if it runs, run with its new settings */
	H0_WANT_RUN,
	H0_WANT_STOP,
};

/* What is wanted of one slot. */
struct h0_slot_wish {
	const char *name;
	struct h0_edits edits;  /* of h0_schema_slot; owned */
	enum h0_want want;
	bool absent;            /* no such slot shall be there */
};

struct h0_wishes {
	struct h0_cap_wish *caps;
	struct h0_slot_wish *slots;
	size_t ncaps, nslots;
};

/* What is known of a model somebody named. */
struct h0_cap_model {
	bool encoder;           /* makes vectors, no text */
	bool ranker;            /* made for reranking */
	bool projector;         /* there is one: it sees pictures */
};

/* What planning has to know of the world. Callbacks do as the caller likes; NULL: nothing known. */
struct h0_cap_world {
	enum h0_device device;  /* where a slot goes that nobody says anything of */
	struct h0_bound bound;
	/* Of a model llama-server would load. -1 and *e: there is none. */
	int (*model)(const struct h0_snap *snap, const char *model, struct h0_cap_model *ret,
	             void *arg, struct h0_err *e);
	void *arg;
};

/* A slot whose container shall follow. */
struct h0_cap_target {
	char slot[H0_NAME_MAX + 1];
	const struct h0_cap *cap;         /* NULL: a slot for its own sake */
	enum h0_want want;
	char anchor[H0_NAME_MAX + 1];     /* the NPU slot that answers for it; "": itself does. With
	                                   * H0_WANT_KEEP and its own name: it is left running as it is,
	                                   * and only told whether it should be restarted */
};

struct h0_capplan {
	struct h0_changeset cs;
	struct h0_cap_target *v;    /* in the order they were wished */
	size_t n, cap;
	struct h0_strv warnings;
};

/* H0_USAGE with a code of capability.*: a word or model that does not go with the capability.
 * H0_CONFLICT: port, default or NPU taken, no free port. H0_CONFIG: a file is invalid. H0_NOHW
 * npu.trio_unavailable: there is no NPU slot that could answer. Free with h0_capplan_done. */
int h0_capplan_make(const struct h0_snap *snap, const struct h0_wishes *wishes,
                    const struct h0_cap_world *world, struct h0_capplan *ret, struct h0_err *e);
/* What the slots shall do after a change set that somebody else made (an undo): those of enabled
 * capabilities run, those of disabled ones do not, the others keep. `now` has the files as they
 * will be. */
int h0_capplan_follow(const struct h0_snap *now, struct h0_capplan *plan, struct h0_err *e);
/* Makes capabilities.toml where it is missing, from the slots, and brings an old one up to date.
 * An up-to-date one stays as it is. */
int h0_capplan_seed(const struct h0_snap *snap, struct h0_capplan *ret, struct h0_err *e);
void h0_capplan_done(struct h0_capplan *p);
#define h0_autocapplan h0_auto(h0_capplan_done)

#endif
