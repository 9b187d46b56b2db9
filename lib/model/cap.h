/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Capabilities: what a box can do besides chat, and which slot does each. The table of
 * capabilities.toml's groups; chat is none of them. Source: formats of the original hal0.
 */
#ifndef H0_MODEL_CAP_H
#define H0_MODEL_CAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/names.h"
#include "conf/snapshot.h"
#include "model/slot.h"

struct h0_cap {
	const char *group, *child;    /* "embed", "rerank": [selections.embed.rerank] */
	const char *slots[4];         /* slots that may serve it, preferred first, then NULL; a name
	                               * that is another's too counts only where the type says so */
	enum h0_slot_type type;       /* of that slot */
	const char *wants;            /* capability a model must have: "embed", "stt" */
	const char *help;
};
extern const struct h0_cap h0_caps[];
extern const size_t h0_ncaps;

/* The capability a slot of this name has always stood for, NULL: none (a chat slot). */
const struct h0_cap *h0_cap_of_slot(const char *slot);
/* "embed.rerank", or "rerank" where the child's name says it all. H0_USAGE with the nearest:
 * capability.unknown_slot (no such group), capability.unknown_child. */
int h0_cap_find(const char *name, const struct h0_cap **ret, struct h0_err *e);

/* The slot that serves it; NULL: none is there. May be broken. */
const struct h0_slot *h0_cap_slot(const struct h0_cap *c, const struct h0_slots *slots);

/* One record of capabilities.toml, as it stands there. */
struct h0_selection {
	const struct h0_cap *cap;
	bool present;                 /* the file has a table for it */
	const char *device;           /* "" = not chosen; of a v1 file: translated from `backend` */
	const char *provider, *model;
	bool enabled;
};

struct h0_selections {
	struct h0_selection *v;       /* h0_ncaps, in table order */
	bool from_file;               /* false: there is no capabilities.toml; v is what the slots say */
	int version;                  /* 1 or 2; 0 without a file */
	struct h0_arena arena;        /* owns the strings */
};
/* H0_CONFIG when the file is invalid. Free with h0_selections_done. */
int h0_selections_load(const struct h0_snap *snap, const struct h0_slots *slots,
                       struct h0_selections *ret, struct h0_err *e);
void h0_selections_done(struct h0_selections *s);
#define h0_autoselections h0_auto(h0_selections_done)

/* What a slot says about its capability: the record a box without capabilities.toml starts with.
 * slot NULL: a blank one. Strings are the slot's. */
void h0_selection_of_slot(const struct h0_cap *c, const struct h0_slot *slot,
                          struct h0_selection *ret);
/* Whether record and slot tell the same. */
bool h0_selection_agrees(const struct h0_selection *s, const struct h0_slot *slot);

#endif
