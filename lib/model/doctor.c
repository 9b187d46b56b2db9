/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

#define KNOWN(x) ((x) != H0_UNKNOWN)
#define GIB(x) ((double)(x) / 0x1p30)

/* Why a finding matters, and the command that mends it. Codes not listed explain themselves. */
static const struct about { const char *code, *why, *command; } abouts[] = {
	{"unprivileged-container", "its user namespace keeps the GPU and NPU drivers out", NULL},
	{"gpu-no-device-node", "without the node no container can use the GPU", NULL},
	{"gpu-no-permission", "the slot's container runs with these rights", NULL},
	{"gpu-driver-not-bound", "without amdgpu there is neither Vulkan nor ROCm", "modprobe amdgpu"},
	{"gpu-driver-failed", "the driver is loaded but refuses to work", "journalctl -k -b -g amdgpu"},
	{"npu-driver-not-loaded", "slots on the NPU cannot start", "modprobe amdxdna"},
	{"npu-no-device-node", "slots on the NPU cannot start", NULL},
	{"npu-needs-iommu", "the driver shares page tables with the CPU through the IOMMU", NULL},
	{"npu-driver-failed", "slots on the NPU cannot start", "journalctl -k -b -g amdxdna"},
	{"npu-no-permission", "slots on the NPU cannot start", NULL},
	{"nvidia-driver-missing", "nouveau and nothing at all are too slow for inference", NULL},
	{"nvidia-cdi-missing", "podman hands NVIDIA GPUs over by CDI",
	 "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"},
	{"vulkan-software-only", "the host's Vulkan would compute on the CPU",
	 "apt-get install mesa-vulkan-drivers"},
	{"vulkan-loader-missing", "only tools on the host miss it", "apt-get install libvulkan1"},
	{"vulkan-driver-failed", "a broken driver may break the server too", "vulkaninfo --summary"},
	{"amdvlk-installed", "AMDVLK reads prompts up to twice as fast, RADV is better at long "
	                     "contexts and at staying up", NULL},
	{"gtt-at-default", "half of the memory stays out of the GPU's reach", "hal0 probe tune"},
	{"gtt-close-to-ram", "the kernel kills programs when GPU pages take the last RAM", NULL},
	{"carveout-large", "the CPU can never use that memory", NULL},
	{"carveout-leaves-little-host-ram", "page cache, containers and CPU slots run short", NULL},
	{"ttm-pool-large", "pages in the pool are lost to everything else", NULL},
	{"container-memory-limit", "loading fails at the limit, whatever the GPU could map", NULL},
	{"container-memory-view-differs", "the smaller one binds", NULL},
	{"apparmor-confined", "on a privileged LXC a confined profile hides the NPU's node", NULL},
	{"cpu-subset", "CPU slots have fewer threads", NULL},
	{"no-avx2", "llama.cpp's fast CPU paths need AVX2", NULL},
	{"on-battery-power", "firmware cuts GPU clocks and memory speed on battery", NULL},
	{"governor-powersave", "token rates fall with the clocks", "cpupower frequency-set -g performance"},
	{"platform-profile-low-power", "firmware caps the power of CPU and GPU together", NULL},
	{"tuned-profile-missing", "it is worth 3 % bandwidth and 5 to 8 % prompt speed",
	 "tuned-adm profile accelerator-performance"},
	{"tuned-profile-not-accelerator", "it is worth 3 % bandwidth and 5 to 8 % prompt speed",
	 "tuned-adm profile accelerator-performance"},
	{"rebar-off", "loading and copies to the card are slower", NULL},
	{"kernel-argument-typo", "the kernel ignores what it does not know, without an error", NULL},
	{"kernel-argument-value", "a value in another unit sets a limit far off, or none",
	 "hal0 probe tune"},
	{"gttsize-disagrees", "users report trouble when the two limits differ", "hal0 probe tune"},
	{"gttsize-deprecated", "newer kernels take the limit from ttm.pages_limit", "hal0 probe tune"},
	{"limit-not-live", "module options in the initramfs are older than the file",
	 "update-initramfs -u"},
	{"ttm-pool-small", "pages come and go through the page allocator, which may stutter", NULL},
	{"iommu-off", "some 6 % faster memory reads, under 2 % in decoding, but usually no NPU", NULL},
	{"iommu-passthrough", "measured gain: none", NULL},
	{"kernel-old", "older kernels let ROCm use some 15.5 GiB only on this GPU", NULL},
	{"amdgpu-not-loaded", "there is no driver to bind to the GPU", "modprobe amdgpu"},
	{"kfd-closed", "slots on gpu-rocm cannot start; gpu-vulkan does not need it", NULL},
	{"device-cgroup", "a node that is there still cannot be opened", NULL},
	{"podman-missing", "every slot is a podman container", "apt-get install podman"},
	{"memlock-low", "the NPU's driver locks the model in memory", NULL},
	{"memory-fragmented", "slots take longer to start and run slower", NULL},
	{"gpu-performance-level", "a pinned level makes it slow, or its load reading untrue", NULL},
	{"slot-context-large", "a context this large costs memory and slows every token", NULL},
	{"slot-wrong-toolbox", "the server in the image cannot use the slot's device", NULL},
	{"slot-on-cpu", "the usable GPU stands idle", NULL},
	{"flm-image-stale", "the image lacks libxrt_coreutil.so.2: a stale tag", NULL},
};

