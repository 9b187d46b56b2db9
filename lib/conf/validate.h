/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Parsed files against conf/schema.h. Findings are collected, so that `hal0-conf check` can show
 * all of them; who needs one answer takes the first error. No I/O.
 */
#ifndef H0_CONF_VALIDATE_H
#define H0_CONF_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/schema.h"
#include "fmt/toml.h"

struct h0_finding {
	bool error;             /* false: a warning */
	int line, col;          /* 0 = none */
	char *file, *key, *msg; /* owned; key "" = none */
};

struct h0_findings {
	struct h0_finding *v;
	size_t n, cap, errors;
};
void h0_findings_done(struct h0_findings *f);
#define h0_autofindings h0_auto(h0_findings_done)

/* Adds one; node NULL: no place. */
void h0_findings_add(struct h0_findings *f, bool error, const char *file,
                     const struct h0_toml_node *node, const char *fmt, ...) H0_PRINTF(5, 6);
/* Adds what an error value says. */
void h0_findings_add_err(struct h0_findings *f, const struct h0_err *e);
/* The first error as an error value (H0_CONFIG); 0 when there is none. */
int h0_findings_fail(const struct h0_findings *f, struct h0_err *e);

/* Checks a document. `file` is used in the findings. */
void h0_validate(const struct h0_schema *s, const struct h0_toml *doc, const char *file,
                 struct h0_findings *ret);
/* Parses, then validates; a syntax error becomes a finding. *ret_doc (may be NULL) is NULL when
 * it does not parse, else free it with h0_toml_free. */
void h0_validate_text(const struct h0_schema *s, const char *text, size_t len, const char *file,
                      struct h0_findings *ret, struct h0_toml **ret_doc);

/* One value by itself against its key. */
void h0_validate_value(const struct h0_key *key, const struct h0_toml_node *node, const char *file,
                       struct h0_findings *ret);

#endif
