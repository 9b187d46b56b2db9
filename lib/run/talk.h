/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request to a slot's server and its answer as text, as it comes: event streams and whole
 * JSON answers of the endpoints in model/endpoint.h look the same to the caller. What happened
 * is told in terms of the slot: "does not run: start it with ...".
 */
#ifndef H0_RUN_TALK_H
#define H0_RUN_TALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/route.h"
#include "run/http.h"

struct h0_talk {
	const struct h0_route *route;
	const char *host;           /* NULL: 127.0.0.1 */
	const char *key;            /* the slot's; NULL or "": none */
	const char *url;            /* of an upstream, whole; NULL: of the route's slot */
	const char *header;         /* one more, "Name: value"; NULL: none */
	const void *body;           /* NULL: GET */
	size_t body_len;
	const char *content_type;   /* of the body; NULL: application/json */
	int idle_timeout_ms;        /* no byte for so long; 0: none (a long prompt is silent) */
	size_t max_body;            /* of an answer that is no stream; 0: 64 MiB */
	const atomic_int *stop;
	bool raw;                   /* on_text gets the answer's bytes as they are */
	/* A piece of the answer or of the reasoning before it. -1 with *e filled cancels. */
	int (*on_text)(bool reasoning, const char *p, size_t n, void *arg, struct h0_err *e);
	void *arg;
};

struct h0_talked {
	int status;
	char content_type[128];
	bool streamed;
	size_t text_bytes;          /* of the answer, without reasoning */
	char finish[32];            /* "stop", "length"...; "" = not said */
	int64_t prompt_tokens, tokens; /* -1 = not said */
	double tokens_per_s;        /* 0 = not said */
};

/* 0: the whole answer came with a 2xx status. Else -1:
 * H0_NO     slot.not_ready: nothing listens at the slot's port
 * H0_BUSY   slot.loading: it is still loading (detail retry_after_s)
 * H0_SYS    it wants a key and none was given
 * H0_EXTERN dispatch.upstream_failed: the server said no (its own message, detail status), or cut
 *           the answer off; dispatch.upstream_unavailable: no HTTP answer. sys_errno ECANCELED
 *           when `stop` ended it.
 * What on_text got before stays valid, and *ret is filled as far as it goes. */
int h0_talk(struct h0_http_client *c, const struct h0_talk *t, struct h0_talked *ret,
            struct h0_err *e);

#endif
