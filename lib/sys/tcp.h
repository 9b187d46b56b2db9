/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TCP ports of 127.0.0.1: free or taken, and by whom as far as /proc shows it to us.
 */
#ifndef H0_SYS_TCP_H
#define H0_SYS_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Could a server bind it now? */
bool h0_tcp_free(int port);
/* The process that listens on it on loopback or on every address. 0: nobody, or not visible. */
pid_t h0_tcp_listener(int port);
/* "nginx, pid 812", "another program" when it cannot be seen. */
void h0_tcp_listener_text(int port, char *dst, size_t size);

#endif
