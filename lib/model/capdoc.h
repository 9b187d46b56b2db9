/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A document that says what a box shall be (conf/schema.h, h0_schema_apply; hal0-apply(5)), as
 * wishes. TOML, or JSON of the same shape when its first character is {. Pure.
 */
#ifndef H0_MODEL_CAPDOC_H
#define H0_MODEL_CAPDOC_H

#include "model/capplan.h"

struct h0_capdoc {
	struct h0_wishes wishes;    /* strings are the document's */
	struct h0_toml *doc;
};

/* H0_CONFIG with the place (of JSON: the key): syntax, unknown keys, values that do not fit (of a
 * selection: capability.unknown_slot, unknown_child, unknown_fields, invalid_selection), a slot in two
 * lists. `file` is for messages. */
int h0_capdoc_parse(const char *text, size_t len, const char *file, struct h0_capdoc *ret,
                    struct h0_err *e);
void h0_capdoc_done(struct h0_capdoc *d);
#define h0_autocapdoc h0_auto(h0_capdoc_done)

#endif
