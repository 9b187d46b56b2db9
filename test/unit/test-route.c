/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Route decisions from slot files, table-driven: who answers, by which rule, as what.
 */
#include "tap.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/provider.h"
#include "model/route.h"

/* A box as text: "name: toml" lines in order of name; ';' ends a TOML line. */
struct box {
	struct h0_snap snap;
	struct h0_snap_file files[16];
	char *texts[32];
	size_t ntexts;
	struct h0_slots slots;
};

static void box_open(struct box *b, const char *const *slots)
{
	memset(b, 0, sizeof *b);
	b->snap.files = b->files;
	for (; *slots; slots++) {
		const char *colon = strchr(*slots, ':');
		char *path = h0_asprintf("slots/%.*s.toml", (int)(colon - *slots), *slots);
		char *text = h0_strdup(colon + 1);
		for (char *p = text; *p; p++)
			if (*p == ';')
				*p = '\n';
		b->texts[b->ntexts++] = path;
		b->texts[b->ntexts++] = text;
		b->files[b->snap.n++] = (struct h0_snap_file){path, text, strlen(text)};
	}
	struct h0_err e = {0};
	if (h0_slots_load(&b->snap, &b->slots, &e) < 0)
		ok(false, "box: %s", e.msg);
}

static void box_done(struct box *b)
{
	h0_slots_done(&b->slots);
	while (b->ntexts)
		free(b->texts[--b->ntexts]);
}

#define SLOT(name, port, type, device, rest) \
	name ":name=\"" name "\";port=" #port ";type=\"" type "\";device=\"" device "\";" rest

static const char *const full[] = {
	SLOT("agent", 8090, "llm", "gpu-vulkan", "[model];default=\"big\""),
	"broken:port = ;",
	SLOT("embed", 8082, "embedding", "cpu", "[model];default=\"bge-m3\""),
	SLOT("img", 8188, "image", "gpu-rocm", "provider=\"comfyui\";[model];default=\"sdxl-turbo\""),
	SLOT("lab", 8091, "llm", "cpu", "[model];default=\"/srv/m/Qwen3-4B-00001-of-00003.gguf\""),
	SLOT("npu", 8088, "llm", "npu", "role=\"utility\";[model];default=\"gemma4-it-e2b-FLM\";[npu];asr=true"),
	SLOT("off", 8092, "llm", "cpu", "enabled=false;[model];default=\"big\""),
	SLOT("primary", 8081, "llm", "gpu-vulkan", "[model];default=\"qwen3-4b\""),
	SLOT("rerank", 8083, "reranking", "cpu", "[model];default=\"bge-reranker\""),
	SLOT("stt-npu", 8088, "transcription", "npu", "provider=\"flm\";[model];default=\"whisper-v3:turbo\""),
	SLOT("tts", 8084, "tts", "cpu", "provider=\"kokoro\";[model];default=\"\""),
	NULL,
};

struct want {
	const char *model, *path;
	const char *slot, *rule;  /* slot NULL: an error; rule is its code */
	const char *sent_path, *sent_model;
};

static void check(const struct box *b, const struct want *w)
{
	struct h0_err e = {0};
	struct h0_route_ask ask = {.slots = &b->slots, .model = w->model, .path = w->path};
	h0_autoroute struct h0_route r = {0};
	int rc = h0_route_find(&ask, &r, &e);
	bool good;
	if (w->slot)
		good = rc == 0 && r.slot && strcmp(r.slot->name, w->slot) == 0 && strcmp(r.rule, w->rule) == 0 &&
		       strcmp(r.path, w->sent_path) == 0 && h0_streq(r.model, w->sent_model);
	else
		good = rc == -1 && !r.slot && strcmp(h0_err_name(&e), w->rule) == 0;
	ok(good, "%s %s -> %s (%s)", w->path ? w->path : "-", w->model ? w->model : "-",
	   w->slot ? w->slot : "error", w->rule);
	if (good && rc == 0)
		return;
	if (!good)
		printf("# got %s by %s: %s as %s; error %s: %s\n", r.slot ? r.slot->name : "nobody", r.rule ? r.rule : "-",
		       r.path ? r.path : "-", r.model ? r.model : "(unchanged)", h0_err_name(&e), e.msg);
	for (size_t i = 0; !good && i < r.nsteps; i++)
		printf("#  %s %s: %s\n", r.steps[i].taken ? "+" : "-", r.steps[i].rule, r.steps[i].why);
}

