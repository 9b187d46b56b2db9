/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fetching model files over HTTP: several ranges at once, resumed where they were left, checked,
 * and in their place only when whole (run/partial.h). Two who pull the same file join: one waits.
 * Redirects are followed, never from https to http; the token goes to the hub's own origin alone.
 */
#ifndef H0_RUN_PULL_H
#define H0_RUN_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "model/modelref.h"
#include "run/http.h"

#define H0_PULL_WAYS 4

struct h0_puller {
	struct h0_http_client *http;
	char *hub;                  /* base address without a slash at its end, NULL = none */
	char *auth;                 /* a whole header with the token, NULL = none; never shown */
	const char *ca_file;        /* NULL: the system's authorities */
	size_t ways;                /* ranges at once; 0: H0_PULL_WAYS */
	int retries;                /* rounds that bring nothing before it gives up */
	const volatile int *stop;   /* non-zero: save and give up, H0_EXTERN with ECANCELED */
	/* Told now and then. `waiting`: another process pulls it. May be NULL. */
	void (*tell)(int64_t done, int64_t total, bool waiting, void *arg);
	void *arg;
};
void h0_puller_done(struct h0_puller *p);
#define h0_autopuller h0_auto(h0_puller_done)

/* Reads the token: the file's first word. H0_CONFIG unless it is a regular file that only its owner
 * can read. */
int h0_pull_token(struct h0_puller *p, const char *file, struct h0_err *e);

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
int h0_pull_look(const struct h0_puller *p, const char *url, struct h0_remote *ret, struct h0_err *e);
/* The files of a model on the hub: their addresses and names. */
int h0_pull_list(const struct h0_puller *p, const struct h0_modelref *r, const char *revision,
                 struct h0_strv *ret_urls, struct h0_strv *ret_names, struct h0_err *e);

enum h0_pulled { H0_PULLED, H0_PULLED_JOINED, H0_PULLED_THERE };
/* Fetches it to `path`. H0_PULLED_JOINED: another process did meanwhile. H0_EXTERN with
 * model.checksum: it is not what the sum says, and nothing of it is kept. `head` not 0: the first
 * bytes must be these four. */
int h0_pull_file(const struct h0_puller *p, const struct h0_remote *r, const char *path,
                 const char *head, struct h0_err *e);
/* Bytes of the file that an earlier pull left, about. */
int64_t h0_pull_have(const char *path);
/* H0_SYS (model.no_space) when the directory's file system has not so much left beside a reserve. */
int h0_pull_space(const char *dir, int64_t bytes, struct h0_err *e);

#endif
