/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/targets.h"

#include <string.h>

#include "base/mem.h"
#include "model/plan.h"

void profile_targets_done(struct profile_targets *t)
{
	for (size_t i = 0; i < t->n; i++) {
		h0_strv_done(&t->v[i].profiles);
		h0_strv_done(&t->v[i].slots);
	}
	free(t->v);
	*t = (struct profile_targets){0};
}

static struct profile_target *target_of(struct profile_targets *t, const struct h0_image_choice *c)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].image.ref, c->ref) == 0)
			return &t->v[i];
	t->v = h0_grow(t->v, t->n + 1, &t->cap, sizeof *t->v);
	t->v[t->n] = (struct profile_target){.image = *c};
	return &t->v[t->n++];
}

static void add_profiles(const struct profile_box *b, struct profile_targets *t)
{
	for (size_t i = 0; i < b->profiles.n; i++) {
		struct h0_image_choice c;
		h0_images_choose(b->profiles.images, NULL, b->profiles.v[i].image, &c);
		h0_strv_add(&target_of(t, &c)->profiles, b->profiles.v[i].name);
	}
}

static void add_slots(const struct profile_box *b, struct profile_targets *t)
{
	for (size_t i = 0; i < b->slots.n; i++) {
		struct h0_plan plan;
		const struct h0_slot *s = &b->slots.v[i];
		if (s->broken || h0_plan_slot(s, &b->profiles, &plan, NULL) < 0)
			continue;
		const struct h0_image_choice c = {
			.ref = plan.image,
			.tag_ref = plan.image_tag,
			.source = plan.image_source,
			.pinned = strchr(plan.image, '@'),
		};
		h0_strv_add(&target_of(t, &c)->slots, s->name);
	}
}

static bool asked_for(const struct profile_target *t, const char *name)
{
	return strcmp(t->image.ref, name) == 0 || h0_streq(t->image.tag_ref, name) ||
	       h0_strv_has(&t->profiles, name);
}

/* One operand: marks what it means, or adds a reference nobody names yet. */
static int choose(const struct profile_box *b, const char *name, struct profile_targets *t,
                  bool *wanted, struct h0_err *e)
{
	bool found = false;
	for (size_t i = 0; i < t->n; i++) {
		if (asked_for(&t->v[i], name)) {
			wanted[i] = true;
			found = true;
		}
	}
	if (found)
		return 0;
	const struct h0_profile *p = NULL;
	if (strpbrk(name, "/:"))
		return h0_fail(e, H0_USAGE, "no profile or slot has the image %.200s", name);
	return h0_profiles_find(&b->profiles, name, &p, e);
}

static void keep_only(struct profile_targets *t, const bool *wanted)
{
	size_t kept = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (wanted[i]) {
			t->v[kept++] = t->v[i];
		} else {
			h0_strv_done(&t->v[i].profiles);
			h0_strv_done(&t->v[i].slots);
		}
	}
	t->n = kept;
}

int profile_targets(const struct profile_box *b, bool all, char *const *names, int n,
                    struct profile_targets *ret, struct h0_err *e)
{
	profile_autotargets struct profile_targets t = {0};
	add_profiles(b, &t);
	add_slots(b, &t);
	h0_autofree bool *wanted = h0_calloc(t.n, sizeof *wanted);
	for (size_t i = 0; !n && i < t.n; i++)
		wanted[i] = all || t.v[i].slots.n;
	for (int i = 0; i < n; i++)
		if (choose(b, names[i], &t, wanted, e) < 0)
			return -1;
	keep_only(&t, wanted);
	*ret = t;
	t = (struct profile_targets){0};
	return 0;
}
