/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "usage.h"

#include "hw/share.h"
#include "run/live.h"

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
