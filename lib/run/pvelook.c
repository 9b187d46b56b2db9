/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/pvelook.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "sys/clock.h"

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

void h0_pve_tell(const struct h0_pve_look *l, struct h0_machine *m)
{
	m->pve = l->ok ? &l->mem : NULL;
	h0_machine_memory(m);
}

const char *h0_pve_warning(const struct h0_pve_look *l)
{
	if (!l->configured)
		return NULL;
	if (!l->ok)
		return l->error;
	return l->verified ? NULL : "proxmox.json says verify_ssl false: the answer may be anybody's";
}

int h0_pve_look(const struct h0_paths *paths, struct h0_machine *m, struct h0_pve_look *ret,
                struct h0_err *e)
{
	struct h0_pve_config c;
	struct h0_err why = {0};
	char path[1200];
	*ret = (struct h0_pve_look){.asked_ms = h0_now_ms()};
	m->pve = NULL;
	snprintf(path, sizeof path, "%s/proxmox.json", paths->etc);
	if (h0_pve_config_load(path, &c, &ret->configured, e) < 0)
		return -1;
	if (!ret->configured)
		return 0;
	struct h0_pve_self self = {m->hw->os.hostname, own_vmid(m->hw)};
	ret->ok = h0_pve_fetch(&c, &self, &ret->sum, &why) == 0;
	ret->verified = c.verify;
	h0_pve_config_wipe(&c);
	if (!ret->ok) {
		h0_err_text(&why, ret->error, sizeof ret->error);
		return 0;
	}
	ret->mem = (struct h0_pve_memory){ret->sum.mem_total, ret->sum.mem_used};
	h0_pve_tell(ret, m);
	return 0;
}

struct h0_json *h0_pve_json(const struct h0_pve_look *v)
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
