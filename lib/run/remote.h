/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a server has to give: the files of a model on the hub, and of one file its length, its sum
 * and whether parts of it can be had. Nothing is fetched here (run/pull.h does). Redirects are
 * followed, never from https to http; the token goes to the hub's own origin alone.
 */
#ifndef H0_RUN_REMOTE_H
#define H0_RUN_REMOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "model/modelref.h"
#include "run/http.h"

#define H0_REMOTE_CONNECT_MS 15000
#define H0_REMOTE_IDLE_MS    60000

/* Who asks, and how: for one hub. Not for several threads at once. */
struct h0_puller {
	struct h0_http_client *http;
	char *hub;                  /* base address without a slash at its end, NULL = none */
	char *auth;                 /* a whole header with the token, NULL = none; never shown */
	const char *ca_file;        /* NULL: the system's authorities */
	size_t ways;                /* ranges at once; 0: H0_PULL_WAYS */
	int retries;                /* rounds that bring nothing before it gives up */
	const atomic_int *stop;     /* non-zero: save and give up, H0_EXTERN with ECANCELED */
	/* Told now and then, in bytes. `waiting`: another process pulls it. May be NULL. */
	void (*tell)(int64_t done, int64_t total, bool waiting, void *arg);
	void *arg;
};
void h0_puller_done(struct h0_puller *p);
#define h0_autopuller h0_auto(h0_puller_done)

/* Reads the token: the file's first word. H0_CONFIG unless it is a regular file that only its owner
 * can read. */
int h0_puller_token(struct h0_puller *p, const char *file, struct h0_err *e);

/* One file elsewhere. */
struct h0_remote {
	char *url;                  /* where it was asked for */
	char *final;                /* where that led; may hold a key: not to be shown */
	char tag[256];              /* a strong ETag, "" = none */
	char sum[H0_SHA256_TEXT];   /* "" = nobody said */
	int64_t bytes;              /* -1 = not said */
	bool ranges;                /* parts of it can be had */
};
void h0_remote_done(struct h0_remote *r);
#define h0_autoremote h0_auto(h0_remote_done)

/* Asks what is there. H0_EXTERN: model.not_found (404), model.token_wanted (401, 403). */
int h0_remote_look(const struct h0_puller *p, const char *url, struct h0_remote *ret, struct h0_err *e);
/* A model there: its shards, and what else the repository has for it. */
struct h0_remote_model {
	struct h0_strv urls, names;
	char *projector_url, *projector; /* for pictures; NULL = none */
};
void h0_remote_model_done(struct h0_remote_model *m);
/* What a source means; asks the hub for its list of files, as many pages as it has. */
int h0_remote_list(const struct h0_puller *p, const struct h0_modelref *r, const char *revision,
                   struct h0_remote_model *ret, struct h0_err *e);

/* ---- for whoever asks for the bytes ---- */

/* Headers of one answer; the last one's when there were several. */
struct h0_remote_answer {
	char location[4096], etag[256], linked_etag[256], range[128];
	int64_t length, linked_size, retry_after_s; /* -1 = not said */
};
/* An on_header of h0_http_req; `arg` is a struct h0_remote_answer. */
void h0_remote_hear(const char *name, const char *value, void *arg);
/* "bytes 5-9/100", both ends in it. false: not that. */
bool h0_remote_range(const char *text, int64_t *from, int64_t *to, int64_t *all);
/* The header with the token where `url` may have it, else NULL. Borrowed. */
const char *h0_remote_auth(const struct h0_puller *p, const char *url);
/* Says what a status that is no success means. -1. */
int h0_remote_refused(const char *url, int status, bool token, struct h0_err *e);

#endif
