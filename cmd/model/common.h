/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What hal0-model's verbs share.
 */
#ifndef H0_CMD_MODEL_COMMON_H
#define H0_CMD_MODEL_COMMON_H

#include "model/opts.h"
#include "run/modelfile.h"

/* A model by name, or by the path of its file (also relative); *ret_registered (may be NULL):
 * it has an entry in the registry. As h0_store_find. */
int model_find(const struct h0_box *b, const char *name, struct h0_model_file *ret,
               bool *ret_registered, struct h0_err *e);
/* Of a name that becomes a path below the store: H0_USAGE. */
int model_check_name(const char *name, struct h0_err *e);
/* One row of model_change_cols; with --json, --columns or --format as a record, else the message on
 * stderr. */
struct model_change {
	const char *name, *path, *message;
	int64_t bytes;              /* -1 = not known */
	bool changed;
};
int model_changed(struct h0_ctx *ctx, const struct model_change *c, struct h0_err *e);
/* Shows how far something long has come; "" in `what` ends the line. */
void model_progress(struct h0_ctx *ctx, const char *what, int64_t done, int64_t total,
                    int64_t per_s);

#endif
