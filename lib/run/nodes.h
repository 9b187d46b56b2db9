/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The device nodes of this machine that a container may get, and the groups that open them. With
 * HAL0_SYSROOT they are those of the tree: a real node there goes to its usual place in the
 * container; one that only the tree's dev.manifest tells of is named as on its own machine.
 */
#ifndef H0_RUN_NODES_H
#define H0_RUN_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "model/device.h"

#define H0_NODES_GIDS 16

struct h0_nodes {
	struct h0_strv v;               /* for podman's --device, sorted */
	long gids[H0_NODES_GIDS];       /* each once; none for a node that everybody may open */
	size_t ngids;
};
/* Adds those of the kinds in `which` (H0_NODE_...). Returns the kinds of which there is none. */
unsigned h0_nodes_find(unsigned which, struct h0_nodes *ret);
/* Adds the group of one more node, which the caller grants. 0: taken; 1: there is no such thing; 2:
 * it is one that no container gets: disks and the machine's memory, under whatever name, and what
 * is no device. */
int h0_nodes_group(const char *path, struct h0_nodes *n);
void h0_nodes_done(struct h0_nodes *n);

/* "/dev/dri/renderD*", of one kind. */
const char *h0_nodes_name(unsigned kind);

#endif
