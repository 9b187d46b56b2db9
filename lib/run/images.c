/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/images.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "conf/names.h"
#include "fmt/json.h"
#include "sys/io.h"

#define MANIFEST_MAX (4u << 20)
#define PULL_MAX_MS  (6 * 3600 * 1000)

/* HAL0_TOOLBOX_IMAGE_<SHORT>; NULL or "": not set. */
static int from_environment(const char *name, const char **ret, struct h0_err *e)
{
	char var[64];
	int n = snprintf(var, sizeof var, "HAL0_TOOLBOX_IMAGE_%s", name);
	for (int i = 0; i < n; i++)
		var[i] = (char)toupper((unsigned char)var[i]);
	*ret = getenv(var);
	return !*ret || !**ret || h0_image_name_ok(*ret) ? 0
	           : h0_fail(e, H0_USAGE, "%s: an image reference is expected, not '%s'", var, *ret);
}

int h0_images_open(const struct h0_paths *paths, const struct h0_snap *snap, struct h0_images *ret,
                   struct h0_err *e)
{
	const char *env[H0_IMAGE_NSHORTS];
	h0_autofree char *file = h0_asprintf("%s/manifest.json", paths->etc);
	h0_autobuf struct h0_buf text = {0};
	struct h0_err why = {0};
	for (int s = 0; s < H0_IMAGE_NSHORTS; s++)
		if (from_environment(h0_image_shorts[s], &env[s], e) < 0)
			return -1;
	bool there = h0_read_file(file, MANIFEST_MAX, &text, &why) == 0;
	if (!there && why.sys_errno != ENOENT && why.sys_errno != ENOTDIR) {
		if (e)
			*e = why;
		return -1;
	}
	return h0_images_init(snap, there ? h0_buf_str(&text) : NULL, text.len, env, ret, e);
}

/* ---- podman's storage ---- */

int h0_local_images(const struct h0_podman *p, struct h0_local_images *ret, struct h0_err *e)
{
	const char *const argv[] = {p->program, "images", "--format", "json", NULL};
	h0_autospawned struct h0_spawned r = {0};
	struct h0_json *list = NULL;
	if (h0_podman_ask(p, "podman images", argv, &r, e) < 0)
		return -1;
	if (r.exit_code)
		return h0_podman_explain("podman images", r.exit_code, h0_buf_str(&r.err), NULL, e);
	if (r.truncated || h0_json_parse(h0_buf_str(&r.out), r.out.len, "", &list, NULL) < 0)
		return h0_fail(e, H0_EXTERN, "podman images answered with something that is not JSON");
	ret->list = list;
	return 0;
}

void h0_local_images_done(struct h0_local_images *l)
{
	h0_json_free(l->list);
	l->list = NULL;
}

static bool has_word(const struct h0_json *list, const char *word)
{
	for (size_t i = 0; i < h0_json_len(list); i++)
		if (h0_streq(h0_json_str(h0_json_at(list, i)), word))
			return true;
	return false;
}

/* As podman writes names: with the host, and with a tag. */
static char *full_name(const struct h0_imageref *r)
{
	bool plain = h0_streq(r->host, "docker.io") && !strchr(r->path, '/');
	return h0_asprintf("%s/%s%s:%s", r->host, plain ? "library/" : "", r->path,
	                   r->tag[0] ? r->tag : "latest");
}

/* A name that moved on leaves an image without names behind; its digest still finds it. */
static bool is_image(const struct h0_json *image, const struct h0_imageref *want)
{
	const struct h0_json *digests = h0_json_get(image, "RepoDigests");
	h0_autofree char *by_digest = h0_asprintf("%s/%s@%s", want->host, want->path, want->digest);
	h0_autofree char *by_tag = full_name(want);
	if (!want->digest[0])
		return has_word(h0_json_get(image, "Names"), by_tag);
	return has_word(digests, by_digest) ||
	       (!h0_json_len(digests) &&
	        h0_streq(h0_json_str(h0_json_get(image, "Digest")), want->digest));
}

static const struct h0_json *find_image(const struct h0_local_images *l,
                                        const struct h0_imageref *want)
{
	for (size_t i = 0; i < h0_json_len(l->list); i++)
		if (is_image(h0_json_at(l->list, i), want))
			return h0_json_at(l->list, i);
	return NULL;
}

bool h0_local_has(const struct h0_local_images *l, const char *ref)
{
	struct h0_imageref want;
	return h0_imageref_parse(ref, &want, NULL) == 0 && find_image(l, &want);
}

/* The digest of "HOST/PATH@DIGEST" when HOST/PATH is that of `want`. */
static const char *digest_for(const char *repo_digest, const struct h0_imageref *want)
{
	struct h0_imageref r;
	if (!repo_digest || h0_imageref_parse(repo_digest, &r, NULL) < 0)
		return NULL;
	bool same = h0_streq(r.host, want->host) && h0_streq(r.path, want->path);
	return same && r.digest[0] ? strchr(repo_digest, '@') + 1 : NULL;
}

