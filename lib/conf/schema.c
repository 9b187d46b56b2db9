/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tables are data; the few lookups over them stand at the end.
 */
#include "conf/schema.h"

#include "base/str.h"
#include "conf/names.h"

/* ---- slots/NAME.toml ---- */

static const struct h0_key slot_model[] = {
	{"default", H0_KEY_STR, .dflt = "\"\"",
	 .help = "Model to serve: an id of the model store, or the absolute path of a .gguf file"},
	{"context_size", H0_KEY_INT, .min = 128, .max = 1 << 30,
	 .help = "Context in tokens; absent, the model's own up to 32768, "
	         "or up to 8192 for embedding and reranking, whose server reads a whole text in one step"},
	{"ctx_size", H0_KEY_INT, .min = 128, .max = 1 << 30, .alias_of = "context_size",
	 .flags = H0_KEY_DEPRECATED | H0_KEY_RENAMED, .help = "Older name of context_size"},
	{"n_gpu_layers", H0_KEY_INT, .min = -1, .max = 100000, .dflt = "-1",
	 .flags = H0_KEY_IGNORED, .help = "Written by other versions; every layer goes to the device"},
	{"rope_freq_base", H0_KEY_REAL, .dflt = "0.0", .flags = H0_KEY_IGNORED,
	 .help = "Written by other versions; pass --rope-freq-base in server.extra_args"},
	{"extra", H0_KEY_TABLE, .flags = H0_KEY_IGNORED, .help = "Notes of other programs"},
	{"labels", H0_KEY_STRINGS, .flags = H0_KEY_IGNORED, .help = "Notes of other programs"},
	{0},
};

static const struct h0_key slot_server[] = {
	{"extra_args", H0_KEY_STR,
	 .help = "More options for the server, quoted as in a shell; they win over every other source"},
	{"key", H0_KEY_BOOL, .dflt = "true",
	 .help = "The server answers only who sends the slot's key (hal0 slot key), so no web page; "
	         "false: whoever reaches the port. Of llama-server only, the others know no keys"},
	{"port", H0_KEY_INT, .min = 1024, .max = 65535, .flags = H0_KEY_DEPRECATED,
	 .help = "Older place of port"},
	{0},
};

static const struct h0_key slot_npu[] = {
	{"chat", H0_KEY_BOOL, .dflt = "true", .help = "Serve chat"},
	{"asr", H0_KEY_BOOL, .dflt = "false", .help = "Also transcribe speech in the same process"},
	{"embed", H0_KEY_BOOL, .dflt = "false", .help = "Also embed text in the same process"},
	{0},
};

static const struct h0_key slot_image[] = {
	{"idle_restore_minutes", H0_KEY_INT, .max = 525600, .dflt = "60",
	 .help = "Give the GPU back to language models after so many minutes without a job; 0 never"},
	{"default_size", H0_KEY_STR, H0_FMT_SIZE2D, .dflt = "\"1024x1024\"",
	 .help = "Image size when a request names none"},
	{"default_steps", H0_KEY_INT, .max = 10000, .dflt = "0",
	 .help = "Sampling steps when a request names none; 0 leaves it to the model"},
	{0},
};

static const struct h0_key slot_container[] = {
	{"read_only", H0_KEY_BOOL, .dflt = "true",
	 .help = "A llama-server's root is read-only; false: it may write to its container, not to the "
	         "image. Other servers do not run without"},
	{"pids_limit", H0_KEY_INT, .min = 32, .max = 65536, .dflt = "512",
	 .help = "Processes and threads at most"},
	{"devices", H0_KEY_STRINGS, .help = "More device nodes, as paths below /dev, with their groups"},
	{"mounts", H0_KEY_STRINGS,
	 .help = "More files or directories it may read, at the same place; none of the system's own"},
	{"caps", H0_KEY_STRINGS,
	 .help = "Capabilities it has: IPC_LOCK, PERFMON, SYS_NICE, SYS_PTRACE; absent, none"},
	{0},
};

static const char *const runtimes[] = {"container", NULL};

