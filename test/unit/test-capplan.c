/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From what is wanted of capabilities and slots to files and targets: model/capplan.c, capfile.c,
 * capdoc.c, cap.c.
 */
#include "base/mem.h"
#include "base/str.h"
#include "conf/schema.h"
#include "model/capdoc.h"
#include "snap.h"
#include "tap.h"

/* ---- the world ---- */

static int about(const struct h0_snap *snap, const char *model, struct h0_cap_model *ret, void *arg,
                 struct h0_err *e)
{
	*ret = (struct h0_cap_model){.encoder = h0_starts(model, "bert"), .ranker = h0_starts(model, "rank"),
	                             .projector = h0_starts(model, "eye")};
	if (!h0_starts(model, "none"))
		return 0;
	h0_fail(e, H0_CONFIG, "no model '%s'", model);
	return h0_err_code(e, "model.not_found");
}

static bool bound(int port, const void *arg)
{
	return port == 8082; /* somebody else listens there */
}

static const struct h0_cap_world world = {
	.device = H0_DEVICE_GPU_VULKAN, .bound = {bound, NULL}, .model = about,
};

struct case_ {
	struct h0_capplan plan;
	struct h0_snap after;
	struct h0_err err;
	int rc;
};

static void case_done(struct case_ *c)
{
	h0_snap_done(&c->after);
	h0_capplan_done(&c->plan);
}
#define autocase h0_auto(case_done) struct case_

static void apply(const struct h0_snap *snap, const char *text, struct case_ *c)
{
	h0_autocapdoc struct h0_capdoc doc = {0};
	*c = (struct case_){0};
	c->rc = h0_capdoc_parse(text, strlen(text), "box", &doc, &c->err);
	if (c->rc == 0)
		c->rc = h0_capplan_make(snap, &doc.wishes, &world, &c->plan, &c->err);
	if (c->rc == 0)
		h0_snap_over(snap, &c->plan.cs, &c->after);
}

static const char *text_of(const struct case_ *c, const char *path)
{
	const struct h0_snap_file *f = h0_snap_get(&c->after, path);
	return f ? f->text : NULL;
}

static bool lacks(const struct case_ *c, const char *path, const char *part)
{
	const char *text = text_of(c, path);
	return text && !strstr(text, part);
}

static bool has(const struct case_ *c, const char *path, const char *part)
{
	const char *text = text_of(c, path);
	if (text && strstr(text, part))
		return true;
	printf("# %s: %s\n# not what is wanted:\n# ", path, c->err.msg);
	for (const char *p = text ? text : "(no file)"; *p; p++) {
		putchar(*p);
		if (*p == '\n')
			fputs("# ", stdout);
	}
	putchar('\n');
	return false;
}

static const struct h0_cap_target *target(const struct case_ *c, const char *slot)
{
	for (size_t i = 0; i < c->plan.n; i++)
		if (h0_streq(c->plan.v[i].slot, slot))
			return &c->plan.v[i];
	return NULL;
}

static bool refused(const struct h0_snap *snap, const char *text, enum h0_kind kind, const char *code)
{
	autocase c;
	apply(snap, text, &c);
	bool good = c.rc < 0 && c.err.kind == kind && h0_streq(h0_err_name(&c.err), code) && c.err.msg[0];
	if (!good)
		printf("# rc %d, kind %d, %s: %s\n", c.rc, c.err.kind, c.err.code, c.err.msg);
	return good;
}

/* What was planned, planned again on its own result, changes nothing. */
static void again(const struct case_ *c, const char *text, const char *name)
{
	autocase d;
	apply(&c->after, text, &d);
	ok(d.rc == 0 && d.plan.cs.n == 0, "%s: again, nothing changes%s%s", name, d.err.msg[0] ? ": " : "",
	   d.err.msg);
	if (d.plan.cs.n) {
		h0_autobuf struct h0_buf diff = {0};
		h0_changeset_diff(&d.plan.cs, &diff);
		printf("# %s\n", h0_buf_str(&diff));
	}
}

/* ---- on and off ---- */

#define ON(what, more) "[selections." what "]\nenabled = true\n" more
#define OFF(what) "[selections." what "]\nenabled = false\n"

