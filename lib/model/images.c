/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/images.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "model/profile.h"
#include "model/provider.h"

#define MANIFEST "manifest.json"

const char *const h0_image_shorts[] = {"vulkan", "rocm", "flm", "kokoro", "comfyui", "moonshine", NULL};

/* The built-in profile whose image a short name stands for; moonshine has none, its provider has. */
static const char *const seed_of_short[H0_IMAGE_NSHORTS] = {"vulkan", "rocm", "flm", "tts", "comfyui"};

/* ---- pins ---- */

void h0_image_pins_done(struct h0_image_pins *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].ref);
		free(p->v[i].at);
	}
	free(p->v);
	*p = (struct h0_image_pins){0};
}

/* NULL when not locked. */
static const struct h0_image_pin *pins_get(const struct h0_image_pins *p, const char *ref)
{
	for (size_t i = 0; ref && i < p->n; i++)
		if (strcmp(p->v[i].ref, ref) == 0)
			return &p->v[i];
	return NULL;
}

static int by_ref(const void *a, const void *b)
{
	return strcmp(((const struct h0_image_pin *)a)->ref, ((const struct h0_image_pin *)b)->ref);
}

void h0_image_pins_put(struct h0_image_pins *p, const char *ref, const char *digest, const char *at)
{
	struct h0_image_pin *there = NULL;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].ref, ref) == 0)
			there = &p->v[i];
	if (!there) {
		p->v = h0_grow(p->v, p->n + 1, &p->cap, sizeof *p->v);
		there = &p->v[p->n++];
		*there = (struct h0_image_pin){.ref = h0_strdup(ref)};
	}
	snprintf(there->digest, sizeof there->digest, "%s", digest);
	free(there->at);
	there->at = h0_strdup(at ? at : "");
	qsort(p->v, p->n, sizeof *p->v, by_ref);
}

/* ---- the lock file ---- */

static int bad_lock(const char *key, const char *message, struct h0_err *e)
{
	return h0_fail_at(e, H0_IMAGES_LOCK, 0, 0, key, "%s", message);
}

static int read_pins(const struct h0_json *j, struct h0_image_pins *ret, struct h0_err *e)
{
	const char *ref;
	const struct h0_json *val;
	if (j && h0_json_type(j) != H0_JSON_OBJECT && h0_json_type(j) != H0_JSON_NULL)
		return bad_lock("images", "object expected", e);
	for (void *it = NULL; (it = h0_json_next(j, it, &ref, &val));) {
		const char *digest = h0_json_str(h0_json_get(val, "digest"));
		if (!h0_digest_ok(digest))
			return bad_lock(ref, "digest: sha256: and 64 hex digits expected", e);
		h0_image_pins_put(ret, ref, digest, h0_json_str(h0_json_get(val, "at")));
	}
	return 0;
}

static int read_lock(const struct h0_snap *snap, struct h0_image_pins *lock,
                     struct h0_image_pins *previous, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(snap, H0_IMAGES_LOCK);
	h0_autojson struct h0_json *j = NULL;
	if (!f)
		return 0;
	if (h0_json_parse(f->text, f->len, f->path, &j, e) < 0)
		return -1;
	int64_t schema = h0_json_int(h0_json_get(j, "schema"), 0);
	if (schema != 1)
		return bad_lock("schema", "1 is the version this program knows", e);
	if (read_pins(h0_json_get(j, "images"), lock, e) < 0)
		return -1;
	return read_pins(h0_json_get(j, "previous"), previous, e);
}

static struct h0_json *pins_json(const struct h0_image_pins *p)
{
	struct h0_json *o = h0_json_object();
	for (size_t i = 0; i < p->n; i++) {
		struct h0_json *pin = h0_json_object();
		h0_json_set_str(pin, "digest", p->v[i].digest);
		h0_json_set_str(pin, "at", p->v[i].at);
		h0_json_set(o, p->v[i].ref, pin);
	}
	return o;
}

static void write_lock(const struct h0_snap *snap, const struct h0_image_pins *lock,
                       const struct h0_image_pins *previous, struct h0_changeset *cs)
{
	const struct h0_snap_file *f = h0_snap_get(snap, H0_IMAGES_LOCK);
	h0_autojson struct h0_json *j = h0_json_object();
	h0_autobuf struct h0_buf text = {0};
	h0_json_set_int(j, "schema", 1);
	h0_json_set(j, "images", pins_json(lock));
	h0_json_set(j, "previous", previous ? pins_json(previous) : h0_json_new_null());
	h0_json_dump(j, 2, false, &text);
	h0_buf_addc(&text, '\n');
	h0_changeset_add(cs, H0_IMAGES_LOCK, f ? f->text : NULL, f ? f->len : 0, h0_buf_str(&text),
	                 text.len);
}

int h0_images_lock(const struct h0_snap *snap, const struct h0_image_pins *pins,
                   struct h0_changeset *cs, struct h0_err *e)
{
	h0_autopins struct h0_image_pins lock = {0}, previous = {0}, was = {0}, ignored = {0};
	if (read_lock(snap, &lock, &previous, e) < 0 || read_lock(snap, &was, &ignored, e) < 0)
		return -1;
	bool changed = false;
	for (size_t i = 0; i < pins->n; i++) {
		const struct h0_image_pin *there = pins_get(&lock, pins->v[i].ref);
		if (there && strcmp(there->digest, pins->v[i].digest) == 0)
			continue;
		changed = true;
		h0_image_pins_put(&lock, pins->v[i].ref, pins->v[i].digest, pins->v[i].at);
	}
	if (changed)
		write_lock(snap, &lock, &was, cs);
	return 0;
}