#define CHAT  "/v1/chat/completions"
#define EMBED "/v1/embeddings"

static void test_table(void)
{
	static const struct want t[] = {
		/* by name */
		{"primary", CHAT, "primary", "slot name", CHAT, "qwen3-4b"},
		{"lab", CHAT, "lab", "slot name", CHAT, "Qwen3-4B"},
		{"off", CHAT, "off", "slot name", CHAT, "big"},
		{"npu", CHAT, "npu", "slot name", CHAT, "gemma4-it:e2b"},
		{"embed", NULL, "embed", "slot name", EMBED, "bge-m3"},
		{"tts", NULL, "tts", "slot name", "/v1/audio/speech", NULL},
		{"embed", CHAT, NULL, "dispatch.no_route", NULL, NULL},
		{"broken", CHAT, NULL, "slot.config_error", NULL, NULL},
		/* by model */
		{"qwen3-4b", CHAT, "primary", "model", CHAT, NULL},
		{"qwen3-4b", NULL, "primary", "model", CHAT, NULL},
		{"big", CHAT, "agent", "model", CHAT, NULL},
		{"Qwen3-4B", CHAT, "lab", "model", CHAT, NULL},
		{"/srv/m/Qwen3-4B-00001-of-00003.gguf", CHAT, "lab", "model", CHAT, "Qwen3-4B"},
		{"bge-m3", EMBED, "embed", "model", EMBED, NULL},
		{"bge-m3", CHAT, NULL, "dispatch.no_route", NULL, NULL},
		{"gemma4-it-e2b-FLM", CHAT, "npu", "model", CHAT, "gemma4-it:e2b"},
		{"gemma4-it:e2b", CHAT, "npu", "model", CHAT, NULL},
		/* virtual names */
		{"hal0/primary", CHAT, "primary", "virtual", CHAT, "qwen3-4b"},
		{"hal0/lab", CHAT, "lab", "virtual", CHAT, "Qwen3-4B"},
		{"hal0/utility", CHAT, "npu", "virtual", CHAT, "gemma4-it:e2b"},
		{"hal0/npu", CHAT, "npu", "virtual", CHAT, "gemma4-it:e2b"},
		{"hal0/chat", CHAT, "primary", "anchor", CHAT, "qwen3-4b"},
		{"hal0/embed", EMBED, "embed", "virtual", EMBED, "bge-m3"},
		{"hal0/embed", CHAT, NULL, "dispatch.no_route", NULL, NULL},
		{"hal0/nobody", CHAT, NULL, "slot.not_found", NULL, NULL},
		/* hints and defaults */
		{"gpt-4o", CHAT, "primary", "anchor", CHAT, "qwen3-4b"},
		{"llama3.2:1b", CHAT, "npu", "hint", CHAT, "gemma4-it:e2b"},
		{"llama3.2:1b", EMBED, "embed", "anchor", EMBED, "bge-m3"},
		{NULL, CHAT, "primary", "anchor", CHAT, "qwen3-4b"},
		{"", CHAT, "primary", "anchor", CHAT, "qwen3-4b"},
		{"nomic-embed-text", NULL, "embed", "anchor", EMBED, "bge-m3"},
		{"jina-reranker", NULL, "rerank", "anchor", "/v1/rerank", "bge-reranker"},
		{"SDXL-lightning", NULL, "img", "anchor", "/v1/images/generations", "sdxl-turbo"},
		{"flux.1", "/v1/images/edits", "img", "anchor", "/v1/images/edits", "sdxl-turbo"},
		/* paths */
		{NULL, "/v1/rerankings", "rerank", "anchor", "/v1/rerank", "bge-reranker"},
		{NULL, "/v1/reranking?x=1", "rerank", "anchor", "/v1/rerank?x=1", "bge-reranker"},
		{NULL, "/v1/v1/embeddings", "embed", "anchor", EMBED, "bge-m3"},
		{NULL, "/embeddings/", "embed", "anchor", EMBED, "bge-m3"},
		{NULL, "/chat/completions?a=b", "primary", "anchor", CHAT "?a=b", "qwen3-4b"},
		{"primary", "/props", "primary", "slot name", "/props", "qwen3-4b"},
		{"embed", "/props", "embed", "slot name", "/props", "bge-m3"},
		{"tts", "/health", "tts", "slot name", "/health", NULL},
		{NULL, "/props", NULL, "dispatch.no_route", NULL, NULL},
		{NULL, "/v1/embedings", NULL, "dispatch.no_route", NULL, NULL},
		{"primary", "no-slash", NULL, "system.usage", NULL, NULL},
		{"primary", "/v1/a b", NULL, "system.usage", NULL, NULL},
		{"primary", "/v1/\tx", NULL, "system.usage", NULL, NULL},
		/* speech: the NPU's server answers for the record */
		{NULL, "/v1/audio/transcriptions", NULL, "request.missing_model", NULL, NULL},
		{"whisper-v3:turbo", "/v1/audio/transcriptions", "stt-npu", "model", "/v1/audio/transcriptions", NULL},
		{"whisper-v3-turbo-FLM", "/v1/audio/transcriptions", "stt-npu", "model", "/v1/audio/transcriptions",
		 "whisper-v3:turbo"},
		{"whisper-1", "/v1/audio/transcriptions", "stt-npu", "only one", "/v1/audio/transcriptions",
		 "whisper-v3:turbo"},
	};
	struct box b;
	box_open(&b, full);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		check(&b, &t[i]);
	box_done(&b);
}

