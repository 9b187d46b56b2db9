/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "base/mem.h"
#include "base/buf.h"
#include "base/words.h"
#include "model/argv.h"
#include "model/grants.h"

static const char *const mounts[] = {"/srv/models", NULL};
static const char *const nodes_rocm[] = {"/dev/kfd", "/dev/dri/renderD128", NULL};
static const char *const nodes_vulkan[] = {"/dev/dri/renderD128", NULL};
static const long gids[] = {105, 44};

static struct h0_argv_facts facts(void)
{
	return (struct h0_argv_facts){
		.podman = "podman", .home = "", .run_dir = "/run/hal0/slots/s",
		.log_path = "/var/lib/hal0/slots/s/server.log", .model_id = "qwen3-4b",
		.model_path = "/srv/models/qwen3-4b.gguf", .mounts = mounts, .uid = 65534, .gid = 65534,
		.native_context = 40960, .model_has_mtp = true, .model_bytes = INT64_C(2) << 30,
		.ram_bytes = INT64_C(64) << 30, .nofile = 20000, .nproc = -1, .memlock = -1, .cpus = 16,
	};
}

struct made {
	struct h0_slot slot;
	struct h0_plan plan;
	struct h0_argv a;
	struct h0_err e;
	int rc;
};

static void made_done(struct made *m)
{
	h0_argv_done(&m->a);
	h0_slot_done(&m->slot);
}

static struct h0_profile lab = {.name = "lab", .image = "localhost/lab:1",
	.flags = "-t 4 --lora /a.gguf", .device_class = H0_CLASS_GPU, .backend = "rocm",
	.intent = "", .quant = ""};

static void make(struct made *m, const char *toml, const struct h0_argv_facts *f)
{
	struct h0_profile v[16];
	size_t n = h0_profile_nseeds;
	memcpy(v, h0_profile_seeds, n * sizeof *v);
	v[n++] = lab;
	struct h0_profiles profiles = {.v = v, .n = n};
	*m = (struct made){0};
	h0_slot_parse("slots/s.toml", toml, strlen(toml), &m->slot);
	m->rc = m->slot.broken ? -1 : 0;
	if (m->slot.broken)
		m->e = m->slot.err;
	else if ((m->rc = h0_plan_slot(&m->slot, &profiles, &m->plan, &m->e)) == 0)
		m->rc = h0_argv_build(&m->plan, f, &m->a, &m->e);
	if (m->rc < 0)
		printf("# %s: %s\n", m->e.key, m->e.msg);
}

/* Words from..to as one line. */
static const char *line(struct h0_buf *b, const struct h0_argv *a, size_t from, size_t to)
{
	h0_buf_reset(b);
	for (size_t i = from; i < to; i++) {
		if (i > from)
			h0_buf_addc(b, ' ');
		h0_words_quote(a->words.v[i], b);
	}
	return h0_buf_str(b);
}

static bool has(const struct h0_argv *a, const char *flag, const char *value)
{
	for (size_t i = 0; i < a->n; i++)
		if (h0_streq(a->words.v[a->items[i].at], flag) &&
		    (!value || (a->items[i].n == 2 && h0_streq(a->words.v[a->items[i].at + 1], value))))
			return true;
	return false;
}

static const char *source_of(const struct h0_argv *a, const char *flag)
{
	for (size_t i = 0; i < a->n; i++)
		if (h0_streq(a->words.v[a->items[i].at], flag))
			return h0_argv_source_names[a->items[i].source];
	return NULL;
}

#define LLAMA "port = 8081\ntype = \"llm\"\ndevice = \"gpu-vulkan\"\n[model]\ndefault = \"qwen3-4b\"\n"

static const char *why_of(const struct h0_grants *g, const char *what)
{
	for (size_t i = 0; i < g->n; i++)
		if (h0_streq(g->v[i].what, what))
			return g->v[i].why;
	return NULL;
}

