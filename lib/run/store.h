/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From [model].default to a file: an absolute path is itself; an id is looked up in
 * registry/registry.toml below /var/lib/hal0, then as ID.gguf and ID's directory in the store.
 */
#ifndef H0_RUN_STORE_H
#define H0_RUN_STORE_H

#include <stdbool.h>
#include <stddef.h>

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
/* The same for a model that is named on the command line: H0_USAGE where there is none. */
int h0_store_find_named(const struct h0_paths *paths, const struct h0_snap *snap, const char *model,
                        struct h0_model_file *ret, struct h0_err *e);
void h0_model_file_done(struct h0_model_file *m);

/* Everything that can be named: the registry's entries, then what lies in the store and in the
 * further roots, sorted by id. `id` is what h0_store_find takes. */
struct h0_model_entry {
	struct h0_model_file file;
	bool registered;        /* has an entry in the registry */
	char *fault;            /* NULL: its file was found */
};
struct h0_models {
	struct h0_model_entry *v;
	size_t n, cap;
};
/* H0_CONFIG: hal0.toml or the registry cannot be read. Free with h0_models_done. */
int h0_store_list(const struct h0_paths *paths, const struct h0_snap *snap, struct h0_models *ret,
                  struct h0_err *e);
void h0_models_done(struct h0_models *l);
#define h0_automodels h0_auto(h0_models_done)
/* Where pulled and copied models go: [models].pull_root, else the store root. */
int h0_store_pull_root(const struct h0_paths *paths, const struct h0_snap *snap, char **ret,
                       struct h0_err *e);
/* A string of hal0.toml's [models]; NULL: not said. Free it. */
int h0_store_setting(const struct h0_snap *snap, const char *key, char **ret, struct h0_err *e);
/* The registry's file. Free it. */
char *h0_store_registry(const struct h0_paths *paths);
/* The name a file gives its model: without directory, shard number and suffix. Free it. */
char *h0_store_id_of(const char *path);
/* "x-00002-of-00003.gguf": 2, and 3 in *ret_of (may be NULL). 0: not a shard. */
int h0_store_shard(const char *name, int *ret_of);
#define h0_automodelfile h0_auto(h0_model_file_done)

#endif
