/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory: the pools there are, where each number came from, every limit on what inference may
 * use, and which one binds.
 *
 * On a GPU without memory of its own the carve-out was taken by the firmware before Linux (it is
 * not in MemTotal), and GTT is a limit on ordinary pages the GPU may map (it is part of MemTotal).
 * So pool = MemTotal + carve-out, reach = carve-out + min(GTT, MemTotal), and MemTotal + GTT is
 * a sum that means nothing. On a card GTT is not VRAM: the budget is VRAM alone.
 */
#include <stdio.h>
#include <string.h>

#include "model/machine.h"

#define MIB (1LL << 20)
#define KNOWN(x) ((x) != H0_UNKNOWN)

int64_t h0_reserve_mib(int64_t pool)
{
	int64_t reserve = pool / 16 > 4096 ? pool / 16 : 4096;
	int64_t most = pool / 4 * 3; /* a tiny machine still may use a quarter */
	return reserve < most ? reserve : most;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct h0_pool *pool(struct h0_mmem *mm, const char *name, int64_t capacity,
                            const char *source)
{
	if (!KNOWN(capacity) || mm->npool == H0_POOLS_MAX)
		return NULL;
	struct h0_pool *p = &mm->pool[mm->npool++];
	*p = (struct h0_pool){.name = name, .capacity = capacity, .used = H0_UNKNOWN,
	                      .free = H0_UNKNOWN};
	snprintf(p->source, sizeof p->source, "%s", source);
	return p;
}

static void pool_free(struct h0_pool *p, int64_t free_bytes, const char *source)
{
	if (!p || !KNOWN(free_bytes))
		return;
	p->free = free_bytes < 0 ? 0 : min64(free_bytes, p->capacity);
	p->used = p->capacity - p->free;
	snprintf(p->free_source, sizeof p->free_source, "%s", source);
}

static void gpu_pool(struct h0_mmem *mm, const struct h0_mgpu *g, const char *name,
                     int64_t capacity, int64_t used, const char *file, const char *source)
{
	char from[96];
	struct h0_pool *p = pool(mm, name, capacity, source);
	if (!p)
		return;
	p->gpu = g->hw->addr;
	p->part_of = strcmp(name, "gtt") == 0 ? "system-ram" : NULL;
	snprintf(from, sizeof from, "/sys/class/drm/%s/device/%s", g->hw->card, file);
	if (KNOWN(used))
		pool_free(p, capacity - used, from);
}

static void pools(struct h0_machine *m)
{
	const struct h0_hw_mem *ram = &m->hw->mem;
	struct h0_mmem *mm = &m->mem;
	struct h0_pool *p = pool(mm, "system-ram", ram->total, "/proc/meminfo MemTotal");
	pool_free(p, ram->available, "/proc/meminfo MemAvailable");
	if (m->container && KNOWN(ram->host_total) && ram->host_total != ram->total) {
		p = pool(mm, "host-ram", ram->host_total,
		         "/sys/devices/system/node/node*/meminfo MemTotal");
		pool_free(p, ram->host_free, "/sys/devices/system/node/node*/meminfo MemFree");
	}
	for (int i = 0; i < m->ngpu; i++) {
		const struct h0_mgpu *g = &m->gpu[i];
		bool uma = g->uma == H0_FACT_YES;
		gpu_pool(mm, g, uma ? "carve-out" : "vram", g->vram, g->hw->vram_used,
		         "mem_info_vram_used", g->vram_source);
		gpu_pool(mm, g, "gtt", g->gtt, g->hw->gtt_used, "mem_info_gtt_used", g->gtt_source);
	}
	p = ram->swap_total > 0 ? pool(mm, "swap", ram->swap_total, "/proc/meminfo SwapTotal") : NULL;
	pool_free(p, ram->swap_free, "/proc/meminfo SwapFree");
}

static void limit(struct h0_mmem *mm, const char *name, bool gpu_side, int64_t mib,
                  int64_t reserve, const char *source)
{
	if (mm->nlimit == H0_LIMITS_MAX)
		return;
	struct h0_limit *l = &mm->limit[mm->nlimit++];
	*l = (struct h0_limit){.name = name, .gpu_side = gpu_side, .mib = mib - reserve,
	                       .reserve_mib = reserve};
	snprintf(l->source, sizeof l->source, "%s", source);
}

/* What RAM there is, seen from every side that may shrink it; the carve-out comes on top. */
static void ram_limits(struct h0_machine *m, int64_t carveout)
{
	const struct h0_hw_mem *ram = &m->hw->mem;
	const struct h0_hw_cgroup *cg = &m->hw->cgroup;
	struct h0_mmem *mm = &m->mem;
	int64_t top = carveout / MIB;
	bool hidden = m->container && KNOWN(ram->host_total);
	int64_t host = hidden ? ram->host_total : ram->total;
	bool huge = !hidden && ram->huge > 0 && ram->huge < host;
	int64_t mib = KNOWN(host) ? (huge ? host - ram->huge : host) / MIB + top : 0;
	/* a container that cannot tell its own view may have any part of the host's */
	if (KNOWN(host) && KNOWN(ram->total))
		limit(mm, "physical-ram", false, mib, h0_reserve_mib(mib),
		      hidden ? "/sys/devices/system/node/node*/meminfo MemTotal"
		      : huge ? "/proc/meminfo MemTotal - Hugetlb"
		             : "/proc/meminfo MemTotal");
	if (hidden && KNOWN(ram->total) && ram->total != host)
		limit(mm, "lxcfs-memtotal", false, ram->total / MIB + top,
		      h0_reserve_mib(ram->total / MIB + top), "/proc/meminfo MemTotal");
	if (KNOWN(cg->limit))
		limit(mm, "cgroup-memory-max", false, cg->limit / MIB + top,
		      h0_reserve_mib(cg->limit / MIB + top), cg->limit_path);
}

int64_t h0_machine_gtt_used(const struct h0_machine *m)
{
	int64_t sum = 0;
	for (int i = 0; i < m->ngpu; i++)
		if (KNOWN(m->gpu[i].hw->gtt_used) && m->gpu[i].inference &&
		    (m->gpu[i].usable || !m->container))
			sum += m->gpu[i].hw->gtt_used;
	return sum;
}

/* What the Proxmox host has left beside us: its other guests' use is gone for us. Ours is what we
 * show as used, which in a container does not contain what our GPU has mapped. */
static void pve_limit(struct h0_machine *m, int64_t carveout)
{
	const struct h0_hw_mem *ram = &m->hw->mem;
	const struct h0_pve_memory *pve = m->pve;
	if (!pve || !KNOWN(ram->total) || !KNOWN(ram->available))
		return;
	int64_t ours = ram->total - ram->available + (m->container ? h0_machine_gtt_used(m) : 0);
	int64_t others = pve->used > ours ? pve->used - ours : 0;
	int64_t pool_mib = pve->total / MIB + carveout / MIB;
	int64_t left = pool_mib - (others < pve->total ? others : pve->total) / MIB;
	limit(&m->mem, "proxmox-host-free", false, left, min64(h0_reserve_mib(pool_mib), left / 2),
	      "Proxmox: host memory less other guests' use");
}

static int64_t heap_sum(const struct h0_vk_dev *d)
{
	int64_t sum = 0;
	for (int i = 0; d && i < d->nheap; i++) {
		if (d->heap[i].size <= 0 || d->heap[i].size > H0_HW_MAX_BYTES)
			return H0_UNKNOWN;
		sum += d->heap[i].size;
	}
	return sum ? sum : H0_UNKNOWN;
}

/* How far a GPU without memory of its own reaches. */
static void reach_limits(struct h0_machine *m, const struct h0_mgpu *g)
{
	const struct h0_hw_ttm *ttm = &m->hw->ttm;
	struct h0_mmem *mm = &m->mem;
	int64_t ram = m->hw->mem.total;
	char source[128];
	if (KNOWN(g->vram) && KNOWN(g->gtt)) {
		int64_t gtt = KNOWN(ram) ? min64(g->gtt, ram) : g->gtt;
		snprintf(source, sizeof source, "%s, mem_info_gtt_total", g->vram_source);
		limit(mm, "vram+gtt", true, g->vram / MIB + gtt / MIB, 0, source);
	} else if (KNOWN(heap_sum(g->vk))) {
		/* RADV splits carve-out + GTT into two heaps */
		limit(mm, "vram+gtt", true, heap_sum(g->vk) / MIB, 0, "Vulkan: sum of the heaps");
	}
	if (!KNOWN(g->vram) || !KNOWN(ttm->pages_limit))
		return;
	snprintf(source, sizeof source, "/sys/module/%s/parameters/pages_limit", ttm->module);
	limit(mm, "ttm-pages-limit", true, g->vram / MIB + ttm->pages_limit / 256, 0, source);
}

/* The smallest limit binds, if the GPU side and the RAM side are both known where both count. */
static void bind_least(struct h0_mmem *mm, bool needs_gpu, bool needs_ram)
{
	struct h0_limit *least = NULL;
	bool gpu = false, ram = false;
	for (int i = 0; i < mm->nlimit; i++) {
		struct h0_limit *l = &mm->limit[i];
		gpu |= l->gpu_side;
		ram |= !l->gpu_side;
		if (!least || l->mib < least->mib)
			least = l;
	}
	if (!least || (needs_gpu && !gpu) || (needs_ram && !ram))
		return;
	least->binds = true;
	mm->binding = least->name;
	mm->budget_mib = least->mib;
}

/* Free for inference now: what is left of the budget's own pools, within what the RAM side has. */
static void free_now(struct h0_machine *m, const struct h0_mgpu *g)
{
	const struct h0_hw_mem *ram = &m->hw->mem;
	const struct h0_hw_cgroup *cg = &m->hw->cgroup;
	struct h0_mmem *mm = &m->mem;
	int64_t left = H0_UNKNOWN, taken = 0;
	if (g && KNOWN(g->vram) && KNOWN(g->hw->vram_used))
		left = g->vram - min64(g->hw->vram_used, g->vram);
	if (!g || mm->unified) {
		int64_t carveout = g ? left : 0, sys = ram->available;
		if (!KNOWN(sys) || !KNOWN(carveout))
			return;
		if (g && KNOWN(g->gtt) && KNOWN(g->hw->gtt_used))
			sys = min64(sys, g->gtt - min64(g->hw->gtt_used, g->gtt));
		if (KNOWN(cg->limit) && KNOWN(cg->current)) {
			int64_t used = cg->current - (KNOWN(cg->cache) ? min64(cg->cache, cg->current) : 0);
			sys = min64(sys, cg->limit - min64(used, cg->limit));
		}
		if (m->pve)
			sys = min64(sys, m->pve->total - min64(m->pve->used, m->pve->total));
		left = carveout + sys;
		taken = g ? min64(g->hw->vram_used, g->vram) + h0_machine_gtt_used(m) : 0;
	}
	if (!KNOWN(left) || !KNOWN(mm->budget_mib))
		return;
	/* a container's own figures do not say what its GPU has mapped: the budget does */
	int64_t unused = mm->budget_mib * MIB - taken;
	mm->free_mib = min64(left, unused > 0 ? unused : 0) / MIB;
}

/* Installed memory in the sizes it is sold in. */
static int64_t round_up(int64_t bytes)
{
	static const int gib[] = {1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512,
	                          768, 1024, 1536, 2048};
	for (size_t i = 0; i < sizeof gib / sizeof gib[0]; i++)
		if (bytes <= (int64_t)gib[i] << 30)
			return (int64_t)gib[i] << 30;
	return bytes;
}

static void installed(struct h0_machine *m)
{
	const struct h0_hw *hw = m->hw;
	int64_t seen = KNOWN(hw->mem.host_total) ? hw->mem.host_total : hw->mem.total;
	m->mem.installed = H0_UNKNOWN;
	if (KNOWN(hw->dmi.installed)) {
		m->mem.installed = hw->dmi.installed;
		m->mem.installed_exact = true;
		return;
	}
	if (!KNOWN(seen))
		return;
	for (int i = 0; i < m->ngpu; i++)
		if (m->gpu[i].uma == H0_FACT_YES && KNOWN(m->gpu[i].vram))
			seen += m->gpu[i].vram;
	m->mem.installed = round_up(seen);
}

void h0_machine_memory(struct h0_machine *m)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	struct h0_mmem *mm = &m->mem;
	*mm = (struct h0_mmem){.pool_mib = H0_UNKNOWN, .budget_mib = H0_UNKNOWN,
	                       .free_mib = H0_UNKNOWN};
	mm->unified = g && g->uma == H0_FACT_YES;
	installed(m);
	pools(m);
	if (mm->unified) {
		int64_t carveout = KNOWN(g->vram) ? g->vram : 0;
		reach_limits(m, g);
		ram_limits(m, carveout);
		pve_limit(m, carveout);
		if (KNOWN(m->hw->mem.total) && KNOWN(g->vram))
			mm->pool_mib = m->hw->mem.total / MIB + g->vram / MIB;
		if (KNOWN(m->hw->mem.total)) /* a control group's number is no proof of memory */
			bind_least(mm, true, true);
	} else if (g) {
		if (KNOWN(g->vram))
			limit(mm, "vram", true, g->vram / MIB, 0, g->vram_source);
		bind_least(mm, true, false);
	} else {
		ram_limits(m, 0);
		pve_limit(m, 0);
		if (KNOWN(m->hw->mem.total))
			bind_least(mm, false, true);
	}
	free_now(m, g);
}