static void test_on(void)
{
	autocase c, d;
	struct h0_snap snap = SNAP({"slots/chat.toml", "port = 8081\n[model]\ndefault = \"x\"\n"});
	const char *on = ON("embed.embed", "model = \"bge\"\n");
	apply(&snap, on, &c);
	ok(c.rc == 0 && c.plan.cs.n == 2, "a record and a slot are made together");
	ok(has(&c, "slots/embed.toml", "port = 8083\n") && has(&c, "slots/embed.toml", "type = \"embedding\"") &&
	       has(&c, "slots/embed.toml", "device = \"gpu-vulkan\"") &&
	       has(&c, "slots/embed.toml", "default = \"bge\""),
	   "type, the box's device, a port that nobody has or listens on");
	ok(has(&c, "capabilities.toml", "[selections.embed.embed]\ndevice = \"gpu-vulkan\"\n"
	       "provider = \"llama-server\"\nmodel = \"bge\"\nenabled = true\n"), "the record is whole");
	ok(target(&c, "embed") && target(&c, "embed")->want == H0_WANT_RUN && !target(&c, "chat"),
	   "its slot shall run, no other");
	again(&c, on, "on");
	apply(&c.after, OFF("embed.embed"), &d);
	ok(d.rc == 0 && has(&d, "slots/embed.toml", "enabled = false") &&
	       has(&d, "capabilities.toml", "model = \"bge\"\nenabled = false") &&
	       target(&d, "embed")->want == H0_WANT_STOP,
	   "off: record and slot tell the same, the model is remembered");
	again(&d, OFF("embed.embed"), "off");
	case_done(&c);
	apply(&d.after, ON("embed.embed", ""), &c);
	ok(c.rc == 0 && lacks(&c, "slots/embed.toml", "enabled = false"), "on again without a word more");
}

static void test_swap(void)
{
	autocase c;
	struct h0_snap snap = SNAP(
		{"capabilities.toml", "schema_version = 2\n[selections.embed.embed]\ndevice = \"gpu-vulkan\"\n"
		 "model = \"bge\" # small\nenabled = true\n"},
		{"slots/embed.toml", "[slot]\nport = 8081\ntype = \"embedding\"\ndevice = \"gpu-vulkan\" # here\n"
		 "backend = \"vulkan\"\nprofile = \"vulkan\"\n[model]\ndefault = \"bge\"\nctx_size = 512\n"});
	const char *rocm = "[selections.embed.embed]\ndevice = \"gpu-rocm\"\n";
	apply(&snap, rocm, &c);
	ok(c.rc == 0 && has(&c, "slots/embed.toml", "device = \"gpu-rocm\" # here\nbackend = \"rocm\"\n"
	                    "profile = \"rocm\"\n"),
	   "another device: the profile follows, in the table where the keys stand");
	ok(has(&c, "capabilities.toml", "model = \"bge\" # small"), "comments stay");
	again(&c, rocm, "another device");
	case_done(&c);
	apply(&snap, "[selections.embed.embed]\nmodel = \"nomic\"\n", &c);
	ok(c.rc == 0 && has(&c, "slots/embed.toml", "default = \"nomic\"") &&
	       has(&c, "slots/embed.toml", "ctx_size = 512") && target(&c, "embed")->want == H0_WANT_RUN,
	   "another model, nothing else");
}

static void test_record_only(void)
{
	autocase c;
	struct h0_snap snap = SNAP({"slots/embed.toml", "port = 8081\nenabled = false\n"});
	apply(&snap, "[selections.embed.embed]\nmodel = \"bge\"\n", &c);
	ok(c.rc == 0 && c.plan.cs.n == 1 && c.plan.n == 0 && has(&c, "capabilities.toml", "bge"),
	   "set while it is off: the record alone");
	case_done(&c);
	snap = SNAP({"capabilities.toml", "schema_version = 2\n[selections.embed.embed]\ndevice = \"\"\n"
	             "model = \"\"\nenabled = false\n"},
	            {"slots/embed.toml", "port = 8081\ndevice = \"cpu\"\nenabled = false\n[model]\n"
	             "default = \"bge\"\n"});
	apply(&snap, ON("embed.embed", ""), &c);
	ok(c.rc == 0 && has(&c, "slots/embed.toml", "bge") && has(&c, "capabilities.toml", "bge") &&
	       has(&c, "capabilities.toml", "device = \"cpu\""),
	   "a blank record: as the slot has it");
	case_done(&c);
	snap = SNAP({0});
	apply(&snap, OFF("voice.tts"), &c);
	ok(c.rc == 0 && c.plan.cs.n == 0, "off of what is not there: nothing, no file either");
}

