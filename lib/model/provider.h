/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Providers: the server programs a slot can run, which slot types each serves, how each answers
 * "are you well". A profile's runtime family is one of these. Slot types are here as well.
 */
#ifndef H0_MODEL_PROVIDER_H
#define H0_MODEL_PROVIDER_H

#include <stdbool.h>

#include "conf/names.h"

#define H0_TYPE_BIT(t)   (1u << (t))
#define H0_DEVICE_BIT(d) (1u << (d))

struct h0_provider_info {
	unsigned types;               /* H0_TYPE_BIT set */
	unsigned devices;             /* H0_DEVICE_BIT set: where it can work */
	const char *health_path;      /* GET, 200 = alive */
	const char *models_path;      /* GET, lists the loaded model; NULL = none */
	int default_port;
	bool needs_model;             /* cannot start without [model].default */
	const char *image_short;      /* name in manifest.json and HAL0_TOOLBOX_IMAGE_... */
	const char *image;            /* where no built-in profile has one; else NULL */
	const char *help;
};
extern const struct h0_provider_info h0_providers[H0_PROVIDER_N];

struct h0_type_info {
	enum h0_provider provider;    /* the usual one */
	const char *help;
};
extern const struct h0_type_info h0_types[H0_TYPE_N];

static inline bool h0_provider_serves(enum h0_provider p, enum h0_slot_type t)
{
	return h0_providers[p].types & H0_TYPE_BIT(t);
}

#endif