static const struct about *about(const char *code)
{
	static const struct about none = {NULL, "", NULL};
	for (size_t i = 0; i < H0_ARRAY_LEN(abouts); i++)
		if (strcmp(abouts[i].code, code) == 0)
			return &abouts[i];
	return &none;
}

static void add(struct h0_checks *c, const char *code, enum h0_severity severity, const char *fix,
                const char *fmt, ...) H0_PRINTF(5, 6);
static void add(struct h0_checks *c, const char *code, enum h0_severity severity, const char *fix,
                const char *fmt, ...)
{
	if (c->n == H0_CHECKS_MAX)
		return;
	struct h0_check *k = &c->v[c->n++];
	const struct about *a = about(code);
	va_list ap;
	*k = (struct h0_check){.code = code, .severity = severity};
	k->why = severity == H0_SEV_OK ? "" : a->why;
	k->command = severity == H0_SEV_OK ? NULL : a->command;
	va_start(ap, fmt);
	vsnprintf(k->fact, sizeof k->fact, fmt, ap);
	va_end(ap);
	snprintf(k->fix, sizeof k->fix, "%s", fix);
}

static bool warned(const struct h0_machine *m, const char *code)
{
	for (int i = 0; i < m->nwarning; i++)
		if (strcmp(m->warning[i].code, code) == 0)
			return true;
	return false;
}

static void amdgpu_module(const struct h0_machine *m, struct h0_checks *c)
{
	for (int i = 0; i < m->ngpu; i++)
		if (h0_streq(m->gpu[i].vendor, "amd") && m->hw->os.amdgpu == H0_FACT_NO &&
		    !*m->gpu[i].hw->driver) {
			add(c, "amdgpu-not-loaded", H0_SEV_ERROR, "modprobe amdgpu, then look at the log",
			    "there is an AMD GPU, but the amdgpu module is not loaded");
			return;
		}
}

static void gpu_state(const struct h0_machine *m, struct h0_checks *c)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	if (!g)
		return;
	add(c, "gpu-node", H0_SEV_OK, "", "%s opens (%s)", g->node, g->name);
	if (g->vk)
		add(c, "vulkan-driver", H0_SEV_OK, "", "Vulkan drives it through %s (%s), API %s",
		    g->vk->driver_name, g->vk->driver_info, g->vk->api);
	if (h0_streq(g->vendor, "amd") && m->hw->kfd.access != H0_ACCESS_OK)
		add(c, "kfd-closed", H0_SEV_NOTE,
		    m->container ? "pass /dev/kfd in, with its device cgroup allow"
		                 : "add the user to the groups render and video",
		    "/dev/kfd does not open (%s)", h0_access_name(m->hw->kfd.access));
	else if (h0_streq(g->vendor, "amd"))
		add(c, "kfd-node", H0_SEV_OK, "", "/dev/kfd opens: gpu-rocm is possible");
	const char *level = g->hw->perf_level;
	if (h0_streq(level, "low") || h0_streq(level, "high"))
		add(c, "gpu-performance-level", h0_streq(level, "low") ? H0_SEV_WARNING : H0_SEV_NOTE,
		    "write auto to power_dpm_force_performance_level",
		    "the GPU's performance level is forced to %s", level);
}

static void npu_state(const struct h0_machine *m, struct h0_checks *c)
{
	if (!m->npu.usable)
		return;
	add(c, "npu-node", H0_SEV_OK, "", "%s opens (%s, firmware %s)", m->npu.hw->node.path,
	    m->npu.generation ? m->npu.generation : "unknown generation",
	    *m->npu.hw->fw ? m->npu.hw->fw : "unknown");
	if (KNOWN(m->hw->os.memlock) && m->hw->os.memlock < (1LL << 30))
		add(c, "memlock-low", H0_SEV_NOTE, "run slots as root, or raise the limit: ulimit -l",
		    "locked memory is limited to %.0f KiB here", (double)m->hw->os.memlock / 1024);
}

