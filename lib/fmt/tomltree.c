/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/tomltree.h"

#include <math.h>
#include <string.h>

/* Up to this many children a table is searched one by one. */
#define SMALL 8

static uint32_t hash(const char *key, size_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15u;
	while (len) {
		uint64_t word = 0;
		size_t n = len < 8 ? len : 8;
		memcpy(&word, key, n);
		h = (h ^ word) * 0xd6e8feb86659fd93u;
		h ^= h >> 32;
		key += n;
		len -= n;
	}
	return (uint32_t)h;
}

static bool has_key(const struct h0_toml_node *n, const char *key, size_t len)
{
	return n->key_len == len && memcmp(n->key, key, len) == 0;
}

struct h0_toml_node *h0_toml_child(const struct h0_toml_node *table, const char *key, size_t len)
{
	const struct h0_toml_box *b = h0_toml_box(table);
	if (!b->slots) {
		for (struct h0_toml_node *n = table->first; n; n = n->next)
			if (has_key(n, key, len))
				return n;
		return NULL;
	}
	uint32_t h = hash(key, len);
	for (size_t i = h & (b->nslots - 1); b->slots[i].node; i = (i + 1) & (b->nslots - 1))
		if (b->slots[i].hash == h && has_key(b->slots[i].node, key, len))
			return b->slots[i].node;
	return NULL;
}

static void put(struct h0_toml_box *b, struct h0_toml_node *n, uint32_t h)
{
	size_t i = h & (b->nslots - 1);
	while (b->slots[i].node)
		i = (i + 1) & (b->nslots - 1);
	b->slots[i] = (struct h0_toml_slot){h, n};
}

static void grow_index(struct h0_toml_box *b, struct h0_arena *arena)
{
	b->nslots = b->nslots ? b->nslots * 4 : SMALL * 4;
	b->slots = h0_arena_alloc(arena, b->nslots * sizeof *b->slots);
	for (struct h0_toml_node *n = b->n.first; n; n = n->next)
		put(b, n, hash(n->key, n->key_len));
}

void h0_toml_link(struct h0_toml_node *parent, struct h0_toml_node *n, struct h0_arena *arena)
{
	struct h0_toml_box *b = h0_toml_box(parent);
	n->parent = parent;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	parent->count++;
	if (parent->type != H0_TOML_TABLE || parent->count <= SMALL)
		return;
	if (parent->count > b->nslots / 2)
		grow_index(b, arena);
	else
		put(b, n, hash(n->key, n->key_len));
}

const struct h0_toml_node *h0_toml_get(const struct h0_toml_node *table, const char *key)
{
	if (!table || table->type != H0_TOML_TABLE)
		return NULL;
	return h0_toml_child(table, key, strlen(key));
}

const struct h0_toml_node *h0_toml_get_path(const struct h0_toml_node *table,
                                            const char *const *path)
{
	while (table && *path)
		table = h0_toml_get(table, *path++);
	return table;
}

bool h0_toml_index(const char *text, size_t *ret)
{
	size_t n = strspn(text, "0123456789"), v = 0;
	if (!n || n > 9 || text[n] || (n > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (size_t)(text[i] - '0');
	*ret = v;
	return true;
}

static const struct h0_toml_node *element(const struct h0_toml_node *array, const char *text)
{
	size_t i = 0;
	if (!h0_toml_index(text, &i) || i >= array->count)
		return NULL;
	const struct h0_toml_node *n = array->first;
	while (i--)
		n = n->next;
	return n;
}

const struct h0_toml_node *h0_toml_find(const struct h0_toml_node *root, const char *const *path,
                                        size_t n)
{
	for (size_t i = 0; root && i < n; i++)
		root = root->type == H0_TOML_ARRAY ? element(root, path[i])
		                                   : h0_toml_get(root, path[i]);
	return root;
}

static bool equal_scalar(const struct h0_toml_node *a, const struct h0_toml_node *b)
{
	switch (a->type) {
	case H0_TOML_INT:
		return a->i64 == b->i64;
	case H0_TOML_FLOAT:
		return (isnan(a->f64) && isnan(b->f64)) ||
		       (a->f64 == b->f64 && signbit(a->f64) == signbit(b->f64));
	case H0_TOML_BOOL:
		return a->boolean == b->boolean;
	default:
		return a->str_len == b->str_len && memcmp(a->str, b->str, a->str_len) == 0;
	}
}

bool h0_toml_equal(const struct h0_toml_node *a, const struct h0_toml_node *b)
{
	if (a->type != b->type || a->count != b->count)
		return false;
	if (a->type != H0_TOML_TABLE && a->type != H0_TOML_ARRAY)
		return equal_scalar(a, b);
	const struct h0_toml_node *other = b->first;
	h0_toml_each(c, a) {
		if (a->type == H0_TOML_TABLE)
			other = h0_toml_child(b, c->key, c->key_len);
		if (!other || !h0_toml_equal(c, other))
			return false;
		other = other->next;
	}
	return true;
}

const char *h0_toml_type_name(enum h0_toml_type type)
{
	static const char *const names[] = {
		[H0_TOML_TABLE] = "table",
		[H0_TOML_ARRAY] = "array",
		[H0_TOML_STRING] = "string",
		[H0_TOML_INT] = "integer",
		[H0_TOML_FLOAT] = "float",
		[H0_TOML_BOOL] = "boolean",
		[H0_TOML_DATETIME] = "date-time",
		[H0_TOML_DATETIME_LOCAL] = "local date-time",
		[H0_TOML_DATE_LOCAL] = "local date",
		[H0_TOML_TIME_LOCAL] = "local time",
	};
	return names[type];
}

/* Index in its array; of an element still being read: the index it will have. */
static size_t position(const struct h0_toml_node *n)
{
	size_t i = 0;
	for (const struct h0_toml_node *c = n->parent->first; c && c != n; c = c->next)
		i++;
	return i;
}

void h0_toml_path_text(const struct h0_toml_node *n, struct h0_buf *out)
{
	if (!n->parent)
		return;
	h0_toml_path_text(n->parent, out);
	if (n->parent->parent)
		h0_buf_addc(out, '.');
	if (n->key)
		h0_toml_key_text(n->key, n->key_len, out);
	else
		h0_buf_addf(out, "%zu", position(n));
}
