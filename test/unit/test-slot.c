/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Slot files read in every shape, rules between slots, and edits that lose nothing.
 */
#include "tap.h"

#include "base/str.h"
#include "model/device.h"
#include "model/port.h"
#include "model/slot.h"
#include "model/slotedit.h"
#include "snap.h"

static struct h0_slot parse(const char *path, const char *text)
{
	struct h0_slot s;
	h0_slot_parse(path, text, strlen(text), &s);
	return s;
}

static void test_shapes(void)
{
	static const char *const both[] = {
		"name = \"chat\"\nport = 8081\ntype = \"llm\"\ndevice = \"gpu-vulkan\"\n"
		"profile = \"vulkan\"\nmtp = false\nidle_timeout_s = 0\nimage = \"i:1\"\n"
		"[model]\ndefault = \"m\"\ncontext_size = 4096\n[server]\nextra_args = \"-b 1\"\n",
		"port = 8099\n[slot]\nname = \"chat\"\nport = 8081\ntype = \"llm\"\n"
		"device = \"gpu-vulkan\"\nprofile = \"vulkan\"\nmtp = false\nidle_timeout_s = 0\n"
		"image = \"i:1\"\n[slot.server]\nextra_args = \"-b 1\"\n"
		"[model]\ndefault = \"m\"\nctx_size = 4096\n",
	};
	for (size_t i = 0; i < 2; i++) {
		h0_auto(h0_slot_done) struct h0_slot s = parse("slots/chat.toml", both[i]);
		const char *shape = i ? "nested" : "flat";
		ok(!s.broken && s.port == 8081 && s.device == H0_DEVICE_GPU_VULKAN &&
		       s.type == H0_TYPE_LLM && s.device_given && s.type_given,
		   "%s: scalars", shape);
		ok(h0_streq(s.profile, "vulkan") && h0_streq(s.image, "i:1") && s.mtp == H0_TRI_FALSE &&
		       s.idle_timeout_s == 0 && s.enable_thinking == H0_TRI_ABSENT,
		   "%s: optional scalars", shape);
		ok(h0_streq(s.model, "m") && s.context_size == 4096 && h0_streq(s.extra_args, "-b 1"),
		   "%s: tables", shape);
	}
}

static void test_absent(void)
{
	h0_auto(h0_slot_done) struct h0_slot s = parse("slots/a.toml", "port = 8081\n");
	ok(!s.broken && h0_streq(s.name, "a"), "the name falls back to the file's");
	ok(s.idle_timeout_s == -1 && s.context_size == -1 && !s.profile && !s.image && !s.role &&
	       s.mtp == H0_TRI_ABSENT && s.enabled && s.vision && s.workers == 1 && !*s.model,
	   "absent stays absent");
	ok(s.device == H0_DEVICE_GPU_ROCM && !s.device_given && s.type == H0_TYPE_LLM, "defaults");
	ok(s.idle_restore_minutes == 60 && h0_streq(s.default_size, "1024x1024") && !s.has_npu,
	   "defaults of tables");
}

static void type_of(const char *path, const char *text, enum h0_slot_type want)
{
	h0_auto(h0_slot_done) struct h0_slot s = parse(path, text);
	ok(!s.broken && s.type == want, "%s: type %s", path, h0_type_names[want]);
	ok(want == H0_TYPE_LLM || s.found.n == 1, "and says so when it is guessed");
}