/* What [container] gives, and where it is said. */
static void test_container(void)
{
	h0_auto(made_done) struct made m, plain;
	h0_autogrants struct h0_grants g = {0};
	struct h0_grant_paths paths = {0};
	struct h0_argv_facts f = facts();
	f.nodes = nodes_vulkan;
	make(&plain, LLAMA, &f);
	make(&m, LLAMA "[container]\nread_only = false\npids_limit = 2048\ncaps = [\"IPC_LOCK\"]\n"
	     "devices = [\"/dev/dri/card0\", \"/dev/dri/renderD128\"]\n"
	     "mounts = [\"/srv/lora\", \"/srv/models\"]\n", &f);
	is_int(m.rc, 0, "a slot with [container]");
	ok(has(&m.a, "--cap-drop", "all") && has(&m.a, "--cap-add", "IPC_LOCK"), "one capability is added");
	is_str(source_of(&m.a, "--cap-add"), "slot", "by the slot");
	ok(!has(&m.a, "--read-only", NULL) && has(&m.a, "--tmpfs", NULL), "its root may be written");
	ok(has(&m.a, "--pids-limit", "2048") && !has(&m.a, "--pids-limit", "512"), "more processes");
	is_str(source_of(&m.a, "--pids-limit"), "slot", "by the slot too");
	ok(has(&m.a, "--device", "/dev/dri/card0"), "another node");
	ok(has(&m.a, "--volume", "/srv/lora:/srv/lora:ro"), "another directory, to read");
	is_int((long long)(m.a.words.n - plain.a.words.n), 4, "what is there anyway is not said twice");
	ok(strcmp(m.a.spec, plain.a.spec) != 0, "it is another container");
	h0_grants_of(&m.plan, &m.a, &paths, &g);
	is_str(why_of(&g, "use /dev/dri/card0"), "the slot's file says so: container.devices", "why: node");
	is_str(why_of(&g, "read /srv/lora"), "the slot's file says so: container.mounts", "why: mount");
	is_str(why_of(&g, "capability IPC_LOCK"), "the slot's file says so: container.caps", "why: capability");
	is_str(why_of(&g, "2048 processes and threads"), "the slot's file says so: container.pids_limit",
	       "why: processes");
	is_str(why_of(&g, "write its own root"), "the slot's file says so: container.read_only", "why: root");
	is_str(why_of(&g, "use /dev/dri/renderD128"), "device gpu-vulkan", "why: what it has without");
}

static void test_container_refused(void)
{
	static const char *const bad[] = {
		"mounts = [\"/\"]", "mounts = [\"//\"]", "mounts = [\"srv\"]", "mounts = [\"/srv/../etc\"]",
		"mounts = [\"/srv/./x\"]", "mounts = [\"/srv/\"]", "mounts = [\"/srv:/etc\"]", "mounts = [\"\"]",
		"mounts = [\"/etc\"]", "mounts = [\"/run/podman/podman.sock\"]", "mounts = [\"/run\"]",
		"mounts = [\"/var\"]", "mounts = [\"/var/run/docker.sock\"]", "mounts = [\"/proc/1\"]",
		"mounts = [\"/dev/sda\"]", "mounts = [\"/var/lib/hal0\"]", "mounts = [\"/var/lib/hal0/keys/a\"]", "mounts = [\"/tmp\"]", "mounts = [\"/usr\"]",
		"mounts = [\"/srv/a\", \"/srv/a\"]", "mounts = [7]", "mounts = \"/srv\"",
		"mounts = [\"/srv/\\u0000a\"]", "devices = [\"/dev\"]", "devices = [\"/dev/\"]",
		"devices = [\"/dev/mem\"]", "devices = [\"/srv/node\"]", "devices = [\"/dev/../etc\"]",
		"devices = [\"/dev/a:/dev/b\"]", "caps = [\"SYS_ADMIN\"]", "caps = [\"all\"]", "caps = [\"ipc_lock\"]",
		"pids_limit = 0", "pids_limit = -1", "privileged = true", "read_only = 1",
	};
	static const char *const good[] = {
		"mounts = [\"/srv\"]", "mounts = [\"/tmp/x\", \"/home/a/models\"]", "mounts = []",
		"devices = [\"/dev/dri/card1\"]", "caps = [\"SYS_NICE\", \"PERFMON\"]", "pids_limit = 32",
		"mounts = [\"/etcetera\"]",
	};
	struct h0_argv_facts f = facts();
	for (size_t i = 0; i < H0_ARRAY_LEN(bad) + H0_ARRAY_LEN(good); i++) {
		h0_auto(made_done) struct made m;
		h0_autobuf struct h0_buf b = {0};
		bool wrong = i < H0_ARRAY_LEN(bad);
		const char *key = wrong ? bad[i] : good[i - H0_ARRAY_LEN(bad)];
		h0_buf_addf(&b, LLAMA "[container]\n%s\n", key);
		make(&m, h0_buf_str(&b), &f);
		ok(wrong ? m.rc < 0 && m.e.kind == H0_CONFIG && h0_starts(m.e.key, "container") : m.rc == 0,
		   "%s: %s", wrong ? "refused" : "taken", key);
	}
}

