/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is a slot's server well, and does it serve the model it should? Asked of its own loopback port
 * over plain sockets, for any number of slots at once: `slot list` must not wait for fifty answers
 * one after another, and a start asks every few milliseconds.
 */
#ifndef H0_RUN_HEALTH_H
#define H0_RUN_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/provider.h"
#include "run/slotkey.h"

enum h0_health {
	H0_HEALTH_UNASKED,
	H0_HEALTH_DOWN,         /* nobody listens */
	H0_HEALTH_SILENT,       /* it takes the connection and says nothing in time */
	H0_HEALTH_LOADING,      /* it says so (503), or lists no model yet */
	H0_HEALTH_WRONG,        /* it is well, but serves another model */
	H0_HEALTH_BROKEN,       /* it answers with something else */
	H0_HEALTH_READY,
};

struct h0_health_ask {
	int port;
	enum h0_provider provider;      /* which paths to ask */
	const char *model;              /* name that must be listed; NULL: any, or none needed */
	char key[H0_SLOT_KEY];          /* to send; "": none. A server that wants one all the same is
	                                 * ready when it is well: what it lists is not known */

	struct h0_strv *models;         /* gets all names it lists, aliases too; NULL: not wanted */

	enum h0_health health;          /* the answer */
	int status;                     /* HTTP status of the last reply, 0 = none */
	char listed[128];               /* first model it lists, "" = none */
};

/* Asks all of them; returns when every one has an answer or has taken longer than timeout_ms over one
 * of its two questions (is it well, what does it list), or when one of the descriptors in wake (nwake
 * of them, at most 4) becomes readable: what has not answered by then is H0_HEALTH_SILENT. */
void h0_health_ask(struct h0_health_ask *v, size_t n, int timeout_ms, const int *wake,
                   size_t nwake);

/* Another question to the port of `who`, with its key: the reply's status and body (at most 1 MiB);
 * 0 when none came in time. */
int h0_health_get(const struct h0_health_ask *who, const char *path, int timeout_ms,
                  struct h0_buf *ret_body);

/* "loading", "not answering": for messages. */
const char *h0_health_word(enum h0_health h);

#endif