static const struct h0_key slot_keys[] = {
	{"name", H0_KEY_STR, H0_FMT_NAME, .help = "The slot's name; must be the file's name"},
	{"port", H0_KEY_INT, .flags = H0_KEY_REQUIRED, .min = 1024, .max = 65535,
	 .help = "Loopback port of the server; no two slots share one"},
	{"type", H0_KEY_STR, .choices = h0_type_names,
	 .help = "What it serves; absent, it follows from provider and name, else llm"},
	{"device", H0_KEY_STR, .choices = h0_device_names, .dflt = "\"gpu-rocm\"",
	 .help = "Where it computes"},
	{"backend", H0_KEY_STR, .flags = H0_KEY_DEPRECATED, .alias_of = "device",
	 .help = "Older way to say device; counts only where device is absent"},
	{"provider", H0_KEY_STR, .choices = h0_provider_names, .dflt = "\"llama-server\"",
	 .help = "Server program; the profile decides where it says another"},
	{"enabled", H0_KEY_BOOL, .dflt = "true", .help = "Starts at boot and is routed to"},
	{"runtime", H0_KEY_STR, .choices = runtimes, .dflt = "\"container\"",
	 .help = "How the server is run"},
	{"profile", H0_KEY_STR, H0_FMT_NAME,
	 .help = "How it runs: image and flags; absent, the one for device and type"},
	{"role", H0_KEY_STR, .choices = h0_role_names,
	 .help = "What virtual model names such as hal0/utility resolve to"},
	{"default", H0_KEY_BOOL, .dflt = "false", .help = "The default slot of its type, one per type"},
	{"enable_thinking", H0_KEY_BOOL,
	 .help = "Force a model's thinking on or off; absent, its own way"},
	{"mtp", H0_KEY_BOOL,
	 .help = "Multi-token prediction on or off; absent, as the profile says"},
	{"chat_template", H0_KEY_STR,
	 .help = "Id of a chat template of the store; absent or auto, the one in the model"},
	{"vision", H0_KEY_BOOL, .dflt = "true", .help = "Load the model's vision projector if it has one"},
	{"workers", H0_KEY_INT, .min = 1, .max = 1024, .dflt = "1", .help = "Worker processes"},
	{"idle_timeout_s", H0_KEY_INT, .max = 315360000,
	 .help = "Unload after so many seconds without a request; 0 never; absent, as hal0.toml says, "
	         "except that agent, utility and npu then stay"},
	{"system_prompt", H0_KEY_STR, .help = "Put before a conversation that has no system message"},
	{"image", H0_KEY_STR_OR_TABLE, H0_FMT_IMAGE, .flags = H0_KEY_STRICT, .sub = slot_image,
	 .help = "As a string: container image instead of the profile's. As a table: settings for "
	         "image generation"},
	{"model", H0_KEY_TABLE, .sub = slot_model, .help = "The model"},
	{"server", H0_KEY_TABLE, .sub = slot_server, .help = "The server program"},
	{"npu", H0_KEY_TABLE, .flags = H0_KEY_STRICT, .sub = slot_npu,
	 .help = "What the NPU's one process serves"},
	{"container", H0_KEY_TABLE, .flags = H0_KEY_STRICT, .sub = slot_container,
	 .help = "What its container may beyond the usual; hal0-slot show lists all it is granted"},
	{"n_gpu_layers", H0_KEY_INT, .min = -1, .max = 100000, .flags = H0_KEY_IGNORED,
	 .help = "Written by other versions"},
	{"threads", H0_KEY_INT, .max = 4096, .flags = H0_KEY_IGNORED,
	 .help = "Written by other versions; pass --threads in server.extra_args"},
	{"served_by", H0_KEY_STR, .flags = H0_KEY_IGNORED,
	 .help = "Slot whose container answers for this one"},
	{"output_sanity", H0_KEY_ANY, .flags = H0_KEY_IGNORED, .help = "Written by other versions"},
	{"_meta", H0_KEY_TABLE, .flags = H0_KEY_IGNORED, .help = "Notes of the recommender"},
	{0},
};

static const char slot_text[] =
	"One file per slot. The keys stand at the top level, or in a table *[slot]*, which wins where a "
	"key stands in both; *[model]*, *[server]*, *[npu]*, *[image]* and *[container]* are tables of their own in "
	"either shape. Programs write a key back where it was.";

static const char slot_example[] =
	"name = \"primary\"\n"
	"port = 8081\n"
	"type = \"llm\"\n"
	"device = \"gpu-vulkan\"\n"
	"\n"
	"[model]\n"
	"default = \"qwen3-4b\"\n"
	"context_size = 32768\n"
	"\n"
	"[server]\n"
	"extra_args = \"--jinja\"\n";