static void test_names(void)
{
	autocase c;
	const char *on = ON("embed.rerank", "model = \"rank\"\n");
	struct h0_snap none = SNAP({0});
	apply(&none, on, &c);
	ok(c.rc == 0 && text_of(&c, "slots/embed-rerank.toml"), "rerank: embed-rerank is made");
	case_done(&c);
	struct h0_snap second = SNAP({"slots/rerank.toml", "port = 8083\n"});
	apply(&second, on, &c);
	ok(c.rc == 0 && has(&c, "slots/rerank.toml", "rank") && !text_of(&c, "slots/embed-rerank.toml"),
	   "a slot rerank is used");
	case_done(&c);
	struct h0_snap third = SNAP({"slots/embed.toml", "port = 8083\ntype = \"reranking\"\n"});
	apply(&third, on, &c);
	ok(c.rc == 0 && has(&c, "slots/embed.toml", "rank") && !text_of(&c, "slots/embed-rerank.toml"),
	   "so is embed, where it ranks");
	ok(refused(&third, ON("embed.embed", "model = \"bge\"\n"), H0_CONFLICT, "slot.config_error"),
	   "then embeddings cannot have it");
	struct h0_snap both = SNAP({"slots/embed.toml", "port = 8083\n"}, {"slots/rerank.toml", "port = 8084\n"});
	case_done(&c);
	apply(&both, on, &c);
	ok(c.rc == 0 && lacks(&c, "slots/embed.toml", "rank"), "an embed that embeds is left alone");
}

/* ---- what does not go together ---- */

static void test_refusals(void)
{
	struct h0_snap snap = SNAP({0});
	ok(refused(&snap, ON("embed.embed", ""), H0_USAGE, "capability.invalid_selection"), "no model");
	ok(refused(&snap, ON("embed.embed", "model = \"none\"\n"), H0_USAGE, "capability.unknown_model"),
	   "a model that is not there");
	ok(refused(&snap, ON("embed.embed", "model = \"rank\"\n"), H0_USAGE, "capability.illegal_model_fit"),
	   "a reranker embeds nothing");
	ok(refused(&snap, ON("embed.rerank", "model = \"bert\"\n"), H0_USAGE, "capability.illegal_model_fit"),
	   "an encoder ranks nothing");
	ok(refused(&snap, ON("vision.vision", "model = \"blind\"\n"), H0_USAGE,
	           "capability.illegal_model_fit"), "vision needs a projector");
	ok(refused(&snap, ON("voice.tts", "device = \"npu\"\n"), H0_USAGE,
	           "capability.illegal_backend_model_pair"), "nothing speaks on the NPU");
	ok(refused(&snap, ON("embed.embed", "model = \"/m/x.gguf\"\ndevice = \"npu\"\n"), H0_USAGE,
	           "capability.illegal_backend_model_pair"), "a file on the NPU");
	ok(refused(&snap, ON("embed.rerank", "provider = \"kokoro\"\nmodel = \"rank\"\n"), H0_USAGE,
	           "capability.illegal_backend_model_pair"), "a provider that does something else");
	ok(refused(&snap, ON("voice.tts", "device = \"gpu\"\n"), H0_USAGE, "capability.invalid_selection"),
	   "a device nobody knows");
	ok(refused(&snap, ON("voice.tts", "modle = \"x\"\n"), H0_CONFIG, "capability.unknown_fields"),
	   "a key nobody knows");
	ok(refused(&snap, "[selections.embed.chat]\nenabled = true\n", H0_CONFIG, "capability.unknown_child"),
	   "a capability nobody knows");
	ok(refused(&snap, "[selections.ebmed.embed]\nenabled = true\n", H0_CONFIG, "capability.unknown_slot"),
	   "a group nobody knows");
	ok(refused(&snap, "selections.embed.embed.enabled = \"yes\"\n", H0_CONFIG, "capability.invalid_selection"),
	   "a value of another type");
	ok(refused(&snap, "selections.embed = true\n", H0_CONFIG, "capability.invalid_selection"),
	   "a value where a table belongs");
	ok(refused(&snap, ON("embed.embed", "model = \"bge\"\nenabled = 1\n"), H0_CONFIG, "config.invalid"),
	   "a key twice");
	struct h0_snap bad = SNAP({"slots/embed.toml", "port = \n"});
	ok(refused(&bad, ON("embed.embed", "model = \"bge\"\n"), H0_CONFIG, "slot.config_error"),
	   "a slot that is broken is not written over");
}

