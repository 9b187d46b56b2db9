/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a service tells its manager: datagrams to $NOTIFY_SOCKET (sd_notify(3), "sd_notify protocol").
 */
#ifndef H0_SYS_NOTIFY_H
#define H0_SYS_NOTIFY_H

/* "KEY=VALUE" lines. Nobody asked, or nobody hears it: nothing happens. */
void h0_notify(const char *lines);

#endif
