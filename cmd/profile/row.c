/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/row.h"

#include "base/mem.h"
#include "fmt/json.h"
#include "model/profileedit.h"
#include "model/provider.h"

int profile_box_open(struct profile_box *b, struct h0_err *e)
{
	if (h0_paths_init(&b->paths, e) < 0 || h0_snap_open(b->paths.etc, &b->snap, e) < 0 ||
	    h0_images_open(&b->paths, &b->snap, &b->images, e) < 0 ||
	    h0_profiles_load(&b->snap, &b->profiles, e) < 0)
		return -1;
	b->profiles.images = &b->images;
	return h0_slots_load(&b->snap, &b->slots, e);
}

void profile_box_done(struct profile_box *b)
{
	h0_profiles_done(&b->profiles);
	h0_images_done(&b->images);
	h0_slots_done(&b->slots);
	h0_snap_done(&b->snap);
}

static struct h0_json *used_by(const struct profile_box *b, const struct h0_profile *p)
{
	h0_autostrv struct h0_strv names = {0};
	struct h0_json *l = h0_json_array();
	h0_profile_users(&b->profiles, &b->slots, p, &names);
	for (size_t i = 0; i < names.n; i++)
		h0_json_add(l, h0_json_new_str(names.v[i]));
	return l;
}

static struct h0_json *types(const struct h0_profile *p)
{
	struct h0_json *l = h0_json_array();
	for (int t = 0; t < H0_TYPE_N; t++)
		if (h0_profile_types(p) & H0_TYPE_BIT(t))
			h0_json_add(l, h0_json_new_str(h0_type_names[t]));
	return l;
}

static struct h0_json *devices(const struct h0_profile *p)
{
	struct h0_json *l = h0_json_array();
	for (int d = 0; d < H0_DEVICE_N; d++)
		if (h0_profile_fits(p, (enum h0_device)d))
			h0_json_add(l, h0_json_new_str(h0_device_names[d]));
	return l;
}

static const char *set(const char *s)
{
	return s && *s ? s : NULL;
}

void profile_row(struct h0_rec *r, const struct profile_box *b, const struct h0_profile *p)
{
	bool bundle = p->mtp && h0_streq(p->backend, "rocm");
	h0_autofree char *resolved =
		bundle ? h0_asprintf("%s %s", h0_mtp_flags, p->flags) : h0_strdup(p->flags);
	h0_rec_row(r);
	h0_rec_str(r, PROFILE_NAME, p->name);
	h0_rec_str(r, PROFILE_FAMILY, h0_provider_names[h0_profile_family(p)]);
	h0_rec_str(r, PROFILE_CLASS, h0_class_names[p->device_class]);
	h0_rec_str(r, PROFILE_BACKEND, p->backend);
	h0_rec_bool(r, PROFILE_MTP, p->mtp);
	h0_rec_bool(r, PROFILE_SEED, p->seed);
	h0_rec_json(r, PROFILE_USED_BY, used_by(b, p));
	h0_rec_str(r, PROFILE_IMAGE, p->image);
	h0_rec_str(r, PROFILE_FLAGS, p->flags);
	h0_rec_str(r, PROFILE_RESOLVED, resolved);
	h0_rec_json(r, PROFILE_TYPES, types(p));
	h0_rec_json(r, PROFILE_DEVICES, devices(p));
	h0_rec_str(r, PROFILE_CLONED, p->cloned_from);
	h0_rec_str(r, PROFILE_INTENT, set(p->intent));
	h0_rec_str(r, PROFILE_QUANT, set(p->quant));
	if (p->tps > 0)
		h0_rec_real(r, PROFILE_TPS, p->tps);
	if (p->rtf > 0)
		h0_rec_real(r, PROFILE_RTF, p->rtf);
}