/* What people write, and what the kernel understands. */
static const struct { const char *wrong, *right; } typos[] = {
	{"amdgpu.gtt_size=", "ttm.pages_limit"},
	{"amdgpu.gttsize_mb=", "amdgpu.gttsize"},
	{"amdgpu.ttm.pages_limit=", "ttm.pages_limit"},
	{"amdgpu.pages_limit=", "ttm.pages_limit"},
	{"ttm.page_limit=", "ttm.pages_limit"},
	{"ttm.pages_pool_size=", "ttm.page_pool_size"},
	{"ttm.pool_size=", "ttm.page_pool_size"},
	{"ttm.gttsize=", "ttm.pages_limit"},
	{"ttm.gtt_size=", "ttm.pages_limit"},
	{"amd_iommu=pt", "iommu=pt"},
	{"amd_iommu=on", "nothing (the IOMMU is on by default)"},
};

/* "options amdgpu gtt_size=1" says what "amdgpu.gtt_size=1" says on the command line. */
static void modprobe_words(const char *line, size_t n, char *dst, size_t size)
{
	char module[64], text[512];
	int at = 0;
	dst[0] = '\0';
	snprintf(text, sizeof text, "%.*s", (int)(n < 511 ? n : 511), line);
	char *colon = strstr(text, ": options ");
	if (!colon || sscanf(colon + 10, "%63s %n", module, &at) != 1 || !at)
		return;
	const char *s = colon + 10 + at;
	while (*s) {
		size_t len = strcspn(s, " "), have = strlen(dst);
		snprintf(dst + have, size - have, " %s.%.*s", module, (int)len, s);
		s += len;
		s += strspn(s, " ");
	}
}

static const char *word_at(const char *text, const char *word)
{
	for (const char *at = text; (at = strstr(at, word)); at++)
		if (at == text || at[-1] == ' ')
			return at;
	return NULL;
}

static void typos_in(const char *text, const char *where, struct h0_checks *c)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(typos); i++) {
		const char *at = word_at(text, typos[i].wrong);
		char fix[256];
		if (!at)
			continue;
		snprintf(fix, sizeof fix, "write %s instead, then reboot", typos[i].right);
		add(c, "kernel-argument-typo", H0_SEV_WARNING, fix, "%s has %.*s, which no kernel knows",
		    where, (int)strcspn(at, " \n"), at);
	}
}

/* The last "KEY=VALUE" in a list of words, as the kernel takes it; NULL. */
static const char *last_value(const char *text, const char *key)
{
	const char *found = NULL;
	for (const char *at = text; (at = word_at(at, key)); at += strlen(key))
		found = at + strlen(key);
	return found;
}

/* The value that counts: the command line's before modprobe.d's, which begins at `files`. */
static const char *value_of(const char *words, const char *files, const char *key)
{
	const char *in_files = last_value(files, key), *last = last_value(words, key);
	if (!in_files || !last || last < files)
		return last;
	char line[4096];
	snprintf(line, sizeof line, "%.*s", (int)(files - words), words);
	const char *on_line = last_value(line, key);
	return on_line ? words + (on_line - line) : in_files;
}

static int64_t number(const char *value)
{
	char num[32];
	int64_t v;
	if (!value)
		return H0_UNKNOWN;
	snprintf(num, sizeof num, "%.*s", (int)strcspn(value, " \n"), value);
	return h0_num_i64(num, -1, INT64_MAX, &v) ? v : H0_UNKNOWN;
}

/* Limits in the wrong unit: pages of 4 KiB here, MiB there, never 120G. */
static void units(const struct h0_machine *m, const char *words, const char *files,
                  struct h0_checks *c)
{
	static const struct { const char *key, *unit; int64_t bytes; } args[] = {
		{"ttm.pages_limit=", "pages of 4 KiB", 4096},
		{"ttm.page_pool_size=", "pages of 4 KiB", 4096},
		{"amdttm.pages_limit=", "pages of 4 KiB", 4096},
		{"amdttm.page_pool_size=", "pages of 4 KiB", 4096},
		{"amdgpu.gttsize=", "MiB", 1 << 20},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(args); i++) {
		const char *text = value_of(words, files, args[i].key);
		int64_t v = number(text), all = m->mem.installed;
		bool limits = !strstr(args[i].key, "pool");
		if (!text || v == -1)
			continue;
		if (KNOWN(v) && !(limits && v < (1LL << 30) / args[i].bytes) &&
		    !(KNOWN(all) && v / 4 > all / args[i].bytes))
			continue;
		add(c, "kernel-argument-value", H0_SEV_WARNING, "hal0 probe tune works the numbers out",
		    "%s%.*s: the value counts %s", args[i].key, (int)strcspn(text, " \n") % 64, text,
		    args[i].unit);
	}
}

