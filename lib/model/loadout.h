/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Loadouts: sets of models that have proved useful together, by use and by how much memory they
 * want. The table names models by their file; sizes are those of the files, about. Pure.
 */
#ifndef H0_MODEL_LOADOUT_H
#define H0_MODEL_LOADOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/names.h"

/* As h0_tier_names in conf/names.h, where the uses are as well. */
enum h0_tier { H0_TIER_SMALL, H0_TIER_MID, H0_TIER_LARGE, H0_TIER_N };

struct h0_loadout_model {
	const char *use;            /* "voice" */
	enum h0_tier tier;
	const char *role;           /* "primary": a slot; "embed.embed": a capability */
	const char *model;          /* its file without .gguf, or what its program calls it */
	int64_t mb;                 /* 10^6 bytes */
	bool other;                 /* may be taken instead of the one before it */
	bool file;                  /* a GGUF file in the store */
};
extern const struct h0_loadout_model h0_loadouts[];
extern const size_t h0_nloadouts;

/* What a model is taken to need beside its weights while its file is not here to tell. */
int64_t h0_loadout_extra(const struct h0_loadout_model *m);
/* The document hal0-cap apply reads. `intro` are its first lines, without #. */
void h0_loadout_doc(const char *use, enum h0_tier tier, enum h0_device device, const char *intro,
                    struct h0_buf *out);

#endif
