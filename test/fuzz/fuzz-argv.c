/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From hostile files to a podman command. The input: a letter that picks the machine, then a slot's
 * file and, behind a line "---", profiles.toml. Whatever they say: the command keeps what every
 * container must have, of a server flag given twice one stands, hal0's own flags are hal0's, the
 * container does not differ from itself, and its words come back out of a quadlet unit and a pod.
 */
#include "fuzz.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/words.h"
#include "fmt/json.h"
#include "model/argvdiff.h"
#include "model/fit.h"
#include "model/grants.h"
#include "model/serverargs.h"
#include "model/slotexport.h"

static const char *const mounts[] = {"/srv/models", NULL};
static const char *const nodes[] = {"/dev/kfd", "/dev/dri/renderD128", NULL};
static const long gids[] = {105, 44};

static struct h0_argv_facts facts(char letter, const struct h0_slot *s)
{
	struct h0_argv_facts f = {
		.podman = "podman", .home = "", .run_dir = "/run/hal0/slots/s", .log_path = "/var/lib/hal0/slots/s/server.log",
		.model_id = s->model && *s->model ? s->model : NULL, .model_path = "/srv/models/qwen3-4b.gguf",
		.mounts = mounts, .uid = 65534, .gid = 65534, .native_context = 40960, .model_has_mtp = true,
		.model_bytes = INT64_C(2) << 30, .ram_bytes = INT64_C(64) << 30, .nofile = 20000, .nproc = -1, .memlock = -1,
		.cpus = 16, .mmproj = "/srv/models/mmproj.gguf", .chat_template = s->chat_template, .data_dir = "/var/lib/hal0/x",
	};
	f.mode = (enum h0_argv_mode)(letter % 3);
	f.network = letter & 4 ? H0_NET_BRIDGE : H0_NET_HOST;
	f.key_path = letter & 8 ? "/var/lib/hal0/keys/s" : NULL;
	f.nodes = s->device == H0_DEVICE_CPU ? NULL : nodes;
	f.gids = gids, f.ngids = s->device == H0_DEVICE_CPU ? 0 : 2;
	f.native_context = letter & 16 ? -1 : f.native_context;
	f.model_bytes = letter & 1 ? INT64_C(60) << 30 : f.model_bytes;
	f.measure = letter & 2;
	return f;
}

/* How often `flag value` stands among podman's words. */
static size_t times(const struct h0_argv *a, const char *flag, const char *value)
{
	size_t n = 0;
	for (size_t i = 1; i + 1 < a->server_at; i++)
		n += h0_streq(a->words.v[i], flag) && (!value || h0_streq(a->words.v[i + 1], value));
	return n;
}

static void every_word_once(const struct h0_argv *a)
{
	size_t at = 1;
	for (size_t i = 0; i < a->n; i++) {
		H0_ASSERT(a->items[i].at == at && a->items[i].n >= 1 && a->items[i].n <= 2);
		at += a->items[i].n;
	}
	H0_ASSERT(at == a->words.n && a->server_at <= a->words.n && a->server_at > 1);
}

static void contained(const struct h0_argv *a, const struct h0_slot *s)
{
	char label[64];
	H0_ASSERT(times(a, "--name", "hal0-slot-s") == 1 && times(a, "--name", NULL) == 1);
	H0_ASSERT(times(a, "--cap-drop", "all") == 1 && times(a, "--security-opt", "no-new-privileges") == 1);
	H0_ASSERT(times(a, "--security-opt", NULL) == 2 && times(a, "--pids-limit", NULL) == 1);
	H0_ASSERT(times(a, "--privileged", NULL) == 0 && times(a, "--pid", NULL) == 0);
	snprintf(label, sizeof label, H0_LABEL_PORT "=%d", s->port);
	H0_ASSERT(times(a, "--label", label) == 1 && times(a, "--label", H0_LABEL_SLOT "=s") == 1);
	for (size_t i = 1; i < a->server_at; i++) {
		const char *flag = a->words.v[i - 1], *w = a->words.v[i];
		if (h0_streq(flag, "--device"))
			H0_ASSERT(h0_starts(w, "/dev/") && !strpbrk(w, ":,"));
		if (h0_streq(flag, "--volume")) {
			const char *one = strchr(w, ':'), *two = one ? strchr(one + 1, ':') : NULL;
			H0_ASSERT(two && !strchr(two + 1, ':') && one > w + 1 && *w == '/');
			H0_ASSERT(h0_streq(two, ":ro") || h0_starts(w, "/var/lib/hal0/x"));
		}
		if (h0_streq(flag, "--publish"))
			H0_ASSERT(h0_starts(w, "127.0.0.1:"));
	}
	const char *image = a->words.v[a->server_at - 1];
	H0_ASSERT(isalnum((unsigned char)*image) && !strpbrk(image, " \t\r\n"));
}

