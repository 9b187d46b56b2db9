/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A snapshot made of string literals, for tests of what works on snapshots. Files must be given
 * sorted by path. There is one at a time: the next SNAP takes the place of the last.
 */
#ifndef TEST_SNAP_H
#define TEST_SNAP_H

#include <string.h>

#include "conf/snapshot.h"

struct test_file {
	const char *path, *text;
};

#define SNAP(...) snap_of((const struct test_file[]){__VA_ARGS__, {0}})

__attribute__((unused)) static struct h0_snap snap_of(const struct test_file *files)
{
	static struct h0_snap_file v[64];
	struct h0_snap s = {.files = v};
	for (; files->path; files++)
		v[s.n++] = (struct h0_snap_file){files->path, files->text, strlen(files->text)};
	return s;
}

#endif
