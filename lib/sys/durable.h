/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files that survive power loss: staged beside the target, fsynced, renamed, directory fsynced.
 * For single files outside change sets (hardware.json, state.json, proxmox.json); several files
 * that belong together go through conf/txn.h. Every mutating call goes through sys/ops.h.
 */
#ifndef H0_SYS_DURABLE_H
#define H0_SYS_DURABLE_H

#include <stddef.h>

#include "base/err.h"
#include "sys/ops.h"

/* Replaces or creates `path`. An existing file keeps mode, owner and extended attributes; a new
 * one gets `mode` (exact, whatever the umask). A symlink as the target is refused (H0_CONFLICT).
 * The directory must exist. H0_SYS. On failure the old file is untouched and nothing is left
 * behind; what a killed writer leaves (.NAME.hal0-w~) the next one takes over. Several writers
 * at once wait for each other, the last one wins. */
int h0_durable_write(const char *path, const void *data, size_t len, unsigned mode,
                     struct h0_err *e);
int h0_durable_write_ops(const struct h0_ops *o, const char *path, const void *data, size_t len,
                         unsigned mode, struct h0_err *e);

#endif