const struct h0_schema h0_schema_slot = {
	.name = "slot",
	.path = "slots/NAME.toml",
	.page = "hal0-slot.toml",
	.summary = "one slot: a model, a device, a port",
	.text = slot_text,
	.keys = slot_keys,
	.inner = "slot",
	.example = slot_example,
	.see_also = "hal0-slot(1), hal0-profiles.toml(5), hal0.toml(5), hal0-security(7), ",
};

/* ---- profiles.toml ---- */

static const char *const backends[] = {"rocm", "vulkan", NULL};

static const struct h0_key profile_entry[] = {
	{"image", H0_KEY_STR, H0_FMT_IMAGE, .flags = H0_KEY_REQUIRED,
	 .help = "Container image to run"},
	{"flags", H0_KEY_STR, .dflt = "\"\"",
	 .help = "Options for the server, quoted as in a shell; no model, port or context size"},
	{"mtp", H0_KEY_BOOL, .dflt = "false",
	 .help = "Multi-token prediction, where back end and model can"},
	{"device_class", H0_KEY_STR, .choices = h0_class_names, .dflt = "\"gpu\"",
	 .help = "Kind of device it is for"},
	{"backend", H0_KEY_STR, .choices = backends,
	 .help = "Back end of a GPU image; absent, the profile fits whatever its class says"},
	{"cloned_from", H0_KEY_STR, .help = "Profile it was made from"},
	{"intent", H0_KEY_STR, .dflt = "\"\"", .help = "What it is for, in a few words"},
	{"quant", H0_KEY_STR, .dflt = "\"\"", .help = "Quantisation it is meant for"},
	{0},
};

static const struct h0_key profiles_keys[] = {
	{"profile", H0_KEY_MAP, H0_FMT_NAME, .flags = H0_KEY_STRICT, .sub = profile_entry,
	 .help = "One table per profile"},
	{0},
};

const struct h0_schema h0_schema_profiles = {
	.name = "profiles",
	.path = "profiles.toml",
	.page = "hal0-profiles.toml",
	.summary = "how slots run: images and flags",
	.text = "The catalog of profiles. While this file is absent the built-in seeds are the catalog; "
	        "once it is there it replaces them completely, also when it is empty.",
	.keys = profiles_keys,
	.flags = H0_KEY_STRICT,
	.example = "[profile.vulkan]\n"
	           "image = \"ghcr.io/hal0ai/amd-strix-halo-toolboxes:vulkan-radv-server\"\n"
	           "flags = \"-fa on -b 512 -ub 512 --parallel 1 --threads 8 --no-mmap\"\n"
	           "device_class = \"gpu\"\n"
	           "backend = \"vulkan\"\n",
	.see_also = "hal0-profile(1), hal0-slot.toml(5), ",
};

/* ---- capabilities.toml ---- */

static const struct h0_key selection[] = {
	{"device", H0_KEY_STR, .dflt = "\"\"", .help = "Where it computes; empty is not chosen"},
	{"provider", H0_KEY_STR, .dflt = "\"\"", .help = "Server program; empty is not chosen"},
	{"model", H0_KEY_STR, .dflt = "\"\"", .help = "Model id; empty is not chosen"},
	{"enabled", H0_KEY_BOOL, .dflt = "false", .help = "Whether the box does this"},
	{"backend", H0_KEY_STR, .flags = H0_KEY_DEPRECATED, .alias_of = "device",
	 .help = "What a file without schema_version 2 has in place of device"},
	{0},
};

static const struct h0_key embed_group[] = {
	{"embed", H0_KEY_TABLE, .sub = selection, .help = "Embeddings, served by slot embed"},
	{"rerank", H0_KEY_TABLE, .sub = selection, .help = "Reranking, served by slot embed-rerank"},
	{0},
};
static const struct h0_key voice_group[] = {
	{"stt", H0_KEY_TABLE, .sub = selection, .help = "Speech to text, served by slot stt"},
	{"tts", H0_KEY_TABLE, .sub = selection, .help = "Text to speech, served by slot tts"},
	{0},
};
static const struct h0_key img_group[] = {
	{"img", H0_KEY_TABLE, .sub = selection, .help = "Image generation, served by slot img"},
	{0},
};
static const struct h0_key vision_group[] = {
	{"vision", H0_KEY_TABLE, .sub = selection, .help = "Image understanding, served by slot vision"},
	{0},
};
static const struct h0_key selections[] = {
	{"embed", H0_KEY_TABLE, .flags = H0_KEY_STRICT, .sub = embed_group, .help = "Text vectors"},
	{"voice", H0_KEY_TABLE, .flags = H0_KEY_STRICT, .sub = voice_group, .help = "Speech"},
	{"img", H0_KEY_TABLE, .flags = H0_KEY_STRICT, .sub = img_group, .help = "Pictures out"},
	{"vision", H0_KEY_TABLE, .flags = H0_KEY_STRICT, .sub = vision_group, .help = "Pictures in"},
	{0},
};

