/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * flock(2) with a deadline. The lock dies with the process; the file stays. Who holds it is
 * written into the file, for messages only.
 */
#ifndef H0_SYS_LOCK_H
#define H0_SYS_LOCK_H

#include "base/err.h"
#include "sys/ops.h"

/* Takes the lock, creating the file (0600). timeout_ms 0: one try. Returns the fd that holds it
 * (close it to let go) or -1: H0_BUSY "... is held by PID (COMMAND)", H0_SYS. */
int h0_lock(const char *path, int timeout_ms, const char *holder_note, struct h0_err *e);
/* The same beside dirfd and through a table of calls. `shown` names the file in messages. */
int h0_lock_at(const struct h0_ops *o, int dirfd, const char *path, const char *shown,
               int timeout_ms, const char *holder_note, struct h0_err *e);

#endif
