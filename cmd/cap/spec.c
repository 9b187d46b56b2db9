/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cap/opts.h"

#include "conf/names.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
#define FULL_COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, 0},
const struct h0_col cap_cols[] = {CAP_COLS(COL){0}};
const struct h0_col cap_show_cols[] = {CAP_COLS(FULL_COL){0}};
const struct h0_col cap_check_cols[] = {CAP_CHECK_COLS(COL){0}};
const struct h0_col cap_change_cols[] = {CAP_CHANGE_COLS(COL){0}};
const struct h0_col cap_seed_cols[] = {CAP_SEED_COLS(COL){0}};

static const char *const names[] = {"embed.embed", "embed.rerank", "voice.stt",     "voice.tts",
                                    "img.img",     "vision.vision", NULL};

#define AT(type, field) offsetof(struct type, field)

/* `how` is "how." where these stand in a struct of their own, else nothing */
#define HOW(type, how)                                                                           \
	{0, "no-start", H0_OPT_FLAG, AT(type, how no_start), NULL,                               \
	 "write the files only: no slot is started or stopped"},                                 \
	{0, "no-wait", H0_OPT_FLAG, AT(type, how no_wait), NULL,                                 \
	 "return as soon as the containers run"},                                                \
	{0, "rollback", H0_OPT_FLAG, AT(type, how rollback), NULL,                               \
	 "if a slot fails, put files and slots back as they were"},                              \
	{0, "force", H0_OPT_FLAG, AT(type, how force), NULL,                                     \
	 "start also what does not fit into the memory that is left"},                           \
	{0, "timeout", H0_OPT_DURATION, AT(type, how timeout_s), "TIME",                         \
	 "give up on a slot after so long without progress (default: 5m)"}

#define SELECTION                                                                                \
	{'m', "model", H0_OPT_STR, AT(cap_set_opts, model), "MODEL",                             \
	 "model id, or the path of a file", H0_COMP_MODEL},                                      \
	{'d', "device", H0_OPT_ENUM, AT(cap_set_opts, device), "DEVICE", "where it computes",    \
	 .choices = h0_device_names},                                                            \
	{0, "provider", H0_OPT_ENUM, AT(cap_set_opts, provider), "PROVIDER", "server program",   \
	 .choices = h0_provider_names}

static const struct h0_opt set_opts[] = {SELECTION, HOW(cap_set_opts, how.), {0}};
static const struct h0_opt off_opts[] = {HOW(cap_change_opts, ), {0}};

static const struct h0_opt apply_opts[] = {
	{'f', "document", H0_OPT_STR, AT(cap_apply_opts, file), "FILE",
	 "a document that says what the box shall be; - is standard input", H0_COMP_FILE},
	HOW(cap_apply_opts, how.),
	{0},
};

static const struct h0_opt plan_opts[] = {
	{'f', "document", H0_OPT_STR, AT(cap_plan_opts, file), "FILE",
	 "a document that says what the box shall be; - is standard input", H0_COMP_FILE,
	 .flags = H0_OPT_REQUIRED},
	{'o', "output", H0_OPT_STR, AT(cap_plan_opts, output), "PLAN",
	 "write the plan there; absent or -: to standard output", H0_COMP_FILE},
	{0, "force", H0_OPT_FLAG, AT(cap_plan_opts, force), NULL,
	 "plan also what does not fit into the memory that is left"},
	{0},
};

static const char on_text[] =
	"Changes *capabilities.toml* and the slot's file together, or neither: the slot is made if there "
	"is none, with a free port and a profile that goes with device and type, and enabled. Then the "
	"slot follows: it is started, or exchanged where model or device are others, or restarted for "
	"other settings. Whether that can work is found out before anything is written: model, device, "
	"profile, image, port, memory.\n\n"
	"What is compared is the box, not only the file: a slot that should run and does not is started, "
	"and doing it again changes nothing.\n\n"
	"If the slot fails to start, the files keep saying what is wanted, the slot's state says that it "
	"failed and why, and so does this command. With *--rollback* files and slots are put back "
	"instead.\n\n"
	"On the NPU embeddings and speech to text are answered by the NPU's chat slot. That one is told "
	"so in its file and is not restarted by itself: _pending_reload_ says that it has to be.";

static const char set_text[] =
	"As *on*, without turning it on: where it is off, only *capabilities.toml* changes.";

static const char off_text[] =
	"Turns the record off and disables the slot, in one change, then stops the slot. Its file stays.";

static const char check_text[] =
	"Compares *capabilities.toml* with the slots' files. Exit code 1 when they do not tell the same.";

static const char seed_text[] =
	"Makes *capabilities.toml* from the slots that are there, when there is no such file. One of an "
	"older version is brought up to date, its comments kept, and the old one kept as "
	"*capabilities.toml.v1.bak*. A file that is up to date stays as it is.";

static const char apply_text[] =
	"Makes the box what a document says (see *hal0-apply*(5)), or carries out a plan that *hal0 cap "
	"plan* made. Everything is planned and checked as a whole, becomes the files as one change, and "
	"then the slots follow: first what stops, then what starts.\n\n"
	"A plan is for the files it was made from. If any of them has changed since, nothing is done and "
	"the exit code is 4.";

static const char plan_text[] =
	"Plans and checks what *apply -f* would do and writes it down, with the text of the files, for "
	"*apply* to carry out later, by another person or after a look at it. Prints the difference.";

static const char undo_text[] =
	"Puts the files of the newest change back, whichever command made it, and makes the slots follow: "
	"those of capabilities that are on again run, those that are off do not, others that run are "
	"restarted with their old settings. Undoing twice is redoing.";

