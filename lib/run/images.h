/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Images and pins as they are on this machine: what model/images.h decides from, podman's local
 * storage, registries.
 */
#ifndef H0_RUN_IMAGES_H
#define H0_RUN_IMAGES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/paths.h"
#include "conf/snapshot.h"
#include "model/images.h"
#include "run/http.h"
#include "run/podman.h"

/* manifest.json, the lock and the environment. H0_CONFIG, H0_SYS. Free with h0_images_done. */
int h0_images_open(const struct h0_paths *paths, const struct h0_snap *snap, struct h0_images *ret,
                   struct h0_err *e);

/* What podman has, in one call. */
struct h0_local_images {
	struct h0_json *list;
};
int h0_local_images(const struct h0_podman *p, struct h0_local_images *ret, struct h0_err *e);
void h0_local_images_done(struct h0_local_images *l);
#define h0_autolocal h0_auto(h0_local_images_done)
/* Digests of the image that `ref` means locally, its own first; none when it is not there. */
void h0_local_digests(const struct h0_local_images *l, const char *ref, struct h0_strv *ret);
/* An image may be there and have no digest of that repository: made here, never pulled. */
bool h0_local_has(const struct h0_local_images *l, const char *ref);

/* What a tag is now in its registry: the digest of the manifest it answers with. The answer is
 * hashed, not believed. Anonymous; H0_EXTERN when unreachable, refused, or there is no such tag
 * (then the code is image.not_found); H0_USAGE for an image that was made on this machine. */
int h0_image_remote(struct h0_http_client *c, const char *ref, char digest[H0_SHA256_TEXT],
                    struct h0_err *e);
struct h0_pull {
	const char *ref;
	const char *tmp;            /* an existing directory for what is half done; NULL: podman's */
	void (*tell)(const char *line, void *arg); /* each line podman says on the way; may be NULL */
	void *tell_arg;
	const atomic_int *stop;     /* non-zero: give up; H0_EXTERN with sys_errno EINTR */
};
/* podman pull. What came is looked at afterwards: that it is there, and by its digest if one was
 * asked for. H0_EXTERN (no such image: image.not_found); H0_NOHW without podman; H0_USAGE for an
 * image made on this machine. */
int h0_image_pull(const struct h0_podman *p, const struct h0_pull *pull, struct h0_err *e);
/* The words of that podman command. */
void h0_image_pull_argv(const struct h0_podman *p, const char *ref, struct h0_strv *ret);

#endif
