/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Image references, which image is chosen, the lock file.
 */
#include "tap.h"

#include "base/str.h"
#include "model/images.h"
#include "model/profile.h"
#include "model/provider.h"
#include "snap.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define VULKAN "ghcr.io/hal0ai/amd-strix-halo-toolboxes:vulkan-radv-server"
#define VULKAN_REPO "ghcr.io/hal0ai/amd-strix-halo-toolboxes"

static void ref(const char *text, const char *want)
{
	struct h0_imageref r;
	char got[1024] = "refused";
	if (h0_imageref_parse(text, &r, NULL) == 0)
		snprintf(got, sizeof got, "%s|%s|%s|%.10s", r.host, r.path, r.tag, r.digest);
	is_str(got, want, text);
}

static void test_refs(void)
{
	ref("ghcr.io/a/b:v1", "ghcr.io|a/b|v1|");
	ref("127.0.0.1:5000/a/b", "127.0.0.1:5000|a/b||");
	ref("127.0.0.1:5000/a:v1@sha256:" A64, "127.0.0.1:5000|a|v1|sha256:aaa");
	ref("localhost/x:cpu", "localhost|x|cpu|");
	ref("alpine:3", "docker.io|alpine|3|");
	ref("kyuz0/x", "docker.io|kyuz0/x||");
	ref("", "refused");
	ref("a b", "refused");
	ref("ghcr.io/A/b", "refused");
	ref("ghcr.io/a/../b", "refused");
	ref("ghcr.io/a:", "refused");
	ref("ghcr.io/a@sha256:12", "refused");
	ref("ghcr.io/a@sha256:" A64 "a", "refused");
	ref("--privileged", "refused");
	ref("--add-host=a:1/b", "refused");
	ref("-v.x/b", "refused");
	ref("host:port/a", "refused");
	h0_autofree char *pin = h0_imageref_pin("h:5000/a/b:v1", "sha256:" A64);
	is_str(pin, "h:5000/a/b@sha256:" A64, "the tag goes, the port stays");
	h0_autofree char *again = h0_imageref_pin("h:5000/a/b@sha256:" A64, "sha256:" B64);
	is_str(again, "h:5000/a/b@sha256:" B64, "pinned anew");
	h0_autofree char *bare = h0_imageref_unpin("h/a:v1@sha256:" A64);
	is_str(bare, "h/a:v1", "unpinned");
	ok(!h0_imageref_unpin("h/a@sha256:" A64), "a digest alone cannot be unpinned");
	struct h0_imageref r;
	ok(h0_imageref_parse("localhost/x", &r, NULL) == 0 && h0_imageref_is_local(&r) &&
	       !h0_imageref_is_loopback(&r), "localhost without a port is this machine");
	ok(h0_imageref_parse("localhost:5000/x", &r, NULL) == 0 && !h0_imageref_is_local(&r) &&
	       h0_imageref_is_loopback(&r), "localhost with a port is a registry");
	ok(h0_imageref_parse("127.0.0.1.example.org/x", &r, NULL) == 0 && !h0_imageref_is_loopback(&r),
	   "a name that begins like an address is asked over https");
}

/* "SOURCE REF tag=TAG" */
static void chooses(struct h0_images *im, const char *slot, const char *profile, const char *want)
{
	struct h0_image_choice c;
	char got[1024];
	h0_images_choose(im, slot, profile, &c);
	snprintf(got, sizeof got, "%s %s%s tag=%s", c.source, c.ref, c.pinned ? " pinned" : "",
	         c.tag_ref ? c.tag_ref : "-");
	is_str(got, want, want);
}

