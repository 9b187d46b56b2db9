/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A slot's key: what its server wants with every request, so that no page in a browser on the
 * box can use it. Only hal0 knows it: /var/lib/hal0/keys (0700) has a file per slot, which the
 * container gets read-only; the key stands in no argument, no environment and no log. A file,
 * not something of a start: it outlives restarts, so that whoever sends it (a proxy, a unit made
 * by `slot export`) need not follow them.
 */
#ifndef H0_RUN_SLOTKEY_H
#define H0_RUN_SLOTKEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/paths.h"

#define H0_SLOT_KEY 64          /* room for a key with its end */

/* Its file, into dst (H0_SLOT_KEY_PATH bytes). */
#define H0_SLOT_KEY_PATH 1200
void h0_slot_key_path(const struct h0_paths *paths, const char *slot, char *dst);
/* The file for a server that runs as uid:gid (-1: nobody can say), made when it is not there. A
 * server whose user we cannot give the file to reads it as everybody; the directory is closed.
 * H0_SYS. */
int h0_slot_key_make(const struct h0_paths *paths, const char *slot, long uid, long gid, struct h0_err *e);
/* Into dst (H0_SLOT_KEY bytes); "" when the slot has none. H0_SYS: we may not read it. */
int h0_slot_key_read(const struct h0_paths *paths, const char *slot, char *dst, struct h0_err *e);
/* The same for whoever goes on without: then the server says no. */
const char *h0_slot_key_try(const struct h0_paths *paths, const char *slot, char *dst);
/* With the slot. */
void h0_slot_key_forget(const struct h0_paths *paths, const char *slot);

#endif
