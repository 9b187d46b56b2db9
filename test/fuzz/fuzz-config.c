/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every file that people or other programs write, as they may write it. The first byte of the
 * input says which: s a slot, p profiles.toml, c capabilities.toml, u upstreams.toml, h hal0.toml,
 * l images.lock.json, m manifest.json, j an exported profile. Whatever it holds: it is taken or
 * refused with a reason, an edit that succeeds gives a valid slot, and done again changes nothing.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "model/cap.h"
#include "model/check.h"
#include "model/images.h"
#include "model/plan.h"
#include "model/profileedit.h"
#include "model/profilefile.h"
#include "model/slotedit.h"

static struct h0_snap snap_with(struct h0_snap_file *file, const char *path, const char *text,
                                size_t len)
{
	*file = (struct h0_snap_file){path, text, len};
	return (struct h0_snap){.files = file, .n = 1};
}

static void has_reason(int rc, const struct h0_err *e)
{
	H0_ASSERT(rc == 0 || (e->msg[0] && e->kind != H0_OK && e->kind != H0_BUG));
}

static const char *const edits[][3] = {
	{"port=8090"},
	{"device=gpu-rocm"},
	{"profile=vulkan", "enabled=false"},
	{"model.default=m", "model.context_size=4096"},
	{"server.extra_args=-b 'x y'", "role=utility"},
	{"image=localhost/x:1", "device=cpu"},
	{"type=embedding", "mtp=true"},
};

static void edit(const struct h0_snap *snap, size_t which)
{
	h0_autoedits struct h0_edits l = H0_SLOT_EDITS;
	h0_autochangeset struct h0_changeset cs = {0}, again = {0};
	h0_auto(h0_slot_done) struct h0_slot s = {0};
	struct h0_snap_file file;
	struct h0_err e = {0};
	for (size_t i = 0; i < 3 && edits[which][i]; i++)
		H0_ASSERT(h0_edits_arg(&l, edits[which][i], &e) == 0);
	if (which % 2)
		h0_edits_unset(&l, "idle_timeout_s", &e);
	int rc = h0_slot_edit(snap, "x", &l, NULL, &cs, &e);
	has_reason(rc, &e);
	if (rc < 0 || !cs.n)
		return;
	h0_slot_parse("slots/x.toml", cs.v[0].after, cs.v[0].after_len, &s);
	H0_ASSERT(!s.broken);
	struct h0_snap next = snap_with(&file, "slots/x.toml", cs.v[0].after, cs.v[0].after_len);
	H0_ASSERT(h0_slot_edit(&next, "x", &l, NULL, &again, &e) == 0 && again.n == 0);
}

static void slot(const struct h0_snap *snap)
{
	h0_autoslots struct h0_slots slots = {0};
	h0_autoprofiles struct h0_profiles profiles = {0};
	struct h0_plan plan;
	struct h0_err e = {0};
	h0_slots_load(snap, &slots, &e);
	h0_profiles_load(snap, &profiles, &e);
	H0_ASSERT(slots.n == 1 && slots.v[0].broken == (slots.v[0].found.errors > 0));
	if (!slots.v[0].broken)
		has_reason(h0_plan_slot(&slots.v[0], &profiles, &plan, &e), &e);
	for (size_t i = 0; i < H0_ARRAY_LEN(edits); i++)
		edit(snap, i);
}

static void profiles(const struct h0_snap *snap)
{
	h0_autoprofiles struct h0_profiles p = {0};
	h0_autoedits struct h0_edits l = H0_PROFILE_EDITS;
	h0_autochangeset struct h0_changeset cs = {0};
	struct h0_err e = {0};
	int rc = h0_profiles_load(snap, &p, &e);
	has_reason(rc, &e);
	if (rc < 0 || !p.n)
		return;
	H0_ASSERT(h0_edits_arg(&l, "intent=x", &e) == 0);
	has_reason(h0_profile_clone(snap, p.v[0].name, "fuzz", &l, &cs, &e), &e);
	has_reason(h0_profile_edit(snap, p.v[0].name, &l, &cs, &e), &e);
	has_reason(h0_profile_remove(snap, p.v[0].name, &cs, &e), &e);
	for (int d = 0; d < H0_DEVICE_N; d++)
		for (int t = 0; t < H0_TYPE_N; t++) {
			const struct h0_profile *got =
				h0_profiles_default(&p, (enum h0_device)d, (enum h0_slot_type)t, -1);
			H0_ASSERT(!got || h0_profile_fits(got, (enum h0_device)d));
		}
}

static void images(const struct h0_snap *snap, const char *manifest, size_t len)
{
	h0_autoimages struct h0_images im = {0};
	struct h0_image_choice c;
	struct h0_err e = {0};
	int rc = h0_images_init(snap, manifest, len, NULL, &im, &e);
	has_reason(rc, &e);
	for (size_t i = 0; rc == 0 && i < h0_profile_nseeds; i++) {
		h0_images_choose(&im, NULL, h0_profile_seeds[i].image, &c);
		H0_ASSERT(c.ref && c.ref[0] && c.ref[0] != '-' && c.source);
	}
}

static void import(const char *text, size_t len)
{
	h0_autojson struct h0_json *j = NULL;
	h0_autoedits struct h0_edits l = H0_PROFILE_EDITS;
	char name[H0_NAME_MAX + 1];
	struct h0_err e = {0};
	if (h0_json_parse(text, len, "f", &j, &e) < 0)
		return;
	has_reason(h0_profile_import(j, "f", name, &l, &e), &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[][2] = {
		{"s", "slots/x.toml"},   {"p", "profiles.toml"}, {"c", "capabilities.toml"},
		{"u", "upstreams.toml"}, {"h", "hal0.toml"},     {"l", H0_IMAGES_LOCK},
		{"m", NULL},             {"j", NULL},
	};
	struct h0_snap_file file;
	struct h0_snap snap = {0};
	h0_autofindings struct h0_findings found = {0};
	h0_autoselections struct h0_selections selections = {0};
	struct h0_err e = {0};
	if (!size)
		return 0;
	h0_autofree char *text = h0_strndup((const char *)data + 1, size - 1);
	for (size_t i = 0; i < H0_ARRAY_LEN(paths); i++)
		if (data[0] == paths[i][0][0] && paths[i][1])
			snap = snap_with(&file, paths[i][1], text, size - 1);
	h0_check(&snap, &found);
	has_reason(h0_selections_load(&snap, &(struct h0_slots){0}, &selections, &e), &e);
	if (data[0] == 's')
		slot(&snap);
	else if (data[0] == 'p')
		profiles(&snap);
	else if (data[0] == 'l' || data[0] == 'm')
		images(&snap, data[0] == 'm' ? text : NULL, size - 1);
	else if (data[0] == 'j')
		import(text, size - 1);
	return 0;
}

static const char *const fuzz_words[] = {
	"s", "p", "l", "m", "j", "\n", "\"", "=", "[", "]", "{", "}", ",", ".", "\n[slot]\n",
	"\n[model]\n", "\n[server]\n", "\n[npu]\n", "\n[image]\n", "port = 8081\n", "port = 1\n",
	"device = \"cpu\"\n", "device = \"npu\"\n", "backend = \"rocm\"\n", "type = \"tts\"\n",
	"profile = \"rocm\"\n", "image = \"x\"\n", "ctx_size = 4096\n", "idle_timeout_s = 0\n",
	"\n[profile.x]\n", "cloned_from = \"x\"\n", "\"digest\"", "\"tag\"", "null", "\"a/b:1\"", "-1",
	NULL};

FUZZ_TARGET("config", 50000)
