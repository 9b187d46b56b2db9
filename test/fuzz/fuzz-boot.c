/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Boot configuration as doctor and tune read it. Lines of the input: the kernel command line, the
 * live limits (pages_limit, page_pool_size, gttsize), a slot's device and last message, then lines
 * of modprobe.d. Whatever they say, the findings are whole texts in order of severity, and what
 * tune writes into modprobe.d is what doctor then calls right.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "model/doctor.h"
#include "model/tune.h"

static struct h0_hw *blank(void)
{
	struct h0_root root = {.fd = -1};
	H0_ASSERT(h0_root_open(&root, "/proc/self/task", NULL) == 0);
	struct h0_hw *hw = h0_hw_probe(&root, 0);
	h0_root_close(&root);
	return hw;
}

/* A Strix Halo whose memory is `ram` bytes beside a carve-out of 512 MiB. */
static struct h0_hw *halo(int64_t ram)
{
	struct h0_hw *hw = blank();
	struct h0_hw_gpu *g = h0_hw_gpu_add(hw, "0000:c5:00.0");
	hw->mem.total = hw->mem.available = hw->mem.free = ram;
	g->vendor = 0x1002, g->device = 0x1586, g->class = 0x038000, g->revision = 0xc1;
	snprintf(g->driver, sizeof g->driver, "amdgpu");
	snprintf(g->card, sizeof g->card, "card1");
	snprintf(g->render, sizeof g->render, "renderD128");
	snprintf(g->render_node.path, sizeof g->render_node.path, "/dev/dri/renderD128");
	g->render_node.access = H0_ACCESS_OK;
	g->vram_total = 512 << 20;
	g->gtt_total = ram / 2;
	return hw;
}

/* One line into dst, as the reader of /proc/cmdline or modprobe.d would put it there. */
static const char *line(const char *p, const char *end, char *dst, size_t size)
{
	const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
	h0_text_clean(dst, size, p, (size_t)((nl ? nl : end) - p));
	return nl ? nl + 1 : end;
}

static size_t findings(const struct h0_hw *hw, const struct h0_doctor_slot *slot, const char *code)
{
	h0_autofree struct h0_machine *m = h0_machine(hw);
	h0_autofree struct h0_checks *c = h0_calloc(1, sizeof *c);
	size_t n = 0;
	h0_doctor(m, slot, slot ? 1 : 0, c);
	H0_ASSERT(c->n > 0 && c->n <= H0_CHECKS_MAX);
	for (int i = 0; i < c->n; i++) {
		const struct h0_check *k = &c->v[i];
		H0_ASSERT(*k->fact && k->why && (k->severity != H0_SEV_OK || !*k->why));
		H0_ASSERT(!i || k->severity <= c->v[i - 1].severity);
		n += code && strcmp(k->code, code) == 0;
	}
	return n;
}

/* Sets what tune says, boots with it, asks doctor. */
static void round_trip(struct h0_hw *hw, int64_t budget, bool gttsize)
{
	h0_autofree struct h0_machine *m = h0_machine(hw);
	h0_autobuf struct h0_buf file = {0};
	struct h0_tune t;
	struct h0_err e = {0};
	if (h0_tune(m, budget, gttsize, &t, &e) < 0) {
		H0_ASSERT(e.msg[0]);
		return;
	}
	h0_tune_file(&t, gttsize, &file);
	hw->os.cmdline[0] = hw->ttm.modprobe[0] = '\0';
	for (const char *p = file.p, *end = file.p + file.len; p < end;) {
		char one[256];
		size_t have = strlen(hw->ttm.modprobe);
		p = line(p, end, one, sizeof one);
		if (*one != '#')
			snprintf(hw->ttm.modprobe + have, sizeof hw->ttm.modprobe - have, "t.conf: %s\n", one);
	}
	hw->ttm.pages_limit = hw->ttm.page_pool_size = t.pages;
	hw->ttm.gttsize = gttsize ? t.gtt_mib : -1;
	H0_ASSERT(findings(hw, NULL, "limit-not-live") == 0);
	H0_ASSERT(findings(hw, NULL, "gttsize-disagrees") == 0);
	H0_ASSERT(findings(hw, NULL, "kernel-argument-typo") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const devices[] = {"cpu", "gpu-vulkan", "gpu-rocm", "npu"};
	const char *p = (const char *)data, *end = p + size;
	char text[512], message[512];
	long long pages, pool, gtt, ram_mib;
	h0_autohw struct h0_hw *hw = halo(124LL << 30);
	p = line(p, end, hw->os.cmdline, sizeof hw->os.cmdline);
	p = line(p, end, text, sizeof text);
	if (sscanf(text, "%18lld %18lld %18lld %8lld", &pages, &pool, &gtt, &ram_mib) == 4 &&
	    pages > 0 && pages <= 1LL << 38 && pool >= 0 && pool <= 1LL << 38 && gtt >= -1 &&
	    gtt <= H0_HW_MAX_BYTES >> 20 && ram_mib > 0) {
		hw->ttm.pages_limit = pages, hw->ttm.page_pool_size = pool, hw->ttm.gttsize = gtt;
		hw->mem.total = hw->mem.available = (int64_t)ram_mib << 20;
	}
	p = line(p, end, message, sizeof message);
	struct h0_doctor_slot slot = {.name = "chat", .device = devices[(unsigned char)*message % 4],
	                              .backend = *message & 4 ? "rocm" : NULL, .message = message,
	                              .context_size = *message & 8 ? 131072 : H0_UNKNOWN};
	while (p < end) {
		size_t have = strlen(hw->ttm.modprobe);
		p = line(p, end, text, sizeof text);
		snprintf(hw->ttm.modprobe + have, sizeof hw->ttm.modprobe - have, "a.conf: %s\n", text);
	}
	findings(hw, &slot, NULL);
	round_trip(hw, *message & 1 ? H0_UNKNOWN : 64 << 10, *message & 2);
	return 0;
}

static const char *const fuzz_words[] = {
	" ", "\n", "=", ".", "-", "_", "\"", "0", "-1", "1", "9223372036854775807", "31457280", "122880",
	"120G", "options ", "ttm", "amdttm", "amdgpu", "pages_limit=", "page_pool_size=", "gttsize=",
	"amdgpu.gttsize=", "ttm.pages_limit=", "ttm.page_limit=", "amd_iommu=pt", "amd_iommu=off",
	"iommu=pt", "amdgpu.gtt_size=", "blacklist ", "libxrt_coreutil.so.2", "%s%n", "\xff", NULL};

FUZZ_TARGET("boot", 8000)
