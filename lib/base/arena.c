/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_BLOCK 1024u
#define LARGEST_BLOCK (1u << 20)

struct h0_arena_block {
	struct h0_arena_block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

static struct h0_arena_block *add_block(struct h0_arena *a, size_t n)
{
	size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK;
	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	if (size < n)
		size = n;
	struct h0_arena_block *b = h0_malloc(sizeof *b + size);
	b->next = a->head;
	b->used = 0;
	b->size = size;
	a->head = b;
	return b;
}

void *h0_arena_alloc(struct h0_arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	if (n > SIZE_MAX / 2)
		abort();
	n = (n + align - 1) & ~(align - 1);
	struct h0_arena_block *b = a->head;
	if (!b || b->size - b->used < n)
		b = add_block(a, n);
	void *p = b->data + b->used;
	b->used += n;
	return memset(p, 0, n);
}

char *h0_arena_strndup(struct h0_arena *a, const char *s, size_t n)
{
	char *p = h0_arena_alloc(a, n + 1);
	if (n)
		memcpy(p, s, n);
	return p;
}

void h0_arena_done(struct h0_arena *a)
{
	while (a->head) {
		struct h0_arena_block *b = a->head;
		a->head = b->next;
		free(b);
	}
}
