/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
#define FULL_COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, 0},
const struct h0_col profile_cols[] = {PROFILE_COLS(COL){0}};
const struct h0_col profile_show_cols[] = {PROFILE_COLS(FULL_COL){0}};

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
	{"show", "PROFILE", 1, 1, "one profile: image, flags, what it fits", NULL, NULL, 0,
	 profile_show_cols, .comp = H0_COMP_PROFILE, .examples = show_examples},
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
	.files = "*/etc/hal0/profiles.toml*\n\tsee *hal0-profiles.toml*(5)",
	.see_also = "hal0(1), hal0-slot(1), hal0-profiles.toml(5), hal0-exit(7)",
};
