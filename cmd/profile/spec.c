/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
#define FULL_COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, 0},
const struct h0_col profile_cols[] = {PROFILE_COLS(COL){0}};
const struct h0_col profile_show_cols[] = {PROFILE_COLS(FULL_COL){0}};

const struct h0_col profile_change_cols[] = {PROFILE_CHANGE_COLS(COL){0}};
const struct h0_col profile_image_cols[] = {PROFILE_IMAGE_COLS(COL, H0_COL_EXTRA){0}};
const struct h0_col profile_image_check_cols[] = {PROFILE_IMAGE_COLS(COL, 0){0}};

#define AT(type, field) offsetof(struct type, field)

static const struct h0_opt set_opts[] = {
	{0, "unset", H0_OPT_LIST, AT(profile_set_opts, unset), "KEY",
	 "remove a key, so that its default holds"},
	{0},
};

static const struct h0_opt images_opts[] = {
	{0, "check", H0_OPT_FLAG, AT(profile_images_opts, check), NULL,
	 "ask the registries too; exit 1 when one has something else"},
	{0, "used", H0_OPT_FLAG, AT(profile_images_opts, used), NULL, "only those that slots run"},
	{0},
};

static const struct h0_opt pull_opts[] = {
	{0, "all", H0_OPT_FLAG, AT(profile_pull_opts, all), NULL,
	 "every image of the catalog, not only what slots run"},
	{0, "again", H0_OPT_FLAG, AT(profile_pull_opts, again), NULL,
	 "also what is here, if it goes by a tag: it may have moved"},
	{0},
};

static const struct h0_opt lock_opts[] = {
	{0, "all", H0_OPT_FLAG, AT(profile_lock_opts, all), NULL,
	 "every image of the catalog, not only what slots run"},
	{0, "update", H0_OPT_FLAG, AT(profile_lock_opts, update), NULL,
	 "lock to what the registries have now, not to what is here"},
	{0},
};

static const struct h0_opt upgrade_opts[] = {
	{0, "timeout", H0_OPT_DURATION, AT(profile_upgrade_opts, timeout_s), "TIME",
	 "give up after so long without progress (default: 5m)"},
	{0, "no-restart", H0_OPT_FLAG, AT(profile_upgrade_opts, no_restart), NULL,
	 "leave running slots with the old image until they are restarted"},
	{0},
};

static const struct h0_example upgrade_examples[] = {
	{"hal0 profile upgrade", "Every image the slots run, where its tag has moved"},
	{"hal0 profile upgrade vulkan --no-restart", "One, and the slots follow when restarted"},
	{0},
};

static const char upgrade_text[] =
	"For each image whose tag stands for something else in its registry now: the new one is pulled "
	"by its digest, a slot that runs it is tried with it on a free port beside the slot itself, and "
	"asked a question. If it comes up and answers, and knows what the old one knows, the lock is "
	"moved on and the slots that run are restarted, one after the other. Otherwise everything stays "
	"as it was, and why is said. The trial needs memory for the model a second time.";

static const struct h0_example images_examples[] = {
	{"hal0 profile images", "What runs, why that, and whether it is here"},
	{"hal0 profile images --check --used", "Whether the registries have moved on"},
	{0},
};

static const struct h0_example pull_examples[] = {
	{"hal0 profile pull", "What the slots need and is not here"},
	{"hal0 profile pull vulkan --again", "The newest behind the tag of one profile"},
	{0},
};

static const struct h0_example lock_examples[] = {
	{"hal0 profile lock", "From now on the slots run exactly what is here"},
	{"hal0 profile lock --update && hal0 profile pull", "Move on to the newest, on purpose"},
	{0},
};

static const struct h0_example rollback_examples[] = {
	{"hal0 profile rollback && hal0 slot restart primary", "Back to what ran before"},
	{0},
};

