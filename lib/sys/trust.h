/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Directories that others may write in too, as the model store's can be: whoever may swap a part of a
 * path for a symbolic link would choose where root writes.
 */
#ifndef H0_SYS_TRUST_H
#define H0_SYS_TRUST_H

#include "base/err.h"

#define H0_TRUST_PATH 48        /* "/proc/self/fd/N" */

/* Opens the directory, part by part: a symbolic link on the way is followed only when it belongs to
 * root or to us. What is missing is made with `mode`, whatever the umask; 0: it must be there. What
 * is then done through the descriptor stays in that directory, whatever becomes of the path.
 * H0_CONFLICT: somebody else's link; H0_SYS. */
int h0_trust_open(const char *path, unsigned mode, struct h0_err *e);
/* A path for calls that take one. */
void h0_trust_path(int fd, char dst[H0_TRUST_PATH]);

#endif
