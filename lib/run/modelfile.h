/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The files of one model: its shards, its projector, and FILE.sha256 beside each, in the format of
 * sha256sum, with what the file must hash to. Who uses a model. Bytes everywhere.
 */
#ifndef H0_RUN_MODELFILE_H
#define H0_RUN_MODELFILE_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "model/cap.h"
#include "model/profile.h"
#include "run/live.h"
#include "run/store.h"

/* The shards of a model in order, by the path of its first; those that are missing are named all
 * the same. */
void h0_model_shards(const char *path, struct h0_strv *ret);
/* What all of them take, -1: one is missing. */
int64_t h0_model_bytes(const struct h0_strv *shards);

/* The recorded sum: 1, or 0 when there is none. -1: FILE.sha256 is damaged (H0_CONFIG). */
int h0_model_sum_read(const char *path, char dst[H0_SHA256_TEXT], struct h0_err *e);
int h0_model_sum_write(const char *path, const char *sum, struct h0_err *e);
/* Hashes a file. tell (may be NULL) hears of the bytes done; non-zero *stop (may be NULL) ends it
 * with H0_SYS, ECANCELED. */
struct h0_model_hash {
	const char *path;
	void (*tell)(int64_t done, int64_t total, void *arg);
	void *arg;
	const atomic_int *stop;
};
int h0_model_hash(const struct h0_model_hash *h, char dst[H0_SHA256_TEXT], struct h0_err *e);

/* Adds "slot chat", "capability embed.embed", "profile x" for each that would miss the model. Of
 * `box` slots are looked at, and profiles where they can be read. */
int h0_model_users(struct h0_box *box, const struct h0_selections *caps,
                   const struct h0_model_file *m, struct h0_strv *ret, struct h0_err *e);
/* The slots among them, by name. */
void h0_model_slots(const struct h0_box *box, const struct h0_model_file *m, struct h0_strv *ret);

/* The registry's text with an entry for the model, or (path NULL) without it. *ret equal to the old
 * text: nothing changes. */
int h0_registry_edit(const struct h0_paths *paths, const char *id, const char *path,
                     const char *mmproj, struct h0_buf *ret_old, struct h0_buf *ret_new,
                     struct h0_err *e);
int h0_registry_write(const struct h0_paths *paths, const struct h0_buf *text, struct h0_err *e);
/* Held while the registry is read and written: returns the descriptor. H0_BUSY, H0_SYS. */
int h0_registry_lock(const struct h0_paths *paths, struct h0_err *e);

#endif