static void test_boxes(void)
{
	struct box b;
	static const char *const none[] = {NULL};
	box_open(&b, none);
	check(&b, &(struct want){"gpt-4", CHAT, NULL, "dispatch.no_route", NULL, NULL});
	check(&b, &(struct want){NULL, NULL, NULL, "dispatch.no_route", NULL, NULL});
	box_done(&b);

	static const char *const marked[] = {
		SLOT("chat", 8081, "llm", "cpu", "[model];default=\"m1\""),
		SLOT("other", 8082, "llm", "cpu", "default=true;[model];default=\"m2\""), NULL};
	box_open(&b, marked);
	check(&b, &(struct want){"gpt-4", CHAT, "other", "default", CHAT, "m2"});
	check(&b, &(struct want){"hal0/primary", CHAT, "other", "default", CHAT, "m2"});
	check(&b, &(struct want){"hal0/chat", CHAT, "chat", "virtual", CHAT, "m1"});
	box_done(&b);

	static const char *const unnamed[] = {SLOT("one", 8081, "llm", "cpu", "[model];default=\"m1\""), NULL};
	box_open(&b, unnamed);
	check(&b, &(struct want){"gpt-4", CHAT, "one", "only one", CHAT, "m1"});
	check(&b, &(struct want){"hal0/npu", CHAT, "one", "only one", CHAT, "m1"});
	box_done(&b);

	static const char *const two[] = {SLOT("one", 8081, "llm", "cpu", "[model];default=\"m\""),
		SLOT("two", 8082, "llm", "cpu", "[model];default=\"m\""), NULL};
	box_open(&b, two);
	check(&b, &(struct want){"gpt-4", CHAT, NULL, "dispatch.no_route", NULL, NULL});
	check(&b, &(struct want){"m", CHAT, "one", "model", CHAT, NULL});
	box_done(&b);

	static const char *const old[] = {SLOT("embed", 8082, "embedding", "cpu", "[model];default=\"e\""), NULL};
	box_open(&b, old);
	check(&b, &(struct want){NULL, "/v1/rerankings", "embed", "anchor", "/v1/rerank", "e"});
	check(&b, &(struct want){"embed", "/v1/rerank", "embed", "slot name", "/v1/rerank", "e"});
	box_done(&b);

	static const char *const chain[] = {SLOT("agent", 8082, "llm", "cpu", "[model];default=\"a\""),
		SLOT("chat", 8083, "llm", "cpu", "[model];default=\"c\""), NULL};
	box_open(&b, chain);
	check(&b, &(struct want){"hal0/npu", CHAT, "agent", "virtual", CHAT, "a"});
	check(&b, &(struct want){"gpt-4", CHAT, "chat", "anchor", CHAT, "c"});
	box_done(&b);

	static const char *const reranker[] = {SLOT("embed", 8082, "embedding", "cpu", "[model];default=\"e\""),
		SLOT("embed-rerank", 8083, "reranking", "cpu", "[model];default=\"r1\""),
		SLOT("rerank", 8084, "reranking", "cpu", "[model];default=\"r2\""), NULL};
	box_open(&b, reranker);
	check(&b, &(struct want){NULL, "/v1/rerank", "embed-rerank", "anchor", "/v1/rerank", "r1"});
	box_done(&b);
}

