/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/nodes.h"

#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "hw/root.h"

static const struct {
	unsigned kind;
	const char *dir, *prefix, *name;
} kinds[] = {
	{H0_NODE_KFD, "/dev", "kfd", "/dev/kfd"},
	{H0_NODE_DRI, "/dev/dri", "renderD", "/dev/dri/renderD*"},
	{H0_NODE_ACCEL, "/dev/accel", "accel", "/dev/accel/accel*"},
};

const char *h0_nodes_name(unsigned kind)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "?";
}

/* A node for everybody needs no group, and root's is none to give away. */
static void add_gid(struct h0_nodes *n, long gid, int64_t mode)
{
	for (size_t i = 0; i < n->ngids; i++)
		if (n->gids[i] == gid)
			return;
	if (gid > 0 && !(mode & S_IWOTH) && n->ngids < H0_NODES_GIDS)
		n->gids[n->ngids++] = gid;
}

/* What the tree tells of a node that is not really there. */
static bool add_told(const struct h0_root *r, const char *path, struct h0_nodes *n)
{
	struct h0_node node;
	h0_root_node(r, &node, "%s", path);
	if (node.major == H0_UNKNOWN)
		return false;
	const struct group *g = node.group[0] ? getgrnam(node.group) : NULL;
	h0_strv_add(&n->v, path);
	add_gid(n, g ? (long)g->gr_gid : -1, node.mode);
	return true;
}

static bool add_node(const struct h0_root *r, const char *path, struct h0_nodes *n)
{
	h0_autofree char *real = h0_asprintf("%s%s", r->path, path);
	h0_autofree char *both = h0_asprintf("%s:%s", real, path);
	struct stat st;
	if (stat(real, &st) < 0 || !S_ISCHR(st.st_mode))
		return !r->live && add_told(r, path, n);
	h0_strv_add(&n->v, r->live ? path : both);
	add_gid(n, (long)st.st_gid, st.st_mode);
	return true;
}

unsigned h0_nodes_find(unsigned which, struct h0_nodes *ret)
{
	const char *sysroot = getenv("HAL0_SYSROOT");
	h0_autoroot struct h0_root r = {.fd = -1};
	unsigned missing = 0;
	if (h0_root_open(&r, sysroot && *sysroot ? sysroot : NULL, NULL) < 0)
		return which;
	for (size_t i = 0; i < H0_ARRAY_LEN(kinds); i++) {
		h0_autostrv struct h0_strv names = {0};
		bool any = false;
		if (!(which & kinds[i].kind))
			continue;
		(void)h0_root_list(&r, &names, "%s", kinds[i].dir); /* no directory, no node */
		for (size_t k = 0; k < names.n; k++) {
			h0_autofree char *path = h0_asprintf("%s/%s", kinds[i].dir, names.v[k]);
			any |= h0_starts(names.v[k], kinds[i].prefix) && add_node(&r, path, ret);
		}
		missing |= any ? 0 : kinds[i].kind;
	}
	h0_strv_sort(&ret->v);
	return missing;
}

/* mem, kmem and port of the kernel's list of devices (Documentation/admin-guide/devices.txt) */
static bool is_memory(dev_t d)
{
	return major(d) == 1 && (minor(d) == 1 || minor(d) == 2 || minor(d) == 4);
}

int h0_nodes_group(const char *path, struct h0_nodes *n)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return 1;
	if (!S_ISCHR(st.st_mode) || is_memory(st.st_rdev))
		return 2;
	add_gid(n, (long)st.st_gid, st.st_mode);
	return 0;
}

void h0_nodes_done(struct h0_nodes *n)
{
	h0_strv_done(&n->v);
	n->ngids = 0;
}
