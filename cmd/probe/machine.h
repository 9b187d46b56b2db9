/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every verb of hal0-probe starts with: the machine, and the file it is recorded in.
 */
#ifndef H0_CMD_PROBE_MACHINE_H
#define H0_CMD_PROBE_MACHINE_H

#include "base/err.h"
#include "fmt/json.h"
#include "hw/hw.h"
#include "model/machine.h"
#include "run/pvelook.h"

struct probe_machine {
	struct h0_root root;
	struct h0_hw *hw;
	struct h0_machine *m;
};

/* A flag beside those of h0_hw_probe: ask Vulkan where nobody else tells how much memory there is. */
#define PROBE_SIZES 0x100

/* sysroot NULL: $HAL0_SYSROOT, else the live machine. flags as h0_hw_probe. */
int probe_open(struct probe_machine *ret, const char *sysroot, unsigned flags, struct h0_err *e);
void probe_close(struct probe_machine *p);
#define probe_auto h0_auto(probe_close)

struct h0_ctx;
/* What Proxmox leaves for us, where proxmox.json is: -1 when that file is refused. _try: whatever
 * comes of it is no more than a warning. */
int probe_ask_proxmox(struct h0_pve_look *ret, struct probe_machine *p, struct h0_err *e);
void probe_warn_proxmox(struct h0_ctx *ctx, const struct h0_pve_look *pve);
void probe_try_proxmox(struct h0_ctx *ctx, struct probe_machine *p, struct h0_pve_look *ret);

/* The document, with the operator's additions of `old` (may be NULL). */
struct h0_json *probe_document(const struct probe_machine *p, const struct h0_json *old);

/* Path of hardware.json. */
int probe_path(char *dst, size_t size, struct h0_err *e);
/* The recorded document; *ret NULL when there is no file. H0_CONFIG: it is no JSON object. */
int probe_recorded(const char *path, struct h0_json **ret, struct h0_err *e);

struct h0_hwchanges;
/* The changes as records; `more` as in h0_out_rec. */
int probe_out_changes(struct h0_ctx *ctx, const struct h0_hwchanges *c, struct h0_json *more,
                      struct h0_err *e);

int probe_update(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int probe_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int probe_diff(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int probe_recommend(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int probe_memory(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int probe_doctor(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int probe_tune(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
/* The summary of a document, recorded or of now. */
int probe_out_summary(struct h0_ctx *ctx, const struct h0_json *doc, struct h0_err *e);

#endif
