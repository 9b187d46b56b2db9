/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The machines with known answers: every expected.json of $HAL0_SHARED/machines against the
 * document of that root. Skipped where that directory is not.
 */
#include <dirent.h>
#include <math.h>

#include "answers.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/hwdoc.h"
#include "sys/io.h"
#include "tap.h"

static struct h0_json *load(const char *path)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_json *j = NULL;
	struct h0_err e = {0};
	if (h0_read_file(path, 1 << 20, &b, &e) < 0 || h0_json_parse(b.p, b.len, path, &j, &e) < 0) {
		printf("# %s\n", e.msg);
		return NULL;
	}
	return j;
}

static bool is_null(const struct h0_json *j)
{
	return h0_json_type(j) == H0_JSON_NULL;
}

/* One accepted answer: a value, "null", or an inclusive range of two numbers. */
static bool accepts(const struct h0_json *want, const struct h0_json *got)
{
	const char *s = h0_json_str(want);
	if (s && strcmp(s, "null") == 0 && is_null(got))
		return true;
	if (h0_json_type(want) == H0_JSON_ARRAY && h0_json_type(got) == H0_JSON_INT)
		return h0_json_num(got, 0) >= h0_json_num(h0_json_at(want, 0), 0) &&
		       h0_json_num(got, 0) <= h0_json_num(h0_json_at(want, 1), 0);
	return h0_json_equal(want, got);
}

static bool accepts_any(const struct h0_json *list, const struct h0_json *got)
{
	for (size_t i = 0; i < h0_json_len(list); i++)
		if (accepts(h0_json_at(list, i), got))
			return true;
	return false;
}

/* `want` is a plain value or {value, accept, must_not}. */
static void field(const char *name, const struct h0_json *want, const struct h0_json *got)
{
	const struct h0_json *value = want;
	bool good;
	if (h0_json_type(want) == H0_JSON_OBJECT) {
		value = h0_json_get(want, "value");
		good = accepts(value, got) || accepts_any(h0_json_get(want, "accept"), got);
		good = good && !accepts_any(h0_json_get(want, "must_not"), got);
	} else {
		good = h0_json_equal(want, got) || (is_null(want) && is_null(got));
	}
	if (!ok(good, "%s", name)) {
		h0_autobuf struct h0_buf t = {0};
		h0_buf_adds(&t, "# got ");
		h0_json_dump(got, 0, true, &t);
		h0_buf_adds(&t, " want ");
		h0_json_dump(value, 0, true, &t);
		puts(t.p);
	}
}

static void fields(const char *machine, const char *group, const struct h0_json *want,
                   const struct h0_json *got)
{
	const char *key;
	const struct h0_json *val;
	for (void *it = NULL; (it = h0_json_next(want, it, &key, &val));) {
		char name[256];
		snprintf(name, sizeof name, "%s: %s.%s", machine, group, key);
		field(name, val, h0_json_get(got, strcmp(key, "present_on_pci") == 0 ? "present" : key));
	}
}

static bool has_code(const struct h0_json *warnings, const char *code)
{
	for (size_t i = 0; i < h0_json_len(warnings); i++)
		if (h0_streq(h0_json_str(h0_json_get(h0_json_at(warnings, i), "code")), code))
			return true;
	return false;
}

static void warnings(const char *machine, const struct h0_json *want, const struct h0_json *doc)
{
	const struct h0_json *got = h0_json_get(doc, "warnings");
	const struct h0_json *required = h0_json_get(want, "warnings_required");
	const struct h0_json *forbidden = h0_json_get(want, "warnings_forbidden");
	for (size_t i = 0; i < h0_json_len(required); i++) {
		const char *code = h0_json_str(h0_json_at(required, i));
		ok(has_code(got, code), "%s: warns %s", machine, code);
	}
	for (size_t i = 0; i < h0_json_len(forbidden); i++) {
		const char *code = h0_json_str(h0_json_at(forbidden, i));
		ok(!has_code(got, code), "%s: does not warn %s", machine, code);
	}
}

static bool contains_all(const struct h0_json *list, const char *s)
{
	for (size_t i = 0; i < h0_json_len(list); i++)
		if (!strcasestr(s, h0_json_str(h0_json_at(list, i))))
			return false;
	return true;
}

static bool contains_one(const struct h0_json *list, const char *s)
{
	for (size_t i = 0; i < h0_json_len(list); i++)
		if (strcasestr(s, h0_json_str(h0_json_at(list, i))))
			return true;
	return h0_json_len(list) == 0;
}

static const struct h0_json *gpu_at(const struct h0_json *doc, const char *pci)
{
	const struct h0_json *gpus = h0_json_get(doc, "gpus");
	for (size_t i = 0; i < h0_json_len(gpus); i++)
		if (h0_streq(h0_json_str(h0_json_get(h0_json_at(gpus, i), "pci")), pci))
			return h0_json_at(gpus, i);
	return NULL;
}