/* Everything that boot configuration says, in the form of a kernel command line. */
static void boot_words(const struct h0_machine *m, char *dst, size_t size)
{
	snprintf(dst, size, "%s", m->hw->os.cmdline);
	for (const char *line = m->hw->ttm.modprobe; *line;) {
		size_t n = strcspn(line, "\n"), have = strlen(dst);
		modprobe_words(line, n, dst + have, size - have);
		line += n;
		line += *line == '\n';
	}
	/* to the kernel - and _ are the same in a name */
	for (bool name = true; *dst; dst++) {
		name = *dst == ' ' ? true : name && *dst != '=';
		if (name && *dst == '-')
			*dst = '_';
	}
}

static void boot_limits(const struct h0_machine *m, const char *words, const char *files,
                        struct h0_checks *c)
{
	const struct h0_hw_ttm *t = &m->hw->ttm;
	int64_t want = number(value_of(words, files, "ttm.pages_limit="));
	if (!KNOWN(want))
		want = number(value_of(words, files, "amdttm.pages_limit="));
	if (KNOWN(t->gttsize) && t->gttsize >= 0) {
		if (KNOWN(t->pages_limit) && t->gttsize != t->pages_limit / 256)
			add(c, "gttsize-disagrees", H0_SEV_WARNING, "set one of them, or both to the same",
			    "amdgpu.gttsize is %lld MiB, ttm.pages_limit %lld MiB", (long long)t->gttsize,
			    (long long)(t->pages_limit / 256));
		else
			add(c, "gttsize-deprecated", H0_SEV_NOTE, "set ttm.pages_limit instead",
			    "amdgpu.gttsize=%lld is set", (long long)t->gttsize);
	}
	if (KNOWN(want) && KNOWN(t->pages_limit) && want != t->pages_limit)
		add(c, "limit-not-live", H0_SEV_WARNING,
		    m->container ? "set it on the host, not in the container"
		                 : "rebuild the initramfs and reboot",
		    "ttm.pages_limit=%lld is configured, but the kernel runs with %lld",
		    (long long)want, (long long)t->pages_limit);
	if (KNOWN(t->pages_limit) && KNOWN(t->page_pool_size) && h0_machine_primary(m) &&
	    m->mem.unified && t->page_pool_size < t->pages_limit)
		add(c, "ttm-pool-small", H0_SEV_NOTE, "amdgpu.vm_fragment_size=8 may help",
		    "TTM's pool (%.1f GiB) is smaller than its limit (%.1f GiB)",
		    GIB(t->page_pool_size * 4096), GIB(t->pages_limit * 4096));
}

static void boot(const struct h0_machine *m, struct h0_checks *c)
{
	char words[8192], line[4096];
	const struct h0_hw *hw = m->hw;
	int before = c->n;
	boot_words(m, words, sizeof words);
	const char *files = words + strlen(hw->os.cmdline);
	snprintf(line, sizeof line, "%.*s", (int)(files - words), words);
	typos_in(line, "the kernel command line", c);
	typos_in(files, "/etc/modprobe.d", c);
	boot_limits(m, words, files, c);
	units(m, words, files, c);
	if (h0_text_word(hw->os.cmdline, "amd_iommu=off") && !warned(m, "npu-needs-iommu"))
		add(c, "iommu-off", H0_SEV_NOTE, "", "the kernel runs with amd_iommu=off");
	if (h0_text_word(hw->os.cmdline, "iommu=pt"))
		add(c, "iommu-passthrough", H0_SEV_NOTE, "", "the kernel runs with iommu=pt");
	if (c->n == before && m->ngpu)
		add(c, "boot-configuration", H0_SEV_OK, "", "no misspelt or contradicting kernel arguments");
}

