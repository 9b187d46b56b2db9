/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rules of truth as checks: what must hold of a machine and of its document whatever the files
 * said. Each returns NULL, or what is wrong.
 */
#ifndef H0_TEST_TRUTH_H
#define H0_TEST_TRUTH_H

#include <string.h>

#include "base/str.h"
#include "conf/schema.h"
#include "fmt/json.h"
#include "model/machine.h"

/* What must hold whatever the files say. NULL: it does. */
static inline const char *truth_machine(const struct h0_machine *m)
{
	int64_t ram = m->hw->mem.total;
	const struct h0_mgpu *g = h0_machine_primary(m);
	if (m->mem.budget_mib != H0_UNKNOWN && m->mem.budget_mib < 0)
		return "negative budget";
	if ((!g || m->mem.unified) && m->mem.budget_mib != H0_UNKNOWN) {
		int64_t carveout = g && g->vram != H0_UNKNOWN ? g->vram >> 20 : 0;
		if (ram == H0_UNKNOWN || m->mem.budget_mib > (ram >> 20) + carveout)
			return "budget beyond RAM and carve-out";
	}
	if (g && !g->usable)
		return "primary GPU that is not usable";
	if (!g != (strcmp(m->device, "cpu") == 0))
		return "device and GPU disagree";
	for (int i = 0; i < m->ngpu; i++)
		if (m->gpu[i].vram == 0 || m->gpu[i].gtt == 0)
			return "0 for unknown";
	if (m->mem.free_mib != H0_UNKNOWN && m->mem.free_mib > m->mem.budget_mib)
		return "more free than there is";
	return NULL;
}

static inline const struct h0_key *truth_key(const struct h0_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static inline const char *truth_schema(const struct h0_json *obj, const struct h0_key *keys);

static inline const char *truth_value(const struct h0_json *v, const struct h0_key *k)
{
	enum h0_json_type t = h0_json_type(v);
	if (t == H0_JSON_NULL)
		return k->flags & H0_KEY_NULLABLE ? NULL : k->name;
	switch (k->type) {
	case H0_KEY_BOOL:
		return t == H0_JSON_BOOL ? NULL : k->name;
	case H0_KEY_INT:
		return t == H0_JSON_INT ? NULL : k->name;
	case H0_KEY_STRINGS:
		return t == H0_JSON_ARRAY ? NULL : k->name;
	case H0_KEY_TABLE:
		return t != H0_JSON_OBJECT ? k->name : k->sub ? truth_schema(v, k->sub) : NULL;
	case H0_KEY_TABLES:
		for (size_t i = 0; i < h0_json_len(v); i++)
			if (truth_schema(h0_json_at(v, i), k->sub))
				return truth_schema(h0_json_at(v, i), k->sub);
		return t == H0_JSON_ARRAY ? NULL : k->name;
	default:
		break;
	}
	if (t != H0_JSON_STRING)
		return k->name;
	for (const char *const *c = k->choices; c && *c; c++)
		if (h0_streq(*c, h0_json_str(v)))
			return NULL;
	return k->choices ? k->name : NULL;
}

/* The first key of the document its schema does not allow; NULL: all fits. */
static inline const char *truth_schema(const struct h0_json *obj, const struct h0_key *keys)
{
	const char *name, *bad;
	const struct h0_json *val;
	for (void *it = NULL; (it = h0_json_next(obj, it, &name, &val));) {
		const struct h0_key *k = truth_key(keys, name);
		if (!k)
			return name;
		if ((bad = truth_value(val, k)))
			return bad;
	}
	for (; keys->name; keys++)
		if (!h0_json_get(obj, keys->name) && strcmp(keys->name, "slots") != 0)
			return keys->name;
	return NULL;
}

#endif
