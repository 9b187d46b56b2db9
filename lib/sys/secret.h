/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files that hold a secret: a token, keys. What others may read is no secret, and what somebody else
 * owns may be his: neither is taken.
 */
#ifndef H0_SYS_SECRET_H
#define H0_SYS_SECRET_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the file to `ret`, at most `max` bytes, and calls h0_secret_hold(). H0_SYS: it cannot be
 * read (sys_errno tells why). H0_CONFIG: it is no regular file, others may read it, or it, or the
 * symbolic link that stands for it, belongs to neither root nor us. */
int h0_secret_read(const char *path, size_t max, struct h0_buf *ret, struct h0_err *e);
/* Overwrites what the buffer holds and frees it. */
void h0_secret_wipe(struct h0_buf *b);
#define h0_autosecret h0_auto(h0_secret_wipe)
/* From here on this process leaves no core, and no other process of its user can look into it. */
void h0_secret_hold(void);

#endif
