/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whole directories.
 */
#ifndef H0_SYS_TREE_H
#define H0_SYS_TREE_H

#include "base/err.h"

/* Removes a directory and all below it; follows no symlink and crosses into no other file system.
 * Nothing there is no error. H0_SYS with the first thing that could not be removed. */
int h0_remove_tree(const char *path, struct h0_err *e);

#endif
