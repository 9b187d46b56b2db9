/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside the TOML reader: tables and arrays with what the reader needs beyond the public node.
 * Used by fmt/toml*.c only.
 */
#ifndef H0_FMT_TOMLTREE_H
#define H0_FMT_TOMLTREE_H

#include "base/arena.h"
#include "fmt/toml.h"

struct h0_toml_slot {
	uint32_t hash;
	struct h0_toml_node *node;
};

/* Every node of type TABLE or ARRAY is one of these. */
struct h0_toml_box {
	struct h0_toml_node n;
	struct h0_toml_slot *slots; /* hash index of a big table, NULL for a small one */
	size_t nslots;              /* a power of two, at most half full */
	unsigned depth;             /* root: 0 */
};

static inline struct h0_toml_box *h0_toml_box(const struct h0_toml_node *n)
{
	return (struct h0_toml_box *)(uintptr_t)n;
}

/* The child with that key of a table, NULL if there is none. */
struct h0_toml_node *h0_toml_child(const struct h0_toml_node *table, const char *key, size_t len);
/* Appends n to a table or array. Index memory comes from the arena. */
void h0_toml_link(struct h0_toml_node *parent, struct h0_toml_node *n, struct h0_arena *arena);
/* Same type and same value; tables without regard to order. */
bool h0_toml_equal(const struct h0_toml_node *a, const struct h0_toml_node *b);

#endif
