/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside the routing decision: the rules that find a slot or upstream by the model's name, and the
 * default of a type. Used by model/route*.c only; model/route.h has the order and the errors.
 */
#ifndef H0_MODEL_ROUTERULE_H
#define H0_MODEL_ROUTERULE_H

#include <stdbool.h>

#include "base/attr.h"
#include "model/route.h"

enum h0_route_verdict { H0_ROUTE_FAILED = -1, H0_ROUTE_NOT_YET, H0_ROUTE_FOUND };

/* One search. */
struct h0_route_finder {
	const struct h0_route_ask *ask;
	struct h0_route *r;
	const char *model;      /* NULL = not said */
	bool any_type;          /* no path was given, or one that no table knows */
	enum h0_slot_type type;
	struct h0_err *e;
};

/* The rules for f->model, in order. FAILED has filled f->e. */
enum h0_route_verdict h0_route_by_model(struct h0_route_finder *f);
/* The default slot of f->type. FOUND or FAILED. */
enum h0_route_verdict h0_route_by_default(struct h0_route_finder *f);

/* The type that a word in the model's name tells, and that word; NULL: none does, *ret stays. */
const char *h0_route_hint(const char *model, enum h0_slot_type *ret);
enum h0_route_known h0_route_live_state(const struct h0_route_ask *ask, const struct h0_slot *s);

/* One more step, with its reason. */
void h0_route_note(struct h0_route *r, const char *rule, bool taken, const char *fmt, ...) H0_PRINTF(4, 5);

#endif
