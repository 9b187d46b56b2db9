/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/tree.h"

#include <errno.h>
#include <ftw.h>

#define MAX_OPEN 16

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int h0_remove_tree(const char *path, struct h0_err *e)
{
	if (nftw(path, remove_one, MAX_OPEN, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		return h0_fail_sys(e, "remove %s", path);
	return 0;
}