static const struct h0_key capabilities_keys[] = {
	{"schema_version", H0_KEY_INT, .min = 1, .max = 2, .dflt = "1",
	 .help = "2; a file without it has backend where device stands now"},
	{"selections", H0_KEY_TABLE, .flags = H0_KEY_STRICT, .sub = selections,
	 .help = "Per group and capability: who does it"},
	{0},
};

const struct h0_schema h0_schema_capabilities = {
	.name = "capabilities",
	.path = "capabilities.toml",
	.page = "hal0-capabilities.toml",
	.summary = "what the box does besides chat",
	.text = "One table per capability. Chat is none: it lives in its slots.",
	.keys = capabilities_keys,
	.example = "schema_version = 2\n"
	           "\n"
	           "[selections.embed.embed]\n"
	           "device = \"gpu-vulkan\"\n"
	           "provider = \"llama-server\"\n"
	           "model = \"bge-m3\"\n"
	           "enabled = true\n",
	.see_also = "hal0-cap(1), hal0-apply(5), hal0-slot.toml(5), ",
};

/* ---- what hal0-cap apply reads ---- */

static const struct h0_key apply_keys[] = {
	{"selections", H0_KEY_TABLE, .flags = H0_KEY_STRICT | H0_KEY_PARTIAL, .sub = selections,
	 .help = "Per group and capability as in hal0-capabilities.toml(5); a key that is left out stays as it is"},
	{"slots", H0_KEY_MAP, H0_FMT_NAME, .flags = H0_KEY_STRICT | H0_KEY_PARTIAL, .sub = slot_keys,
	 .help = "Per slot the keys it shall have, as in hal0-slot.toml(5); a key that is left out stays "
	         "as it is, a slot that is not there is made"},
	{"run", H0_KEY_STRINGS, .help = "Slots that shall run"},
	{"stop", H0_KEY_STRINGS, .help = "Slots that shall not run; their files stay"},
	{"remove", H0_KEY_STRINGS, .help = "Slots that shall not be there: stopped, and their files removed"},
	{0},
};

static const char apply_text[] =
	"What a box shall be, for *hal0 cap apply*. All of it is planned together, checked together and "
	"becomes the files below */etc/hal0* as one change set; then the slots follow. What the document "
	"does not name stays as it is. Applying it again changes nothing.\n\n"
	"A slot that is enabled by a selection runs afterwards, one that is disabled does not. A slot of "
	"*slots* runs afterwards if it is in *run* or ran before; with new settings it is restarted. TOML "
	"is what people write; a document whose first character is *{* is read as JSON of the same shape.";

const struct h0_schema h0_schema_apply = {
	.name = "apply",
	.page = "hal0-apply",
	.summary = "what a box shall be: a document for hal0 cap apply",
	.text = apply_text,
	.keys = apply_keys,
	.flags = H0_KEY_STRICT,
	.example = "run = [\"primary\"]\n"
	           "\n"
	           "[selections.embed.embed]\n"
	           "model = \"bge-m3\"\n"
	           "enabled = true\n"
	           "\n"
	           "[selections.voice.tts]\n"
	           "enabled = false\n"
	           "\n"
	           "[slots.primary]\n"
	           "device = \"gpu-vulkan\"\n"
	           "model.default = \"qwen3-4b\"\n"
	           "model.context_size = 32768\n",
	.see_also = "hal0-cap(1), hal0-capabilities.toml(5), hal0-slot.toml(5), ",
};

/* ---- hal0.toml ---- */

