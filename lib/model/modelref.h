/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where a model comes from, as a person writes it: hf:OWNER/REPO, hf:OWNER/REPO:FILE,
 * hf:OWNER/REPO:QUANT (Q4_K_M) or the https URL of a .gguf file. Pure.
 */
#ifndef H0_MODEL_MODELREF_H
#define H0_MODEL_MODELREF_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct h0_modelref {
	char *repo;             /* "OWNER/REPO" on the hub; NULL: url */
	char *file;             /* of the repository, NULL = to be chosen */
	const char *quant;      /* wanted, NULL = any */
	char *url;              /* NULL: repo */
};

/* H0_USAGE. http is taken on loopback alone. Free with h0_modelref_done, also after a failure. */
int h0_modelref_parse(const char *text, struct h0_modelref *ret, struct h0_err *e);
void h0_modelref_done(struct h0_modelref *r);
#define h0_automodelref h0_auto(h0_modelref_done)

/* The model meant among a repository's files: its shards in order. Without file and quant: the only
 * model there, else the Q4_K_M. H0_USAGE names what there is. */
int h0_modelref_choose(const struct h0_modelref *r, const struct h0_strv *files,
                       struct h0_strv *ret, struct h0_err *e);
/* Of a repository's files the projector for pictures that goes with `model`: in the same directory,
 * F16 rather than another kind. NULL: it has none. Borrowed. */
const char *h0_modelref_projector(const struct h0_strv *files, const char *model);
/* All shards that belong to "x-00001-of-00003.gguf", also with a query behind it; itself when it is
 * not split. */
void h0_modelref_shards(const char *first, struct h0_strv *ret);
/* The last part of a path or URL, without query. Free it. */
char *h0_modelref_base(const char *path);
/* A path as it stands in a URL. */
void h0_modelref_escape(const char *path, struct h0_buf *out);

#endif