static void test_chat(void)
{
	const struct h0_cap *cap = NULL;
	struct h0_err e = {0};
	autocase c;
	apply(&(struct h0_snap){0}, "[selections.chat.chat]\n", &c);
	ok(c.rc < 0 && strstr(c.err.msg, "it lives in its slots"), "chat in a document");
	ok(h0_cap_find("chat", &cap, &e) < 0 && strstr(e.msg, "hal0 slot"), "chat: the error says where it lives");
}

/* ---- the NPU ---- */

static void test_npu(void)
{
	autocase c, d;
	const char *on = ON("voice.stt", "device = \"npu\"\n");
	struct h0_snap none = SNAP({0});
	ok(refused(&none, on, H0_NOHW, "npu.trio_unavailable"), "the NPU answers through a chat slot only");
	struct h0_snap snap = SNAP({"slots/npu.toml", "port = 8088 # static\ntype = \"llm\"\ndevice = \"npu\"\n"
	                            "[model]\ndefault = \"gemma3:1b\"\n"});
	apply(&snap, on, &c);
	ok(c.rc == 0 && has(&c, "slots/npu.toml", "[npu]\nasr = true") &&
	       has(&c, "slots/stt.toml", "type = \"transcription\"\ndevice = \"npu\"") &&
	       has(&c, "slots/stt.toml", "port = 8088"),
	   "its record has the anchor's port, and the anchor is told");
	ok(target(&c, "stt")->want == H0_WANT_STOP && h0_streq(target(&c, "stt")->anchor, "npu") &&
	       !target(&c, "npu"),
	   "neither is started: the anchor answers, when somebody restarts it");
	again(&c, on, "on the NPU");
	apply(&c.after, ON("voice.stt", "device = \"cpu\"\nprovider = \"moonshine\"\n"), &d);
	ok(d.rc == 0 && has(&d, "slots/npu.toml", "asr = false") && has(&d, "slots/stt.toml", "device = \"cpu\"") &&
	       has(&d, "slots/stt.toml", "port = 8081") && target(&d, "stt")->want == H0_WANT_RUN &&
	       h0_streq(target(&d, "stt")->anchor, "npu"),
	   "leaving it: a port of its own, the anchor is told");
	case_done(&d);
	apply(&c.after, OFF("voice.stt"), &d);
	ok(d.rc == 0 && has(&d, "slots/npu.toml", "asr = false") && has(&d, "slots/stt.toml", "enabled = false"),
	   "off: record and anchor");
}

/* ---- several at once ---- */

#define NPU(name, port, more) \
	{"slots/" name ".toml", "port = " port "\ntype = \"llm\"\ndevice = \"npu\"\n" more \
	 "[model]\ndefault = \"gemma3:1b\"\n"}

static void test_both(void)
{
	autocase c;
	struct h0_snap none = SNAP({0});
	const char *both = ON("voice.tts", "") "[slots.tts]\nport = 8084\nidle_timeout_s = 0\n";
	apply(&none, both, &c);
	ok(c.rc == 0 && has(&c, "slots/tts.toml", "port = 8084") && has(&c, "slots/tts.toml", "type = \"tts\"") &&
	       has(&c, "slots/tts.toml", "device = \"cpu\"") && has(&c, "slots/tts.toml", "idle_timeout_s = 0") &&
	       target(&c, "tts")->want == H0_WANT_RUN,
	   "a selection, and more about its slot");
	again(&c, both, "both");
	ok(refused(&none, ON("embed.embed", "model = \"bge\"\n") "[slots.embed]\nmodel.default = \"other\"\n",
	           H0_CONFLICT, "capability.invalid_selection"), "which must not contradict it");
	ok(refused(&none, OFF("embed.embed") "[slots.embed]\nport = 8081\nmodel.default = \"other\"\n",
	           H0_CONFLICT, "capability.invalid_selection"), "nor what is off");
}

