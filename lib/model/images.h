/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which image runs, and pinned to what. In this order, the first that says something:
 *   slot          the slot's own `image`, as it stands
 *   environment   HAL0_TOOLBOX_IMAGE_<SHORT>, for the images hal0 knows by a short name
 *   lock          images.lock.json: the digest a tag was resolved to
 *   manifest      manifest.json beside it: the image of a short name, its digest if it has one
 *   profile       the profile's `image`
 * A profile has a short name when its image is the one the built-in profile of that name has.
 * Pure: the caller reads the files and the environment.
 */
#ifndef H0_MODEL_IMAGES_H
#define H0_MODEL_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/changeset.h"
#include "conf/snapshot.h"
#include "model/imageref.h"

#define H0_IMAGES_LOCK "images.lock.json"

/* Short names; ends with NULL. */
extern const char *const h0_image_shorts[];
#define H0_IMAGE_NSHORTS 6

struct h0_image_pin {
	char *ref;              /* by tag, as slots and profiles name it */
	char digest[H0_SHA256_TEXT];
	char *at;               /* when it was locked, ISO 8601; "" = not said */
};
struct h0_image_pins {
	struct h0_image_pin *v; /* sorted by ref */
	size_t n, cap;
};

struct h0_images {
	const char *env[H0_IMAGE_NSHORTS];  /* by short name, borrowed; NULL or "" = not set */
	char *manifest[H0_IMAGE_NSHORTS];   /* reference to run; NULL = not in the manifest */
	char *manifest_tag[H0_IMAGE_NSHORTS]; /* the same as it stands there, without the digest */
	struct h0_image_pins lock, previous;
	struct h0_strv made;                /* pinned references handed out */
};

/* Reads the lock from the snapshot, and manifest.json's text (NULL: there is none). `env` as
 * above. H0_CONFIG for either file. Free with h0_images_done. */
int h0_images_init(const struct h0_snap *snap, const char *manifest, size_t len,
                   const char *const env[H0_IMAGE_NSHORTS], struct h0_images *ret, struct h0_err *e);
void h0_images_done(struct h0_images *im);
#define h0_autoimages h0_auto(h0_images_done)

struct h0_image_choice {
	const char *ref;        /* to run and to pull */
	const char *tag_ref;    /* what the lock knows it by; NULL = a digest was asked for */
	const char *source;     /* as above */
	bool pinned;            /* ref has a digest */
};
/* `slot_image` and `profile_image` may be NULL, not both. The strings live as long as `im` and the
 * arguments. `im` NULL: no environment, lock or manifest. */
void h0_images_choose(struct h0_images *im, const char *slot_image, const char *profile_image,
                      struct h0_image_choice *ret);

/* Adds or renews pins; the lock as it was becomes the previous one when anything changes. */
int h0_images_lock(const struct h0_snap *snap, const struct h0_image_pins *pins,
                   struct h0_changeset *cs, struct h0_err *e);
/* The previous lock becomes the lock. Adds nothing when there is no previous one. */
int h0_images_rollback(const struct h0_snap *snap, struct h0_changeset *cs, struct h0_err *e);

void h0_image_pins_put(struct h0_image_pins *p, const char *ref, const char *digest,
                       const char *at);
void h0_image_pins_done(struct h0_image_pins *p);
#define h0_autopins h0_auto(h0_image_pins_done)

#endif
