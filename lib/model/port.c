/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/port.h"

#include "base/str.h"
#include "model/npu.h"

const struct h0_slot *h0_port_owner(const struct h0_slots *s, int port, const char *except)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct h0_slot *slot = &s->v[i];
		bool shadow = !slot->broken && h0_slot_is_shadow(slot);
		if (slot->port == port && !shadow && !h0_streq(slot->name, except))
			return slot;
	}
	return NULL;
}

int h0_port_pick(const struct h0_slots *s, bool (*bound)(int port, const void *arg),
                 const void *arg, int *ret, struct h0_err *e)
{
	for (int port = s->conf.port_first; port <= s->conf.port_new_last; port++) {
		if (h0_port_owner(s, port, NULL) || (bound && bound(port, arg)))
			continue;
		*ret = port;
		return 0;
	}
	const struct h0_slots_conf *c = &s->conf;
	h0_fail(e, H0_CONFLICT, "no port from %d to %d is free: %s %d", c->port_first, c->port_new_last,
	        c->port_new_last < c->port_last ? "name one with --port, up to"
	                                        : "hal0.toml's slots.port_range_end could be above", c->port_last);
	return h0_err_code(e, "slot.no_free_port");
}
