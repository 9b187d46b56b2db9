/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the TOML tests share: comparing a tree with tagged JSON, walking directories of cases.
 */
#ifndef TOML_CHECK_H
#define TOML_CHECK_H

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"
#include "fmt/toml.h"
#include "fmt/tomljson.h"
#include "sys/io.h"

/* Calls fn with the text of every file below dir whose name ends with suffix. */
typedef void (*case_fn)(const char *path, const struct h0_buf *text);

__attribute__((unused)) static void each_case(const char *dir, const char *suffix, case_fn fn)
{
	h0_autostrv struct h0_strv names = {0};
	DIR *d = opendir(dir);
	if (!d)
		return;
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.')
			h0_strv_addf(&names, "%s/%s", dir, de->d_name);
	closedir(d);
	h0_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;
		h0_autobuf struct h0_buf text = {0};
		if (stat(names.v[i], &st) == 0 && S_ISDIR(st.st_mode))
			each_case(names.v[i], suffix, fn);
		else if (h0_ends(names.v[i], suffix) &&
		         h0_read_file(names.v[i], 1u << 20, &text, NULL) == 0)
			fn(names.v[i], &text);
	}
}

/* The public suite's directory, NULL when it is not here. */
__attribute__((unused)) static const char *suite_dir(void)
{
	static char dir[4096];
	const char *shared = getenv("HAL0_SHARED"), *source = getenv("HAL0_SOURCE");
	struct stat st;
	if (shared)
		snprintf(dir, sizeof dir, "%s/toml-test", shared);
	else
		snprintf(dir, sizeof dir, "%s/../shared/toml-test", source ? source : ".");
	return stat(dir, &st) == 0 ? dir : NULL;
}

/* jansson refuses a NUL in a key: expected files get it as this */
#define NUL_KEY "<NUL>"

__attribute__((unused)) static struct h0_json *read_expected(const char *toml_path)
{
	h0_autofree char *path = h0_asprintf("%.*s.json", (int)strlen(toml_path) - 5, toml_path);
	h0_autobuf struct h0_buf text = {0}, plain = {0};
	struct h0_json *j = NULL;
	struct h0_err e;
	if (h0_read_file(path, 1u << 20, &text, &e) < 0)
		return NULL;
	for (const char *p = h0_buf_str(&text); *p;) {
		if (h0_starts(p, "\"\\u0000\":")) {
			h0_buf_adds(&plain, "\"" NUL_KEY "\"");
			p += 8;
		} else {
			h0_buf_addc(&plain, *p++);
		}
	}
	if (h0_json_parse(plain.p, plain.len, path, &j, &e) < 0)
		printf("# %s: %s\n", path, e.msg);
	return j;
}

__attribute__((unused)) static bool same_scalar(const struct h0_json *want,
                                                const struct h0_json *got)
{
	const char *type = h0_json_str(h0_json_get(want, "type"));
	size_t n;
	const char *a = h0_json_strn(h0_json_get(want, "value"), &n);
	const char *b = h0_json_strn(h0_json_get(got, "value"), &n);
	if (!type || !a || !b || !h0_streq(type, h0_json_str(h0_json_get(got, "type"))))
		return false;
	if (strcmp(type, "float") == 0) {
		double x = strtod(a, NULL), y = strtod(b, NULL);
		return (isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y));
	}
	return h0_json_equal(h0_json_get(want, "value"), h0_json_get(got, "value"));
}

__attribute__((unused)) static bool same_tagged(const struct h0_json *want,
                                                const struct h0_toml_node *got)
{
	if (!want)
		return false;
	if (got->type == H0_TOML_ARRAY) {
		if (h0_json_type(want) != H0_JSON_ARRAY || h0_json_len(want) != got->count)
			return false;
		size_t i = 0;
		h0_toml_each(c, got)
			if (!same_tagged(h0_json_at(want, i++), c))
				return false;
		return true;
	}
	if (got->type == H0_TOML_TABLE) {
		if (h0_json_type(want) != H0_JSON_OBJECT || h0_json_len(want) != got->count)
			return false;
		h0_toml_each(c, got) {
			const char *key = c->key_len == 1 && !c->key[0] ? NUL_KEY : c->key;
			if (!same_tagged(h0_json_get(want, key), c))
				return false;
		}
		return true;
	}
	h0_autojson struct h0_json *j = h0_toml_json(got, true);
	return same_scalar(want, j);
}

#endif
