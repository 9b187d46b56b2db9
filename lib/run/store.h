/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From [model].default to a file: an absolute path is itself; an id is looked up in
 * registry/registry.toml below /var/lib/hal0, then as ID.gguf and ID's directory in the store.
 */
#ifndef H0_RUN_STORE_H
#define H0_RUN_STORE_H

#include "base/err.h"
#include "conf/paths.h"
#include "conf/snapshot.h"

struct h0_model_file {
	char *id;               /* what the server shall call it (--alias) */
	char *path;             /* absolute; of a split model the first shard; as found, symlinks kept */
	char *mmproj;           /* vision projector, NULL = none known */
	char *store;            /* model store root it lies under, NULL = elsewhere */
	const char *source;     /* "path", "registry", "store" */
};

/* The store root: $HAL0_MODEL_STORE, hal0.toml [models].store, /mnt/ai-models when that is there,
 * else models below /var/lib/hal0. Absolute, owned by the caller. H0_CONFIG. */
int h0_store_root(const struct h0_paths *paths, const struct h0_snap *snap, char **ret,
                  struct h0_err *e);
/* H0_CONFIG with every place that was looked at in the message; code model.path_missing for a
 * path, model.not_found for an id. */
int h0_store_find(const struct h0_paths *paths, const struct h0_snap *snap, const char *model,
                  struct h0_model_file *ret, struct h0_err *e);
void h0_model_file_done(struct h0_model_file *m);
#define h0_automodelfile h0_auto(h0_model_file_done)

#endif
