/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/sized.h"

#include <stdlib.h>

struct h0_machine *h0_machine_sized(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_machine *m = h0_machine(hw);
	if (!h0_machine_needs_vulkan(m))
		return m;
	free(m);
	h0_hw_vulkan(r, hw);
	return h0_machine(hw);
}