static void test_whole(void)
{
	h0_auto(made_done) struct made m;
	h0_autobuf struct h0_buf b = {0};
	struct h0_argv_facts f = facts();
	f.nodes = nodes_vulkan, f.gids = gids, f.ngids = 1, f.runtime = "runc";
	make(&m, "port = 8081\ntype = \"llm\"\ndevice = \"gpu-vulkan\"\n[model]\n"
	     "default = \"qwen3-4b\"\n", &f);
	h0_autobuf struct h0_buf want = {0};
	h0_buf_addf(&want,
	    "podman --runtime runc run --detach --name hal0-slot-s --replace --pull=never "
	    "--label io.hal0.slot=s --label io.hal0.home= --label io.hal0.port=8081 "
	    "--label io.hal0.model=qwen3-4b --label io.hal0.provider=llama-server --label io.hal0.spec=%s "
	    "--pidfile /run/hal0/slots/s/pid --conmon-pidfile /run/hal0/slots/s/conmon.pid "
	    "--log-driver k8s-file --log-opt path=/var/lib/hal0/slots/s/server.log "
	    "--log-opt max-size=8mb --no-healthcheck --network host --device /dev/dri/renderD128 "
	    "--group-add 105 --cap-drop all --security-opt no-new-privileges "
	    "--security-opt label=disable --read-only --read-only-tmpfs=false "
	    "--tmpfs /tmp:rw,size=256m,mode=1777 --user 65534:65534 --pids-limit 512 "
	    "--ulimit nofile=20000:20000 --ulimit nproc=16384:16384 --ulimit core=0:0 "
	    "--volume /srv/models:/srv/models:ro --env HOME=/tmp --env XDG_CACHE_HOME=/tmp "
	    "--env LLAMA_ARG_CORS_ORIGINS=localhost --env AMD_VULKAN_ICD=RADV "
	    "--env LLAMA_ARG_LOAD_MODE=none --env LLAMA_ARG_MMAP=0 --env LLAMA_ARG_NO_MMAP=1 "
	    "ghcr.io/hal0ai/amd-strix-halo-toolboxes:vulkan-radv-server", m.a.spec);
	is_str(line(&b, &m.a, 0, m.a.server_at), h0_buf_str(&want), "the container's words");
	is_str(line(&b, &m.a, m.a.server_at, m.a.words.n),
	       "--host 127.0.0.1 --port 8081 --model /srv/models/qwen3-4b.gguf --alias qwen3-4b "
	       "--ctx-size 32768 --n-gpu-layers 999 --metrics --offline --cache-ram 2048 "
	       "-fa on -b 512 -ub 512 --parallel 1 --threads 8", "the server's words");
	is_int(m.a.context, 32768, "context: the model's, at most 32768");
	is_int((long long)m.a.removed, 0, "nothing given twice");
	is_str(source_of(&m.a, "--port"), "base", "where a flag is from: base");
	is_str(source_of(&m.a, "--metrics"), "hal0", "hal0");
	is_str(source_of(&m.a, "-ub"), "profile", "profile");
	size_t covered = 1;
	bool in_order = true;
	for (size_t i = 0; i < m.a.n; i++) {
		in_order &= m.a.items[i].at == covered;
		covered += m.a.items[i].n;
	}
	ok(in_order && covered == m.a.words.n, "every word but the first is in exactly one item");
}

