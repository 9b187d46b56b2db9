/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/slotlock.h"

#include <stdio.h>

#include "base/str.h"
#include "run/state.h"
#include "sys/io.h"
#include "sys/lock.h"

int h0_slotlock_take(const struct h0_box *b, const char *slot, int timeout_ms, struct h0_err *e)
{
	char dir[1200], path[1300];
	snprintf(dir, sizeof dir, "%s/slots", b->paths.run);
	snprintf(path, sizeof path, "%s/%s.lock", dir, slot);
	if (h0_mkdirs(dir, 0755, e) < 0)
		return -1;
	return h0_lock(path, timeout_ms, "hal0-slot", e);
}

bool h0_slotlock_ending(const struct h0_box *b, const struct h0_ctr *c)
{
	struct h0_state_file last;
	return h0_state_read(&b->paths, c->slot, &last, NULL) == 0 && last.state == H0_STATE_UNLOADING &&
	       h0_streq(last.container, c->id);
}

bool h0_slotlock_orphaned(const struct h0_box *b, const struct h0_ctr *c)
{
	if (!h0_slotlock_ending(b, c))
		return false;
	h0_autofd int lock = h0_slotlock_take(b, c->slot, 0, NULL);
	return lock >= 0 && h0_slotlock_ending(b, c);
}