/* A flag as llama-server reads it. */
static bool reads_as(const char *word, const char *brief, const char *name)
{
	if (*brief && h0_streq(word, brief))
		return true;
	if (!h0_starts(word, "--"))
		return false;
	for (word += 2; *word && (*word == *name || (*word == '_' && *name == '-')); word++)
		name++;
	return !*word && !*name;
}

static void llama_flags(const struct h0_argv *a)
{
	static const char *const ours[][2] = {{"", "host"}, {"", "port"}, {"-m", "model"}, {"-a", "alias"}, {"", "api-key"},
		{"-c", "ctx-size"}, {"-b", "batch-size"}, {"-ub", "ubatch-size"}, {"-ngl", "n-gpu-layers"}};
	for (size_t k = 0; k < H0_ARRAY_LEN(ours); k++) {
		size_t n = 0;
		for (size_t i = a->server_at; i < a->words.n; i++)
			n += reads_as(a->words.v[i], ours[k][0], ours[k][1]);
		H0_ASSERT(n <= 1 && (n || k >= 2) && (k != 4 || !n));
	}
	for (size_t i = a->server_at; i < a->words.n; i++) {
		const char *key = h0_server_flag(a->words.v[i]);
		for (size_t j = i + 1; key && !h0_server_flag_repeats(key) && j < a->words.n; j++)
			H0_ASSERT(!h0_streq(key, h0_server_flag(a->words.v[j])));
	}
	H0_ASSERT(a->context >= 0 && a->context <= INT32_MAX);
}

static void itself(const struct h0_argv *a)
{
	h0_autodiffs struct h0_argv_diffs d = {0};
	h0_autobuf struct h0_buf line = {0};
	h0_autostrv struct h0_strv back = {0};
	char spec[17];
	h0_argv_compare(a, "id", a->words.v, a->words.n, "id", &d);
	H0_ASSERT(d.n == 0);
	h0_argv_stamp(a->words.v, a->words.n, spec);
	H0_ASSERT(h0_streq(spec, a->spec));
	for (size_t i = 0; i < a->words.n; i++) {
		h0_buf_addc(&line, ' ');
		h0_words_quote(a->words.v[i], &line);
	}
	H0_ASSERT(h0_words_split(h0_buf_str(&line), &back, NULL) == 0 && back.n == a->words.n);
	for (size_t i = 0; i < back.n; i++)
		H0_ASSERT(h0_streq(back.v[i], a->words.v[i]));
}

/* ---- what others read ---- */

/* A value of systemd's: words, quotes, and what stands for one character. */
static void systemd_words(const char *p, const char *end, struct h0_strv *ret)
{
	while (p < end) {
		h0_autobuf struct h0_buf w = {0};
		bool quoted = *p == '"';
		for (p += quoted; p < end && *p != (quoted ? '"' : ' '); p++) {
			char c = *p;
			if (c == '\\' && quoted && p + 1 < end)
				c = *++p == 'n' ? '\n' : *p;
			else if ((c == '%' || c == '$') && p + 1 < end)
				H0_ASSERT(*++p == c);
			h0_buf_addc(&w, c);
		}
		p += quoted;
		H0_ASSERT(p >= end || *p == ' ');
		p++;
		h0_strv_add(ret, h0_buf_str(&w));
	}
}

static void quadlet(const struct h0_argv *a)
{
	h0_autobuf struct h0_buf out = {0};
	h0_autostrv struct h0_strv words = {0};
	size_t volumes = 0;
	h0_slotexport_quadlet(a, "s", true, &out);
	for (const char *p = out.p, *end = out.p + out.len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		H0_ASSERT(nl);
		if (nl > p && *p != '#' && *p != '[') {
			const char *eq = memchr(p, '=', (size_t)(nl - p));
			H0_ASSERT(eq && nl[-1] != '\\');
			for (const char *k = p; k < eq; k++)
				H0_ASSERT(isalpha((unsigned char)*k));
			volumes += h0_starts(p, "Volume=");
			if (h0_starts(p, "Exec="))
				systemd_words(eq + 1, nl, &words);
		}
		p = nl + 1;
	}
	H0_ASSERT(volumes == times(a, "--volume", NULL));
	H0_ASSERT(words.n == a->words.n - a->server_at);
	for (size_t i = 0; i < words.n; i++)
		H0_ASSERT(h0_streq(words.v[i], a->words.v[a->server_at + i]));
}