static void test_precedence(void)
{
	h0_auto(made_done) struct made m;
	h0_autobuf struct h0_buf b = {0};
	struct h0_argv_facts f = facts();
	f.nodes = nodes_rocm, f.gids = gids, f.ngids = 2;
	make(&m, "port = 8090\ntype = \"llm\"\ndevice = \"gpu-rocm\"\nprofile = \"lab\"\n[model]\n"
	     "default = \"qwen3-4b\"\ncontext_size = 4096\n[server]\n"
	     "extra_args = \"--threads 16 --no-mmap -c 2048 --lora '/b c.gguf' -ngl 10 --temp -1\"\n", &f);
	is_str(line(&b, &m.a, m.a.server_at, m.a.words.n),
	       "--host 127.0.0.1 --port 8090 --model /srv/models/qwen3-4b.gguf --alias qwen3-4b "
	       "--metrics --offline --cache-ram 2048 --lora /a.gguf --threads 16 "
	       "-c 2048 --lora '/b c.gguf' -ngl 10 --temp -1", "the last one stands, where it stands");
	is_int((long long)m.a.removed, 3, "three were replaced");
	is_int(m.a.context, 2048, "context from extra_args");
	is_str(source_of(&m.a, "--threads"), "extra_args", "16 threads by the slot itself");
	ok(has(&m.a, "--env", "LLAMA_ARG_LOAD_MODE=none") && has(&m.a, "--env", "LLAMA_ARG_MMAP=0") &&
	   !has(&m.a, "--no-mmap", NULL), "--no-mmap goes into the environment");
	ok(has(&m.a, "--env", "ROCBLAS_USE_HIPBLASLT=1"), "ROCm's environment");
	ok(has(&m.a, "--device", "/dev/kfd") && has(&m.a, "--group-add", "44"), "nodes and groups");
	h0_auto(made_done) struct made n;
	make(&n, "port = 8090\ntype = \"llm\"\ndevice = \"gpu-rocm\"\nprofile = \"lab\"\n[server]\n"
	     "extra_args = \"--load-mode mmap --no-mmap\"\n", &f);
	ok(!has(&n.a, "--env", "LLAMA_ARG_LOAD_MODE=none") && has(&n.a, "--load-mode", "mmap"),
	   "an explicit load mode is left to stand alone");
}

/* llama-server takes _ for - in the names of flags. */
static void test_spelling(void)
{
	h0_auto(made_done) struct made m, n, o;
	struct h0_argv_facts f = facts();
	make(&m, "port = 8081\ntype = \"llm\"\ndevice = \"gpu-vulkan\"\nprofile = \"vulkan\"\n[server]\n"
	     "extra_args = \"--ctx_size 2048 --batch-size 99 --chat_template_file a_b\"\n", &f);
	ok(has(&m.a, "--ctx-size", "2048") && !has(&m.a, "--ctx-size", "32768") && !has(&m.a, "--ctx_size", NULL),
	   "--ctx_size is --ctx-size");
	is_int(m.a.context, 2048, "and says the context");
	ok(has(&m.a, "--batch-size", "99") && !has(&m.a, "-b", NULL), "-b of the profile is --batch-size");
	ok(has(&m.a, "--chat-template-file", "a_b"), "values stay as they are");
	make(&n, "port = 8081\ntype = \"embedding\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n[server]\n"
	     "extra_args = \"-c 0\"\n", &f);
	is_int(n.a.context, 40960, "-c 0: the model's own");
	ok(has(&n.a, "--batch-size", "40960"), "and a step covers it");
	make(&o, "port = 8081\ntype = \"embedding\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n[server]\n"
	     "extra_args = \"-c 99999999999999999999 -np 2\"\n", &f);
	ok(o.rc == 0 && !has(&o.a, "--batch-size", "4611686018427387904"), "an absurd context is the server's to refuse");
}

