/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What `memory` asks podman for: the slots' processes.
 */
#ifndef H0_CMD_PROBE_USAGE_H
#define H0_CMD_PROBE_USAGE_H

#include "machine.h"

/* What running slots hold: an array, null when podman cannot be asked. */
struct h0_json *probe_slots_json(const struct probe_machine *p);

#endif
