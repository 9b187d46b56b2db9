/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/tune.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/doctor.h"

#define PAGES_PER_MIB 256
#define LEAST_LEFT_MIB 4096
#define LEAST_GTT_MIB  8192

static void note(struct h0_tune *t, const char *fmt, ...) H0_PRINTF(2, 3);
static void note(struct h0_tune *t, const char *fmt, ...)
{
	va_list ap;
	if (t->nnote == (int)H0_ARRAY_LEN(t->note))
		return;
	va_start(ap, fmt);
	vsnprintf(t->note[t->nnote++], sizeof t->note[0], fmt, ap);
	va_end(ap);
}

/* The GPU whose memory can be tuned: the one in use, else any that shares the RAM. */
static const struct h0_mgpu *shared_gpu(const struct h0_machine *m)
{
	for (int i = 0; i < m->ngpu; i++)
		if (m->gpu[i].inference && m->gpu[i].uma == H0_FACT_YES)
			return &m->gpu[i];
	return NULL;
}

/* A container's own files boot nothing. */
static void boot_loader(const struct h0_machine *m, struct h0_tune *t)
{
	const struct h0_hw_os *os = &m->hw->os;
	if (m->container || !os->loader)
		return;
	t->args_file = os->args_file;
	t->args_apply = h0_streq(os->loader, "proxmox-boot-tool")          ? "proxmox-boot-tool refresh"
	                : h0_streq(os->loader, "grub")                     ? h0_doctor_command(m->hw, "+grub")
	                : h0_streq(os->args_file, "/etc/kernel/cmdline") ? "kernel-install add \"$(uname -r)\" "
	                                                                     "/boot/vmlinuz-\"$(uname -r)\""
	                                                                   : NULL;
}

static void notes(const struct h0_machine *m, struct h0_tune *t)
{
	int64_t pool = t->ram_mib + t->carveout_mib, reserve = h0_reserve_mib(pool);
	if (t->budget_mib > pool - reserve)
		note(t, "hal0 keeps %lld MiB for the system and gives models no more than %lld MiB, whatever the "
		        "limit is.", (long long)reserve, (long long)(pool - reserve));
	if (t->left_mib < t->ram_mib / 8)
		note(t, "Only %lld MiB stay for the system when models use all of it.",
		     (long long)t->left_mib);
	if (m->container)
		note(t, "This is a container: the options belong on the host, and take effect there.");
	if (t->carveout_mib >= 16384)
		note(t, "The carve-out (%lld MiB) is memory the CPU never gets; 512 MiB in the firmware "
		        "setup and a GTT of %lld MiB would reach the same and share it.",
		     (long long)t->carveout_mib, (long long)(t->gtt_mib + t->carveout_mib - 512));
	else
		note(t, "A large carve-out (32 GiB, 96 GiB for 70B models) would fragment less, but takes "
		        "the memory from the CPU for good; llama.cpp is content with GTT.");
}

