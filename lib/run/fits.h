/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Does a slot fit? Gathers what model/fit.h judges: the model's files, the flags the slot really
 * runs with, the pool, and what other running slots hold.
 */
#ifndef H0_RUN_FITS_H
#define H0_RUN_FITS_H

#include "fmt/json.h"
#include "model/fit.h"
#include "run/live.h"

struct h0_fits {
	struct h0_gguf gguf;            /* of the first shard */
	struct h0_fit_model model;
	struct h0_fit_run run;
	struct h0_fit fit;
	struct h0_fit_pool pool;
	struct h0_fit_answer answer;
	struct h0_json *doc;            /* what the pool is from */
	char *path, *image;             /* of a slot: its model's file, its image */
	char unseen[256];               /* why it is not known what other slots use; "" = it is */
	char guessed[256];              /* slots of which only what they have by now is counted; "" = none */
};
void h0_fits_done(struct h0_fits *f);
#define h0_autofits h0_auto(h0_fits_done)

/* Reads a model file with all its shards and its projector (NULL = none). H0_CONFIG. */
int h0_fits_file(const char *path, const char *mmproj, struct h0_fits *ret, struct h0_err *e);
/* A slot's model and flags. Its device need not be there. H0_CONFIG: what h0_spec_make refuses;
 * H0_NOHW (backend.missing): its program is not llama-server, nothing is known of its memory. */
int h0_fits_slot(struct h0_box *b, const struct h0_slot *slot, struct h0_fits *ret,
                 struct h0_err *e);

/* Looks for a load that was measured with f->run, of a slot's model and image: the estimate then
 * goes by it. h0_fits_slot has done so; for who changes the flags afterwards. */
void h0_fits_recall(const struct h0_box *b, struct h0_fits *f);
/* A load has finished: keeps what the server's log says of it. Whatever is in the way, nothing is
 * kept. */
void h0_fits_learn(const char *slot, const char *log_path);

enum h0_fits_pool {
	H0_FITS_MACHINE,        /* what the machine could give if it did nothing else */
	H0_FITS_FREE,           /* what it has left now */
	H0_FITS_NOW,            /* and what is left beside others; asks podman */
};
/* f->pool without the others: by hardware.json, else by a look at the machine. */
void h0_fits_pool(struct h0_box *b, enum h0_fits_pool which, struct h0_fits *f);
/* The pool by hardware.json, else by a look at the machine; then estimates and judges. `except`
 * (may be NULL): the slot that shall not count as another. */
void h0_fits_judge(struct h0_box *b, enum h0_fits_pool which, const char *except,
                   struct h0_fits *f);
/* "needs 12.3 GiB, 8 GiB are left of 16 GiB (vram)": for warnings and people. */
void h0_fits_say(const struct h0_fits *f, struct h0_buf *ret);

#endif
