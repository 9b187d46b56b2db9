/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/clock.h"
#include "usage.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "conf/paths.h"
#include "hw/share.h"
#include "run/live.h"

/* Proxmox names a container's AppArmor profile after its number: "lxc-102_</var/lib/lxc>". */
static int64_t own_vmid(const struct h0_hw *hw)
{
	char digits[16];
	int64_t id;
	if (strncmp(hw->virt.apparmor, "lxc-", 4) != 0)
		return -1;
	size_t n = strspn(hw->virt.apparmor + 4, "0123456789");
	snprintf(digits, sizeof digits, "%.*s", (int)(n < 15 ? n : 15), hw->virt.apparmor + 4);
	return hw->virt.apparmor[4 + n] == '_' && h0_num_i64(digits, 1, INT32_MAX, &id) ? id : -1;
}

int probe_pve_ask(struct probe_pve *ret, struct probe_machine *p, struct h0_err *e)
{
	struct h0_paths paths;
	struct h0_pve_config c;
	struct h0_err why = {0};
	char path[1200];
	*ret = (struct probe_pve){.asked_ms = h0_now_ms()};
	p->m->pve = NULL;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/proxmox.json", paths.etc);
	if (h0_pve_config_load(path, &c, &ret->configured, e) < 0)
		return -1;
	if (!ret->configured)
		return 0;
	struct h0_pve_self self = {p->hw->os.hostname, own_vmid(p->hw)};
	ret->ok = h0_pve_fetch(&c, &self, &ret->sum, &why) == 0;
	ret->verified = c.verify;
	h0_pve_config_wipe(&c);
	if (!ret->ok) {
		h0_err_text(&why, ret->error, sizeof ret->error);
		return 0;
	}
	ret->mem = (struct h0_pve_memory){ret->sum.mem_total, ret->sum.mem_used};
	p->m->pve = &ret->mem;
	h0_machine_memory(p->m);
	return 0;
}

struct h0_json *probe_pve_json(const struct probe_pve *v)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_bool(o, "configured", v->configured);
	if (!v->configured)
		return o;
	h0_json_set_bool(o, "ok", v->ok);
	if (!v->ok) {
		h0_json_set_str(o, "error", v->error);
		return o;
	}
	h0_json_set_str(o, "node", v->sum.node);
	h0_json_set_int(o, "host_mem_total_mb", v->sum.mem_total >> 20);
	h0_json_set_int(o, "host_mem_used_mb", v->sum.mem_used >> 20);
	h0_json_set_int(o, "host_mem_free_mb", (v->sum.mem_total - v->sum.mem_used) >> 20);
	h0_json_set(o, "host_cpu_pct",
	            v->sum.cpu_percent < 0 ? h0_json_new_null() : h0_json_new_real(v->sum.cpu_percent));
	h0_json_set_int(o, "tenants_total", v->sum.tenants);
	h0_json_set_int(o, "tenants_running", v->sum.running);
	return o;
}

static void set_bytes(struct h0_json *o, const char *key, int64_t v)
{
	if (v == H0_UNKNOWN)
		h0_json_set_null(o, key);
	else
		h0_json_set_int(o, key, v);
}

static struct h0_json *slot_json(const struct h0_root *root, const struct h0_ctr *c)
{
	struct h0_json *o = h0_json_object();
	struct h0_share s;
	h0_hw_share(root, c->pid, &s);
	h0_json_set_str(o, "slot", c->slot);
	h0_json_set_int(o, "pid", c->pid);
	set_bytes(o, "ram_bytes", s.anon);
	set_bytes(o, "mapped_bytes", s.file);
	set_bytes(o, "gtt_bytes", s.gtt);
	set_bytes(o, "vram_bytes", s.vram);
	return o;
}

struct h0_json *probe_slots_json(const struct probe_machine *p)
{
	h0_autobox struct h0_box box = {0};
	h0_autoctrs struct h0_ctrs ctrs = {0};
	if (!p->root.live || h0_box_open(&box, NULL) < 0)
		return h0_json_new_null();
	if (!box.slots.n)
		return h0_json_array(); /* nothing to ask podman for */
	if (h0_podman_ps(&box.podman, &ctrs, NULL) < 0)
		return h0_json_new_null();
	struct h0_json *a = h0_json_array();
	for (size_t i = 0; i < ctrs.n; i++)
		if (ctrs.v[i].pid > 0 && h0_ctr_alive(&ctrs.v[i]) && !h0_live_foreign(&box, &ctrs.v[i]))
			h0_json_add(a, slot_json(&p->root, &ctrs.v[i]));
	return a;
}
