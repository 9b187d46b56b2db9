/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A change set planned now and committed later, on the very files it was planned on or not at all.
 * The basis is a sum of every file of a snapshot: what a plan was made from includes the files it
 * leaves alone.
 */
#ifndef H0_CONF_PREPARED_H
#define H0_CONF_PREPARED_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sha256.h"
#include "conf/changeset.h"
#include "conf/snapshot.h"
#include "conf/txn.h"
#include "fmt/json.h"

struct h0_basis_file {
	char *path;
	char sum[H0_SHA256_TEXT];
};

struct h0_basis {
	struct h0_basis_file *v;    /* sorted by path */
	size_t n;
};

void h0_basis_of(const struct h0_snap *snap, struct h0_basis *ret);
/* H0_CONFLICT (config.moved), naming the first file that came, went or changed. */
int h0_basis_check(const struct h0_basis *b, const struct h0_snap *snap, struct h0_err *e);
void h0_basis_done(struct h0_basis *b);
#define h0_autobasis h0_auto(h0_basis_done)

/* Commits `cs` if the files are its basis still; else H0_CONFLICT (config.moved) and nothing is
 * changed. Other errors as h0_txn_run. */
int h0_prepared_commit(const struct h0_txn_opts *o, const struct h0_basis *b,
                       const struct h0_changeset *cs, bool *ret_changed, struct h0_err *e);
/* The opposite: puts the files of cs back, if each is as cs left it. H0_CONFLICT. */
int h0_prepared_revert(const struct h0_txn_opts *o, const struct h0_changeset *cs,
                       struct h0_err *e);

/* Both as one JSON object, for a plan that is kept in a file: {"basis": {PATH: SUM}, "changes":
 * [{"path", "before", "after"}]}, null for no file. Reading is total: H0_CONFIG. */
struct h0_json *h0_prepared_json(const struct h0_basis *b, const struct h0_changeset *cs);
int h0_prepared_read(const struct h0_json *j, const char *file, struct h0_basis *ret_basis,
                     struct h0_changeset *ret_cs, struct h0_err *e);

#endif
