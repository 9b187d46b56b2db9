/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * References to container images: HOST[:PORT]/PATH[:TAG][@DIGEST].
 */
#ifndef H0_MODEL_IMAGEREF_H
#define H0_MODEL_IMAGEREF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sha256.h"

struct h0_imageref {
	char host[256];                 /* with its port; docker.io where the text names none */
	char path[512];
	char tag[129];                  /* "" = none; what is meant then is latest */
	char digest[H0_SHA256_TEXT];    /* "sha256:..." or "" */
};

/* H0_CONFIG when the text is no reference: blanks, upper-case in the path, a bad digest. */
int h0_imageref_parse(const char *text, struct h0_imageref *ret, struct h0_err *e);
/* "sha256:" and 64 lower-case hex digits. */
bool h0_digest_ok(const char *digest);
/* The same image by digest: what stands behind the last slash loses its tag. Owned by the caller;
 * NULL when it is no reference. */
char *h0_imageref_pin(const char *text, const char *digest);
/* Without its digest; NULL when nothing but the digest tells which (no tag). */
char *h0_imageref_unpin(const char *text);
/* Made on this machine: there is no registry to ask. */
bool h0_imageref_is_local(const struct h0_imageref *r);
/* A registry on this machine's loopback address: spoken to without TLS. */
bool h0_imageref_is_loopback(const struct h0_imageref *r);

#endif
