/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/names.h"
#include "model/opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
#define FULL_COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, 0},
const struct h0_col model_cols[] = {MODEL_COLS(COL){0}};
const struct h0_col model_show_cols[] = {MODEL_COLS(FULL_COL){0}};
const struct h0_col model_verify_cols[] = {MODEL_VERIFY_COLS(COL){0}};
const struct h0_col model_change_cols[] = {MODEL_CHANGE_COLS(COL){0}};

const struct h0_col model_loadout_cols[] = {MODEL_LOADOUT_COLS(COL){0}};
const struct h0_col model_loadout_model_cols[] = {MODEL_ITEM_COLS(COL){0}};

static const char *const actions[] = {"show", "plan", NULL};

#define AT(type, field) offsetof(struct type, field)

static const struct h0_opt add_opts[] = {
	{0, "name", H0_OPT_STR, AT(model_add_opts, name), "NAME",
	 "what slots shall call it (default: as the file is called)"},
	{0, "mmproj", H0_OPT_STR, AT(model_add_opts, mmproj), "FILE",
	 "its projector, for pictures", H0_COMP_FILE},
	{0, "link", H0_OPT_FLAG, AT(model_add_opts, link), NULL,
	 "put a symbolic link into the store instead"},
	{0, "copy", H0_OPT_FLAG, AT(model_add_opts, copy), NULL,
	 "copy the file into the store instead"},
	{0},
};

static const struct h0_opt pull_opts[] = {
	{0, "name", H0_OPT_STR, AT(model_pull_opts, name), "NAME",
	 "what slots shall call it (default: as the file is called)"},
	{0, "revision", H0_OPT_STR, AT(model_pull_opts, revision), "REVISION",
	 "branch, tag or commit on the hub", .def = "main"},
	{0, "projector", H0_OPT_FLAG, AT(model_pull_opts, projector), NULL,
	 "also its projector, for pictures, where the hub has one"},
	{0, "sha256", H0_OPT_STR, AT(model_pull_opts, sum), "HEX",
	 "what the file must hash to, where nobody else says"},
	{0, "hub", H0_OPT_STR, AT(model_pull_opts, hub), "URL",
	 "address of the hub (default: hub in hal0.toml's models)"},
	{0, "token-file", H0_OPT_STR, AT(model_pull_opts, token_file), "FILE",
	 "token for the hub; a file that only its owner may read", H0_COMP_FILE},
	{0, "ca-file", H0_OPT_STR, AT(model_pull_opts, ca_file), "FILE",
	 "authorities to believe instead of the system's, as PEM", H0_COMP_FILE},
	{0, "connections", H0_OPT_INT, AT(model_pull_opts, ways), "N",
	 "ranges of a file to fetch at once", .min = 1, .max = 16, .def = "4"},
	{0, "retries", H0_OPT_INT, AT(model_pull_opts, retries), "N",
	 "tries without a byte before it gives up", .min = 0, .max = 1000, .def = "8"},
	{0},
};

static const struct h0_opt verify_opts[] = {
	{0, "record", H0_OPT_FLAG, AT(model_verify_opts, record), NULL,
	 "write down the sums of files that have none yet"},
	{0},
};

static const struct h0_opt loadouts_opts[] = {
	{0, "tier", H0_OPT_ENUM, AT(model_loadouts_opts, tier), "TIER", "only that one", .choices = h0_tier_names},
	{'a', "all", H0_OPT_FLAG, AT(model_loadouts_opts, all), NULL,
	 "also those that do not fit this machine"},
	{0},
};

static const char list_text[] =
	"Models are the entries of the registry and the *.gguf* files in the store, up to four "
	"directories deep. A directory with one model gives it its name; a split model is one model. A "
	"file *mmproj-*_NAME_*.gguf* beside _NAME_*.gguf* is its projector, for pictures.";

static const char show_text[] =
	"What the model's file says about itself: nothing is loaded. MODEL is a name of *list* or the "
	"path of a file.";

static const char add_text[] =
	"Makes a file that is there already a model. It stays where it is and gets an entry in the "
	"registry; or the store gets a link to it, or a copy. Every shard of a split model goes along. A "
	"file that is no whole GGUF file is refused.";

static const char pull_text[] =
	"Fetches a model into the store. SOURCE is *hf:*_OWNER_*/*_REPO_, with *:*_FILE_ or a "
	"quantisation such as *:Q4_K_M* behind it, or the https URL of a *.gguf* file. Of a split model "
	"every shard is fetched. Without a file, a repository's only model is meant, else its Q4_K_M. The "
	"projector of a model that sees pictures is fetched with *--projector*, now or later, and lies beside "
	"it as *mmproj-*_NAME_*.gguf*.\n\n"
	"The model appears when it is whole: until then its bytes are in a hidden file beside its place, "
	"and pulling again goes on where it was left, also after Ctrl-C or a lost connection. If the file "
	"has changed there, or its server sends no ranges, it begins anew. Two who pull the same file "
	"share the work. Before anything is fetched the free space is looked at.\n\n"
	"Where the hub says what a file hashes to, or *--sha256* does, that is checked, and recorded for "
	"*verify*. The token goes to the hub alone, never to where it redirects to, and over https only.";

static const char verify_text[] =
	"Reads every file of the models whole (all models when none is named), and compares its SHA-256 "
	"with the one recorded beside it, in FILE.sha256 as *sha256sum* writes it; *pull* records it. A "
	"truncated file and a shard that is missing are found without one. Exit code 1 when anything is "
	"not as it was.";