static void test_mtp(void)
{
	h0_auto(made_done) struct made m, n, o;
	struct h0_argv_facts f = facts();
	f.nodes = nodes_rocm;
	const char *toml = "port = 8081\ntype = \"llm\"\ndevice = \"gpu-rocm\"\n"
	                   "profile = \"rocm-dnse\"\n";
	make(&m, toml, &f);
	ok(has(&m.a, "--spec-type", "draft-mtp") && has(&m.a, "-ctk", "q4_0"), "MTP by the profile");
	is_str(source_of(&m.a, "--spec-type"), "profile", "and said so");
	f.model_has_mtp = false;
	make(&n, toml, &f);
	ok(!has(&n.a, "--spec-type", NULL), "a model without MTP layers gets none");
	f.model_has_mtp = true;
	make(&o, "port = 8081\ntype = \"llm\"\ndevice = \"gpu-rocm\"\nprofile = \"rocm-dnse\"\n"
	     "[server]\nextra_args = \"--spec-draft-n-max 8\"\n", &f);
	ok(has(&o.a, "--spec-draft-n-max", "8") && !has(&o.a, "--spec-draft-n-max", "4"),
	   "an explicit draft flag wins over the bundle");
}

static void test_cpu(void)
{
	h0_auto(made_done) struct made m, n, o;
	struct h0_argv_facts f = facts();
	f.cpus = 2, f.model_bytes = INT64_C(40) << 30;
	make(&m, "port = 8081\ntype = \"embedding\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n"
	     "profile = \"vulkan\"\n", &f);
	ok(m.rc == 0 && has(&m.a, "--n-gpu-layers", "0") && !has(&m.a, "--device", NULL) &&
	   !has(&m.a, "--group-add", NULL), "cpu: no layers offloaded, no nodes");
	ok(has(&m.a, "--embedding", NULL) && !has(&m.a, "--reranking", NULL), "embedding only");
	ok(has(&m.a, "--threads", "2"), "no more threads than CPUs");
	is_str(source_of(&m.a, "--threads"), "hal0", "and said so");
	is_str(source_of(&m.a, "localhost/x:cpu"), "slot", "the slot's own image");
	make(&n, "port = 8081\ntype = \"reranking\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n"
	     "[server]\nextra_args = \"--rerank\"\n", &f);
	ok(n.rc == 0 && has(&n.a, "--rerank", NULL) && !has(&n.a, "--reranking", NULL),
	   "reranking once, as the slot spells it");
	ok(has(&n.a, "--env", "LLAMA_ARG_LOAD_MODE=none"), "a model above half of the memory is not mapped");
	f.network = H0_NET_BRIDGE;
	make(&o, "port = 8085\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n", &f);
	ok(has(&o.a, "--publish", "127.0.0.1:8085:8085") && has(&o.a, "--host", "0.0.0.0") &&
	   !has(&o.a, "--network", NULL), "bridge: published on loopback only");
}

#define EMBED(more) "port = 8082\ntype = \"embedding\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n" more
static void steps(const char *toml, const char *b, const char *ub, const char *source, const char *name)
{
	h0_auto(made_done) struct made m;
	struct h0_argv_facts f = facts();
	make(&m, toml, &f);
	ok(m.rc == 0 && has(&m.a, b[1] == '-' ? "--batch-size" : "-b", strchr(b, ' ') + 1) &&
	   has(&m.a, ub[1] == '-' ? "--ubatch-size" : "-ub", strchr(ub, ' ') + 1) &&
	   h0_streq(source_of(&m.a, ub[1] == '-' ? "--ubatch-size" : "-ub"), source), "%s", name);
}