static void test_old_files(void)
{
	type_of("slots/embed.toml", "port = 8082\n", H0_TYPE_EMBEDDING);
	type_of("slots/rerank.toml", "port = 8083\n", H0_TYPE_RERANKING);
	type_of("slots/embed-rerank.toml", "port = 8083\n", H0_TYPE_RERANKING);
	type_of("slots/stt.toml", "port = 8085\n", H0_TYPE_TRANSCRIPTION);
	type_of("slots/x.toml", "port = 8084\nprovider = \"kokoro\"\n", H0_TYPE_TTS);
	type_of("slots/primary.toml", "port = 8081\n", H0_TYPE_LLM);
	static const struct {
		const char *backend;
		enum h0_device device;
		size_t findings;
	} old[] = {
		{"vulkan", H0_DEVICE_GPU_VULKAN, 1}, {"rocm", H0_DEVICE_GPU_ROCM, 1},
		{"flm", H0_DEVICE_NPU, 1},           {"moonshine", H0_DEVICE_CPU, 1},
		{"kokoro", H0_DEVICE_CPU, 1},        {"npu", H0_DEVICE_NPU, 1},
		{"gpu-rocm", H0_DEVICE_GPU_ROCM, 1}, {"metal", H0_DEVICE_CPU, 2},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(old); i++) {
		char text[64];
		snprintf(text, sizeof text, "port = 8081\nbackend = \"%s\"\n", old[i].backend);
		h0_auto(h0_slot_done) struct h0_slot s = parse("slots/a.toml", text);
		ok(s.device == old[i].device && s.found.n == old[i].findings && !s.found.errors,
		   "backend %s means %s", old[i].backend, h0_device_names[old[i].device]);
	}
	h0_auto(h0_slot_done) struct h0_slot moved = parse("slots/a.toml", "[server]\nport = 8085\n");
	ok(!moved.broken && moved.port == 8085, "a port in [server]");
}

static void broken(const char *path, const char *text, const char *want)
{
	h0_auto(h0_slot_done) struct h0_slot s = parse(path, text);
	char got[2048] = "not broken";
	if (s.broken)
		h0_err_text(&s.err, got, sizeof got);
	is_str(got, want, want);
	ok(!s.broken || (s.err.kind == H0_CONFIG && s.found.errors), "exit 3, and a finding");
}

static void test_broken(void)
{
	broken("slots/chat.toml", "port = 8081\ndevice = \"gpu-rcom\"\n",
	       "slots/chat.toml:2:10: device: unknown device 'gpu-rcom' (did you mean gpu-rocm?)");
	broken("slots/chat.toml", "name = \"other\"\nport = 8081\n",
	       "slots/chat.toml:1:8: name: 'other' is not the name of the file, which makes this slot "
	       "'chat': make them agree");
	broken("slots/chat.toml", "port = 8081\n[server]\nextra_args = \"-b 'x\"\n",
	       "slots/chat.toml:3:14: server.extra_args: a ' is opened at character 4 and not closed");
	broken("slots/Chat.toml", "port = 8081\n",
	       "slots/Chat.toml: slot name 'Chat' has an upper-case letter (1 to 32 of a-z, 0-9, _ and "
	       "-, first a letter or digit)");
}

static void test_set_of_slots(void)
{
	struct h0_snap snap = SNAP({"hal0.toml", ""}, {"slots/a.toml", "port = 8081\ndevice = 3\n"},
	                           {"slots/b.toml", "port = 8082\ndefault = true\n"},
	                           {"slots/c.toml", "port = ["});
	h0_autoslots struct h0_slots s = {0};
	const struct h0_slot *found = NULL;
	struct h0_err e = {0};
	ok(h0_slots_load(&snap, &s, &e) == 0 && s.n == 3, "broken slots do not hide the others");
	ok(h0_slots_find(&s, "b", &found, &e) == 0 && found->port == 8082, "the good one is found");
	ok(h0_slots_find(&s, "a", &found, &e) < 0 && e.kind == H0_CONFIG && e.line == 2,
	   "a broken one gives its own error");
	e = (struct h0_err){0};
	ok(h0_slots_find(&s, "bb", &found, &e) < 0 && e.kind == H0_USAGE &&
	       strstr(e.msg, "did you mean") && h0_streq(h0_err_name(&e), "slot.not_found"),
	   "an unknown one is named with its neighbour");
	e = (struct h0_err){0};
	ok(h0_slots_find(&s, "../b", &found, &e) < 0 && e.kind == H0_USAGE && strstr(e.msg, "slash"),
	   "a path is no name");
	ok(h0_port_owner(&s, 8081, NULL) == &s.v[0] && !h0_port_owner(&s, 8082, "b"),
	   "a broken slot keeps its port");
	int port = 0;
	ok(h0_port_pick(&s, NULL, NULL, &port, &e) == 0 && port == 8083, "the next free port");
}

static bool all_bound(int port, const void *arg)
{
	return port <= *(const int *)arg;
}