#define PORTS SNAP({"slots/a.toml", "port = 8081\n"}, {"slots/b.toml", "port = 8082\n"})

static void test_whole(void)
{
	autocase c;
	struct h0_snap ports = PORTS;
	apply(&ports, "slots.a.port = 8082\nslots.b.port = 8081\n", &c);
	ok(c.rc == 0 && has(&c, "slots/a.toml", "8082") && has(&c, "slots/b.toml", "8081"),
	   "two slots exchange their ports");
	ok(target(&c, "a")->want == H0_WANT_KEEP, "who is not asked to run goes on as it is");
	ok(refused(&ports, "slots.a.port = 8082\n", H0_CONFLICT, "slot.config_error"), "one alone cannot");
	struct h0_snap npu = SNAP(NPU("n1", "8081", ""), NPU("n2", "8082", "enabled = false\n"));
	case_done(&c);
	apply(&npu, "slots.n2.enabled = true\nslots.n1.enabled = false\nrun = [\"n2\"]\nstop = [\"n1\"]\n", &c);
	ok(c.rc == 0 && c.plan.cs.n == 2 && target(&c, "n2")->want == H0_WANT_RUN &&
	       target(&c, "n1")->want == H0_WANT_STOP, "the NPU goes from one to another");
	ok(refused(&npu, "slots.n2.enabled = true\n", H0_CONFLICT, "slot.npu_exclusivity_violation"),
	   "it cannot be both's");
	case_done(&c);
	ports = PORTS;
	apply(&ports, "remove = [\"a\"]\n[slots.c]\nport = 8081\nmodel.default = \"m\"\n", &c);
	ok(c.rc == 0 && !text_of(&c, "slots/a.toml") && has(&c, "slots/c.toml", "port = 8081") &&
	       target(&c, "a")->want == H0_WANT_STOP, "one goes, another takes its port");
	again(&c, "remove = [\"a\"]\n[slots.c]\nport = 8081\nmodel.default = \"m\"\n", "gone");
	ok(refused(&ports, "run = [\"nope\"]\n", H0_USAGE, "slot.not_found"), "a slot that is nowhere");
	ok(refused(&ports, "run = [\"a\"]\nstop = [\"a\"]\n", H0_CONFIG, "config.invalid"), "in two lists");
	ok(refused(&ports, "remove = [\"a\"]\nslots.a.port = 8090\n", H0_CONFIG, "config.invalid"),
	   "to go, and to change");
	ok(refused(&ports, "slots.a.modle.default = \"x\"\n", H0_CONFIG, "config.invalid"), "an unknown key");
}

static void test_json(void)
{
	autocase c;
	struct h0_snap snap = SNAP({0});
	apply(&snap, " {\"selections\": {\"embed\": {\"embed\": {\"enabled\": true, \"model\": \"b\\\"ge\"}}},"
	      "\"slots\": {\"chat\": {\"port\": 8090, \"model\": {\"default\": \"m\", \"context_size\": 4096}}},"
	      "\"run\": [\"chat\"]}", &c);
	ok(c.rc == 0 && has(&c, "slots/chat.toml", "context_size = 4096") &&
	       has(&c, "slots/embed.toml", "b\\\"ge") && target(&c, "chat")->want == H0_WANT_RUN,
	   "a document in JSON: %s", c.err.msg);
	ok(refused(&snap, "{\"run\": null}", H0_CONFIG, "config.invalid"), "null says nothing");
	ok(refused(&snap, "{\"run\": [1]}", H0_CONFIG, "config.invalid"), "a number is no slot");
	ok(refused(&snap, "{\"run\": ", H0_CONFIG, "config.invalid"), "no JSON");
}

/* ---- the file ---- */

static void seed(const struct h0_snap *snap, struct case_ *c)
{
	*c = (struct case_){0};
	c->rc = h0_capplan_seed(snap, &c->plan, &c->err);
	if (c->rc == 0)
		h0_snap_over(snap, &c->plan.cs, &c->after);
}

#define V1                                                                                       \
	"# my box\n"                                                                             \
	"[selections.voice.tts]   # speech\n"                                                    \
	"backend = \"kokoro\"  # small\n"                                                        \
	"enabled = true\n"                                                                       \
	"color = \"red\"\n"                                                                      \
	"[selections.embed]\n"                                                                   \
	"embed = { backend = \"abacus\", model = \"bge\" }\n"