static void test_order(void)
{
	static const char manifest[] =
		"{\"_schema\": \"hal0.manifest.v1\", \"_comment\": \"x\", \"toolbox_images\": {"
		"\"_notes\": 1, \"vulkan\": {\"tag\": \"ghcr.io/h/v:1\", \"digest\": \"sha256:" A64 "\"},"
		"\"rocm\": {\"tag\": \"ghcr.io/h/r:1\", \"digest\": \"placeholder\"},"
		"\"flm\": {\"tag\": \"ghcr.io/h/f@sha256:" B64 "\", \"digest\": null}}}";
	static const char lock[] =
		"{\"schema\": 1, \"images\": {\"ghcr.io/h/v:1\": {\"digest\": \"sha256:" B64 "\"}},"
		" \"previous\": null}";
	const char *const env[H0_IMAGE_NSHORTS] = {NULL, "ghcr.io/env/r:2", NULL, NULL, NULL, "ghcr.io/env/m:2"};
	const char *moonshine = h0_providers[H0_PROVIDER_MOONSHINE].image;
	h0_autoimages struct h0_images none = {0}, m = {0}, l = {0}, x = {0};
	struct h0_err e = {0};
	struct h0_snap snap = SNAP({0});
	ok(h0_images_init(&snap, NULL, 0, NULL, &none, &e) == 0, "nothing there");
	chooses(&none, NULL, VULKAN, "profile " VULKAN " tag=" VULKAN);
	chooses(NULL, NULL, VULKAN, "profile " VULKAN " tag=" VULKAN);
	chooses(&none, "h/mine:1", VULKAN, "slot h/mine:1 tag=-");
	ok(h0_images_init(&snap, manifest, strlen(manifest), NULL, &m, &e) == 0, "a manifest");
	chooses(&m, NULL, VULKAN, "manifest ghcr.io/h/v@sha256:" A64 " pinned tag=ghcr.io/h/v:1");
	chooses(&m, NULL, h0_profile_seeds[0].image, "manifest ghcr.io/h/r:1 tag=ghcr.io/h/r:1");
	chooses(&m, NULL, h0_profile_seeds[4].image, "manifest ghcr.io/h/f@sha256:" B64 " pinned tag=-");
	chooses(&m, NULL, "localhost/own:1", "profile localhost/own:1 tag=localhost/own:1");
	ok(h0_images_init(&snap, manifest, strlen(manifest), env, &x, &e) == 0, "and an environment");
	chooses(&x, NULL, h0_profile_seeds[0].image, "environment ghcr.io/env/r:2 tag=-");
	chooses(&x, "h/mine:1", h0_profile_seeds[0].image, "slot h/mine:1 tag=-");
	chooses(&x, NULL, moonshine, "environment ghcr.io/env/m:2 tag=-");
	snap = SNAP({H0_IMAGES_LOCK, lock});
	ok(h0_images_init(&snap, manifest, strlen(manifest), NULL, &l, &e) == 0, "and a lock");
	chooses(&l, NULL, VULKAN, "lock ghcr.io/h/v@sha256:" B64 " pinned tag=ghcr.io/h/v:1");
}

static void test_old_manifest(void)
{
	static const char old[] = "{\"toolboxes\": {\"vulkan\": {\"image\": \"ghcr.io/h/old:1\","
	                          " \"digest\": \"\"}}}";
	h0_autoimages struct h0_images m = {0}, bad = {0};
	struct h0_snap snap = SNAP({0});
	struct h0_err e = {0};
	ok(h0_images_init(&snap, old, strlen(old), NULL, &m, &e) == 0, "the oldest shape");
	chooses(&m, NULL, VULKAN, "manifest ghcr.io/h/old:1 tag=ghcr.io/h/old:1");
	ok(h0_images_init(&snap, "{", 1, NULL, &bad, &e) < 0 && e.kind == H0_CONFIG &&
	       h0_streq(e.file, "manifest.json"), "a broken one is named");
}

static void locked(const char *before, const char *digest, bool back, const char *want,
                   const char *name)
{
	struct h0_snap snap = SNAP({H0_IMAGES_LOCK, before ? before : ""});
	h0_autochangeset struct h0_changeset cs = {0};
	h0_autopins struct h0_image_pins pins = {0};
	struct h0_err e = {0};
	char got[2048];
	if (!before)
		snap.n = 0;
	if (!back)
		h0_image_pins_put(&pins, "h/a:1", digest, "now");
	int rc = back ? h0_images_rollback(&snap, &cs, &e) : h0_images_lock(&snap, &pins, &cs, &e);
	if (rc < 0)
		h0_err_text(&e, got, sizeof got);
	else
		snprintf(got, sizeof got, "%s", cs.n ? cs.v[0].after : "unchanged");
	is_str(got, want, name);
}

#define PIN(digest) "    \"h/a:1\": {\n      \"digest\": \"sha256:" digest "\",\n      \"at\": \"now\"\n    }\n"
#define FIRST "{\n  \"schema\": 1,\n  \"images\": {\n" PIN(A64) "  },\n  \"previous\": {}\n}\n"
#define SECOND "{\n  \"schema\": 1,\n  \"images\": {\n" PIN(B64) "  },\n  \"previous\": {\n" PIN(A64) "  }\n}\n"
#define BACK "{\n  \"schema\": 1,\n  \"images\": {\n" PIN(A64) "  },\n  \"previous\": null\n}\n"

static void test_lock(void)
{
	locked(NULL, "sha256:" A64, false, FIRST, "the first lock");
	locked(FIRST, "sha256:" A64, false, "unchanged", "the same again");
	locked(FIRST, "sha256:" B64, false, SECOND, "a new digest keeps the previous lock");
	locked(SECOND, NULL, true, BACK, "rollback");
	locked(BACK, NULL, true, "unchanged", "nothing more to go back to");
	locked(NULL, NULL, true, "unchanged", "nothing at all");
	locked("{\"schema\": 2}", "sha256:" A64, false,
	       "images.lock.json: schema: 1 is the version this program knows", "a newer lock");
	locked("{\"schema\": 1, \"images\": {\"h/a:1\": {\"digest\": \"sha256:12\"}}}", "sha256:" A64, false,
	       "images.lock.json: h/a:1: digest: sha256: and 64 hex digits expected", "a bad digest");
}

int main(void)
{
	test_refs();
	test_order();
	test_old_manifest();
	test_lock();
	return tap_done();
}