int h0_tune(const struct h0_machine *m, int64_t budget_mib, bool gttsize, struct h0_tune *ret,
            struct h0_err *e)
{
	const struct h0_mgpu *g = shared_gpu(m);
	const struct h0_hw_mem *mem = &m->hw->mem;
	struct h0_tune t = {.module = *m->hw->ttm.module ? m->hw->ttm.module : "ttm",
	                    .rebuild = h0_doctor_command(m->hw, "+initramfs")};
	int64_t host = m->container && mem->host_total != H0_UNKNOWN ? mem->host_total : mem->total;
	if (!g)
		return h0_fail(e, H0_NOHW, "no GPU here shares the machine's memory: nothing to tune");
	if (g->vram == H0_UNKNOWN || host == H0_UNKNOWN)
		return h0_fail(e, H0_NOHW, "the sizes of RAM and carve-out are not known");
	t.carveout_mib = g->vram >> 20;
	t.ram_mib = host >> 20;
	int64_t pool = t.ram_mib + t.carveout_mib, most = pool - LEAST_LEFT_MIB;
	t.budget_mib = budget_mib == H0_UNKNOWN ? pool - h0_reserve_mib(pool) : budget_mib;
	if (t.budget_mib <= 0)
		return h0_fail(e, H0_USAGE, "a budget of 0 is none: say how much memory models shall have");
	if (t.budget_mib > most)
		return h0_fail(e, H0_NO,
		               "%lld MiB cannot be had: %lld MiB of RAM and %lld MiB carve-out, less %d MiB "
		               "for the system, are %lld MiB",
		               (long long)t.budget_mib, (long long)t.ram_mib, (long long)t.carveout_mib,
		               LEAST_LEFT_MIB, (long long)most);
	int64_t rest = t.budget_mib > t.carveout_mib ? t.budget_mib - t.carveout_mib : 0;
	/* a wanted budget is met, the default is not exceeded */
	t.gtt_mib = budget_mib == H0_UNKNOWN ? rest / 1024 * 1024 : (rest + 1023) / 1024 * 1024;
	if (t.gtt_mib > t.ram_mib - LEAST_LEFT_MIB)
		t.gtt_mib = rest; /* the last part of a GiB would be the system's */
	/* drivers and displays need some GTT whatever the carve-out gives to models */
	int64_t least = t.ram_mib / 2 < LEAST_GTT_MIB ? t.ram_mib / 2 : LEAST_GTT_MIB;
	if (t.gtt_mib < least)
		t.gtt_mib = least / 1024 * 1024;
	if (t.gtt_mib <= 0)
		return h0_fail(e, H0_NO, "%lld MiB of RAM leave nothing to tune", (long long)t.ram_mib);
	t.pages = t.gtt_mib * PAGES_PER_MIB;
	t.left_mib = t.ram_mib - t.gtt_mib;
	t.needed = m->hw->ttm.pages_limit != t.pages || m->hw->ttm.page_pool_size != t.pages;
	snprintf(t.args, sizeof t.args, "%s.pages_limit=%lld %s.page_pool_size=%lld", t.module,
	         (long long)t.pages, t.module, (long long)t.pages);
	if (gttsize) {
		size_t n = strlen(t.args);
		snprintf(t.args + n, sizeof t.args - n, " amdgpu.gttsize=%lld", (long long)t.gtt_mib);
	}
	boot_loader(m, &t);
	notes(m, &t);
	*ret = t;
	return 0;
}

void h0_tune_file(const struct h0_tune *t, bool gttsize, struct h0_buf *ret)
{
	h0_buf_addf(ret,
	            "# GPU memory limit for hal0: %lld MiB = %lld pages of 4 KiB.\n"
	            "# After a change: %s, then reboot.\n"
	            "options %s pages_limit=%lld page_pool_size=%lld\n",
	            (long long)t->gtt_mib, (long long)t->pages, t->rebuild, t->module,
	            (long long)t->pages, (long long)t->pages);
	if (gttsize)
		h0_buf_addf(ret, "options amdgpu gttsize=%lld\n", (long long)t->gtt_mib);
}

void h0_tune_explain(const struct h0_tune *t, struct h0_buf *ret)
{
	bool whole = t->gtt_mib % 1024 == 0;
	h0_buf_addf(ret, "%8lld MiB  wanted for models\n%8lld MiB  %s the firmware's carve-out\n",
	            (long long)t->budget_mib, (long long)t->carveout_mib,
	            t->carveout_mib < t->budget_mib ? "of it in" : "are in");
	h0_buf_addf(ret, "%8lld MiB  GTT limit, %s%lld %s = %lld pages\n", (long long)t->gtt_mib,
	            whole ? "in whole GiB = " : "= ", (long long)(whole ? t->gtt_mib / 1024 : t->gtt_mib),
	            whole ? "GiB x 262144" : "MiB x 256", (long long)t->pages);
	h0_buf_addf(ret,
	            "%8lld MiB  RAM beside the carve-out\n"
	            "%8lld MiB  left for the system when models use all of it\n",
	            (long long)t->ram_mib, (long long)t->left_mib);
}
