/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * FLM's names for models. Its server knows tags, "family:size"; the registry writes the same model
 * as an id, "family-size-FLM". A name of neither form is none of FLM's: it may be a GGUF's, and the
 * two are never taken for each other. Pure.
 *
 * Source: what `flm list -j` and `flm serve` of FastFlowLM 0.9 take and print.
 */
#ifndef H0_MODEL_FLM_H
#define H0_MODEL_FLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define H0_FLM_NAME 128

bool h0_flm_is_name(const char *name);          /* a tag or an id */
/* One model in whatever of the two spellings? False when one of them is none of FLM's names. */
bool h0_flm_same(const char *a, const char *b);
/* The tag FLM's command line and its requests want; a name that is none of FLM's is left alone. */
const char *h0_flm_tag(const char *name, char dst[H0_FLM_NAME]);

/* ---- `flm list -j` ---- */

struct h0_flm_model {
	char tag[H0_FLM_NAME];
	bool installed;         /* its files are there, or the list does not say */
};
struct h0_flm_list {
	struct h0_flm_model *v;
	size_t n, cap;
};
/* What it printed; lines before the JSON are skipped. H0_EXTERN when there is none. */
int h0_flm_list_parse(const char *text, size_t len, struct h0_flm_list *ret, struct h0_err *e);
void h0_flm_list_done(struct h0_flm_list *l);
#define h0_autoflmlist h0_auto(h0_flm_list_done)
/* By tag or id; NULL: FLM does not know it. */
const struct h0_flm_model *h0_flm_list_get(const struct h0_flm_list *l, const char *name);
/* The tag that is spelled most like it, NULL = none is. */
const char *h0_flm_list_nearest(const struct h0_flm_list *l, const char *name);

#endif
