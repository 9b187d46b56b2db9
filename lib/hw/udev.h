/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * libudev (hw/udev.c alone includes it): the device nodes udev made for GPUs and NPUs, and a
 * wake-up when they change. It always reads the live machine, so a re-rooted tree has none.
 */
#ifndef H0_HW_UDEV_H
#define H0_HW_UDEV_H

#include "hw/root.h"

struct h0_udev_watch;

/* Watches drm, accel and kfd devices. NULL where udev cannot be used; then there is no wake-up. */
struct h0_udev_watch *h0_udev_watch_open(void);
int h0_udev_watch_fd(const struct h0_udev_watch *w);
/* Takes everything that is waiting; true when any of it was an event. */
bool h0_udev_watch_drain(struct h0_udev_watch *w);
void h0_udev_watch_close(struct h0_udev_watch *w);

#endif
