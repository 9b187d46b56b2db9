/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the Proxmox host has to say for the memory's bar: asked with proxmox.json where that is there,
 * and told to the model.
 */
#ifndef H0_RUN_PVELOOK_H
#define H0_RUN_PVELOOK_H

#include "conf/paths.h"
#include "model/machine.h"
#include "run/proxmox.h"

#define H0_PVE_FRESH_MS 30000           /* so long an answer is good */

struct h0_pve_look {
	bool configured, ok, verified;
	char error[512];                /* why it could not be asked */
	struct h0_pve_summary sum;
	struct h0_pve_memory mem;       /* the same for the model */
	int64_t asked_ms;               /* when, by the monotonic clock; 0 = never */
};

/* Asks, and tells the machine, which keeps a pointer into *ret. A host that does not answer is no
 * error; a file that others can read or that makes no sense is (H0_CONFIG). From then on the process
 * leaves no core file: the token was in it. */
int h0_pve_look(const struct h0_paths *paths, struct h0_machine *m, struct h0_pve_look *ret,
                struct h0_err *e);
/* Tells another look at the same machine what was answered. */
void h0_pve_tell(const struct h0_pve_look *l, struct h0_machine *m);
/* What a user should know of the answer, NULL: nothing. Lives as long as *l. */
const char *h0_pve_warning(const struct h0_pve_look *l);
struct h0_json *h0_pve_json(const struct h0_pve_look *l);

#endif