static const struct h0_key meta_keys[] = {
	{"schema_version", H0_KEY_INT, .min = 1, .max = 1, .dflt = "1", .help = "Shape of this file"},
	{0},
};
static const struct h0_key slots_keys[] = {
	{"max_slots", H0_KEY_INT, .max = 1000, .dflt = "0", .help = "At most so many slots, and so many at once; 0 any number"},
	{"port_range_start", H0_KEY_INT, .min = 1024, .max = 65535, .dflt = "8081",
	 .help = "First port of slots"},
	{"port_range_end", H0_KEY_INT, .min = 1024, .max = 65535, .dflt = "8200",
	 .help = "Last port of slots"},
	{"idle_timeout_s", H0_KEY_INT, .max = 315360000, .dflt = "300",
	 .help = "Unload idle slots after so many seconds; 0 never"},
	{0},
};
static const struct h0_key dispatcher_keys[] = {
	{"prefetch_timeout_s", H0_KEY_REAL, .dflt = "8.0",
	 .help = "Longest wait for an upstream's list of models"},
	{"prefetch_parallel_cap", H0_KEY_INT, .min = 1, .max = 64, .dflt = "4",
	 .help = "How many upstreams are asked at once"},
	{0},
};
static const struct h0_key models_keys[] = {
	{"store", H0_KEY_STR, H0_FMT_ABSPATH, .dflt = "\"\"",
	 .help = "Directory of the model store; empty, /mnt/ai-models if that is there, else "
	         "/var/lib/hal0/models"},
	{"roots", H0_KEY_STRINGS, .help = "Further directories with models"},
	{"auto_scan_on_start", H0_KEY_BOOL, .flags = H0_KEY_IGNORED, .help = "Written by other versions"},
	{"file_extensions", H0_KEY_STRINGS, .dflt = "[\".gguf\", \".safetensors\"]",
	 .help = "What counts as a model file"},
	{"pull_root", H0_KEY_STR, H0_FMT_ABSPATH, .dflt = "\"\"",
	 .help = "Where pulled models go; empty, the store"},
	{"hub", H0_KEY_STR, H0_FMT_URL, .help = "Address of the hub that hf: means"},
	{"token_file", H0_KEY_STR, H0_FMT_ABSPATH, .dflt = "\"\"",
	 .help = "File with the token for the hub, readable by its owner alone"},
	{0},
};
static const struct h0_key hal0_keys[] = {
	{"meta", H0_KEY_TABLE, .sub = meta_keys, .help = "About this file"},
	{"slots", H0_KEY_TABLE, .sub = slots_keys, .help = "What holds for all slots"},
	{"dispatcher", H0_KEY_TABLE, .sub = dispatcher_keys, .help = "Routing"},
	{"models", H0_KEY_TABLE, .sub = models_keys, .help = "Model files"},
	{"telemetry", H0_KEY_TABLE, .flags = H0_KEY_IGNORED, .help = "Written by other versions"},
	{"memory", H0_KEY_TABLE, .flags = H0_KEY_IGNORED, .help = "Written by other versions"},
	{"activity", H0_KEY_TABLE, .flags = H0_KEY_IGNORED, .help = "Written by other versions"},
	{0},
};

const struct h0_schema h0_schema_hal0 = {
	.name = "hal0",
	.path = "hal0.toml",
	.page = "hal0.toml",
	.summary = "what holds for the whole box",
	.text = "Optional: every key has a default.",
	.keys = hal0_keys,
	.example = "[slots]\n"
	           "idle_timeout_s = 600\n"
	           "\n"
	           "[models]\n"
	           "store = \"/srv/models\"\n",
	.see_also = "hal0-slot(1), hal0-model(1), hal0-route(1), ",
};

/* ---- upstreams.toml ---- */

static const char *const upstream_kinds[] = {"slot", "remote", NULL};
static const char *const auth_styles[] = {"bearer", "header", "none", NULL};
static const char *const warmups[] = {"none", "lazy", "eager", NULL};

