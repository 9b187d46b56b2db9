/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and reports of hal0-model's verbs.
 */
#ifndef H0_CMD_MODEL_OPTS_H
#define H0_CMD_MODEL_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define MODEL_COLS(X)                                                                            \
	X(NAME, "name", NULL, STR, 0, "what slots call it")                                      \
	X(SIZE, "size", "size_bytes", BYTES, 0, "all its files; null: one is missing")           \
	X(QUANT, "quant", NULL, STR, 0, "how its weights are stored")                            \
	X(ARCH, "architecture", NULL, STR, 0, "as its file says")                                \
	X(CONTEXT, "context", NULL, INT, 0, "longest context it was trained for, in tokens")     \
	X(SERVES, "serves", NULL, LIST, 0, "types of slots it was made for; vision: it sees pictures") \
	X(SLOTS, "slots", NULL, LIST, 0, "slots that use it")                                    \
	X(SOURCE, "source", NULL, STR, H0_COL_EXTRA, "registry or store: where its name is from") \
	X(PATH, "path", NULL, STR, H0_COL_EXTRA, "its file; of a split model the first")         \
	X(SHARDS, "shards", NULL, INT, H0_COL_EXTRA, "files it is split into")                   \
	X(PROJECTOR, "projector", NULL, STR, H0_COL_EXTRA, "file of its eyes")                   \
	X(MTP, "mtp", "mtp_layers", INT, H0_COL_EXTRA, "layers that predict more than one token") \
	X(TITLE, "title", NULL, STR, H0_COL_EXTRA, "general.name of the file")                   \
	X(PARAMS, "parameters", NULL, STR, H0_COL_EXTRA, "as its file labels it")                \
	X(LAYERS, "layers", NULL, INT, H0_COL_EXTRA, "blocks")                                   \
	X(EMBEDDING, "embedding", "embedding_length", INT, H0_COL_EXTRA, "length of its vectors") \
	X(VOCABULARY, "vocabulary", NULL, INT, H0_COL_EXTRA, "tokens it knows")                  \
	X(EXPERTS, "experts", NULL, INT, H0_COL_EXTRA, "experts per layer; null: it has none")   \
	X(EXPERTS_USED, "experts-used", "experts_used", INT, H0_COL_EXTRA, "of them at work for a token") \
	X(TEMPLATE, "chat-template", "chat_template", BOOL, H0_COL_EXTRA, "the file holds one")  \
	X(SHA256, "sha256", NULL, STR, H0_COL_EXTRA, "recorded sum of its (first) file")         \
	X(FAULT, "fault", NULL, STR, H0_COL_EXTRA, "why it cannot be used; null: nothing known")

#define MODEL_VERIFY_COLS(X)                                                                     \
	X(NAME, "name", NULL, STR, 0, "the model")                                               \
	X(OK, "ok", NULL, BOOL, 0, "its bytes are as recorded; null: nothing is recorded")       \
	X(FILE, "file", NULL, STR, 0, "the file")                                                \
	X(SHA256, "sha256", NULL, STR, H0_COL_EXTRA, "what it hashes to")                        \
	X(EXPECTED, "expected", NULL, STR, H0_COL_EXTRA, "what is recorded")                     \
	X(SIZE, "size", "size_bytes", BYTES, H0_COL_EXTRA, "the file's")                         \
	X(MESSAGE, "message", NULL, STR, 0, "what is wrong or was done")

#define MODEL_CHANGE_COLS(X)                                                                     \
	X(NAME, "name", NULL, STR, 0, "the model")                                               \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether anything is different now")                \
	X(PATH, "path", NULL, STR, 0, "its file")                                                \
	X(SIZE, "size", "size_bytes", BYTES, H0_COL_EXTRA, "all its files")                      \
	X(MESSAGE, "message", NULL, STR, 0, "what was done")

#define MODEL_LOADOUT_COLS(X)                                                                    \
	X(USE, "use", NULL, STR, 0, "what for; ceiling: what 128 GB do not hold")                \
	X(TIER, "tier", NULL, STR, 0, "small, mid or large")                                     \
	X(FIT, "fit", NULL, STR, 0, "fits, tight, does-not-fit")                                 \
	X(NEED, "need", "need_bytes", BYTES, 0, "memory all of it needs")                        \
	X(POOL, "pool", "pool_bytes", BYTES, 0, "memory this machine can give")                  \
	X(HERE, "here", NULL, BOOL, 0, "its files are in the store")                             \
	X(MODELS, "models", NULL, LIST, 0, "its models")                                         \
	X(MISSING, "missing", NULL, LIST, H0_COL_EXTRA, "those that are not here")               \
	X(SIZE, "size", "size_bytes", BYTES, H0_COL_EXTRA, "files, about")                       \
	X(ESTIMATED, "estimated", NULL, BOOL, H0_COL_EXTRA, "not all files are here to tell what they need") \
	X(MESSAGE, "message", NULL, STR, H0_COL_EXTRA, "the same in words")

#define MODEL_ITEM_COLS(X)                                                                       \
	X(TIER, "tier", NULL, STR, 0, "small, mid or large")                                     \
	X(ROLE, "role", NULL, STR, 0, "slot or capability")                                      \
	X(MODEL, "model", NULL, STR, 0, "the model")                                             \
	X(OTHER, "alternative", NULL, BOOL, 0, "may be taken instead of the one above")          \
	X(SIZE, "size", "size_bytes", BYTES, 0, "its files, about")                              \
	X(NEED, "need", "need_bytes", BYTES, 0, "memory it needs by itself")                     \
	X(FIT, "fit", NULL, STR, 0, "fits, tight, does-not-fit: by itself")                      \
	X(HERE, "here", NULL, BOOL, 0, "it is in the store; null: its program brings it")

#define MODEL_LOADOUT_ENUM(id, ...) LOADOUT_##id,
#define MODEL_ITEM_ENUM(id, ...) ITEM_##id,
enum { MODEL_LOADOUT_COLS(MODEL_LOADOUT_ENUM) };
enum { MODEL_ITEM_COLS(MODEL_ITEM_ENUM) };

struct model_loadouts_opts {
	const char *tier;
	bool all;
};

#define MODEL_COL_ENUM(id, ...) MODEL_##id,
#define MODEL_VERIFY_ENUM(id, ...) VERIFY_##id,
#define MODEL_CHANGE_ENUM(id, ...) CHANGE_##id,
enum { MODEL_COLS(MODEL_COL_ENUM) };
enum { MODEL_VERIFY_COLS(MODEL_VERIFY_ENUM) };
enum { MODEL_CHANGE_COLS(MODEL_CHANGE_ENUM) };

struct model_add_opts {
	const char *name, *mmproj;
	bool link, copy;
};

struct model_pull_opts {
	const char *name, *sum, *hub, *revision, *token_file, *ca_file;
	int64_t ways, retries;
	bool projector;
};

struct model_verify_opts {
	bool record;
};

extern const struct h0_prog model_prog;
extern const struct h0_col model_cols[], model_show_cols[], model_verify_cols[], model_change_cols[];
extern const struct h0_col model_loadout_cols[], model_loadout_model_cols[];

int model_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int model_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int model_add(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int model_pull(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int model_verify(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int model_loadouts(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int model_rm(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