static void test_file(void)
{
	autocase c, d;
	struct h0_snap v1 = SNAP({"capabilities.toml", V1});
	seed(&v1, &c);
	ok(c.rc == 0 && c.plan.cs.n == 2, "version 1 is migrated");
	is_str(text_of(&c, "capabilities.toml"),
	       "# my box\nschema_version = 2\n\n[selections.voice.tts]   # speech\ndevice = \"cpu\"  # small\n"
	       "enabled = true\ncolor = \"red\"\n[selections.embed]\n"
	       "embed = { device = \"cpu\", model = \"bge\" }\n",
	       "comments, spaces and other keys stay");
	is_str(text_of(&c, "capabilities.toml.v1.bak"), V1, "the old one is kept");
	ok(c.plan.warnings.n == 1 && strstr(c.plan.warnings.v[0], "abacus"), "an unknown back end is said");
	seed(&c.after, &d);
	ok(d.rc == 0 && d.plan.cs.n == 0, "once");
	case_done(&c);
	struct h0_snap kept = SNAP({"capabilities.toml", V1}, {"capabilities.toml.v1.bak", "older\n"});
	seed(&kept, &c);
	is_str(text_of(&c, "capabilities.toml.v1.bak"), "older\n", "a backup that is there stays");
	case_done(&c);
	struct h0_snap slots = SNAP({"slots/embed.toml", "port = 8081\ndevice = \"cpu\"\n[model]\n"
	                             "default = \"bge\"\n"},
	                            {"slots/tts.toml", "port = 8084\ndevice = \"cpu\"\nenabled = false\n"});
	seed(&slots, &c);
	ok(c.rc == 0 && c.plan.cs.n == 1 &&
	       has(&c, "capabilities.toml", "[selections.embed.embed]\ndevice = \"cpu\"\n"
	           "provider = \"llama-server\"\nmodel = \"bge\"\nenabled = true\n") &&
	       has(&c, "capabilities.toml", "[selections.voice.tts]\ndevice = \"cpu\"\nprovider = \"kokoro\"\n"
	           "model = \"\"\nenabled = false\n") &&
	       has(&c, "capabilities.toml", "[selections.img.img]\ndevice = \"\"\n"),
	   "an absent file is made from the slots");
	struct h0_snap v2 = SNAP({"capabilities.toml", "schema_version = 2\n"}, {"slots/embed.toml", "port = 8081\n"});
	case_done(&c);
	seed(&v2, &c);
	ok(c.rc == 0 && c.plan.cs.n == 0, "one that is there is never written over");
}

static void test_follow(void)
{
	h0_autocapplan struct h0_capplan p = {0};
	struct h0_err e = {0};
	struct h0_snap then = SNAP(
		{"capabilities.toml", "schema_version = 2\n[selections.embed.embed]\nmodel = \"bge\"\n"
		 "enabled = true\n[selections.voice.tts]\nenabled = false\n"},
		{"slots/chat.toml", "port = 8083\n"}, {"slots/embed.toml", "port = 8081\n"},
		{"slots/tts.toml", "port = 8082\nenabled = false\n"});
	h0_changeset_add(&p.cs, "slots/embed.toml", "a", 1, "b", 1);
	h0_changeset_add(&p.cs, "slots/tts.toml", "a", 1, "b", 1);
	h0_changeset_add(&p.cs, "slots/chat.toml", "a", 1, "b", 1);
	h0_changeset_add(&p.cs, "slots/gone.toml", "a", 1, NULL, 0);
	ok(h0_capplan_follow(&then, &p, &e) == 0 && p.n == 4 && p.v[0].want == H0_WANT_RUN &&
	       p.v[1].want == H0_WANT_STOP && p.v[2].want == H0_WANT_KEEP && p.v[3].want == H0_WANT_STOP,
	   "after an undo: on runs, off and gone do not, others keep");
}

int main(void)
{
	test_on();
	test_swap();
	test_record_only();
	test_names();
	test_refusals();
	test_chat();
	test_npu();
	test_both();
	test_whole();
	test_json();
	test_file();
	test_follow();
	return tap_done();
}