/* A server refuses texts longer than one step (-ub) where vectors or ranks are asked for. */
static void test_one_step(void)
{
	h0_auto(made_done) struct made m;
	struct h0_argv_facts f = facts();
	steps(EMBED("[model]\ncontext_size = 2048\n"), "--batch-size 2048", "--ubatch-size 2048", "hal0",
	      "embedding: a step covers the context where nobody says a size");
	steps(EMBED("profile = \"vulkan\"\n[model]\ncontext_size = 2048\n"), "--batch-size 2048",
	      "--ubatch-size 2048", "hal0", "and where the profile says a smaller one");
	steps(EMBED("profile = \"vulkan\"\n[model]\ncontext_size = 256\n"), "-b 512", "-ub 512",
	      "profile", "a larger one of the profile stays");
	steps(EMBED("[model]\ncontext_size = 2048\n[server]\nextra_args = \"-ub 1024\"\n"),
	      "--batch-size 2048", "-ub 1024", "extra_args", "what the slot says stays");
	steps(EMBED("[model]\ncontext_size = 8192\n[server]\nextra_args = \"-np 3\"\n"),
	      "--batch-size 2731", "--ubatch-size 2731", "hal0", "several sequences: the context of one");
	steps(EMBED("[model]\ncontext_size = 8192\n[server]\nextra_args = \"-np 4 -kvu\"\n"),
	      "--batch-size 8192", "--ubatch-size 8192", "hal0", "that share one cache: all of it");
	steps("port = 8083\ntype = \"reranking\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n",
	      "--batch-size 8192", "--ubatch-size 8192", "hal0", "reranking: the same, 8192 when unsaid");
	f.native_context = 512;
	make(&m, EMBED(""), &f);
	ok(has(&m.a, "--ctx-size", "512") && has(&m.a, "-ub", "512"), "a short model: its own context");
	h0_auto(made_done) struct made n;
	make(&n, "port = 8082\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n", &f);
	ok(!has(&n.a, "--ubatch-size", NULL), "chat takes a text in many steps");
}

static void test_key(void)
{
	h0_auto(made_done) struct made m, n, o;
	struct h0_argv_facts f = facts();
	f.key_path = "/var/lib/hal0/keys/s";
	make(&m, "port = 8081\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n"
	     "[server]\nextra_args = \"--api-key-file /srv/models/mine\"\n", &f);
	ok(m.rc == 0 && has(&m.a, "--api-key-file", "/var/lib/hal0/keys/s") &&
	   has(&m.a, "--volume", "/var/lib/hal0/keys/s:/var/lib/hal0/keys/s:ro"), "the key is a file");
	ok(has(&m.a, "--api-key-file", "/srv/models/mine"), "and a person's own keys count as well");
	make(&n, "port = 8081\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n", &f);
	ok(n.slot.key, "a slot has one unless it says");
	make(&o, "port = 8081\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n"
	     "[server]\nkey = false\n", &f);
	ok(o.rc == 0 && !o.slot.key, "key = false");
}

static void test_foreground(void)
{
	h0_auto(made_done) struct made m, n;
	struct h0_argv_facts f = facts();
	const char *toml = "port = 8081\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n";
	make(&m, toml, &f);
	f.mode = H0_ARGV_FOREGROUND, f.nofile = 1024, f.runtime = "runc";
	make(&n, toml, &f);
	ok(has(&n.a, "--rm", NULL) && has(&n.a, "--sdnotify=conmon", NULL) && !has(&n.a, "--detach", NULL),
	   "in the foreground podman tells systemd and leaves nothing");
	is_str(n.a.spec, m.a.spec, "who starts it does not change the spec");
	f.model_path = "/srv/models/other.gguf";
	h0_auto(made_done) struct made o;
	make(&o, toml, &f);
	ok(strcmp(o.a.spec, m.a.spec) != 0 && strlen(o.a.spec) == 16, "what is started does");
}

static void refused(const char *toml, const char *key, const char *want, const char *name)
{
	h0_auto(made_done) struct made m;
	struct h0_argv_facts f = facts();
	make(&m, toml, &f);
	ok(m.rc < 0 && m.e.kind == H0_CONFIG && strstr(m.e.msg, want) && (!key || h0_streq(m.e.key, key)),
	   "refused: %s", name);
}

