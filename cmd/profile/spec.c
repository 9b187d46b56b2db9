/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
#define FULL_COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, 0},
const struct h0_col profile_cols[] = {PROFILE_COLS(COL){0}};
const struct h0_col profile_show_cols[] = {PROFILE_COLS(FULL_COL){0}};

const struct h0_col profile_change_cols[] = {PROFILE_CHANGE_COLS(COL){0}};

#define AT(type, field) offsetof(struct type, field)

static const struct h0_opt set_opts[] = {
	{0, "unset", H0_OPT_LIST, AT(profile_set_opts, unset), "KEY",
	 "remove a key, so that its default holds"},
	{0},
};

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
	{"show", "PROFILE", 1, 1, "one profile: image, flags, what it fits", NULL, NULL, 0,
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
