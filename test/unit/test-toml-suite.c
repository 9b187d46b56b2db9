/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The public TOML test suite, where a copy of it is at hand (see suite_dir). The project's own
 * cases are in toml-cases.h.
 */
#include "tap.h"

#include "toml-check.h"

static void valid_case(const char *path, const struct h0_buf *text)
{
	struct h0_err e = {0};
	h0_autotoml struct h0_toml *t = NULL;
	if (h0_toml_parse(h0_buf_str(text), text->len, path, &t, &e) < 0) {
		ok(false, "%s is read", path);
		printf("# %d:%d: %s: %s\n", e.line, e.col, e.key, e.msg);
		return;
	}
	h0_autojson struct h0_json *want = read_expected(path);
	if (!ok(same_tagged(want, h0_toml_root(t)), "%s has the expected values", path)) {
		h0_autojson struct h0_json *got = h0_toml_json(h0_toml_root(t), true);
		h0_autobuf struct h0_buf b = {0};
		h0_json_dump(got, 0, true, &b);
		printf("# got %s\n", h0_buf_str(&b));
	}
}

/* Refused, at a place that is inside the file. */
static void invalid_case(const char *path, const struct h0_buf *text)
{
	struct h0_err e = {0};
	h0_autotoml struct h0_toml *t = NULL;
	int rc = h0_toml_parse(h0_buf_str(text), text->len, path, &t, &e);
	int lines = 1;
	for (size_t i = 0; i < text->len; i++)
		lines += text->p[i] == '\n';
	bool good = rc < 0 && e.kind == H0_CONFIG && e.line >= 1 && e.line <= lines && e.col >= 1 &&
	            (size_t)e.col <= text->len + 1 && strcmp(e.file, path) == 0 && e.msg[0];
	ok(good, "%s is refused: %d:%d: %s", path, e.line, e.col, e.msg);
}

int main(void)
{
	const char *suite = suite_dir();
	if (!suite)
		return tap_skip_all("the public TOML test suite is not here");
	h0_autobuf struct h0_buf dir = {0};
	h0_buf_addf(&dir, "%s/valid", suite);
	each_case(h0_buf_str(&dir), ".toml", valid_case);
	h0_buf_reset(&dir);
	h0_buf_addf(&dir, "%s/invalid", suite);
	each_case(h0_buf_str(&dir), ".toml", invalid_case);
	return tap_done();
}
