/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lists for the reports of hal0-conf.
 */
#ifndef H0_CMD_CONF_LIST_H
#define H0_CMD_CONF_LIST_H

#include "base/str.h"
#include "conf/changeset.h"
#include "fmt/json.h"

static inline struct h0_json *conf_list(const struct h0_strv *l)
{
	struct h0_json *j = h0_json_array();
	for (size_t i = 0; i < l->n; i++)
		h0_json_add(j, h0_json_new_str(l->v[i]));
	return j;
}

static inline struct h0_json *conf_list_paths(const struct h0_changeset *cs)
{
	struct h0_json *j = h0_json_array();
	for (size_t i = 0; i < cs->n; i++)
		h0_json_add(j, h0_json_new_str(cs->v[i].path));
	return j;
}

#endif