static void test_ports(void)
{
	struct h0_snap snap = SNAP({"slots/a.toml", "[slot]\nport = 8090\n"});
	h0_autoslots struct h0_slots s = {0};
	struct h0_err e = {0};
	int port = 0, limit = 8089;
	h0_slots_load(&snap, &s, &e);
	ok(h0_port_pick(&s, all_bound, &limit, &port, &e) == 0 && port == 8091,
	   "bound ports and nested slots' ports are passed over");
	limit = 8099;
	ok(h0_port_pick(&s, all_bound, &limit, &port, &e) < 0 && e.kind == H0_CONFLICT &&
	       h0_streq(h0_err_name(&e), "slot.no_free_port"),
	   "none left");
}

static void conflict(const char *a, const char *b, const char *want)
{
	struct h0_snap snap = SNAP({"slots/a.toml", a}, {"slots/b.toml", b});
	h0_autoslots struct h0_slots s = {0};
	h0_autofindings struct h0_findings found = {0};
	struct h0_err e = {0};
	char got[2048] = "";
	h0_slots_load(&snap, &s, &e);
	h0_slots_check(&s, &found);
	if (h0_slots_check_one(&s, &s.v[1], &e) < 0)
		h0_err_text(&e, got, sizeof got);
	is_str(got, want, *want ? want : "no conflict");
	ok(*want ? e.kind == H0_CONFLICT && found.errors == 1 : !found.n, "and as a finding");
}

static void test_conflicts(void)
{
	conflict("port = 8081\n", "[slot]\nport = 8081\n",
	         "slots/b.toml:2:8: slot.port: 8081 is the port of slot 'a' too (slots/a.toml)");
	conflict("port = 8081\ndefault = true\n", "port = 8082\ndefault = true\n",
	         "slots/b.toml:2:11: default: slot 'a' is the default of type llm already "
	         "(slots/a.toml)");
	conflict("port = 8081\ndefault = true\n", "port = 8082\ndefault = true\ntype = \"tts\"\n", "");
	conflict("port = 8081\ndevice = \"npu\"\nmodel.default = \"x:1b\"\n",
	         "port = 8082\ndevice = \"npu\"\nmodel.default = \"y:2b\"\n",
	         "slots/b.toml:2:10: device: the NPU serves one chat slot at a time, and there is a: hal0 slot "
	         "disable a");
	conflict("port = 8081\ndevice = \"npu\"\nmodel.default = \"x:1b\"\nenabled = false\n",
	         "port = 8082\ndevice = \"npu\"\nmodel.default = \"y:2b\"\n", "");
	conflict("port = 8081\ndevice = \"npu\"\nmodel.default = \"x:1b\"\n",
	         "port = 8082\ndevice = \"npu\"\n", "");
	conflict("port = 8081\nbackend = \"flm\"\nmodel.default = \"x:1b\"\n",
	         "[slot]\nport = 8082\ndevice = \"npu\"\n[model]\ndefault = \"y:2b\"\n",
	         "slots/b.toml:3:10: slot.device: the NPU serves one chat slot at a time, and there is a: hal0 "
	         "slot disable a");
	conflict("port = 8088\ndevice = \"npu\"\n",
	         "port = 8088\ndevice = \"npu\"\ntype = \"embedding\"\n", "");
}

/* ---- edits ---- */

/* Edits slot x in a box that also has `other`; the new text, or the error. */
static void edit_with(const char *other, const char *text, const char *const *args,
                      const char *want, const char *name)
{
	struct h0_snap snap = SNAP({"slots/o.toml", other}, {"slots/x.toml", text});
	h0_autoedits struct h0_edits edits = H0_SLOT_EDITS;
	h0_autochangeset struct h0_changeset cs = {0};
	struct h0_err e = {0};
	char got[2048] = "";
	int rc = 0;
	for (; *args && rc == 0; args++)
		rc = args[0][0] == '-' ? h0_edits_unset(&edits, *args + 1, &e)
		                       : h0_edits_arg(&edits, *args, &e);
	if (rc < 0 || h0_slot_edit(&snap, "x", &edits, NULL, &cs, &e) < 0) {
		snprintf(got, sizeof got, "%d ", e.kind);
		h0_err_text(&e, got + 2, sizeof got - 2);
	} else if (cs.n) {
		snprintf(got, sizeof got, "%s", cs.v[0].after);
	} else {
		snprintf(got, sizeof got, "unchanged");
	}
	is_str(got, want, name);
}

