/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Profiles: how a slot runs (image, flags, MTP), in one reusable place. profiles.toml replaces the
 * built-in seeds completely when it exists; there is no merge. Pure: works on a snapshot.
 */
#ifndef H0_MODEL_PROFILE_H
#define H0_MODEL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/names.h"
#include "conf/snapshot.h"
#include "conf/validate.h"

struct h0_profile {
	const char *name, *image;
	const char *flags;            /* shell-quoted words, "" = none; model-free */
	bool mtp;
	enum h0_device_class device_class;
	const char *backend;          /* "rocm", "vulkan" or NULL */
	const char *cloned_from;      /* or NULL */
	const char *root;             /* where the chain of cloned_from ends, or NULL */
	const char *intent, *quant;   /* "" = none */
	bool seed;                    /* bears the name of a seed: neither edited nor deleted */
	double tps, rtf;              /* seeds only: measured figures shown beside it; 0 = none */
};

struct h0_images;

struct h0_profiles {
	struct h0_profile *v;
	size_t n;
	bool from_file;               /* profiles.toml is there */
	struct h0_images *images;     /* what pins their images; not owned, NULL = nothing does */
	void *priv;                   /* owns the strings */
};

/* The seven seeds, in catalog order. */
extern const struct h0_profile h0_profile_seeds[];
extern const size_t h0_profile_nseeds;

/* What MTP adds in front of the profile's own flags (so that explicit ones win). ROCm only. */
extern const char h0_mtp_flags[];

/* The catalog. H0_CONFIG (code config.invalid) when profiles.toml is invalid. Free with
 * h0_profiles_done. */
int h0_profiles_load(const struct h0_snap *snap, struct h0_profiles *ret, struct h0_err *e);
/* The same from the text of profiles.toml; NULL: the file is not there. */
int h0_profiles_parse(const char *text, size_t len, struct h0_profiles *ret, struct h0_err *e);
void h0_profiles_done(struct h0_profiles *p);
#define h0_autoprofiles h0_auto(h0_profiles_done)

/* By name; names of older versions (flm-npu, kokoro-cpu, vulkan-std, moe-rocmfp4,
 * dense-mtp-rocmfp4) mean their successors unless the catalog has them. NULL: not there. */
const struct h0_profile *h0_profiles_get(const struct h0_profiles *p, const char *name);
/* The same; unknown is H0_USAGE, profiles.not_found, with the nearest name. */
int h0_profiles_find(const struct h0_profiles *p, const char *name,
                     const struct h0_profile **ret, struct h0_err *e);

/* The program inside, by the profile's own fields (class, name), never by its image's name. */
enum h0_provider h0_profile_family(const struct h0_profile *p);
/* The flag in `flags` that is not the profile's business (a model, port, host, name or context
 * size), NULL = none, or not words. Free it. */
char *h0_profile_foreign_flag(const char *flags);
/* H0_TYPE_BIT set it can serve. */
unsigned h0_profile_types(const struct h0_profile *p);

/* Does the profile fit the device? A llama-server profile of back end vulkan also fits cpu: its
 * image runs there without device nodes and with no layer offloaded. */
bool h0_profile_fits(const struct h0_profile *p, enum h0_device device);
/* The profile a slot without one gets: the device's namesake, else the first that fits and serves
 * the type, non-MTP first; of that enum h0_provider alone, unless `family` is -1. NULL: the
 * catalog has none. */
const struct h0_profile *h0_profiles_default(const struct h0_profiles *p, enum h0_device device,
                                             enum h0_slot_type type, int family);
/* The device of a profile, for "only the profile changed"; `was` when several would do. */
enum h0_device h0_profile_device(const struct h0_profile *p, enum h0_device was);

#endif
