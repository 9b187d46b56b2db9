/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a person wants changed in one table of a file: keys of its schema with their new values.
 * A list of wishes; applying them is model/slotedit.h and model/profileedit.h.
 */
#ifndef H0_CONF_EDITS_H
#define H0_CONF_EDITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/schema.h"

struct h0_edit {
	char *key;              /* dotted path as in a flat file: "model.default" */
	char *value;            /* TOML text; NULL = remove the key */
};

struct h0_edits {
	const struct h0_key *keys; /* what may be set; given by the caller, as are the next two */
	const char *inner;      /* a table that a path may start with and is left out; or NULL */
	const char *page;       /* where the keys are described: "hal0-slot.toml" */
	struct h0_edit *v;
	size_t n, cap;
};
void h0_edits_done(struct h0_edits *l);
#define h0_autoedits h0_auto(h0_edits_done)

/* Adds one; a key that is there already gets the new value. `arg` is as typed (conf/value.h).
 * H0_USAGE: unknown key (nearest named), a value that does not fit it. */
int h0_edits_set(struct h0_edits *l, const char *key, const char *arg, struct h0_err *e);
/* "KEY=VALUE". */
int h0_edits_arg(struct h0_edits *l, const char *arg, struct h0_err *e);
/* Any key, also an unknown one. H0_USAGE: not a key path. */
int h0_edits_unset(struct h0_edits *l, const char *key, struct h0_err *e);
/* A value that is TOML text already, of a key that is known to be good. */
void h0_edits_put(struct h0_edits *l, const char *key, const char *value);
/* NULL when absent or to be removed. */
const char *h0_edits_get(const struct h0_edits *l, const char *key);
/* Whether the key is in the list, also if it is to be removed. */
bool h0_edits_has(const struct h0_edits *l, const char *key);

#endif