#define EDIT(text, want, name, ...) \
	edit_with("port = 8085\n", text, (const char *const[]){__VA_ARGS__, NULL}, want, name)

#define FLAT "# mine\nport = 8081 # fixed\r\nodd=1\ndevice = 'cpu'\n\n[model]\ndefault = \"m\" # big\n"
#define NEST "port = 8085\n# c\n[slot] # s\nport = 8081\ndevice = \"cpu\"\n[model]\ndefault = \"m\"\n"

static void test_lossless(void)
{
	EDIT(FLAT, "unchanged", "a value that is there, written otherwise", "device=cpu", "port=8081",
	     "model.default=m");
	EDIT(FLAT, "# mine\nport = 8082 # fixed\r\nodd=1\ndevice = 'cpu'\n\n[model]\ndefault = \"m\" # big\n",
	     "one value", "port=8082");
	EDIT(FLAT,
	     "# mine\nport = 8081 # fixed\r\nodd=1\ndevice = 'cpu'\nrole = \"utility\"\n\n[model]\n"
	     "default = \"m2\" # big\ncontext_size = 4096\n",
	     "a new key goes where it belongs", "model.default=m2", "model.context_size=4096",
	     "role=utility");
	EDIT(FLAT, "# mine\nport = 8081 # fixed\r\ndevice = 'cpu'\n\n[model]\ndefault = \"m\" # big\n",
	     "an unknown key can be removed", "-odd");
	EDIT(NEST, "port = 8085\n# c\n[slot] # s\nport = 8082\ndevice = \"cpu\"\n[model]\ndefault = \"m\"\n",
	     "nested: the value that counts", "port=8082");
	EDIT(NEST,
	     "port = 8085\n# c\n[slot] # s\nport = 8081\ndevice = \"cpu\"\nenabled = false\n[model]\n"
	     "default = \"m\"\n",
	     "nested: a new key goes into [slot]", "enabled=false");
	EDIT(NEST "[server]\nextra_args = \"-a\"\n",
	     "port = 8085\n# c\n[slot] # s\nport = 8081\ndevice = \"cpu\"\n[model]\ndefault = \"m\"\n"
	     "[server]\nextra_args = \"-b 'c d'\"\n",
	     "nested: tables stay where they are", "server.extra_args=-b 'c d'");
	EDIT("[slot]\nport = 8081\nrole = \"npu\"\n", "[slot]\nport = 8081\n", "nested: removed",
	     "-slot.role");
	EDIT("port = 8081\nrole = \"npu\"\n[slot]\nrole = \"utility\"\n", "port = 8081\n[slot]\n",
	     "removed from both places", "-role");
	EDIT("port = 8081\n[model]\nctx_size = 4096\n", "port = 8081\n[model]\ncontext_size = 8192\n",
	     "an old key is folded into the new one", "model.ctx_size=8192");
	EDIT("[server]\nport = 8081\n", "port = 8082\n\n[server]\n", "an old port moves", "port=8082");
	EDIT("port = 8081\nbackend = \"cpu\"\n", "port = 8081\nbackend = \"vulkan\"\ndevice = \"gpu-vulkan\"\n",
	     "backend follows device", "device=gpu-vulkan");
}

static void test_mended_at_once(void)
{
	EDIT("port = 8081\nbackend = \"rocm\"\nidle_timeout_s = \"m\"\n",
	     "port = 8081\nbackend = \"cpu\"\ndevice = \"cpu\"\n",
	     "backend follows device also while another key is still wrong", "device=cpu",
	     "-idle_timeout_s");
}

