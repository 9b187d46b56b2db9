/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and reports of hal0-profile's verbs.
 */
#ifndef H0_CMD_PROFILE_OPTS_H
#define H0_CMD_PROFILE_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define PROFILE_COLS(X)                                                                          \
	X(NAME, "name", NULL, STR, 0, "the profile's name")                                      \
	X(FAMILY, "runs", "runtime_family", STR, 0, "server program in the image")               \
	X(CLASS, "class", "device_class", STR, 0, "kind of device it is for")                    \
	X(BACKEND, "backend", NULL, STR, 0, "back end of a GPU image")                           \
	X(MTP, "mtp", NULL, BOOL, 0, "multi-token prediction")                                   \
	X(SEED, "seed", NULL, BOOL, 0, "built in: neither edited nor deleted")                   \
	X(USED_BY, "used-by", "used_by", LIST, 0, "slots that run with it")                      \
	X(IMAGE, "image", NULL, STR, H0_COL_EXTRA, "container image")                            \
	X(FLAGS, "flags", NULL, STR, H0_COL_EXTRA, "options for the server")                     \
	X(RESOLVED, "resolved-flags", "resolved_flags", STR, H0_COL_EXTRA,                       \
	  "with what MTP adds in front")                                                         \
	X(TYPES, "types", "supported_slot_types", LIST, H0_COL_EXTRA, "slot types it serves")    \
	X(DEVICES, "devices", NULL, LIST, H0_COL_EXTRA, "devices it fits")                       \
	X(CLONED, "cloned-from", "cloned_from", STR, H0_COL_EXTRA, "profile it was made from")   \
	X(INTENT, "intent", NULL, STR, H0_COL_EXTRA, "what it is for")                           \
	X(QUANT, "quant", NULL, STR, H0_COL_EXTRA, "quantisation it is meant for")               \
	X(TPS, "tps", NULL, REAL, H0_COL_EXTRA, "tokens per second measured with it")            \
	X(RTF, "rtf", NULL, REAL, H0_COL_EXTRA, "real-time factor measured with it")

#define PROFILE_CHANGE_COLS(X)                                                                   \
	X(NAME, "name", NULL, STR, 0, "the profile's name")                                      \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether anything was done")                        \
	X(MESSAGE, "message", NULL, STR, 0, "what was done, or why not")

#define PROFILE_IMAGE_COLS(X, check)                                                             \
	X(REF, "image", NULL, STR, 0, "what is run and pulled")                                  \
	X(SOURCE, "source", NULL, STR, 0, "slot, environment, lock, manifest or profile")        \
	X(PINNED, "pinned", NULL, BOOL, 0, "by digest: it cannot change underneath")             \
	X(HERE, "here", NULL, BOOL, 0, "it is on this machine")                                  \
	X(REGISTRY, "registry", NULL, STR, check, "same, moved, gone, not here, local, unreachable") \
	X(SLOTS, "slots", NULL, LIST, 0, "slots that run it")                                    \
	X(PROFILES, "profiles", NULL, LIST, H0_COL_EXTRA, "profiles that name it")               \
	X(TAG, "tag", NULL, STR, H0_COL_EXTRA, "what the lock knows it by")                      \
	X(DIGEST, "digest", NULL, STR, H0_COL_EXTRA, "its digest on this machine")               \
	X(REMOTE, "remote", "remote_digest", STR, H0_COL_EXTRA, "what the registry has, with --check") \
	X(WHY, "why", NULL, STR, H0_COL_EXTRA, "why the registry was of no help")

#define PROFILE_COL_ENUM_IMAGE(id, ...) IMAGE_##id,
enum { PROFILE_IMAGE_COLS(PROFILE_COL_ENUM_IMAGE, 0) };
#define PROFILE_COL_ENUM_CHANGE(id, ...) CHANGE_##id,
enum { PROFILE_CHANGE_COLS(PROFILE_COL_ENUM_CHANGE) };
#define PROFILE_COL_ENUM(id, ...) PROFILE_##id,
enum { PROFILE_COLS(PROFILE_COL_ENUM) };

extern const struct h0_prog profile_prog;
extern const struct h0_col profile_cols[], profile_show_cols[], profile_change_cols[],
    profile_image_cols[], profile_image_check_cols[];

struct profile_set_opts {
	struct h0_strv unset;
};

struct profile_images_opts {
	bool check, used;
};

struct profile_pull_opts {
	bool all, again;
};

struct profile_lock_opts {
	bool all, update;
};

struct profile_upgrade_opts {
	int64_t timeout_s;
	bool no_restart;
};

struct profile_import_opts {
	const char *name;
};

int profile_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_clone(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_delete(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_images(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_pull(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_lock(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_rollback(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_upgrade(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_export(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int profile_import(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