static void gpu(const char *machine, const struct h0_json *want, const struct h0_json *doc)
{
	static const char *const keys[] = {"vendor", "pci_id", "revision", "gfx", "driver", "vram_mib",
	                                   "gtt_mib", "uma", "usable", "primary", "driver_version"};
	const char *pci = h0_json_str(h0_json_get(want, "pci"));
	const struct h0_json *got = gpu_at(doc, pci);
	char name[256];
	if (!ok(got || h0_json_bool(h0_json_get(want, "optional"), false), "%s: lists %s", machine,
	        pci) || !got)
		return;
	for (size_t i = 0; i < H0_ARRAY_LEN(keys); i++) {
		char accept[64];
		const struct h0_json *v = h0_json_get(want, keys[i]), *g = h0_json_get(got, keys[i]);
		snprintf(accept, sizeof accept, "%s_accept", keys[i]);
		if (accepts_any(h0_json_get(want, accept), g))
			v = g;
		snprintf(name, sizeof name, "%s: %s %s", machine, pci, keys[i]);
		if (v)
			field(name, v, g);
	}
	const char *text = h0_json_str(h0_json_get(got, "name"));
	ok(text && contains_all(h0_json_get(want, "name_must_contain"), text) &&
	       contains_one(h0_json_get(want, "name_alternatives"), text),
	   "%s: %s is called %s", machine, pci, text ? text : "(null)");
}

static void wrong_answers(const char *machine, const struct h0_json *want,
                          const struct h0_json *doc)
{
	const struct h0_json *wrong = h0_json_get(want, "wrong_answers");
	for (size_t i = 0; i < h0_json_len(wrong); i++) {
		const struct h0_json *w = h0_json_at(wrong, i);
		ok(!answer_is(doc, w), "%s: not fooled: %s", machine, h0_json_str(h0_json_get(w, "why")));
	}
}

static void bandwidth(const char *machine, const struct h0_json *want, const struct h0_json *doc)
{
	const struct h0_json *got = h0_json_get(doc, "memory_bandwidth_gbs");
	double w = h0_json_num(want, 0);
	ok(is_null(got) || (!is_null(want) && fabs(h0_json_num(got, 0) - w) <= w * 0.05),
	   "%s: memory bandwidth", machine);
}

static void conclusions(const char *machine, const struct h0_json *want, const struct h0_json *doc)
{
	static const char *const keys[] = {"tier", "platform", "virtualization", "hardware_class",
	                                   "mem_total_kb", "recommended_device", "unified_pool_mib",
	                                   "inference_budget_mib"};
	const struct h0_json *npu = h0_json_get(doc, "npu");
	char name[256];
	for (size_t i = 0; i < H0_ARRAY_LEN(keys); i++) {
		snprintf(name, sizeof name, "%s: %s", machine, keys[i]);
		field(name, h0_json_get(want, keys[i]), answer(doc, keys[i]));
	}
	h0_autojson struct h0_json *works =
	    h0_json_new_bool(h0_json_bool(h0_json_get(npu, "present"), false) &&
	                     h0_json_bool(h0_json_get(npu, "usable"), false));
	snprintf(name, sizeof name, "%s: npu", machine);
	field(name, h0_json_get(want, "npu"), works);
}

static void machine(const char *dir, const char *name)
{
	char path[1200];
	struct h0_err e = {0};
	h0_autoroot struct h0_root root = {.fd = -1};
	snprintf(path, sizeof path, "%s/%s/expected.json", dir, name);
	h0_autojson struct h0_json *want = load(path);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (!ok(want && h0_root_open(&root, path, &e) == 0, "%s: can be read", name))
		return;
	h0_autohw struct h0_hw *hw = h0_hw_probe(&root, H0_HW_VULKAN);
	h0_autofree struct h0_machine *m = h0_machine(hw);
	h0_autojson struct h0_json *doc = h0_hwdoc(m, NULL);
	conclusions(name, want, doc);
	bandwidth(name, h0_json_get(want, "memory_bandwidth_gbs"), doc);
	fields(name, "cpu", h0_json_get(want, "cpu"), h0_json_get(doc, "cpu"));
	fields(name, "dmi", h0_json_get(want, "dmi"), h0_json_get(doc, "dmi"));
	fields(name, "tuning", h0_json_get(want, "tuning"), h0_json_get(doc, "tuning"));
	fields(name, "nvidia", h0_json_get(want, "nvidia"), h0_json_get(doc, "nvidia"));
	fields(name, "npu_detail", h0_json_get(want, "npu_detail"), h0_json_get(doc, "npu"));
	const struct h0_json *gpus = h0_json_get(want, "gpus");
	for (size_t i = 0; i < h0_json_len(gpus); i++)
		gpu(name, h0_json_at(gpus, i), doc);
	ok(h0_json_len(h0_json_get(doc, "gpus")) <= h0_json_len(gpus), "%s: no other GPU", name);
	warnings(name, want, doc);
	wrong_answers(name, want, doc);
}

int main(void)
{
	const char *shared = getenv("HAL0_SHARED"), *source = getenv("HAL0_SOURCE");
	char dir[1024];
	if (shared)
		snprintf(dir, sizeof dir, "%s/machines", shared);
	else
		snprintf(dir, sizeof dir, "%s/../shared/machines", source ? source : ".");
	DIR *d = opendir(dir);
	if (!d)
		return tap_skip_all("no directory of machines with known answers");
	h0_autostrv struct h0_strv names = {0};
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.' && strcmp(de->d_name, "README.md") != 0)
			h0_strv_add(&names, de->d_name);
	closedir(d);
	h0_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		machine(dir, names.v[i]);
	return tap_done();
}