static void test_live(void)
{
	struct box b;
	struct h0_err e = {0};
	static const char *const twins[] = {SLOT("one", 8081, "llm", "cpu", "[model];default=\"m\""),
		SLOT("two", 8082, "llm", "cpu", "[model];default=\"m\""), NULL};
	box_open(&b, twins);
	struct h0_route_live live[] = {{"one", H0_ROUTE_DOWN, NULL},
		{"two", H0_ROUTE_READY, (const char *const[]){"swapped", NULL}}};
	struct h0_route_ask ask = {.slots = &b.slots, .live = live, .nlive = 2, .path = CHAT, .model = "swapped"};
	h0_autoroute struct h0_route r1 = {0}, r2 = {0};
	ok(h0_route_find(&ask, &r1, &e) == 0 && strcmp(r1.slot->name, "two") == 0 && strcmp(r1.rule, "loaded") == 0,
	   "what a running slot lists goes first");
	is_str(r1.model, NULL, "and is sent as its server calls it");
	is_str(r1.steps[r1.nsteps - 1].why, "slot two is ready", "how it is stands at the end");
	ask.model = "m";
	ok(h0_route_find(&ask, &r2, &e) == 0 && strcmp(r2.slot->name, "two") == 0, "of two the running one");
	box_done(&b);

	static const char *const off[] = {SLOT("one", 8081, "llm", "cpu", "[model];default=\"m\""),
		SLOT("two", 8082, "llm", "cpu", "enabled=false;[model];default=\"m\""), NULL};
	box_open(&b, off);
	struct h0_route_live still[] = {{"one", H0_ROUTE_DOWN, NULL}, {"two", H0_ROUTE_READY, NULL}};
	h0_autoroute struct h0_route r5 = {0};
	ask = (struct h0_route_ask){.slots = &b.slots, .live = still, .nlive = 2, .path = CHAT, .model = "m"};
	ok(h0_route_find(&ask, &r5, &e) == 0 && strcmp(r5.slot->name, "one") == 0, "one that is disabled and still runs is not the better one");
	box_done(&b);

	/* FLM lists its whole catalogue, a GGUF server what it has loaded */
	static const char *const catalogue[] = {"llama3.2:1b", "gemma4-it:e2b", NULL}, *const own[] = {"llama3.2:1b", NULL};
	static const char *const mixed[] = {SLOT("chat", 8081, "llm", "cpu", "[model];default=\"x\""),
		SLOT("npu", 8088, "llm", "npu", "[model];default=\"gemma4-it-e2b-FLM\""), NULL};
	box_open(&b, mixed);
	struct h0_route_live both[] = {{"chat", H0_ROUTE_READY, own}, {"npu", H0_ROUTE_READY, catalogue}};
	h0_autoroute struct h0_route r3 = {0}, r4 = {0};
	ask = (struct h0_route_ask){.slots = &b.slots, .live = both, .nlive = 2, .path = CHAT, .model = "llama3.2:1b"};
	ok(h0_route_find(&ask, &r3, &e) == 0 && strcmp(r3.slot->name, "chat") == 0, "who has loaded it, not who could");
	ask.model = "gemma4-it-e2b-FLM";
	ok(h0_route_find(&ask, &r4, &e) == 0 && strcmp(r4.slot->name, "npu") == 0 && strcmp(r4.rule, "loaded") == 0 &&
	   h0_streq(r4.model, "gemma4-it:e2b"), "FLM's own model, by either name, as a tag");
	box_done(&b);

	struct h0_route_look one = {.v = both, .n = 2}, other = {.v = both, .n = 1};
	struct h0_route_live later[] = {{"chat", H0_ROUTE_READY, catalogue}, {"npu", H0_ROUTE_READY, catalogue}};
	struct h0_route_look swapped = {.v = later, .n = 2};
	ok(h0_route_look_same(&one, &one) && !h0_route_look_same(&one, &other) && !h0_route_look_same(&one, &swapped),
	   "two looks compared");
}

