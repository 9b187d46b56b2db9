/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every device with every provider and type: the container and the server's words, or why there is
 * none, held in test/golden/providers.txt. After a change that is meant:
 * HAL0_GOLDEN_WRITE=1 build/test/unit/test-providers, and read the difference.
 */
#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/words.h"
#include "model/argv.h"
#include "model/npu.h"
#include "sys/io.h"

static const char *const mounts[] = {"/srv/models", NULL};
static const long gids[] = {105, 44};
/* What each device finds on the machine of this test. */
static const char *const nodes[H0_DEVICE_N][4] = {
	[H0_DEVICE_GPU_ROCM] = {"/dev/dri/renderD128", "/dev/kfd"},
	[H0_DEVICE_GPU_VULKAN] = {"/dev/dri/renderD128"},
	[H0_DEVICE_NPU] = {"/dev/accel/accel0", "/dev/dri/renderD128"},
};

static struct h0_argv_facts facts(const struct h0_plan *plan)
{
	bool llama = plan->family == H0_PROVIDER_LLAMA_SERVER, flm = plan->family == H0_PROVIDER_FLM;
	bool data = flm || plan->family == H0_PROVIDER_COMFYUI, any = plan->nodes | plan->also;
	return (struct h0_argv_facts){
		.podman = "podman", .home = "", .run_dir = "/run/hal0/slots/s",
		.log_path = "/var/lib/hal0/slots/s/server.log", .model_id = flm ? "gemma4-it-e2b-FLM" : "m-base",
		.model_path = llama ? "/srv/models/m-base.gguf"
		              : plan->family == H0_PROVIDER_MOONSHINE ? "/srv/models/m-base" : NULL,
		.data_dir = data ? "/srv/data" : NULL, .mounts = mounts, .uid = llama ? 65534 : -1,
		.gid = llama ? 65534 : -1, .native_context = 4096, .model_has_mtp = true,
		.model_bytes = INT64_C(2) << 30, .ram_bytes = INT64_C(64) << 30, .nofile = 20000, .nproc = -1,
		.memlock = -1, .cpus = 64, .nodes = any ? nodes[plan->slot->device] : NULL, .gids = gids,
		.ngids = any ? 2 : 0,
	};
}

/* What differs between providers: from the network on. */
static void tell(const struct h0_argv *a, struct h0_buf *out)
{
	bool on = false;
	for (size_t i = 0; i < a->n; i++) {
		const struct h0_argv_item *it = &a->items[i];
		on = on || h0_streq(a->words.v[it->at], "--network");
		if (!on)
			continue;
		h0_buf_adds(out, " ");
		for (size_t w = 0; w < it->n; w++) {
			h0_buf_addc(out, ' ');
			h0_words_quote(a->words.v[it->at + w], out);
		}
		h0_buf_addf(out, "  # %s\n", h0_argv_source_names[it->source]);
	}
}

/* ---- what no default may grant ---- */

/* The value of a flag before the image; NULL: it is not there. With `n`, how often it stands there. */
static const char *value_of(const struct h0_argv *a, const char *flag, const char *value, int *n)
{
	const char *found = NULL;
	for (size_t i = 0; i < a->n && a->items[i].at < a->server_at; i++) {
		const struct h0_argv_item *it = &a->items[i];
		const char *v = it->n > 1 ? a->words.v[it->at + 1] : "";
		if (!h0_streq(a->words.v[it->at], flag) || (value && !h0_streq(v, value)))
			continue;
		found = v;
		*n += 1;
	}
	return found;
}

static bool has(const struct h0_argv *a, const char *flag, const char *value)
{
	int n = 0;
	return value_of(a, flag, value, &n) != NULL;
}

static bool server_listens_on_loopback(const struct h0_argv *a)
{
	for (size_t i = 0; i + 1 < a->words.n; i++)
		if (i >= a->server_at && (h0_streq(a->words.v[i], "--host") || h0_streq(a->words.v[i], "--listen")))
			return h0_streq(a->words.v[i + 1], "127.0.0.1");
	return false;
}

/* Devices of the slot's kind alone, mounts for reading but for a server's own directory. */
static const char *item_fault(const struct h0_plan *plan, const char *flag, const char *value)
{
	unsigned may = plan->nodes | plan->also;
	bool data = plan->family == H0_PROVIDER_FLM || plan->family == H0_PROVIDER_COMFYUI;
	static const char *const never[] = {"--privileged", "--cap-add", "--pid", "--ipc", "--uts", "--userns", "--cgroupns",
		"--env-host", "--env-file", "--secret", "--device-cgroup-rule", "--volumes-from", "--mount", "--sysctl", "--entrypoint"};
	for (size_t i = 0; i < H0_ARRAY_LEN(never); i++)
		if (h0_streq(flag, never[i]))
			return never[i];
	if (h0_streq(flag, "--device"))
		return (h0_starts(value, "/dev/kfd") && (may & H0_NODE_KFD)) || (h0_starts(value, "/dev/dri/render") && (may & H0_NODE_DRI)) ||
		       (h0_starts(value, "/dev/accel/") && (may & H0_NODE_ACCEL)) ? NULL : "a device of another kind";
	if (h0_streq(flag, "--volume"))
		return h0_ends(value, ":ro") || (data && h0_starts(value, "/srv/data")) ? NULL : "a mount to write to";
	if (h0_streq(flag, "--security-opt"))
		return h0_streq(value, "no-new-privileges") || h0_streq(value, "label=disable") ? NULL : "a security option";
	return NULL;
}

