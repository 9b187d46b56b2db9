/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The answers that expected.json of a machine with known answers names, in a document of ours.
 */
#ifndef H0_TEST_ANSWERS_H
#define H0_TEST_ANSWERS_H

#include <string.h>

#include "fmt/json.h"

static inline const struct h0_json *answer(const struct h0_json *doc, const char *path)
{
	const struct h0_json *gpus = h0_json_get(doc, "gpus");
	if (strncmp(path, "gpus[0].", 8) == 0)
		return h0_json_get(h0_json_at(gpus, 0), path + 8);
	if (strncmp(path, "cpu.", 4) == 0)
		return h0_json_get(h0_json_get(doc, "cpu"), path + 4);
	if (strcmp(path, "inference_budget_mib") == 0)
		return h0_json_get(h0_json_get(doc, "memory"), "budget_mib");
	if (strcmp(path, "unified_pool_mib") == 0)
		return h0_json_get(h0_json_get(doc, "memory"), "pool_mib");
	return h0_json_get(doc, strcmp(path, "platform") == 0 ? "deployment" : path);
}

/* Does the document give that {"field", "value"}? */
static inline bool answer_is(const struct h0_json *doc, const struct h0_json *entry)
{
	const struct h0_json *v = h0_json_get(entry, "value");
	const char *path = h0_json_str(h0_json_get(entry, "field"));
	if (strcmp(path, "gpus.length") == 0)
		return h0_json_int(v, -1) == (int64_t)h0_json_len(h0_json_get(doc, "gpus"));
	return h0_json_equal(answer(doc, path), v);
}

#endif