static const char rm_text[] =
	"Removes the files of a model that lies in the store, all its shards, and its entry in the "
	"registry. Of a model that lies elsewhere only the entry, or the link, is removed. Refused with "
	"exit code 4 while a slot, a capability or a profile uses it.";

static const char loadouts_text[] =
	"Sets of models that go together, by use (coding, chat, voice, creative, private, rag, agents, "
	"biggest) and tier, for which this machine has the memory; and under *ceiling* what even 128 GB do "
	"not hold. What a model needs is worked out from its file where it is in the store, else from its "
	"size.\n\n"
	"*loadouts show* _USE_ lists the models of a use, with alternatives. *loadouts plan* _USE_ prints a "
	"document for *hal0 cap apply -f*, of the largest tier that fits; exit code 1 when none does. "
	"Models that are not in the store have to be pulled or added first.";

static const struct h0_example loadouts_examples[] = {
	{"hal0 model loadouts", "What fits here"},
	{"hal0 model loadouts show voice", "Its models"},
	{"hal0 model loadouts plan voice", "The document for hal0 cap apply"},
	{0},
};
static const struct h0_example list_examples[] = {
	{"hal0 model list", "What there is"},
	{"hal0 model list --columns name,size,mtp", "Which predict several tokens at once"},
	{0},
};
static const struct h0_example show_examples[] = {
	{"hal0 model show qwen3-4b", "What its file says"},
	{0},
};
static const struct h0_example add_examples[] = {
	{"hal0 model add /srv/models/qwen3-4b.gguf", "Stays there, and slots know it as qwen3-4b"},
	{"hal0 model add ./a.gguf --copy --name tiny", "A copy in the store, with another name"},
	{0},
};
static const struct h0_example pull_examples[] = {
	{"hal0 model pull hf:owner/repo:Q4_K_M", "From the hub"},
	{"hal0 model pull hf:owner/repo:model-Q8_0.gguf --name tiny", "A certain file, with a name"},
	{"hal0 model pull hf:owner/repo --projector", "With what it sees pictures by"},
	{"hal0 model pull https://example.org/tiny.gguf --dry-run", "How large, and whether there is room"},
	{0},
};
static const struct h0_example verify_examples[] = {
	{"hal0 model verify", "All of them"},
	{"hal0 model verify qwen3-4b --record", "Believe it as it is now"},
	{0},
};
static const struct h0_example rm_examples[] = {
	{"hal0 model rm qwen3-4b --dry-run", "What would go"},
	{"hal0 model rm qwen3-4b --yes", "Gone"},
	{0},
};

static const struct h0_verb verbs[] = {
	{"list", "", 0, 0, "list the models there are", list_text, NULL, 0, model_cols, .aliases = "ls",
	 .examples = list_examples, .flags = H0_VERB_DEFAULT},
	{"show", "MODEL", 1, 1, "show what a model's file says about it", show_text, NULL, 0, model_show_cols,
	 H0_COMP_MODEL, .examples = show_examples},
	{"add", "FILE", 1, 1, "make a file that is here a model", add_text, add_opts,
	 sizeof(struct model_add_opts), model_change_cols, H0_COMP_FILE, .exclusive = "link,copy",
	 .examples = add_examples, .flags = H0_VERB_WRITES},
	{"pull", "SOURCE", 1, 1, "fetch a model into the store", pull_text, pull_opts,
	 sizeof(struct model_pull_opts), model_change_cols, .examples = pull_examples,
	 .flags = H0_VERB_WRITES},
	{"verify", "[MODEL...]", 0, -1, "check that files are as they were, exit 1 if not", verify_text,
	 verify_opts, sizeof(struct model_verify_opts), model_verify_cols, H0_COMP_MODEL,
	 .examples = verify_examples, .flags = H0_VERB_WRITES},
	{"rm", "MODEL", 1, 1, "remove a model that nothing uses", rm_text, NULL, 0, model_change_cols,
	 H0_COMP_MODEL, .aliases = "remove,delete", .examples = rm_examples,
	 .flags = H0_VERB_WRITES | H0_VERB_ASKS},
	{"loadouts", "[ACTION [USE]]", 0, 2, "list sets of models that fit this machine", loadouts_text,
	 loadouts_opts, sizeof(struct model_loadouts_opts), model_loadout_cols, H0_COMP_CHOICES,
	 .choices = actions, .comp_rest = H0_COMP_CHOICES, .choices_rest = h0_loadout_uses, .examples = loadouts_examples,
	 .or_cols = model_loadout_model_cols, .or_when = "show"},
};

const struct h0_prog model_prog = {
	.name = "hal0-model",
	.summary = "the model files: what there is, and how more come",
	.text =
	"Models are GGUF files in the *store*: *HAL0_MODEL_STORE*, else *store* in *hal0.toml*'s table "
	"*models*, else */mnt/ai-models* if that is there, else */var/lib/hal0/models*. Files that lie "
	"elsewhere have an entry in the registry. A slot names a model by its name or by the path of "
	"its file.",
	.verbs = verbs,
	.nverbs = H0_ARRAY_LEN(verbs),
	.files = "*/var/lib/hal0/models*\n\tthe store, unless said otherwise\n\n"
	         "*/var/lib/hal0/registry/registry.toml*\n\tmodels that lie elsewhere: "
	         "_[models.NAME]_ with _path_ and _mmproj_\n\n"
	         "*FILE.sha256*\n\twhat FILE hashes to, beside it",
	.see_also = "hal0(1), hal0-slot(1), hal0-cap(1), hal0.toml(5), hal0-security(7), hal0-exit(7)",
};
