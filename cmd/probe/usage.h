/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What `memory` asks outside the machine: the Proxmox host, and podman for the slots' processes.
 */
#ifndef H0_CMD_PROBE_USAGE_H
#define H0_CMD_PROBE_USAGE_H

#include "machine.h"
#include "run/proxmox.h"

struct probe_pve {
	bool configured, ok, verified;
	char error[512];               /* why it could not be asked */
	struct h0_pve_summary sum;
	struct h0_pve_memory mem;      /* the same for the model */
	int64_t asked_ms;              /* when, by the monotonic clock */
};

/* Asks if proxmox.json is there, and tells the model. A host that does not answer is no error, a
 * bad or readable file is. */
int probe_pve_ask(struct probe_pve *ret, struct probe_machine *p, struct h0_err *e);
struct h0_json *probe_pve_json(const struct probe_pve *v);

/* What running slots hold: an array, null when podman cannot be asked. */
struct h0_json *probe_slots_json(const struct probe_machine *p);

#endif