static void test_coherence(void)
{
	EDIT("port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"vulkan\"\n",
	     "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm\"\n", "the profile follows",
	     "device=gpu-rocm");
	EDIT("port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-moe\"\n",
	     "port = 8081\ndevice = \"cpu\"\nprofile = \"vulkan\"\n", "cpu gets a profile that exists",
	     "device=cpu");
	EDIT("port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-moe\"\n",
	     "port = 8081\ndevice = \"npu\"\nprofile = \"flm\"\n", "npu does not keep a GPU profile",
	     "device=npu");
	EDIT("port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"vulkan\"\n",
	     "port = 8081\ndevice = \"gpu-rocm\"\nprofile = \"rocm-dnse\"\n", "the device follows",
	     "profile=rocm-dnse");
	EDIT("port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"vulkan\"\n",
	     "port = 8081\ndevice = \"cpu\"\nprofile = \"vulkan\"\n", "cpu runs the Vulkan profile",
	     "device=cpu");
	EDIT("port = 8081\n",
	     "3 slots/x.toml:3:11: profile: profile rocm (rocm) does not go with device gpu-vulkan",
	     "both given against each other", "device=gpu-vulkan", "profile=rocm");
	EDIT("port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"rocm\"\n",
	     "port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"rocm\"\nrole = \"utility\"\n",
	     "an old contradiction does not stop other edits", "role=utility");
	EDIT("port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"rocm\"\n",
	     "port = 8081\ndevice = \"gpu-vulkan\"\nprofile = \"vulkan\"\n", "and can be mended",
	     "device=gpu-vulkan");
	EDIT("port = 8081\ndevice = \"cpu\"\nprofile = \"vulkan\"\n",
	     "port = 8081\ndevice = \"cpu\"\nprofile = \"tts\"\ntype = \"tts\"\n",
	     "the profile follows the type", "type=tts");
	EDIT("port = 8081\ndevice = \"cpu\"\n",
	     "3 slots/x.toml: profile: no profile fits device cpu and type image: name one, or an image",
	     "no profile at all",
	     "type=image");
	EDIT("port = 8081\n", "3 slots/x.toml:2:11: profile: no profile 'vulkn' (did you mean vulkan?)",
	     "unknown profile", "profile=vulkn");
}

static void test_refused(void)
{
	EDIT(FLAT, "2 unknown key 'prot' (did you mean port?)", "typo", "prot=1");
	EDIT(FLAT, "2 unknown key 'context_size' (did you mean model.context_size?)", "table forgotten",
	     "context_size=4096");
	EDIT(FLAT, "2 model is a table: name a key in it, such as model.default", "a table is no value",
	     "model=m");
	EDIT(FLAT, "2 'x' is not KEY=VALUE", "no value", "x");
	EDIT(FLAT, "2 backend is deprecated: set device instead", "deprecated", "backend=rocm");
	EDIT(FLAT, "2 device: unknown device 'gpu-rcom' (did you mean gpu-rocm?)", "bad value",
	     "device=gpu-rcom");
	EDIT(FLAT, "4 slots/x.toml:2:8: port: 8085 is the port of slot 'o' too (slots/o.toml)",
	     "a port taken by another slot", "port=8085");
	EDIT(FLAT, "3 slots/x.toml: port: missing: integer required (Loopback port of the server; no two slots "
	     "share one)", "a required key", "-port");
	EDIT("port = 8081\n[model", "3 slots/x.toml:2:7: expected ']' after the table's name", "unparsable stays as it is",
	     "port=8082");
	EDIT("port = 8081\ndevice = \"gpu-rcom\"\n", "port = 8081\ndevice = \"cpu\"\n",
	     "a mistake can be mended", "device=cpu");
	EDIT("port = 8081\ndevice = \"gpu-rcom\"\n",
	     "3 slots/x.toml:2:10: device: unknown device 'gpu-rcom' (did you mean gpu-rocm?)",
	     "but stays an error otherwise", "role=utility");
	EDIT(FLAT, "3 slots/x.toml:5:8: name: 'y' is not the name of the file, which makes this slot "
	     "'x': make them agree", "a slot is not renamed by its name", "name=y");
}

