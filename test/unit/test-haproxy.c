/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What of the exports needs no HAProxy and no podman: quoting, https, secrets, devices.
 */
#include "tap.h"

#include "base/mem.h"
#include "model/haproxy.h"
#include "model/slotexport.h"
#include "snap.h"

static const char slot[] = "port = 8081\ntype = \"llm\"\ndevice = \"cpu\"\n[model]\ndefault = \"odd $name \\\"q\\\" \\\\ x\"\n";
static const char image[] = "port = 8082\ntype = \"image\"\ndevice = \"cpu\"\n[model]\ndefault = \"sdxl\"\n";
static const char broken[] = "port = \"what\"\n";
static const char far[] =
	"[[upstream]]\nname = \"api \\\"x\\\"\"\nurl = \"https://api.example/base/v1\"\nauth_style = \"header\"\n"
	"auth_value_env = \"K\"\ntimeout_seconds = 7\n"
	"[[upstream]]\nname = \"box\"\nurl = \"http://[::1]:9000\"\n";

static const char *const listed[2][7] = {{"far-model", "with space", "main\nx", "*", ":", "hal0/", NULL}, {"box-model", NULL, NULL}};

static size_t longest_line(const struct h0_buf *b)
{
	size_t longest = 0;
	for (const char *p = h0_buf_str(b); *p; p += p[strcspn(p, "\n")] ? strcspn(p, "\n") + 1 : strcspn(p, "\n"))
		longest = strcspn(p, "\n") > longest ? strcspn(p, "\n") : longest;
	return longest;
}

static bool has(const struct h0_buf *b, const char *text)
{
	return strstr(h0_buf_str(b), text);
}

struct made {
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_upstreams us;
	struct h0_haproxy h;
	struct h0_err e;
	int rc;
};

static void made_done(struct made *m)
{
	h0_haproxy_done(&m->h);
	h0_upstreams_done(&m->us);
	h0_slots_done(&m->slots);
}

static void make(struct made *m, const char *dir)
{
	static const struct h0_strv none = {0};
	static const char *const keys[] = {"", "", "slotsecret"};
	struct h0_route_remote remote[2] = {{"api \"x\"", listed[0], NULL, NULL, "X-Api-Key: apisecret"},
		{"box", listed[1], NULL, NULL, NULL}};
	struct h0_route_look look = {.remote = remote, .nremote = 2};
	*m = (struct made){0};
	m->snap = SNAP({"slots/bad.toml", broken}, {"slots/img.toml", image}, {"slots/main.toml", slot},
	               {"upstreams.toml", far});
	if (h0_slots_load(&m->snap, &m->slots, &m->e) < 0 || h0_upstreams_load(&m->snap, &m->us, &m->e) < 0)
		printf("# %s\n", m->e.msg);
	struct h0_haproxy_ask ask = {.dir = dir, .bind = "127.0.0.1:8080", .slots = &m->slots, .slot_keys = keys,
		.upstreams = &m->us, .look = &look, .keys = &none, .hosts = &none, .origins = &none, .peek = H0_HAPROXY_PEEK};
	m->rc = h0_haproxy_build(&ask, &m->h, &m->e);
}

