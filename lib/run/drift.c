/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/drift.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/modelseen.h"

#define WORDS_MAX 4096

static const char *text(const struct h0_json *o, const char *key)
{
	return h0_json_str(h0_json_get(o, key));
}

/* An object of an image has tags, one of a container a name. */
static const struct h0_json *container(const struct h0_json *all, const char *name)
{
	for (size_t i = 0; i < h0_json_len(all); i++) {
		const struct h0_json *o = h0_json_at(all, i);
		if (h0_json_get(o, "State") && h0_streq(text(o, "Name"), name))
			return o;
	}
	return NULL;
}

/* "localhost/x:1" is also "x:1", and without a tag ":latest" is meant. */
static bool names_it(const char *full, const char *ref)
{
	size_t m = full ? strlen(full) : 0;
	const char *slash = strrchr(ref, '/');
	h0_autofree char *tagged = strpbrk(slash ? slash : ref, ":@") ? h0_strdup(ref)
	                                                             : h0_asprintf("%s:latest", ref);
	size_t n = strlen(tagged);
	return m >= n && strcmp(full + m - n, tagged) == 0 && (m == n || full[m - n - 1] == '/');
}

static bool listed(const struct h0_json *list, const char *ref)
{
	for (size_t i = 0; i < h0_json_len(list); i++)
		if (names_it(h0_json_str(h0_json_at(list, i)), ref))
			return true;
	return false;
}

/* The id of the image a reference points to here, NULL = none. */
static const char *image_id(const struct h0_json *all, const char *ref)
{
	for (size_t i = 0; i < h0_json_len(all); i++) {
		const struct h0_json *o = h0_json_at(all, i);
		const char *id = text(o, "Id");
		if (h0_json_get(o, "State") || !id)
			continue;
		if (listed(h0_json_get(o, "RepoTags"), ref) || listed(h0_json_get(o, "RepoDigests"), ref) ||
		    (strlen(ref) >= 12 && h0_starts(id, ref)))
			return id;
	}
	return NULL;
}

static void ctr_of(const struct h0_json *o, const char *slot, struct h0_ctr *ret)
{
	const struct h0_json *state = h0_json_get(o, "State");
	const struct h0_json *labels = h0_json_get(h0_json_get(o, "Config"), "Labels");
	const char *id = text(o, "Id"), *home = text(labels, H0_LABEL_HOME);
	int64_t pid = h0_json_int(h0_json_get(state, "Pid"), 0);
	*ret = (struct h0_ctr){.pid = pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0,
		.ours = h0_streq(text(labels, H0_LABEL_SLOT), slot), .home = h0_strdup(home)};
	snprintf(ret->id, sizeof ret->id, "%s", id ? id : "");
	snprintf(ret->slot, sizeof ret->slot, "%s", slot);
	ret->state = h0_streq(text(state, "Status"), "running") ? H0_CTR_RUNNING : H0_CTR_OTHER;
}

static void words_of(const struct h0_json *o, struct h0_strv *ret)
{
	const struct h0_json *list = h0_json_get(h0_json_get(o, "Config"), "CreateCommand");
	for (size_t i = 0; i < h0_json_len(list) && i < WORDS_MAX; i++) {
		const char *w = h0_json_str(h0_json_at(list, i));
		h0_strv_add(ret, w ? w : "");
	}
}

/* Two paths that lead to the same file are one. */
static bool same_file(const struct h0_argv_diff *d)
{
	char a[PATH_MAX], b[PATH_MAX];
	return d->running && d->wanted && d->running[0] == '/' && d->wanted[0] == '/' &&
	       realpath(d->running, a) && realpath(d->wanted, b) && strcmp(a, b) == 0;
}

static void compare(const struct h0_box *b, const struct h0_json *all, struct h0_drift *d)
{
	h0_autofree char *name = h0_asprintf(H0_CONTAINER_PREFIX "%s", d->slot->name);
	h0_autostrv struct h0_strv words = {0};
	const struct h0_json *o = container(all, name);
	struct h0_ctr c;
	if (!o)
		return;
	ctr_of(o, d->slot->name, &c);
	d->runs = !h0_live_foreign(b, &c) && c.state == H0_CTR_RUNNING && h0_ctr_alive(&c);
	if (d->known)
		d->known = h0_live_check_owner(b, &c, &d->err) == 0;
	free(c.home);
	if (!d->runs || !d->known)
		return;
	words_of(o, &words);
	h0_argv_compare(&d->spec.argv, image_id(all, d->spec.plan.image), words.v, words.n,
	                text(o, "Image"), &d->diffs);
	for (size_t i = d->diffs.n; i-- > 0;)
		if (same_file(&d->diffs.v[i]))
			h0_argv_diffs_drop(&d->diffs, i);
	bool other = false;
	for (size_t i = 0; i < d->diffs.n; i++)
		other = other || h0_streq(d->diffs.v[i].key, "--model");
	if (!other && d->spec.model.path && h0_modelseen_replaced(&d->spec))
		h0_argv_diffs_other(&d->diffs, H0_DIFF_SERVER, "--model", d->spec.model.path, H0_ARGV_SLOT);
}

int h0_drifts(struct h0_box *b, const struct h0_slot *const *slots, size_t n, struct h0_drift *ret,
              struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	h0_autojson struct h0_json *all = NULL;
	memset(ret, 0, n * sizeof *ret);
	if (!n)
		return 0;
	if (h0_box_profiles(b, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct h0_drift *d = &ret[i];
		d->slot = slots[i];
		h0_strv_addf(&names, H0_CONTAINER_PREFIX "%s", slots[i]->name);
		d->err = slots[i]->err;
		d->known = !slots[i]->broken &&
		           h0_spec_make(&b->paths, &b->snap, &b->profiles, &b->podman, slots[i],
		                        H0_ARGV_DETACHED, &d->spec, &d->err) == 0;
		if (d->known && !h0_strv_has(&names, d->spec.plan.image))
			h0_strv_add(&names, d->spec.plan.image);
	}
	if (h0_podman_inspect(&b->podman, &names, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		compare(b, all, &ret[i]);
	return 0;
}

void h0_drifts_done(struct h0_drift *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		h0_argv_diffs_done(&v[i].diffs);
		h0_spec_done(&v[i].spec);
	}
}