static void create(const char *other, const char *const *args, enum h0_device device,
                   const char *want, const char *name)
{
	struct h0_snap snap = SNAP({"slots/o.toml", other});
	h0_autoedits struct h0_edits edits = H0_SLOT_EDITS;
	h0_autochangeset struct h0_changeset cs = {0};
	struct h0_err e = {0};
	char got[2048] = "";
	int rc = 0, bound_to = 8081;
	struct h0_bound bound = {all_bound, &bound_to};
	const char *slot = *args++;
	for (; *args && rc == 0; args++)
		rc = h0_edits_arg(&edits, *args, &e);
	if (rc < 0 || h0_slot_create(&snap, slot, &edits, device, &bound, &cs, NULL, &e) < 0) {
		snprintf(got, sizeof got, "%d ", e.kind);
		h0_err_text(&e, got + 2, sizeof got - 2);
	} else {
		const char *text = cs.n ? cs.v[0].after : "unchanged";
		while (*text == '#')
			text = strchr(text, '\n') + 1;
		snprintf(got, sizeof got, "%s", text);
	}
	is_str(got, want, name);
}

#define CREATE(device, want, name, ...) \
	create("port = 8082\ndevice = \"gpu-vulkan\"\nmtp = true\n", \
	       (const char *const[]){__VA_ARGS__, NULL}, device, want, name)

static void test_create(void)
{
	CREATE(H0_DEVICE_CPU,
	       "name = \"x\"\nport = 8083\ntype = \"llm\"\ndevice = \"cpu\"\n\n[model]\ndefault = \"m\"\n",
	       "a minimal file, the port neither bound nor another's", "x", "model.default=m");
	CREATE(H0_DEVICE_CPU,
	       "name = \"x\"\nport = 8083\ntype = \"llm\"\ndevice = \"gpu-rocm\"\nprofile = \"rocm\"\n\n"
	       "[model]\ndefault = \"m\"\n",
	       "the device follows the profile", "x", "model.default=m", "profile=rocm");
	CREATE(H0_DEVICE_GPU_VULKAN,
	       "name = \"x\"\nport = 8090\ntype = \"embedding\"\ndevice = \"gpu-vulkan\"\n\n[model]\n"
	       "default = \"m\"\ncontext_size = 512\n\n[server]\nextra_args = \"-b 1\"\n",
	       "further keys", "x", "port=8090", "type=embedding", "model.default=m",
	       "model.context_size=512", "server.extra_args=-b 1");
	CREATE(H0_DEVICE_CPU, "3 profile: profile rocm (rocm) does not go with device cpu",
	       "device and profile against each other", "x", "device=cpu", "profile=rocm");
	CREATE(H0_DEVICE_CPU, "4 port: 8081 is taken: another program listens on it", "bound port", "x",
	       "port=8081");
	CREATE(H0_DEVICE_CPU, "4 port: 8082 is the port of slot 'o' too (slots/o.toml)", "taken port",
	       "x", "port=8082");
	CREATE(H0_DEVICE_CPU, "unchanged", "the same again", "o", "port=8082", "device=gpu-vulkan",
	       "type=llm");
	CREATE(H0_DEVICE_CPU,
	       "4 slot 'o' exists and its device is not \"cpu\": change it with hal0 slot set o",
	       "another of that name", "o", "device=cpu");
	CREATE(H0_DEVICE_CPU,
	       "2 slot name 'X' has an upper-case letter (1 to 32 of a-z, 0-9, _ and -, first a letter "
	       "or digit)",
	       "bad name", "X");
}

static void test_conf(void)
{
	struct h0_slots_conf conf = {.idle_timeout_s = 60};
	struct h0_slot s = {.name = "chat", .idle_timeout_s = -1};
	ok(h0_slot_idle_timeout(&s, &conf) == 60, "no timeout of its own: hal0.toml's");
	s.idle_timeout_s = 0;
	ok(h0_slot_idle_timeout(&s, &conf) == 0, "0 is never");
	s = (struct h0_slot){.name = "agent", .idle_timeout_s = -1};
	ok(h0_slot_idle_timeout(&s, &conf) == 0, "agent without the key is kept");
	s.idle_timeout_s = 300;
	ok(h0_slot_idle_timeout(&s, &conf) == 300, "with it, it is not");
}

int main(void)
{
	test_conf();
	test_shapes();
	test_absent();
	test_old_files();
	test_broken();
	test_set_of_slots();
	test_ports();
	test_conflicts();
	test_lossless();
	test_mended_at_once();
	test_coherence();
	test_refused();
	test_create();
	return tap_done();
}
