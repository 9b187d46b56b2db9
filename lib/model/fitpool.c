/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/fitpool.h"

#include "base/str.h"
#include "model/fitsum.h"
#include "model/machine.h"

#define MIB (1LL << 20)

static int64_t capacity(const struct h0_json *doc, const char *name)
{
	const struct h0_json *pools = h0_json_get(h0_json_get(doc, "memory"), "pools");
	for (size_t i = 0; i < h0_json_len(pools); i++) {
		const struct h0_json *p = h0_json_at(pools, i);
		if (h0_streq(h0_json_str(h0_json_get(p, "name")), name))
			return h0_json_int(h0_json_get(p, "capacity_bytes"), -1);
	}
	return -1;
}

int64_t h0_fit_pool_ram(const struct h0_json *doc)
{
	return capacity(doc, "system-ram");
}

/* Of the limits on RAM the smallest, without the GPU's carve-out that they include. */
static void ram_limit(const struct h0_json *doc, struct h0_fit_pool *ret)
{
	static const char *const names[] = {"physical-ram", "lxcfs-memtotal", "cgroup-memory-max",
		"proxmox-host-free"};
	const struct h0_json *limits = h0_json_get(h0_json_get(doc, "memory"), "limits");
	int64_t carved = capacity(doc, "carve-out"), ram = h0_fit_pool_ram(doc);
	for (size_t i = 0; i < h0_json_len(limits); i++) {
		const struct h0_json *l = h0_json_at(limits, i);
		int64_t bytes = h0_times(h0_json_int(h0_json_get(l, "mib"), -1), MIB);
		for (size_t k = 0; bytes >= 0 && k < H0_ARRAY_LEN(names); k++) {
			if (!h0_streq(h0_json_str(h0_json_get(l, "name")), names[k]))
				continue;
			bytes = carved > 0 && bytes > carved ? bytes - carved : bytes;
			if (ret->bytes < 0 || bytes < ret->bytes) {
				ret->bytes = bytes;
				ret->binding = names[k];
			}
		}
	}
	if (ret->bytes < 0 && ram > 0) {
		ret->bytes = ram - h0_reserve_mib(ram / MIB) * MIB;
		ret->binding = names[0];
	}
}

void h0_fit_pool_of(const struct h0_json *doc, enum h0_device device, struct h0_fit_pool *ret)
{
	const struct h0_json *memory = h0_json_get(doc, "memory");
	const char *binding = h0_json_str(h0_json_get(memory, "binding_limit"));
	bool unified = h0_json_bool(h0_json_get(memory, "unified"), false);
	bool card = h0_streq(binding, "vram");
	*ret = (struct h0_fit_pool){.bytes = -1, .free = -1, .gb_per_s = -1};
	ret->shared = device == H0_DEVICE_CPU || !card;
	if (device == H0_DEVICE_CPU && (unified || card)) {
		ram_limit(doc, ret);
		return;
	}
	ret->bytes = h0_times(h0_json_int(h0_json_get(memory, "budget_mib"), -1), MIB);
	ret->binding = ret->bytes < 0 ? NULL : binding;
	if (device != H0_DEVICE_CPU)
		ret->gb_per_s = h0_json_int(h0_json_get(doc, "memory_bandwidth_gbs"), -1);
}