static void trio(const char *name, const char *npu, const char *stt, int state, const char *want)
{
	struct box b;
	const char *const slots[] = {npu ? npu : stt, npu ? stt : NULL, NULL};
	box_open(&b, slots);
	struct h0_err e = {0};
	struct h0_route_live live = {"npu", state < 0 ? H0_ROUTE_DOWN : (enum h0_route_known)state, NULL};
	struct h0_route_ask ask = {.slots = &b.slots, .live = &live, .nlive = 1, .model = "w", .loads = state < 0,
		.path = "/v1/audio/transcriptions"};
	h0_autoroute struct h0_route r = {0};
	int rc = h0_route_find(&ask, &r, &e);
	if (want)
		ok(rc == -1 && strcmp(e.code, "npu.trio_unavailable") == 0 && strstr(e.msg, want), "%s: %s", name, e.msg);
	else
		ok(rc == 0 && r.port == 8088 && strcmp(r.anchor->name, "npu") == 0, "%s", name);
	box_done(&b);
}

#define STT(rest) SLOT("stt-npu", 8090, "transcription", "npu", rest "[model];default=\"w\"")
#define NPU(rest) SLOT("npu", 8088, "llm", "npu", "model.default=\"x:1b\";" rest)

static void test_trio(void)
{
	trio("the anchor's port", NPU("[npu];asr=true"), STT(""), H0_ROUTE_UNKNOWN, NULL);
	trio("ready", NPU("[npu];asr=true"), STT(""), H0_ROUTE_READY, NULL);
	trio("no anchor", NULL, STT(""), H0_ROUTE_UNKNOWN, "slot create npu");
	trio("toggle off", NPU("[npu];embed=true"), STT(""), H0_ROUTE_READY, "npu.asr=true");
	trio("anchor disabled", NPU("enabled=false;[npu];asr=true"), STT(""), H0_ROUTE_READY, "not enabled");
	trio("record disabled", NPU("[npu];asr=true"), STT("enabled=false;"), H0_ROUTE_READY, "not enabled");
	trio("anchor down", NPU("[npu];asr=true"), STT(""), H0_ROUTE_DOWN, "does not run: hal0 slot start npu");
	trio("anchor loading", NPU("[npu];asr=true"), STT(""), H0_ROUTE_LOADING, "still loading");
	trio("anchor without a model", SLOT("npu", 8088, "llm", "npu", "[npu];asr=true"), STT(""),
	     H0_ROUTE_UNKNOWN, "no model");
	trio("anchor of another type", SLOT("npu", 8088, "transcription", "npu", "model.default=\"x:1b\";[npu];asr=true"),
	     STT(""), H0_ROUTE_UNKNOWN, "not of type llm");
	trio("anchor broken", "npu:port = ;", STT(""), H0_ROUTE_UNKNOWN, "is invalid");
	struct box b;
	struct h0_err e = {0};
	static const char *const late[] = {NPU("[npu];asr=true"), STT(""), NULL};
	box_open(&b, late);
	struct h0_route_live live = {"npu", H0_ROUTE_READY, NULL, H0_TYPE_BIT(H0_TYPE_TRANSCRIPTION)};
	struct h0_route_ask ask = {.slots = &b.slots, .live = &live, .nlive = 1, .model = "w",
		.path = "/v1/audio/transcriptions"};
	h0_autoroute struct h0_route r1 = {0}, r2 = {0};
	ok(h0_route_find(&ask, &r1, &e) < 0 && strstr(e.msg, "was started without it: hal0 slot restart npu"),
	   "turned on since: %s", e.msg);
	live.without = H0_TYPE_BIT(H0_TYPE_EMBEDDING);
	ok(h0_route_find(&ask, &r2, &e) == 0, "the other half of it does not matter");
	box_done(&b);
	static const char *const moved[] = {SLOT("fast", 8089, "llm", "npu", "[model];default=\"x:1b\";[npu];asr=true"),
		NPU("enabled=false;[npu];asr=true"), STT(""), NULL};
	box_open(&b, moved);
	h0_autoroute struct h0_route r3 = {0};
	ask.slots = &b.slots;
	ask.nlive = 0;
	ok(h0_route_find(&ask, &r3, &e) == 0 && strcmp(r3.anchor->name, "fast") == 0 && r3.port == 8089,
	   "the slot that has the NPU, not the one that only bears its name");
	box_done(&b);
	trio("who can start it does not mind", NPU("[npu];asr=true"), STT(""), -1, NULL);
	trio("npu elsewhere", SLOT("npu", 8088, "llm", "cpu", "[npu];asr=true"), STT(""), H0_ROUTE_READY,
	     "not on device npu");
}