static const char images_text[] =
	"Which image runs is decided in this order: the slot's own *image*; the environment variable "
	"*HAL0_TOOLBOX_IMAGE_*SHORT, where SHORT is VULKAN, ROCM, FLM, KOKORO or COMFYUI; the digest in "
	"*images.lock.json*; the entry of that short name in *manifest.json*; the profile's *image*. The "
	"environment and the manifest speak for profiles that have the built-in image.\n\n"
	"With *--check* each registry is asked what its tag is now: *same*; *moved* to something else "
	"than what is pinned or here; *gone*; *unreachable*, which is not counted against it.";

static const char pull_text[] =
	"Slots never pull: they run what is here. This brings what they need, by digest where one is "
	"known, and verifies it. A tag is taken with a warning. Registries on the loopback address are "
	"spoken to without TLS. An interrupted pull leaves nothing behind and is simply done again.";

static const char lock_text[] =
	"Writes down the digest behind each tag in *images.lock.json*, so that an image cannot change "
	"underneath a slot: the digest of what is on this machine, or of what the registry has when it "
	"is not here. The lock as it was is kept for *rollback*.";

static const char rollback_text[] =
	"Makes the previous lock the lock again. Done twice it changes nothing more; *hal0 conf undo* "
	"takes it back. Running slots go on with what they have until they are restarted.";

static const struct h0_opt import_opts[] = {
	{0, "name", H0_OPT_STR, AT(profile_import_opts, name), "NAME",
	 "call it so here (default: as the file says)"},
	{0},
};

static const struct h0_example clone_examples[] = {
	{"hal0 profile clone vulkan mine", "A copy to change"},
	{"hal0 profile clone vulkan mine flags='-fa on --threads 16'", "Changed at once"},
	{0},
};

static const struct h0_example set_examples[] = {
	{"hal0 profile set mine image=localhost/llama:test", "Another image"},
	{"hal0 profile set mine --unset mtp", "Back to the default"},
	{0},
};

static const struct h0_example delete_examples[] = {
	{"hal0 profile delete mine --yes", "Without being asked"},
	{0},
};

static const struct h0_example export_examples[] = {
	{"hal0 profile export mine > mine.hal0profile.json", "A file to carry to another box"},
	{0},
};

static const struct h0_example import_examples[] = {
	{"hal0 profile import mine.hal0profile.json --dry-run", "What it would change"},
	{"hal0 profile import - --name theirs < mine.hal0profile.json", "From standard input"},
	{0},
};

static const char clone_text[] =
	"Makes a profile from another one, with the given keys changed. The first one made also writes "
	"the built-in profiles into profiles.toml, because that file is the whole catalog once it is "
	"there. Done already, it changes nothing.";

static const char set_text[] =
	"Changes keys of a profile in place: comments and order stay. Built-in profiles stay as they "
	"are: clone one and change the clone. What would leave a slot without a profile that fits its "
	"device and type is refused, and the slots are named (exit 4). Running slots are not touched.";

static const char export_text[] =
	"Prints the profile as JSON, with a checksum over its settings.";

static const char import_text[] =
	"Reads what *export* printed. A file whose checksum does not fit its settings, or of a newer "
	"kind than this program knows, is refused (exit 3). A profile that is there and differs is a "
	"conflict (exit 4): give another *--name*.";

static const struct h0_example list_examples[] = {
	{"hal0 profile list", "What there is, and which slots use it"},
	{"hal0 profile list --format '{name}\\t{image}'", "Names and images for a script"},
	{0},
};

static const struct h0_example show_examples[] = {
	{"hal0 profile show vulkan", "Image, flags, devices and slot types of one profile"},
	{0},
};

