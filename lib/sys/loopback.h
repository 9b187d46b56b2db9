/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who has a port of this machine's loopback address?
 */
#ifndef H0_SYS_LOOPBACK_H
#define H0_SYS_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether a socket listens on 127.0.0.1:port or on every address at that port. Tried by binding:
 * needs no privilege and sees other users' and containers' published ports. Connections that are
 * only winding down do not count. */
bool h0_loopback_bound(int port);
/* The process behind it, as far as /proc shows it to us. 0: nobody, or not visible. */
pid_t h0_loopback_pid(int port);
/* Whether anybody is connected to it. */
bool h0_loopback_connected(int port);
/* "nginx, pid 812", or "another program" when it cannot be seen. */
void h0_loopback_holder(int port, char *dst, size_t size);

#endif
