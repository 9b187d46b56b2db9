/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a slot's file adds to what its container is granted: the table [container]. Pure: whether a
 * path or a node is there is for who starts it.
 */
#ifndef H0_MODEL_CONTAINER_H
#define H0_MODEL_CONTAINER_H

#include "model/slot.h"

/* Why a string may not stand in container.mounts; NULL: it may. No mount gives the machine's sockets,
 * its secrets or its root away. */
const char *h0_container_mount_fault(const char *path);

/* Adds a finding for each string of [container] that may not stand there, or stands there twice. */
void h0_container_check(const struct h0_slot *s, struct h0_findings *ret);

#endif
