/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may ask. The router listens on loopback without a password, and every page in a browser on
 * the box can reach loopback too: so a request must name a host we answer to (a page that points
 * its own name at 127.0.0.1 does not), and one that a browser sends for a page (it has Origin)
 * passes only for origins that were allowed. With keys, each request must bear one. Pure.
 */
#ifndef H0_SERVE_GUARD_H
#define H0_SERVE_GUARD_H

#include <stdbool.h>

#include "base/str.h"
#include "serve/parse.h"

struct h0_guard {
	struct h0_strv keys;    /* empty: no key is asked for */
	struct h0_strv hosts;   /* names beside the loopback ones, without port */
	struct h0_strv origins; /* "http://localhost:3000"; "*" = any */
};

enum h0_guard_answer {
	H0_GUARD_OK,
	H0_GUARD_HOST,          /* 421: no host of ours */
	H0_GUARD_ORIGIN,        /* 403: a browser asks for a page that is not allowed */
	H0_GUARD_KEY,           /* 401: no key, or a wrong one */
};

/* A preflight (OPTIONS with Origin) bears no key: it passes without one. */
enum h0_guard_answer h0_guard_check(const struct h0_guard *g, const struct h0_head *h);
/* The origin to allow in the answer's head, NULL when there is none. */
const char *h0_guard_origin(const struct h0_guard *g, const struct h0_head *h);
/* Equal in a time that depends on the lengths alone. */
bool h0_guard_equal(const char *a, const char *b);
void h0_guard_done(struct h0_guard *g);

#endif