void h0_local_digests(const struct h0_local_images *l, const char *ref, struct h0_strv *ret)
{
	struct h0_imageref want;
	if (h0_imageref_parse(ref, &want, NULL) < 0)
		return;
	const struct h0_json *image = find_image(l, &want);
	const struct h0_json *all = h0_json_get(image, "RepoDigests");
	const char *own = h0_json_str(h0_json_get(image, "Digest"));
	if (image && want.digest[0])
		h0_strv_add(ret, want.digest);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < h0_json_len(all); i++) {
			const char *digest = digest_for(h0_json_str(h0_json_at(all, i)), &want);
			if (digest && h0_streq(digest, own) == (pass == 0) && !h0_strv_has(ret, digest))
				h0_strv_add(ret, digest);
		}
	}
}

/* ---- pull ---- */

struct lines {
	void (*tell)(const char *line, void *arg);
	void *arg;
	struct h0_buf part;
};

static void on_error(const char *p, size_t n, void *arg)
{
	struct lines *l = arg;
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n' && p[i] != '\r') {
			if (l->part.len < 512)
				h0_buf_addc(&l->part, p[i]);
			continue;
		}
		if (l->part.len)
			l->tell(h0_buf_str(&l->part), l->arg);
		h0_buf_reset(&l->part);
	}
}

void h0_image_pull_argv(const struct h0_podman *p, const char *ref, struct h0_strv *ret)
{
	struct h0_imageref r;
	bool plain = h0_imageref_parse(ref, &r, NULL) == 0 && h0_imageref_is_loopback(&r);
	h0_strv_add(ret, p->program);
	h0_strv_add(ret, "pull");
	if (plain)
		h0_strv_add(ret, "--tls-verify=false");
	h0_strv_add(ret, ref);
}

/* Did what we asked for come? podman checks each layer, and has been seen to succeed with
 * nothing when it is told to stop. */
static int verify(const struct h0_podman *p, const struct h0_imageref *want, const char *ref,
                  struct h0_err *e)
{
	h0_autolocal struct h0_local_images local = {0};
	h0_autostrv struct h0_strv digests = {0};
	if (h0_local_images(p, &local, e) < 0)
		return -1;
	h0_local_digests(&local, ref, &digests);
	if (!h0_local_has(&local, ref))
		return h0_fail(e, H0_EXTERN, "podman pull %s said that all is well, but it is not here", ref);
	if (want->digest[0] && !h0_strv_has(&digests, want->digest))
		return h0_fail(e, H0_EXTERN, "what podman pulled as %s has another digest", ref);
	return 0;
}

static int explain(const char *ref, const struct h0_imageref *r, int exit_code, const char *text,
                   struct h0_err *e)
{
	if (strstr(text, "manifest unknown") || strstr(text, "name unknown") ||
	    strstr(text, "not found")) {
		h0_fail(e, H0_EXTERN, "the registry %s has no image %s", r->host, ref);
		return h0_err_code(e, "image.not_found");
	}
	if (strstr(text, "connection refused") || strstr(text, "no such host") ||
	    strstr(text, "i/o timeout"))
		return h0_fail(e, H0_EXTERN, "the registry %s cannot be reached: is the network there?",
		               r->host);
	return h0_podman_explain("podman pull", exit_code, text, NULL, e);
}

int h0_image_pull(const struct h0_podman *p, const struct h0_pull *pull, struct h0_err *e)
{
	h0_autostrv struct h0_strv argv = {0};
	h0_autospawned struct h0_spawned r = {0};
	h0_autofree char *tmp = pull->tmp ? h0_asprintf("TMPDIR=%s", pull->tmp) : NULL;
	const char *const env[] = {tmp, NULL};
	struct lines lines = {.tell = pull->tell, .arg = pull->tell_arg};
	struct h0_imageref want;
	if (h0_imageref_parse(pull->ref, &want, e) < 0)
		return -1;
	if (h0_imageref_is_local(&want))
		return h0_fail(e, H0_USAGE, "%s was made on this machine: there is no registry to pull from",
		               pull->ref);
	h0_image_pull_argv(p, pull->ref, &argv);
	const struct h0_spawn s = {
		.argv = (const char *const *)argv.v,
		.env = env,
		.timeout_ms = PULL_MAX_MS,
		.own_group = true,
		.on_error = pull->tell ? on_error : NULL,
		.on_error_arg = &lines,
		.stop = pull->stop,
		.stop_signal = SIGTERM,
	};
	int rc = h0_podman_call(p, "podman pull", &s, &r, e);
	h0_buf_done(&lines.part);
	if (pull->stop && *pull->stop) {
		h0_fail(e, H0_EXTERN, "interrupted: %s is not pulled", pull->ref);
		if (e)
			e->sys_errno = EINTR;
		return -1;
	}
	if (rc < 0)
		return -1;
	if (r.exit_code)
		return explain(pull->ref, &want, r.exit_code, h0_buf_str(&r.err), e);
	return verify(p, &want, pull->ref, e);
}