#define CPU "port = 8081\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n[server]\n"
static void test_refused(void)
{
	refused(CPU "extra_args = \"--temp 'x\"\n", "server.extra_args", "character 8", "open quotes");
	refused(CPU "extra_args = \"--host 0.0.0.0\"\n", "server.extra_args", "127.0.0.1", "another host");
	refused(CPU "extra_args = \"--port=1\"\n", NULL, "key 'port'", "another port");
	refused(CPU "extra_args = \"-m /x\"\n", NULL, "model.default", "another model");
	refused(CPU "extra_args = \"-a other\"\n", NULL, "routed by it", "another name");
	refused(CPU "extra_args = \"--api-key hunter2\"\n", NULL, "--api-key-file", "a secret");
	refused(CPU "extra_args = \"--api_key hunter2\"\n", NULL, "--api-key-file", "a secret, as the server reads it too");
	refused(CPU "extra_args = \"-hft hunter2\"\n", NULL, "no secret", "another secret");
	static const char *const fetches[] = {"-mu http://x/a.gguf", "--model-url=http://x/a.gguf", "-hf a/b", "-hfr a/b",
		"--hf_repo a/b:Q4", "-hff f.gguf", "-dr ai/m", "--hf-repo-v a/b", "--fim-qwen-7b-spec", "--gpt-oss-20b-default",
		"--embd-gemma-default"};
	for (size_t i = 0; i < H0_ARRAY_LEN(fetches); i++) {
		h0_autofree char *toml = h0_asprintf(CPU "extra_args = \"%s\"\n", fetches[i]);
		refused(toml, "server.extra_args", "hal0 model pull", fetches[i]);
	}
	refused(CPU "extra_args = \"-hfd a/b\"\n", NULL, "--model-draft", "a draft model from elsewhere");
	refused(CPU "extra_args = \"-mmu http://x/p.gguf\"\n", NULL, "--projector", "a projector from elsewhere");
	refused(CPU "extra_args = \"--models-dir /m\"\n", NULL, "one model", "several models");
	refused(CPU "extra_args = \"--no-models-autoload\"\n", NULL, "one model", "several models, without");
	refused(CPU "extra_args = \"--api-prefix /x\"\n", NULL, "/health", "another place for everything");
	refused(CPU "extra_args = \"--ssl-key-file /k --ssl-cert-file /c\"\n", NULL, "plain HTTP", "TLS");
	refused(CPU "extra_args = \"--reuse-port\"\n", NULL, "alone", "a port for two");
	refused(CPU "extra_args = \"--embedding --reranking\"\n", NULL, "never both",
	        "embedding and reranking");
	refused("port = 8081\ntype = \"reranking\"\ndevice = \"cpu\"\nimage = \"localhost/x:cpu\"\n"
	        "[server]\nextra_args = \"--embeddings\"\n", NULL, "never both",
	        "embedding on a reranking slot");
	lab.flags = "--temp \"";
	refused("port = 8081\ntype = \"llm\"\ndevice = \"gpu-rocm\"\nprofile = \"lab\"\n", NULL,
	        "profile 'lab': flags: a \" is opened", "open quotes in a profile");
	lab.flags = "-t 4 --lora /a.gguf";
}

static void test_families(void)
{
	h0_auto(made_done) struct made m, n, o;
	h0_autobuf struct h0_buf b = {0};
	struct h0_argv_facts f = facts();
	f.model_path = NULL, f.model_id = "gemma4-it-e2b-FLM", f.data_dir = "/var/lib/hal0/flm", f.mounts = NULL, f.uid = -1;
	make(&m, "port = 8088\ntype = \"llm\"\ndevice = \"npu\"\nprofile = \"flm\"\n[model]\n"
	     "default = \"gemma4-it-e2b-FLM\"\ncontext_size = 16384\n[npu]\nembed = true\n", &f);
	is_str(line(&b, &m.a, m.a.server_at, m.a.words.n),
	       "serve gemma4-it:e2b --host 127.0.0.1 --port 8088 --ctx-len 16384 --embed 1", "FLM");
	ok(has(&m.a, "--ulimit", "memlock=-1:-1") && !has(&m.a, "--read-only", NULL) &&
	   has(&m.a, "--cap-drop", "all"), "FLM's container");
	f.model_id = NULL, f.model_path = NULL, f.data_dir = NULL;
	make(&n, "port = 8084\ntype = \"tts\"\ndevice = \"cpu\"\nprofile = \"tts\"\n", &f);
	is_str(line(&b, &n.a, n.a.server_at, n.a.words.n),
	       "--host 127.0.0.1 --port 8084 --model_path /mnt/ai-models/local/kokoro-v1/kokoro-onnx",
	       "Kokoro");
	f.data_dir = "/srv/comfyui";
	make(&o, "port = 8188\ntype = \"image\"\ndevice = \"gpu-rocm\"\nprofile = \"comfyui\"\n"
	     "provider = \"comfyui\"\n[server]\nextra_args = \"--x '$(reboot)'\"\n", &f);
	is_str(line(&b, &o.a, o.a.server_at, o.a.words.n),
	       "bash -lc 'cd /opt/ComfyUI && exec python main.py \"$@\"' hal0-slot --listen 127.0.0.1 "
	       "--port 8188 --disable-mmap --bf16-vae --cache-none --x '$(reboot)'",
	       "ComfyUI: a constant script, words as arguments");
	ok(has(&o.a, "--volume", "/srv/comfyui/output:/opt/ComfyUI/output:rw"), "its directories");
}