static void kernel(const struct h0_machine *m, struct h0_checks *c)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	int a = 0, b = 0, patch = 0;
	if (!g || !h0_streq(g->gfx, "gfx1151") ||
	    sscanf(m->hw->os.release, "%d.%d.%d", &a, &b, &patch) < 2)
		return;
	if (a < 6 || (a == 6 && (b < 16 || (b == 16 && patch < 9))))
		add(c, "kernel-old", H0_SEV_WARNING, "run 6.16.9 or newer", "the kernel is %s",
		    m->hw->os.release);
	else
		add(c, "kernel", H0_SEV_OK, "", "the kernel is %s", m->hw->os.release);
}

static void memory(const struct h0_machine *m, struct h0_checks *c)
{
	const struct h0_hw_mem *mem = &m->hw->mem;
	if (m->mem.binding)
		add(c, "memory-budget", H0_SEV_OK, "", "models may use %.1f GiB; %s binds",
		    GIB(m->mem.budget_mib << 20), m->mem.binding);
	/* large blocks are what GPU mappings want; little of much free memory is the sign */
	if (m->mem.unified && KNOWN(mem->buddy_free) && mem->buddy_free > 4LL << 30 &&
	    mem->buddy_large < mem->buddy_free / 10)
		add(c, "memory-fragmented", H0_SEV_WARNING,
		    "restart the slot, not the host; if it comes back often, raise the carve-out",
		    "of %.1f GiB free memory only %.1f GiB lie in blocks of 2 MiB or more",
		    GIB(mem->buddy_free), GIB(mem->buddy_large));
}

static void devices(const struct h0_machine *m, struct h0_checks *c)
{
	if (m->hw->cgroup.all_devices == H0_FACT_NO && m->ngpu && !h0_machine_primary(m))
		add(c, "device-cgroup", H0_SEV_WARNING,
		    "allow 226:* (dri), kfd's and accel's majors (see /proc/devices) for this group",
		    "the device control group does not allow every device");
}

static void podman(const struct h0_machine *m, struct h0_checks *c)
{
	if (m->hw->os.podman_present == H0_FACT_NO)
		add(c, "podman-missing", H0_SEV_ERROR, "install podman", "podman is not installed");
	else if (m->hw->os.podman_present == H0_FACT_YES)
		add(c, "podman", H0_SEV_OK, "", "podman %s", m->hw->os.podman);
}

static void slot(const struct h0_machine *m, const struct h0_doctor_slot *s, struct h0_checks *c)
{
	bool gpu = h0_starts(s->device, "gpu-");
	char fix[256];
	snprintf(fix, sizeof fix, "look at its device and profile: hal0 slot show %s", s->name);
	if (gpu && s->backend && strcmp(s->backend, s->device + 4) != 0)
		add(c, "slot-wrong-toolbox", H0_SEV_WARNING, fix,
		    "slot %s runs on %s with a profile for %s", s->name, s->device, s->backend);
	if (h0_streq(s->device, "cpu") && h0_machine_primary(m))
		add(c, "slot-on-cpu", H0_SEV_NOTE, fix, "slot %s computes on the CPU", s->name);
	snprintf(fix, sizeof fix, "hal0 slot set %s model.context_size=16384", s->name);
	if (KNOWN(s->context_size) && s->context_size >= 65536)
		add(c, "slot-context-large", H0_SEV_NOTE, fix, "slot %s has a context of %lld tokens",
		    s->name, (long long)s->context_size);
	if (s->message && strstr(s->message, "libxrt_coreutil.so.2"))
		add(c, "flm-image-stale", H0_SEV_WARNING, "pull the pinned image again: hal0 profile pull",
		    "slot %s failed: its image lacks libxrt_coreutil.so.2", s->name);
}

/* Worst first; insertion keeps the order among equals. */
static void sort(struct h0_checks *c)
{
	for (int i = 1; i < c->n; i++) {
		struct h0_check k = c->v[i];
		int at = i;
		for (; at > 0 && c->v[at - 1].severity < k.severity; at--)
			c->v[at] = c->v[at - 1];
		c->v[at] = k;
	}
}

void h0_doctor(const struct h0_machine *m, const struct h0_doctor_slot *slots, size_t nslots,
               struct h0_checks *ret)
{
	ret->n = 0;
	for (int i = 0; i < m->nwarning; i++)
		add(ret, m->warning[i].code, m->warning[i].severity, m->warning[i].fix, "%s",
		    m->warning[i].message);
	amdgpu_module(m, ret);
	gpu_state(m, ret);
	npu_state(m, ret);
	boot(m, ret);
	kernel(m, ret);
	memory(m, ret);
	devices(m, ret);
	podman(m, ret);
	for (size_t i = 0; i < nslots; i++)
		slot(m, &slots[i], ret);
	sort(ret);
}