static const char *grant_fault(const struct h0_plan *plan, const struct h0_argv *a)
{
	for (size_t i = 0; i < a->n && a->items[i].at < a->server_at; i++) {
		const struct h0_argv_item *it = &a->items[i];
		const char *fault = item_fault(plan, a->words.v[it->at], it->n > 1 ? a->words.v[it->at + 1] : "");
		if (fault)
			return fault;
	}
	bool llama = plan->family == H0_PROVIDER_LLAMA_SERVER;
	return !has(a, "--cap-drop", "all") ? "capabilities"
	       : !has(a, "--security-opt", "no-new-privileges") ? "new privileges"
	       : !has(a, "--pids-limit", "512") ? "processes without end"
	       : !has(a, "--ulimit", "core=0:0") ? "core files"
	       : !has(a, "--pull=never", NULL) ? "an image from elsewhere"
	       : llama && !has(a, "--read-only", NULL) ? "a root to write to"
	       : llama && !has(a, "--user", "65534:65534") ? "the image's user"
	       : !server_listens_on_loopback(a) ? "other addresses than loopback" : NULL;
}

static int too_much;

static bool combination(enum h0_device d, enum h0_provider p, enum h0_slot_type t, struct h0_buf *out)
{
	struct h0_profiles profiles = {.v = (struct h0_profile *)(uintptr_t)h0_profile_seeds,
	                               .n = h0_profile_nseeds};
	h0_auto(h0_slot_done) struct h0_slot slot = {0};
	h0_autoargv struct h0_argv a = {0};
	h0_autobuf struct h0_buf toml = {0};
	struct h0_plan plan;
	struct h0_err e = {0};
	h0_buf_addf(&toml, "port = 8100\ndevice = \"%s\"\nprovider = \"%s\"\ntype = \"%s\"\n",
	            h0_device_names[d], h0_provider_names[p], h0_type_names[t]);
	h0_slot_parse("slots/s.toml", h0_buf_str(&toml), toml.len, &slot);
	h0_buf_addf(out, "%s %s %s\n", h0_device_names[d], h0_provider_names[p], h0_type_names[t]);
	bool good = h0_plan_slot(&slot, &profiles, &plan, &e) == 0;
	if (good) {
		const struct h0_argv_facts f = facts(&plan);
		good = h0_argv_build(&plan, &f, &a, &e) == 0;
	}
	if (good && plan.warning[0])
		h0_buf_addf(out, "  (%s)\n", plan.warning);
	const char *fault = good ? grant_fault(&plan, &a) : NULL;
	if (fault && too_much++ < 5)
		printf("# %s %s %s: %s\n", h0_device_names[d], h0_provider_names[p], h0_type_names[t], fault);
	if (good)
		tell(&a, out);
	else
		h0_buf_addf(out, "  %s: %s\n", e.key, e.msg);
	return good;
}

static void test_all(void)
{
	h0_autobuf struct h0_buf got = {0}, want = {0};
	const char *source = getenv("HAL0_SOURCE");
	h0_autofree char *file = h0_asprintf("%s/test/golden/providers.txt", source ? source : "..");
	int n = 0;
	for (int d = 0; d < H0_DEVICE_N; d++)
		for (int p = 0; p < H0_PROVIDER_N; p++)
			for (int t = 0; t < H0_TYPE_N; t++)
				n += combination((enum h0_device)d, (enum h0_provider)p, (enum h0_slot_type)t, &got);
	if (getenv("HAL0_GOLDEN_WRITE")) {
		h0_autofile FILE *out = fopen(file, "w");
		if (out)
			fputs(h0_buf_str(&got), out);
	}
	h0_read_file(file, 1 << 20, &want, NULL);
	const char *g = h0_buf_str(&got), *w = h0_buf_str(&want);
	int line = 1;
	for (; *g && *g == *w; g++, w++)
		line += *g == '\n';
	is_int(too_much, 0, "no container is granted more by default than its device needs");
	ok(!*g && !*w, "every device, provider and type: %d run, word for word", n);
	if (*g || *w)
		printf("# first difference in line %d of %s\n# got  %.*s\n# want %.*s\n", line, file,
		       (int)strcspn(g, "\n"), g, (int)strcspn(w, "\n"), w);
}

/* No program may be told to listen elsewhere, whatever its option is called. */
static void test_listen(void)
{
	static const char *const extra[] = {"--host 0.0.0.0", "--listen 0.0.0.0", "--listen=0.0.0.0", "--port 1"};
	static const char *const slots[] = {
		"device = \"cpu\"\ntype = \"tts\"\n", "device = \"gpu-rocm\"\ntype = \"image\"\n",
		"device = \"npu\"\n", "device = \"cpu\"\ntype = \"transcription\"\n", "device = \"cpu\"\n"};
	struct h0_profiles profiles = {.v = (struct h0_profile *)(uintptr_t)h0_profile_seeds,
	                               .n = h0_profile_nseeds};
	int bad = 0;
	for (size_t s = 0; s < H0_ARRAY_LEN(slots); s++)
		for (size_t x = 0; x < H0_ARRAY_LEN(extra); x++) {
			h0_auto(h0_slot_done) struct h0_slot slot = {0};
			h0_autoargv struct h0_argv a = {0};
			h0_autofree char *toml = h0_asprintf("port = 8100\n%sserver.extra_args = \"%s\"\n", slots[s], extra[x]);
			struct h0_plan plan;
			struct h0_err e = {0};
			h0_slot_parse("slots/s.toml", toml, strlen(toml), &slot);
			if (h0_plan_slot(&slot, &profiles, &plan, &e) < 0)
				continue;
			const struct h0_argv_facts f = facts(&plan);
			bad += h0_argv_build(&plan, &f, &a, &e) == 0;
		}
	is_int(bad, 0, "none is told to listen elsewhere");
}

int main(void)
{
	test_all();
	test_listen();
	return tap_done();
}