static void test_haproxy(void)
{
	h0_auto(made_done) struct made m, again, bad;
	make(&m, "/etc/hal0/haproxy");
	const struct h0_buf *cfg = &m.h.file[H0_HAPROXY_CFG], *keys = &m.h.file[H0_HAPROXY_KEYS];
	is_int(m.rc, 0, "a configuration");
	ok(longest_line(cfg) < 2048, "no line is longer than HAProxy reads (%zu)", longest_line(cfg));
	ok(has(cfg, "\"llm|odd \\$name \\\"q\\\" \\\\ x\""), "a name that only quotes can hold");
	ok(has(cfg, "\"llm|with space\""), "an upstream's as well");
	ok(has(cfg, "ssl verify required ca-file @system-ca sni str(api.example)"), "https is verified, by the system's authorities and under its name");
	ok(has(cfg, "replace-path ^/v1(/.*)$ /base/v1\\1") && has(cfg, "timeout server 7s"), "its base path and patience");
	ok(has(cfg, "server remote [::1]:9000"), "an IPv6 address");
	ok(has(cfg, "set-header X-Api-Key %[str(upstream_") && has(keys, " apisecret\n") && has(keys, "slot:main slotsecret\n"),
	   "keys by name, in their file");
	ok(!has(cfg, "secret\n") && !has(cfg, "apisecret") && !has(cfg, "slotsecret"), "and in no other");
	ok(has(&m.h.file[H0_HAPROXY_LIST], "far-model") && has(&m.h.file[H0_HAPROXY_MODELS], "llm|box-model upstream_"),
	   "upstreams' models are listed and routed");
	ok(has(&m.h.file[H0_HAPROXY_MODELS], "llm|bad refuse_"), "a slot with a broken file is refused by name");
	ok(!has(cfg, "llm|main\" }") && !has(&m.h.file[H0_HAPROXY_MODELS], "llm|* upstream_") &&
	   !has(&m.h.file[H0_HAPROXY_MODELS], "llm|: upstream_") && !has(&m.h.file[H0_HAPROXY_MODELS], "llm|hal0/ upstream_"),
	   "what an upstream lists takes no other name's place");
	make(&again, "/etc/hal0/haproxy");
	bool same = true;
	for (int i = 0; i < H0_HAPROXY_FILES; i++)
		same &= strcmp(h0_buf_str(&m.h.file[i]), h0_buf_str(&again.h.file[i])) == 0;
	ok(same, "the same from the same");
	make(&bad, "/tmp/a b");
	ok(bad.rc < 0 && bad.e.kind == H0_USAGE, "a directory with a space is refused");
}

static void test_devices(void)
{
	static const char *const nodes[] = {"/dev/dri/renderD128", NULL}, *const mounts[] = {"/srv/a b", NULL};
	static const long gids[] = {105, 44};
	h0_autobuf struct h0_buf quadlet = {0}, kube = {0};
	h0_autostrv struct h0_strv lost = {0};
	struct h0_slot s;
	struct h0_plan plan;
	struct h0_argv a;
	struct h0_err e = {0};
	struct h0_profiles profiles = {.v = (struct h0_profile *)(uintptr_t)h0_profile_seeds, .n = h0_profile_nseeds};
	struct h0_argv_facts f = {.podman = "podman", .home = "", .run_dir = "/run/s", .log_path = "/var/s.log",
		.network = H0_NET_BRIDGE, .model_id = "m", .model_path = "/srv/a b/m.gguf", .mounts = mounts, .nodes = nodes,
		.gids = gids, .ngids = 2, .uid = 65534, .gid = 65534, .native_context = 4096, .model_bytes = 1, .ram_bytes = 1,
		.nofile = 1024, .nproc = -1, .cpus = 4, .key_path = "/var/lib/hal0/keys/gpu"};
	static const char toml[] = "port = 8081\ntype = \"llm\"\ndevice = \"gpu-vulkan\"\n[model]\ndefault = \"m\"\n";
	h0_slot_parse("slots/gpu.toml", toml, sizeof toml - 1, &s);
	if (h0_plan_slot(&s, &profiles, &plan, &e) < 0 || h0_argv_build(&plan, &f, &a, &e) < 0) {
		ok(false, "a slot on a GPU: %s", e.msg);
		return;
	}
	h0_slotexport_quadlet(&a, "gpu", false, &quadlet);
	h0_slotexport_kube(&a, "gpu", &kube, &lost);
	ok(has(&quadlet, "AddDevice=/dev/dri/renderD128\n") && has(&quadlet, "PodmanArgs=--group-add 105\n"), "quadlet: the GPU and its groups");
	ok(has(&quadlet, "Volume=/srv/a b:/srv/a b:ro\n") && has(&quadlet, "\"/srv/a b/m.gguf\""), "spaces as each key wants them");
	ok(has(&quadlet, "PublishPort=127.0.0.1:8081:8081\n") && !has(&quadlet, "WantedBy"), "the port on loopback; not at boot");
	ok(has(&kube, "type: CharDevice") && has(&kube, "supplementalGroups: [105, 44]"), "kube: the same");
	ok(has(&kube, "hostIP: 127.0.0.1\n      hostPort: 8081\n      containerPort: 8081\n") && !has(&kube, "hostNetwork"), "and the port");
	ok(h0_strv_has(&lost, "--pids-limit 512") && has(&kube, "# not said by a pod: --pids-limit 512"), "what a pod cannot say is told");
	h0_argv_done(&a);
	h0_slot_done(&s);
}

int main(void)
{
	test_haproxy();
	test_devices();
	return tap_done();
}
