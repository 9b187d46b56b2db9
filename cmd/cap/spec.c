/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cap/opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
#define FULL_COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, 0},
const struct h0_col cap_cols[] = {CAP_COLS(COL){0}};
const struct h0_col cap_show_cols[] = {CAP_COLS(FULL_COL){0}};

static const char *const names[] = {"embed.embed", "embed.rerank", "voice.stt",     "voice.tts",
                                    "img.img",     "vision.vision", NULL};

static const struct h0_example list_examples[] = {
	{"hal0 cap list", "What the box does besides chat"},
	{0},
};

static const struct h0_example show_examples[] = {
	{"hal0 cap show embed.rerank", "One of them"},
	{"hal0 cap show tts", "The group may be left out"},
	{0},
};

static const struct h0_verb verbs[] = {
	{"list", "", 0, 0, "list capabilities and the slots that serve them", NULL, NULL, 0, cap_cols,
	 .aliases = "ls", .examples = list_examples, .flags = H0_VERB_DEFAULT},
	{"show", "CAPABILITY", 1, 1, "one capability", NULL, NULL, 0, cap_show_cols,
	 .comp = H0_COMP_CHOICES, .choices = names, .examples = show_examples},
};

const struct h0_prog cap_prog = {
	.name = "hal0-cap",
	.summary = "which slot serves which capability",
	.text =
	"A *capability* is something the box does besides chat: embeddings, reranking, speech to text, "
	"text to speech, pictures out, pictures in. Each has a slot that serves it and a record in "
	"*/etc/hal0/capabilities.toml* that says with which model, on which device, and whether. Chat "
	"is none: it lives in its slots.",
	.verbs = verbs,
	.nverbs = H0_ARRAY_LEN(verbs),
	.files = "*/etc/hal0/capabilities.toml*\n\tsee *hal0-capabilities.toml*(5)",
	.see_also = "hal0(1), hal0-slot(1), hal0-capabilities.toml(5), hal0-exit(7)",
};