static const struct h0_verb verbs[] = {
	{"list", "", 0, 0, "list profiles and the slots that use them",
	 "Says on standard error which catalog applies: the built-in seeds, or profiles.toml, which "
	 "replaces them completely.",
	 NULL, 0, profile_cols, .aliases = "ls", .examples = list_examples, .flags = H0_VERB_DEFAULT},
	{"show", "PROFILE", 1, 1, "show one profile: image, flags, what it fits", NULL, NULL, 0,
	 profile_show_cols, .comp = H0_COMP_PROFILE, .examples = show_examples},
	{"clone", "PROFILE NAME [KEY=VALUE...]", 2, -1, "make a profile from another one", clone_text,
	 NULL, 0, profile_change_cols, .comp = H0_COMP_PROFILE, .examples = clone_examples,
	 .flags = H0_VERB_WRITES},
	{"set", "PROFILE [KEY=VALUE...]", 1, -1, "change keys of a profile", set_text, set_opts,
	 sizeof(struct profile_set_opts), profile_change_cols, .comp = H0_COMP_PROFILE,
	 .aliases = "edit", .examples = set_examples, .flags = H0_VERB_WRITES},
	{"delete", "PROFILE", 1, 1, "remove a profile that no slot uses", NULL, NULL, 0,
	 profile_change_cols, .comp = H0_COMP_PROFILE, .aliases = "remove,rm",
	 .examples = delete_examples, .flags = H0_VERB_WRITES | H0_VERB_ASKS},
	{"export", "PROFILE", 1, 1, "print a profile as a file for another box", export_text, NULL, 0,
	 NULL, .comp = H0_COMP_PROFILE, .examples = export_examples},
	{"import", "FILE", 1, 1, "add an exported profile (- is standard input)", import_text,
	 import_opts, sizeof(struct profile_import_opts), profile_change_cols, .comp = H0_COMP_FILE,
	 .examples = import_examples, .flags = H0_VERB_WRITES},
	{"images", "[PROFILE|IMAGE...]", 0, -1, "list the images that profiles and slots run",
	 images_text, images_opts, sizeof(struct profile_images_opts), profile_image_cols,
	 .comp = H0_COMP_PROFILE, .examples = images_examples},
	{"pull", "[PROFILE|IMAGE...]", 0, -1, "bring images to this machine", pull_text, pull_opts,
	 sizeof(struct profile_pull_opts), profile_change_cols, .comp = H0_COMP_PROFILE,
	 .examples = pull_examples, .flags = H0_VERB_WRITES},
	{"lock", "[PROFILE|IMAGE...]", 0, -1, "pin images to their digests", lock_text, lock_opts,
	 sizeof(struct profile_lock_opts), profile_change_cols, .comp = H0_COMP_PROFILE,
	 .examples = lock_examples, .flags = H0_VERB_WRITES},
	{"upgrade", "[PROFILE|IMAGE...]", 0, -1, "move images on, after trying them", upgrade_text,
	 upgrade_opts, sizeof(struct profile_upgrade_opts), profile_change_cols,
	 .comp = H0_COMP_PROFILE, .examples = upgrade_examples, .flags = H0_VERB_WRITES},
	{"rollback", "", 0, 0, "go back to the previous lock", rollback_text, NULL, 0,
	 profile_change_cols, .examples = rollback_examples, .flags = H0_VERB_WRITES},
};

const struct h0_prog profile_prog = {
	.name = "hal0-profile",
	.summary = "image and server flags that slots share",
	.text =
	"A *profile* is how a slot runs, in one reusable place: the container image, the server's "
	"options, the kind of device it is for, and whether multi-token prediction is used. It says "
	"nothing of models, ports or context sizes.\n\n"
	"Seven profiles are built in. A file */etc/hal0/profiles.toml* replaces them completely. A "
	"slot without a profile gets the one for its device and type.\n\n"
	"On the processor llama-server runs with the Vulkan profile: the same image without device "
	"nodes and with no layer offloaded. A profile of class cpu in profiles.toml is preferred.",
	.verbs = verbs,
	.nverbs = H0_ARRAY_LEN(verbs),
	.files = "*/etc/hal0/profiles.toml*\n\tsee *hal0-profiles.toml*(5)\n\n"
	         "*/etc/hal0/images.lock.json*\n\tdigests of images, and the lock before\n\n"
	         "*/etc/hal0/manifest.json*\n\timages by short name, with digests; optional",
	.see_also = "hal0(1), hal0-slot(1), hal0-profiles.toml(5), hal0-security(7), hal0-exit(7)",
};
