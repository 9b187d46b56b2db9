/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/plan.h"

#include <string.h>

#include "base/str.h"
#include "model/images.h"
#include "model/npu.h"

static int unknown_profile(const struct h0_slot *slot, const struct h0_profiles *profiles,
                           struct h0_err *e)
{
	struct h0_err why = {0};
	const struct h0_profile *none;
	h0_profiles_find(profiles, slot->profile, &none, &why);
	return h0_slot_fail(slot, "profile", e, "%s", why.msg);
}

/* What a slot that names no profile gets. A provider counts where it can serve the slot; older
 * writers put llama-server into every file. */
static int choose_for(const struct h0_slot *slot, const struct h0_profiles *profiles,
                      struct h0_plan *plan, struct h0_err *e)
{
	bool serves = h0_provider_serves(slot->provider, slot->type);
	if (slot->provider_given && !serves && slot->provider != H0_PROVIDER_LLAMA_SERVER)
		return h0_slot_fail(slot, "provider", e, "%s does not serve type %s: set type, or another provider",
		                    h0_provider_names[slot->provider], h0_type_names[slot->type]);
	plan->family = serves ? slot->provider : h0_types[slot->type].provider;
	plan->profile = h0_profiles_default(profiles, slot->device, slot->type, (int)plan->family);
	if (plan->profile || slot->image)
		return 0;
	const struct h0_provider_info *p = &h0_providers[plan->family];
	if (p->image && (p->devices & H0_DEVICE_BIT(slot->device)))
		return 0;
	plan->profile = h0_profiles_default(profiles, slot->device, slot->type, -1);
	if (plan->profile)
		return 0;
	return h0_slot_fail(slot, "profile", e,
	                    "no profile%s fits device %s and type %s: name one, or an image",
	                    profiles->from_file ? " of profiles.toml" : "",
	                    h0_device_names[slot->device], h0_type_names[slot->type]);
}

static int choose_profile(const struct h0_slot *slot, const struct h0_profiles *profiles,
                          struct h0_plan *plan, struct h0_err *e)
{
	plan->profile_given = slot->profile;
	if (!slot->profile)
		return choose_for(slot, profiles, plan, e);
	plan->profile = h0_profiles_get(profiles, slot->profile);
	return plan->profile ? 0 : unknown_profile(slot, profiles, e);
}

/* An image of the slot's own says nothing about the program in it: then the provider does. So it
 * does where no profile was named and none fits. */
static enum h0_provider family_of(const struct h0_plan *plan)
{
	if (!plan->profile || (plan->slot->image && !plan->profile_given))
		return plan->family;
	return h0_profile_family(plan->profile);
}

static void types_text(unsigned types, char *dst, size_t size)
{
	size_t n = 0;
	dst[0] = '\0';
	for (int t = 0; t < H0_TYPE_N && n < size; t++)
		if (types & H0_TYPE_BIT(t))
			n += (size_t)snprintf(dst + n, size - n, "%s%s", n ? ", " : "", h0_type_names[t]);
}

static int check_type(const struct h0_plan *plan, struct h0_err *e)
{
	char types[96];
	const struct h0_slot *s = plan->slot;
	if (h0_provider_serves(plan->family, s->type))
		return 0;
	types_text(h0_providers[plan->family].types, types, sizeof types);
	if (plan->profile)
		return h0_slot_fail(s, "type", e, "%s is not served by profile %s, which does %s",
		                    h0_type_names[s->type], plan->profile->name, types);
	return h0_slot_fail(s, "type", e, "%s is not served by provider %s, which does %s",
	                    h0_type_names[s->type], h0_provider_names[plan->family], types);
}

static void choose_mtp(struct h0_plan *plan)
{
	const struct h0_slot *s = plan->slot;
	const struct h0_profile *p = plan->profile;
	bool asked = s->mtp == H0_TRI_ABSENT ? p && p->mtp : s->mtp == H0_TRI_TRUE;
	bool able = plan->family == H0_PROVIDER_LLAMA_SERVER && s->device == H0_DEVICE_GPU_ROCM && p &&
	            h0_streq(p->backend, "rocm");
	plan->mtp = asked && able;
	if (s->mtp == H0_TRI_FALSE)
		plan->mtp_why = "the slot turns it off";
	else if (!asked)
		plan->mtp_why = "the profile has none";
	else if (!able)
		plan->mtp_why = "only the ROCm back end takes it";
	else
		plan->mtp_why = s->mtp == H0_TRI_TRUE ? "the slot turns it on" : "the profile has it";
}

static void warn_if_incoherent(struct h0_plan *plan)
{
	const struct h0_slot *s = plan->slot;
	const struct h0_profile *p = plan->profile;
	/* llama-server is what older writers put into every file */
	if (s->provider_given && s->provider != plan->family && s->provider != H0_PROVIDER_LLAMA_SERVER)
		snprintf(plan->warning, sizeof plan->warning,
		         "it runs %s, not its provider %s: mend it with hal0 slot set %s provider=%s",
		         h0_provider_names[plan->family], h0_provider_names[s->provider], s->name,
		         h0_provider_names[plan->family]);
	if (!p || h0_profile_fits(p, s->device))
		return;
	snprintf(plan->warning, sizeof plan->warning,
	         "profile %s is not for device %s: mend it with hal0 slot set %s device=%s", p->name,
	         h0_device_names[s->device], s->name, h0_device_names[s->device]);
}

static void choose_image(struct h0_plan *plan, const struct h0_profiles *profiles)
{
	struct h0_image_choice choice;
	h0_images_choose(profiles->images, plan->slot->image,
	                 plan->profile ? plan->profile->image : h0_providers[plan->family].image, &choice);
	plan->image = choice.ref;
	plan->image_source = choice.source;
	plan->image_tag = choice.tag_ref;
}

int h0_plan_slot(const struct h0_slot *slot, const struct h0_profiles *profiles,
                 struct h0_plan *ret, struct h0_err *e)
{
	struct h0_plan plan = {.slot = slot};
	if (choose_profile(slot, profiles, &plan, e) < 0)
		return -1;
	plan.family = family_of(&plan);
	if (check_type(&plan, e) < 0)
		return -1;
	/* flags of a profile that runs another program than the slot's image would be noise */
	if (plan.profile && h0_profile_family(plan.profile) != plan.family)
		plan.profile = NULL;
	choose_image(&plan, profiles);
	plan.flags = plan.profile ? plan.profile->flags : "";
	bool speech = plan.family == H0_PROVIDER_KOKORO || plan.family == H0_PROVIDER_MOONSHINE;
	if (!speech && !h0_slot_is_shadow(slot)) {
		plan.nodes = h0_devices[slot->device].nodes;
		plan.also = h0_devices[slot->device].also;
	}
	plan.cpu_only = plan.family == H0_PROVIDER_LLAMA_SERVER && slot->device == H0_DEVICE_CPU;
	choose_mtp(&plan);
	warn_if_incoherent(&plan);
	*ret = plan;
	return 0;
}
