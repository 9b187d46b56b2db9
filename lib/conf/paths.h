/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where things live. HAL0_HOME=DIR re-roots everything: DIR/etc/hal0, DIR/var-lib/hal0,
 * DIR/run/hal0 (source: formats of the original hal0, dash and all). Unset: the FHS places.
 */
#ifndef H0_CONF_PATHS_H
#define H0_CONF_PATHS_H

#include "base/err.h"

struct h0_paths {
	char home[1024];   /* "" or the absolute HAL0_HOME; labels containers */
	char etc[1100];    /* /etc/hal0 */
	char var[1100];    /* /var/lib/hal0 */
	char run[1100];    /* /run/hal0 */
	char store[1100];  /* model store root: $HAL0_MODEL_STORE, or "" = ask hal0.toml [models].store */
};

/* H0_USAGE when HAL0_HOME is relative or too long. */
int h0_paths_init(struct h0_paths *ret, struct h0_err *e);

#endif
