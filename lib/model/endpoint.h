/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The HTTP paths hal0 knows: one table for the router, `hal0-route table`, help and tests.
 * Source: formats of the original hal0, and what llama-server answers.
 */
#ifndef H0_MODEL_ENDPOINT_H
#define H0_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/names.h"

enum h0_ask {
	H0_ASK_CHAT,            /* messages in, deltas or a message out */
	H0_ASK_COMPLETION,
	H0_ASK_RESPONSES,
	H0_ASK_MESSAGES,
	H0_ASK_EMBEDDING,
	H0_ASK_RERANK,
	H0_ASK_SPEECH,
	H0_ASK_TRANSCRIPTION,
	H0_ASK_IMAGE,
	H0_ASK_LOCAL,           /* the router answers by itself, no slot is asked */
};

enum h0_body { H0_BODY_NONE, H0_BODY_JSON, H0_BODY_MULTIPART };

struct h0_endpoint {
	const char *path;
	const char *method;
	enum h0_ask ask;
	enum h0_slot_type type; /* of the slots that answer it; nothing for H0_ASK_LOCAL */
	enum h0_body body;      /* where the model's name stands */
	const char *upstream;   /* path at the slot when it differs; NULL = path */
	const char *missing;    /* why no slot can answer it today; NULL = they can */
	const char *help;
};

extern const struct h0_endpoint h0_endpoints[];
extern const size_t h0_nendpoints;

/* Rewrites a request's path to what the table has: the query stays, "/v1/v1/x" and "/x" become
 * "/v1/x", a slash at the end goes. dst gets it in any case ("/props" stays "/props").
 * NULL: no such endpoint. A path that does not fit into dst counts as unknown. */
const struct h0_endpoint *h0_endpoint_find(const char *path, char *dst, size_t size);
/* The first endpoint of a slot type: what a request to a slot by name means. */
const struct h0_endpoint *h0_endpoint_of_type(enum h0_slot_type type);
/* "/..." of printable ASCII without spaces. */
bool h0_path_ok(const char *path);

#endif