int h0_images_rollback(const struct h0_snap *snap, struct h0_changeset *cs, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(snap, H0_IMAGES_LOCK);
	h0_autopins struct h0_image_pins lock = {0}, previous = {0};
	h0_autojson struct h0_json *j = NULL;
	if (!f || h0_json_parse(f->text, f->len, f->path, &j, NULL) < 0)
		return f ? read_lock(snap, &lock, &previous, e) : 0;
	if (read_lock(snap, &lock, &previous, e) < 0)
		return -1;
	if (h0_json_type(h0_json_get(j, "previous")) == H0_JSON_OBJECT)
		write_lock(snap, &previous, NULL, cs);
	return 0;
}

/* ---- manifest.json ---- */

/* {tag, digest} or {image, digest}. An entry that cannot be used is as good as none. */
static void read_entry(const struct h0_json *entry, char **ret_ref, char **ret_tag)
{
	const char *ref = h0_json_str(h0_json_get(entry, "tag"));
	const char *digest = h0_json_str(h0_json_get(entry, "digest"));
	struct h0_imageref r;
	if (!ref)
		ref = h0_json_str(h0_json_get(entry, "image"));
	if (!ref || h0_imageref_parse(ref, &r, NULL) < 0)
		return;
	bool pin = !r.digest[0] && h0_digest_ok(digest);
	*ret_ref = pin ? h0_imageref_pin(ref, digest) : h0_strdup(ref);
	*ret_tag = h0_imageref_unpin(ref);
}

static int read_manifest(const char *text, size_t len, struct h0_images *im, struct h0_err *e)
{
	/* the newest shape first; the oldest had `toolboxes` alone */
	static const char *const shapes[] = {"toolbox_images", "toolboxes"};
	h0_autojson struct h0_json *j = NULL;
	if (!text)
		return 0;
	if (h0_json_parse(text, len, MANIFEST, &j, e) < 0)
		return -1;
	for (int s = 0; s < H0_IMAGE_NSHORTS; s++)
		for (size_t i = 0; i < H0_ARRAY_LEN(shapes) && !im->manifest[s]; i++)
			read_entry(h0_json_get(h0_json_get(j, shapes[i]), h0_image_shorts[s]),
			           &im->manifest[s], &im->manifest_tag[s]);
	return 0;
}

int h0_images_init(const struct h0_snap *snap, const char *manifest, size_t len,
                   const char *const env[H0_IMAGE_NSHORTS], struct h0_images *ret, struct h0_err *e)
{
	h0_autoimages struct h0_images im = {0};
	for (int s = 0; s < H0_IMAGE_NSHORTS; s++)
		im.env[s] = env ? env[s] : NULL;
	if (read_lock(snap, &im.lock, &im.previous, e) < 0 || read_manifest(manifest, len, &im, e) < 0)
		return -1;
	*ret = im;
	im = (struct h0_images){0};
	return 0;
}

void h0_images_done(struct h0_images *im)
{
	for (int s = 0; s < H0_IMAGE_NSHORTS; s++) {
		free(im->manifest[s]);
		free(im->manifest_tag[s]);
	}
	h0_image_pins_done(&im->lock);
	h0_image_pins_done(&im->previous);
	h0_strv_done(&im->made);
	*im = (struct h0_images){0};
}

/* ---- the choice ---- */

/* -1: not an image hal0 has a short name for. */
static int short_of(const char *image)
{
	for (int p = 0; p < H0_PROVIDER_N; p++)
		if (h0_streq(h0_providers[p].image, image))
			return h0_word_index(h0_image_shorts, h0_providers[p].image_short);
	for (int s = 0; s < H0_IMAGE_NSHORTS; s++)
		for (size_t i = 0; seed_of_short[s] && i < h0_profile_nseeds; i++)
			if (strcmp(h0_profile_seeds[i].name, seed_of_short[s]) == 0 &&
			    strcmp(h0_profile_seeds[i].image, image) == 0)
				return s;
	return -1;
}

static const char *keep(struct h0_images *im, char *owned)
{
	h0_strv_add(&im->made, owned);
	free(owned);
	return im->made.v[im->made.n - 1];
}

/* What the lock says about a reference by tag. */
static void choose_locked(struct h0_images *im, struct h0_image_choice *c)
{
	const struct h0_image_pin *pin = pins_get(&im->lock, c->tag_ref);
	if (!pin)
		return;
	c->ref = keep(im, h0_imageref_pin(c->tag_ref, pin->digest));
	c->source = "lock";
}

void h0_images_choose(struct h0_images *im, const char *slot_image, const char *profile_image,
                      struct h0_image_choice *ret)
{
	struct h0_image_choice c = {.ref = slot_image, .source = "slot"};
	int s = profile_image && im ? short_of(profile_image) : -1;
	bool listed = s >= 0 && im->manifest[s];
	if (slot_image) {
		/* as it stands */
	} else if (s >= 0 && im->env[s] && im->env[s][0]) {
		c = (struct h0_image_choice){.ref = im->env[s], .source = "environment"};
	} else {
		c.ref = listed ? im->manifest[s] : profile_image;
		c.source = listed ? "manifest" : "profile";
		c.tag_ref = listed ? im->manifest_tag[s] : strchr(c.ref, '@') ? NULL : c.ref;
		if (im)
			choose_locked(im, &c);
	}
	c.pinned = strchr(c.ref, '@');
	*ret = c;
}
