/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How slots are now: podman's list in one call, then every running slot's own port, all at once.
 * The truth of `slot list`, `status`, `start` and of whoever routes to slots.
 */
#ifndef H0_RUN_LIVE_H
#define H0_RUN_LIVE_H

#include <stdbool.h>

#include "base/err.h"
#include "conf/paths.h"
#include "conf/snapshot.h"
#include "model/profile.h"
#include "model/slot.h"
#include "model/state.h"
#include "run/health.h"
#include "run/images.h"
#include "run/podman.h"
#include "run/state.h"
#include "run/unit.h"

/* What a slot needs by its file, as run/room.h found it. Bytes. */
struct h0_need {
	bool known;                     /* it was looked at */
	int64_t total, device;          /* -1: nobody can say */
};

/* The configuration as it is now, and how to reach podman. */
struct h0_box {
	struct h0_paths paths;
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_profiles profiles;
	struct h0_images images;        /* with profiles; pins what they name */
	struct h0_podman podman;
	struct h0_units units;          /* whether systemd watches over slots */
	struct h0_need *needs;          /* of each of slots, so that a command over many slots reads a
	                                 * model once; NULL until one is asked for */
};
/* A broken profiles.toml is an error only for who needs it: h0_box_profiles. */
int h0_box_open(struct h0_box *ret, struct h0_err *e);
/* Loads the catalog unless it is there. */
int h0_box_profiles(struct h0_box *b, struct h0_err *e);
/* Where a slot computes that nobody says it of: as the probe wrote down, cpu when it did not run
 * yet. */
enum h0_device h0_usual_device(const struct h0_paths *paths);
void h0_box_done(struct h0_box *b);
#define h0_autobox h0_auto(h0_box_done)

struct h0_slot_live {
	const struct h0_slot *slot;     /* may be broken */
	const struct h0_ctr *ctr;       /* NULL = no container; points into the list */
	bool foreign;                   /* the container is another hal0's, or nobody's */
	bool alive;                     /* the container's process lives */
	bool stale;                     /* podman takes a dead one for running */
	bool cut_short;                 /* being ended, by nobody any more: h0_slotlock_orphaned */
	enum h0_state state;
	enum h0_health health;
	char model_id[128];             /* what the server lists, "" = unknown */
	char message[512];              /* why it is in this state, "" = nothing to say */
	int64_t uptime_s;               /* -1 = does not run */
};

#define H0_LIVE_PATIENCE_MS 1000        /* for an answer of a server that is well */

/* What can be found out about a slot before podman has said what runs. */
struct h0_live_ahead {
	struct h0_state_file last;
	struct h0_health_ask ask;       /* of slots that seem to run */
};
/* Until wake_fd becomes readable. ret has room for n. */
void h0_live_look_ahead(const struct h0_box *b, const struct h0_slot *const *slots, size_t n,
                        int wake_fd, struct h0_live_ahead *ret);
/* Looks at n slots, given podman's list (h0_podman_ps) and what h0_live_look_ahead found; ret has
 * room for n and points into ctrs. */
void h0_live_look(const struct h0_box *b, const struct h0_slot *const *slots, size_t n,
                  const struct h0_ctrs *ctrs, const struct h0_live_ahead *ahead,
                  struct h0_slot_live *ret);

/* Is the container another hal0's, or nobody's? */
bool h0_live_foreign(const struct h0_box *b, const struct h0_ctr *c);
/* H0_CONFLICT when the container is another hal0's and runs. */
int h0_live_check_owner(const struct h0_box *b, const struct h0_ctr *c, struct h0_err *e);

#endif