/* Vulkan's driver for the processor, by hand: the server sees it only when it is named. */
static void test_vulkan_on_cpu(void)
{
	h0_auto(made_done) struct made m, n;
	struct h0_argv_facts f = facts();
	make(&m, "port = 8081\ndevice = \"cpu\"\nprofile = \"vulkan\"\nserver.extra_args = \"-ngl 99\"\n", &f);
	ok(m.rc == 0 && has(&m.a, "--env", "GGML_VK_VISIBLE_DEVICES=0") && !has(&m.a, "--device", NULL),
	   "cpu with layers on Vulkan: the driver is named, no node is passed");
	make(&n, "port = 8081\ndevice = \"cpu\"\nprofile = \"vulkan\"\nserver.extra_args = \"-ngl 0\"\n", &f);
	ok(n.rc == 0 && !has(&n.a, "--env", "GGML_VK_VISIBLE_DEVICES=0"), "without layers there it is not");
}

static void words_are(const char *text, const char *want, const char *name)
{
	h0_autostrv struct h0_strv w = {0};
	h0_autobuf struct h0_buf b = {0};
	struct h0_err e = {0};
	int rc = h0_words_split(text, &w, &e);
	for (size_t i = 0; i < w.n; i++)
		h0_buf_addf(&b, "[%s]", w.v[i]);
	is_str(rc == 0 ? h0_buf_str(&b) : e.msg, want, name);
}

static void test_words(void)
{
	words_are("", "", "no words");
	words_are("  a\tb\n c ", "[a][b][c]", "blanks");
	words_are("a'b c'd \"e 'f'\" '' \"\"", "[ab cd][e 'f'][][]", "quotes");
	words_are("a\\ b \"\\\"\\\\\\n\" '\\'", "[a b][\"\\\\n][\\]", "backslashes");
	words_are("{\"a\": 1}", "[{a:][1}]", "JSON must be quoted");
	words_are("a 'b", "a ' is opened at character 3 and not closed", "an open '");
	words_are("\"", "a \" is opened at character 1 and not closed", "an open \"");
	words_are("a\\", "a \\ stands at character 2 and not closed", "a last backslash");
	h0_autobuf struct h0_buf b = {0};
	h0_autostrv struct h0_strv back = {0};
	struct h0_err e;
	static const char *const odd[] = {"", "a b", "it's", "$HOME", "-x", "~", "a\\b", "\"", "\n"};
	for (size_t i = 0; i < H0_ARRAY_LEN(odd); i++)
		h0_words_quote(odd[i], &b), h0_buf_addc(&b, ' ');
	bool same = h0_words_split(h0_buf_str(&b), &back, &e) == 0 && back.n == H0_ARRAY_LEN(odd);
	for (size_t i = 0; same && i < back.n; i++)
		same = h0_streq(back.v[i], odd[i]);
	ok(same, "what is quoted reads back");
}

int main(void)
{
	test_whole();
	test_container();
	test_container_refused();
	test_precedence();
	test_spelling();
	test_mtp();
	test_cpu();
	test_one_step();
	test_key();
	test_foreground();
	test_refused();
	test_families();
	test_vulkan_on_cpu();
	test_words();
	return tap_done();
}
