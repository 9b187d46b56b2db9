/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/tomljson.h"

#include "base/num.h"

void h0_toml_scalar_text(const struct h0_toml_node *n, struct h0_buf *out)
{
	char real[H0_NUM_REAL_MAX];
	switch (n->type) {
	case H0_TOML_INT:
		h0_buf_addf(out, "%lld", (long long)n->i64);
		break;
	case H0_TOML_FLOAT:
		h0_buf_adds(out, h0_num_real(n->f64, real));
		break;
	case H0_TOML_BOOL:
		h0_buf_adds(out, n->boolean ? "true" : "false");
		break;
	case H0_TOML_TABLE:
	case H0_TOML_ARRAY:
		break;
	default:
		h0_buf_add(out, n->str, n->str_len);
	}
}

static const char *tag(enum h0_toml_type type)
{
	switch (type) {
	case H0_TOML_STRING:
		return "string";
	case H0_TOML_INT:
		return "integer";
	case H0_TOML_FLOAT:
		return "float";
	case H0_TOML_BOOL:
		return "bool";
	case H0_TOML_DATETIME:
		return "datetime";
	case H0_TOML_DATETIME_LOCAL:
		return "datetime-local";
	case H0_TOML_DATE_LOCAL:
		return "date-local";
	case H0_TOML_TIME_LOCAL:
		return "time-local";
	case H0_TOML_TABLE:
	case H0_TOML_ARRAY:
		break;
	}
	return NULL;
}

static struct h0_json *tagged_scalar(const struct h0_toml_node *n)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_json *j = h0_json_object();
	h0_toml_scalar_text(n, &b);
	h0_json_set_str(j, "type", tag(n->type));
	h0_json_set(j, "value", h0_json_new_strn(h0_buf_str(&b), b.len));
	return j;
}

static struct h0_json *scalar(const struct h0_toml_node *n)
{
	if (n->type == H0_TOML_INT)
		return h0_json_new_int(n->i64);
	if (n->type == H0_TOML_FLOAT)
		return h0_json_new_real(n->f64);
	if (n->type == H0_TOML_BOOL)
		return h0_json_new_bool(n->boolean);
	return h0_json_new_strn(n->str, n->str_len);
}

struct h0_json *h0_toml_json(const struct h0_toml_node *n, bool tagged)
{
	if (n->type != H0_TOML_TABLE && n->type != H0_TOML_ARRAY)
		return tagged ? tagged_scalar(n) : scalar(n);
	bool table = n->type == H0_TOML_TABLE;
	struct h0_json *j = table ? h0_json_object() : h0_json_array();
	h0_toml_each(c, n) {
		if (table)
			h0_json_setn(j, c->key, c->key_len, h0_toml_json(c, tagged));
		else
			h0_json_add(j, h0_toml_json(c, tagged));
	}
	return j;
}