static void pod(const struct h0_argv *a)
{
	h0_autobuf struct h0_buf out = {0};
	h0_autostrv struct h0_strv lost = {0};
	size_t args = 0;
	bool in_args = false;
	h0_slotexport_kube(a, "s", &out, &lost);
	for (const char *p = out.p, *end = out.p + out.len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		H0_ASSERT(nl);
		for (const char *c = p; c < nl; c++)
			H0_ASSERT((unsigned char)*c >= ' ');
		size_t indent = strspn(p, " -");
		H0_ASSERT(p + indent < nl && (*p == '#' || *p == ' ' || memchr(p, ':', (size_t)(nl - p))));
		if (in_args && h0_starts(p, "    - \"")) {
			h0_autojson struct h0_json *j = NULL;
			H0_ASSERT(h0_json_parse(p + 6, (size_t)(nl - p - 6), "arg", &j, NULL) == 0);
			H0_ASSERT(h0_streq(h0_json_str(j), a->words.v[a->server_at + args]));
			args++;
		} else {
			in_args = h0_starts(p, "    args:\n");
		}
		p = nl + 1;
	}
	H0_ASSERT(args == a->words.n - a->server_at);
}

static void command(const struct h0_plan *plan, const struct h0_argv_facts *f)
{
	h0_autoargv struct h0_argv a = {0}, again = {0};
	h0_autogrants struct h0_grants g = {0};
	struct h0_err e = {0};
	struct h0_fit_run run;
	if (h0_argv_build(plan, f, &a, &e) < 0) {
		H0_ASSERT(e.msg[0] && (e.kind == H0_CONFIG || e.kind == H0_NO));
		return;
	}
	every_word_once(&a);
	contained(&a, plan->slot);
	if (plan->family == H0_PROVIDER_LLAMA_SERVER)
		llama_flags(&a);
	itself(&a);
	H0_ASSERT(h0_argv_build(plan, f, &again, &e) == 0 && h0_streq(a.spec, again.spec));
	quadlet(&a);
	pod(&a);
	const struct h0_grant_paths paths = {f->model_path, f->key_path, f->chat_template};
	h0_grants_of(plan, &a, &paths, &g);
	h0_fit_run_server(&run, plan->slot->device);
	h0_fit_run_words(&run, a.words.v + a.server_at, a.words.n - a.server_at);
	H0_ASSERT(run.ctx >= 0 && run.parallel >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	if (!size--)
		return 0;
	const char *line = memmem(text, size, "\n---\n", 5);
	size_t n = line ? (size_t)(line - text) + 1 : size;
	h0_auto(h0_slot_done) struct h0_slot slot = {0};
	h0_autoprofiles struct h0_profiles profiles = {0};
	struct h0_plan plan;
	struct h0_err e = {0};
	if (h0_profiles_parse(line ? line + 5 : NULL, line ? size - n - 4 : 0, &profiles, &e) < 0)
		return 0;
	h0_slot_parse("slots/s.toml", text, n, &slot);
	if (slot.broken || h0_plan_slot(&slot, &profiles, &plan, &e) < 0)
		return 0;
	const struct h0_argv_facts f = facts((char)*data, &slot);
	command(&plan, &f);
	return 0;
}

static const char *const fuzz_words[] = {
	"\n", "\"", "'", "=", "[", "]", ",", " ", "\\n", "\\\\", "\\\"", "%", "$", "#", "--", "-", "_", "\\u0001", "\\t",
	"\n---\n[profile.p]\n", "flags = \"\"\n", "mtp = true\n", "device_class = \"gpu\"\n", "backend = \"rocm\"\n",
	"port = 8081\n", "type = \"llm\"\n", "type = \"embedding\"\n", "type = \"reranking\"\n", "type = \"tts\"\n",
	"device = \"cpu\"\n", "device = \"npu\"\n", "device = \"gpu-rocm\"\n", "profile = \"flm\"\n", "profile = \"p\"\n",
	"image = \"localhost/x:1\"\n", "vision = true\n", "mtp = false\n", "chat_template = \"chatml\"\n", "provider = \"kokoro\"\n",
	"\n[model]\n", "default = \"a b\"\n", "context_size = 0\n", "\n[server]\n", "extra_args = \"\"\n", "key = false\n",
	"\n[container]\n", "mounts = [\"/srv/x\"]\n", "devices = [\"/dev/x\"]\n", "caps = [\"SYS_NICE\"]\n", "pids_limit = 9\n",
	"read_only = false\n", "\n[npu]\n", "embed = true\n", "-c 4096", "--ctx-size ", "--ctx_size 0", "-b 1", "-ub ", "-np 3",
	"-ngl 10", "--host 0.0.0.0", "--port=1", "-m /x", "-a x", "--alias ", "--api-key x", "--no-mmap", "--mmap", "--lora /a",
	"--load-mode mmap", "--embedding", "--rerank", "-t 99", "-ctk q8_0", "--jinja", "99999999999999999999", NULL};

FUZZ_TARGET("argv", 30000)