static const struct h0_example list_examples[] = {
	{"hal0 cap list", "What the box does besides chat"},
	{0},
};

static const struct h0_example show_examples[] = {
	{"hal0 cap show embed.rerank", "One of them"},
	{"hal0 cap show tts", "The group may be left out"},
	{0},
};

static const struct h0_example set_examples[] = {
	{"hal0 cap set embed.embed --model bge-m3", "Another model; if it is on, the slot is exchanged"},
	{"hal0 cap set stt --device npu --no-start", "Only the files"},
	{0},
};

static const struct h0_example on_examples[] = {
	{"hal0 cap on embed.embed --model bge-m3 --device gpu-vulkan", "Embeddings, from nothing"},
	{"hal0 cap on rerank --rollback", "All is as before if it does not start"},
	{"hal0 cap on vision --dry-run", "The differences, the podman command, whether it fits"},
	{0},
};

static const struct h0_example off_examples[] = {
	{"hal0 cap off voice.tts", "Stops it and keeps it from starting"},
	{0},
};

static const struct h0_example check_examples[] = {
	{"hal0 cap check", "Whether file and slots tell the same"},
	{0},
};

static const struct h0_example seed_examples[] = {
	{"hal0 cap seed", "At the first boot"},
	{0},
};

static const struct h0_example apply_examples[] = {
	{"hal0 cap apply -f box.toml", "The whole box from one document"},
	{"jq . box.json | hal0 cap apply -f - --json", "From a script: changed, and what each slot did"},
	{"hal0 cap apply change.plan", "A plan made earlier"},
	{0},
};

static const struct h0_example plan_examples[] = {
	{"hal0 cap plan -f box.toml -o change.plan", "To be applied after a look at it"},
	{0},
};

static const struct h0_example undo_examples[] = {
	{"hal0 cap undo --dry-run", "What would be put back, which slots would follow"},
	{"hal0 cap undo", "Does it"},
	{0},
};

/* who does not wait does not see it fail */
#define EXCLUSIVE  .exclusive = "no-start,no-wait;no-start,rollback;no-wait,rollback"
#define CAPABILITY .comp = H0_COMP_CHOICES, .choices = names

static const struct h0_verb verbs[] = {
	{"list", "", 0, 0, "list capabilities and the slots that serve them", NULL, NULL, 0, cap_cols,
	 .aliases = "ls", .examples = list_examples, .flags = H0_VERB_DEFAULT},
	{"show", "CAPABILITY", 1, 1, "show one capability", NULL, NULL, 0, cap_show_cols, CAPABILITY,
	 .examples = show_examples},
	{"set", "CAPABILITY", 1, 1, "choose model, device or provider", set_text, set_opts,
	 sizeof(struct cap_set_opts), cap_change_cols, CAPABILITY, EXCLUSIVE, .examples = set_examples,
	 .flags = H0_VERB_WRITES},
	{"on", "CAPABILITY", 1, 1, "turn one on: files, then slot", on_text, set_opts,
	 sizeof(struct cap_set_opts), cap_change_cols, CAPABILITY, EXCLUSIVE, .examples = on_examples,
	 .flags = H0_VERB_WRITES},
	{"off", "CAPABILITY", 1, 1, "turn one off: files, then slot", off_text, off_opts,
	 sizeof(struct cap_change_opts), cap_change_cols, CAPABILITY, EXCLUSIVE, .examples = off_examples,
	 .flags = H0_VERB_WRITES},
	{"check", "", 0, 0, "say whether file and slots agree, exit 1 if not", check_text, NULL, 0,
	 cap_check_cols, .examples = check_examples},
	{"seed", "", 0, 0, "make capabilities.toml from the slots", seed_text, NULL, 0, cap_seed_cols,
	 .examples = seed_examples, .flags = H0_VERB_WRITES},
	{"apply", "[PLAN]", 0, 1, "make the box what a document or a plan says", apply_text, apply_opts,
	 sizeof(struct cap_apply_opts), cap_change_cols, .comp = H0_COMP_FILE, EXCLUSIVE,
	 .examples = apply_examples, .flags = H0_VERB_WRITES},
	{"plan", "", 0, 0, "write down what apply would do", plan_text, plan_opts,
	 sizeof(struct cap_plan_opts), NULL, .examples = plan_examples},
	{"undo", "", 0, 0, "take the newest change back, and the slots with it", undo_text, off_opts,
	 sizeof(struct cap_change_opts), cap_change_cols, EXCLUSIVE, .examples = undo_examples,
	 .flags = H0_VERB_WRITES},
};

const struct h0_prog cap_prog = {
	.name = "hal0-cap",
	.summary = "what the box does besides chat, and the slots that do it",
	.text =
	"A *capability* is something the box does besides chat: embeddings, reranking, speech to text, "
	"text to speech, pictures out, pictures in. Each has a slot that serves it and a record in "
	"*/etc/hal0/capabilities.toml* that says with which model, on which device, and whether. Chat "
	"is none: it lives in its slots.\n\n"
	"A capability is named GROUP.NAME; the group may be left out. The slots are *embed*, "
	"*embed-rerank* (or *rerank*, or *embed* where its type is reranking), *stt*, *tts*, *img* and "
	"*vision*.",
	.verbs = verbs,
	.nverbs = H0_ARRAY_LEN(verbs),
	.files = "*/etc/hal0/capabilities.toml*\n\tsee *hal0-capabilities.toml*(5)\n\n"
	         "*/etc/hal0/slots/NAME.toml*\n\tthe slots, see *hal0-slot.toml*(5)",
	.see_also = "hal0(1), hal0-slot(1), hal0-apply(5), hal0-capabilities.toml(5), hal0-exit(7)",
};
