/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bump allocator for data that lives and dies together (a parsed file, a snapshot).
 * {0} is a valid empty one. Memory is zeroed and aligned for any type.
 */
#ifndef H0_BASE_ARENA_H
#define H0_BASE_ARENA_H

#include <stddef.h>
#include "base/attr.h"

struct h0_arena {
	struct h0_arena_block *head;
};

void *h0_arena_alloc(struct h0_arena *a, size_t n);
char *h0_arena_strndup(struct h0_arena *a, const char *s, size_t n);
void h0_arena_done(struct h0_arena *a);
#define h0_autoarena h0_auto(h0_arena_done)

#endif
