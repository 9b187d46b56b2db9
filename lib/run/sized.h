/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the machine is, Vulkan asked too where nobody else tells how much memory a card has.
 */
#ifndef H0_RUN_SIZED_H
#define H0_RUN_SIZED_H

#include "hw/hw.h"
#include "model/machine.h"

/* As h0_machine (model/machine.h); what Vulkan says is added to hw. Takes as long as its drivers do,
 * ten seconds at most, on the machines that h0_machine_needs_vulkan names. Owned by the caller: free. */
struct h0_machine *h0_machine_sized(const struct h0_root *r, struct h0_hw *hw);

#endif