/* One name, two worlds: what FLM calls a model is never a GGUF's name. */
static void test_flm_names(void)
{
	struct box b;
	static const char *const both[] = {
		SLOT("chat", 8081, "llm", "cpu", "[model];default=\"gemma4-it-e2b\""),
		SLOT("npu", 8088, "llm", "npu", "[model];default=\"gemma4-it-e2b-FLM\""),
		SLOT("tagged", 8082, "llm", "cpu", "[model];default=\"llama3.2:1b\""), NULL};
	box_open(&b, both);
	check(&b, &(struct want){"gemma4-it-e2b", CHAT, "chat", "model", CHAT, NULL});
	check(&b, &(struct want){"gemma4-it-e2b-FLM", CHAT, "npu", "model", CHAT, "gemma4-it:e2b"});
	check(&b, &(struct want){"gemma4-it:e2b", CHAT, "npu", "model", CHAT, NULL});
	check(&b, &(struct want){"llama3.2:1b", CHAT, "tagged", "model", CHAT, NULL});
	check(&b, &(struct want){"llama3.2-1b-FLM", CHAT, "npu", "hint", CHAT, "gemma4-it:e2b"});
	box_done(&b);
}

static void test_steps(void)
{
	struct box b;
	box_open(&b, full);
	struct h0_err e = {0};
	struct h0_route_ask ask = {.slots = &b.slots, .model = "gpt-4o", .path = "/v1/v1/chat/completions"};
	h0_autoroute struct h0_route r = {0};
	h0_route_find(&ask, &r, &e);
	h0_autobuf struct h0_buf got = {0};
	for (size_t i = 0; i < r.nsteps; i++)
		h0_buf_addf(&got, "%c%s ", r.steps[i].taken ? '+' : '-', r.steps[i].rule);
	is_str(h0_buf_str(&got), "+rewrite +endpoint -slot name -model -default +anchor +rewrite ",
	       "every rule that was tried leaves a step");
	box_done(&b);
}

static void test_local(void)
{
	struct box b;
	box_open(&b, full);
	struct h0_err e = {0};
	struct h0_route_ask ask = {.slots = &b.slots, .path = "/v1/models"};
	h0_autoroute struct h0_route r = {0};
	ok(h0_route_find(&ask, &r, &e) == 0 && !r.slot && r.endpoint->ask == H0_ASK_LOCAL,
	   "the list of models is the router's own");
	box_done(&b);
}

static void test_endpoints(void)
{
	char path[64];
	int bad = 0;
	for (size_t i = 0; i < h0_nendpoints; i++) {
		const struct h0_endpoint *ep = &h0_endpoints[i];
		bad += h0_endpoint_find(ep->path, path, sizeof path) != ep || strcmp(path, ep->path) != 0 || !ep->help;
		bad += ep->upstream && !h0_endpoint_find(ep->upstream, path, sizeof path);
	}
	is_int(bad, 0, "every endpoint finds itself");
	for (int t = 0; t < H0_TYPE_N; t++)
		ok(h0_endpoint_of_type((enum h0_slot_type)t) != NULL, "type %s has an endpoint", h0_type_names[t]);
	h0_autofree char *longer = h0_calloc(1, 5000);
	memset(longer, 'x', 4999);
	longer[0] = '/';
	ok(h0_endpoint_find(longer, path, sizeof path) == NULL, "a path without end is unknown");
	ok(h0_endpoint_find("/v1", path, sizeof path) == NULL, "/v1 alone");
	ok(h0_endpoint_find("/", path, sizeof path) == NULL, "/ alone");
	ok(h0_endpoint_find("//v1/models", path, sizeof path) == NULL, "two slashes are another path");
}

int main(void)
{
	test_table();
	test_boxes();
	test_live();
	test_trio();
	test_flm_names();
	test_steps();
	test_local();
	test_endpoints();
	return tap_done();
}