static const struct h0_key upstream_entry[] = {
	{"name", H0_KEY_STR, H0_FMT_NONBLANK, .flags = H0_KEY_REQUIRED, .help = "Unique name"},
	{"url", H0_KEY_STR, H0_FMT_URL, .flags = H0_KEY_REQUIRED, .help = "Base URL"},
	{"kind", H0_KEY_STR, .choices = upstream_kinds, .dflt = "\"remote\"",
	 .help = "A slot of this box, or a server elsewhere"},
	{"auth_style", H0_KEY_STR, .choices = auth_styles, .dflt = "\"none\"",
	 .help = "How the key is sent"},
	{"auth_value_env", H0_KEY_STR, H0_FMT_ENVVAR,
	 .help = "Name of the environment variable that holds the key, never the key"},
	{"timeout_seconds", H0_KEY_REAL, .dflt = "300", .help = "Longest wait for an answer"},
	{"slot_name", H0_KEY_STR, H0_FMT_NAME, .help = "The slot, when kind is slot"},
	{"warmup_strategy", H0_KEY_STR, .choices = warmups, .dflt = "\"none\"",
	 .help = "When its model list is asked for"},
	{"advertise_models", H0_KEY_BOOL, .dflt = "true", .help = "List its models as ours"},
	{0},
};
static const struct h0_key upstreams_keys[] = {
	{"upstream", H0_KEY_TABLES, .sub = upstream_entry, .help = "One table per upstream"},
	{0},
};

const struct h0_schema h0_schema_upstreams = {
	.name = "upstreams",
	.path = "upstreams.toml",
	.page = "hal0-upstreams.toml",
	.summary = "other servers that requests may go to",
	.text = "Another box, or any service that speaks the same protocol. It answers for the models it "
	        "lists and no slot of this box has; of several, the first in the file. Its key is the value "
	        "of the variable *auth_value_env*, else that line of */etc/hal0/api.env* (NAME=KEY, mode "
	        "0600): sent as *Authorization: Bearer KEY* with auth_style bearer, as *X-Api-Key: KEY* with "
	        "header. https needs a certificate that the system trusts.",
	.keys = upstreams_keys,
	.example = "[[upstream]]\n"
	           "name = \"lab\"\n"
	           "url = \"http://10.0.0.7:8080/v1\"\n"
	           "auth_style = \"bearer\"\n"
	           "auth_value_env = \"LAB_KEY\"\n",
	.see_also = "hal0-route(1), hal0-security(7), ",
};

const struct h0_schema *const h0_schemas[] = {
	&h0_schema_slot, &h0_schema_profiles,  &h0_schema_capabilities,
	&h0_schema_hal0, &h0_schema_upstreams, &h0_schema_hardware, &h0_schema_apply,
	NULL,
};

const char *h0_key_type_name(enum h0_key_type type)
{
	static const char *const names[] = {
		[H0_KEY_BOOL] = "boolean",
		[H0_KEY_INT] = "integer",
		[H0_KEY_REAL] = "number",
		[H0_KEY_STR] = "string",
		[H0_KEY_STRINGS] = "array of strings",
		[H0_KEY_TABLE] = "table",
		[H0_KEY_STR_OR_TABLE] = "string or table",
		[H0_KEY_MAP] = "table of tables",
		[H0_KEY_TABLES] = "array of tables",
		[H0_KEY_ANY] = "any value",
	};
	return names[type];
}

const struct h0_schema *h0_schema_for_path(const char *path)
{
	char name[H0_NAME_MAX + 1];
	if (h0_slot_path_name(path, name))
		return &h0_schema_slot;
	for (const struct h0_schema *const *s = h0_schemas; *s; s++)
		if (h0_streq((*s)->path, path))
			return *s;
	return NULL;
}

const struct h0_schema *h0_schema_by_name(const char *name)
{
	for (const struct h0_schema *const *s = h0_schemas; *s; s++)
		if (h0_streq((*s)->name, name))
			return *s;
	return NULL;
}

static const struct h0_key *key_of(const struct h0_key *keys, const char *name)
{
	for (; keys && keys->name; keys++)
		if (h0_streq(keys->name, name))
			return keys;
	return NULL;
}

const struct h0_key *h0_key_at(const struct h0_key *keys, const char *const *path)
{
	const struct h0_key *key = NULL;
	for (; *path; path++) {
		if (key && (key->type == H0_KEY_MAP || key->type == H0_KEY_TABLES)) {
			keys = key->sub; /* this word is a name or an index */
			if (!path[1])
				return NULL;
			path++;
		}
		key = key_of(keys, *path);
		if (!key)
			return NULL;
		keys = key->type == H0_KEY_MAP || key->type == H0_KEY_TABLES ? NULL : key->sub;
	}
	return key;
}

const struct h0_key *h0_schema_key(const struct h0_schema *s, const char *const *path)
{
	if (s->inner && path[0] && path[1] && h0_streq(path[0], s->inner))
		path++;
	return h0_key_at(s->keys, path);
}
