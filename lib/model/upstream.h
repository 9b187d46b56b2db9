/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * upstreams.toml: servers elsewhere (another box, any OpenAI-compatible service) that requests may
 * go to. Records of kind "slot" name slots, which are known by their own files; they are left out.
 * Source of the keys: formats of the original hal0.
 */
#ifndef H0_MODEL_UPSTREAM_H
#define H0_MODEL_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/snapshot.h"

enum h0_auth { H0_AUTH_BEARER, H0_AUTH_HEADER, H0_AUTH_NONE };

struct h0_upstream {
	const char *name, *url;     /* as in the file */
	char *host;                 /* without brackets; owned */
	int port;
	bool tls;
	char *base;                 /* path of the URL without a slash at its end; owned */
	enum h0_auth auth;
	const char *key_env;        /* variable that holds the key, "" = none */
	double timeout_s;           /* longest silence */
	bool advertise;             /* its models are listed as ours */
};

struct h0_upstreams {
	struct h0_upstream *v;      /* in the file's order */
	size_t n;
	double list_timeout_s;      /* hal0.toml's dispatcher.prefetch_timeout_s */
	int parallel;               /* and prefetch_parallel_cap */
	struct h0_toml *doc;        /* owned: strings point into it */
};

/* No file: none. H0_CONFIG. Free with h0_upstreams_done, also after a failure. */
int h0_upstreams_load(const struct h0_snap *snap, struct h0_upstreams *ret, struct h0_err *e);
void h0_upstreams_done(struct h0_upstreams *u);
#define h0_autoupstreams h0_auto(h0_upstreams_done)

/* "/v1/models" at a base of "/v1" is "/v1/models", never "/v1/v1/models". The caller owns it. */
char *h0_upstream_path(const struct h0_upstream *u, const char *path);
/* "http://10.0.0.7:8080" + that. The caller owns it. */
char *h0_upstream_url(const struct h0_upstream *u, const char *path);
/* "10.0.0.7:8080", "[::1]:8080"; a scheme's own port is not said. The caller owns it. */
char *h0_upstream_authority(const struct h0_upstream *u);

#endif
