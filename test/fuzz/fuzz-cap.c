/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whatever people write into what hal0-cap reads. The first byte says what: d a document for a box
 * with four slots, c capabilities.toml, s slots/embed.toml, n slots/npu.toml, k a plan kept in a file.
 * It is refused with a reason; or what is planned is valid (every slot and the records), and
 * planned again on its own result changes nothing.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "conf/prepared.h"
#include "model/capdoc.h"

static void has_reason(int rc, const struct h0_err *e)
{
	H0_ASSERT(rc == 0 || (e->msg[0] && e->kind != H0_OK && e->kind != H0_BUG));
}

static int about(const struct h0_snap *snap, const char *model, struct h0_cap_model *ret, void *arg,
                 struct h0_err *e)
{
	*ret = (struct h0_cap_model){.ranker = *model == 'r', .projector = true};
	return *model == '-' ? h0_fail(e, H0_CONFIG, "no model") : 0;
}

static const struct h0_cap_world world = {.device = H0_DEVICE_CPU, .model = about};

static void valid(const struct h0_snap *snap)
{
	h0_autoslots struct h0_slots slots = {0};
	h0_autoselections struct h0_selections sel = {0};
	H0_ASSERT(h0_slots_load(snap, &slots, NULL) == 0);
	H0_ASSERT(h0_selections_load(snap, &slots, &sel, NULL) == 0);
}

static void changed_are_valid(const struct h0_snap *after, const struct h0_changeset *cs)
{
	h0_autoslots struct h0_slots slots = {0};
	char name[H0_NAME_MAX + 1];
	valid(after);
	H0_ASSERT(h0_slots_load(after, &slots, NULL) == 0);
	for (size_t i = 0; i < cs->n; i++) {
		if (!h0_slot_path_name(cs->v[i].path, name) || !cs->v[i].after)
			continue;
		const struct h0_slot *s = h0_slots_get(&slots, name);
		H0_ASSERT(s && !s->broken && h0_slots_check_one(&slots, s, NULL) == 0);
	}
}

static void plan(const struct h0_snap *snap, const struct h0_wishes *wishes)
{
	h0_autocapplan struct h0_capplan p = {0}, again = {0};
	h0_autosnap struct h0_snap after = {0};
	struct h0_err e = {0};
	int rc = h0_capplan_make(snap, wishes, &world, &p, &e);
	has_reason(rc, &e);
	if (rc < 0)
		return;
	h0_snap_over(snap, &p.cs, &after);
	changed_are_valid(&after, &p.cs);
	H0_ASSERT(h0_capplan_make(&after, wishes, &world, &again, &e) == 0 && again.cs.n == 0);
}

static void document(const struct h0_snap *snap, const char *text, size_t len)
{
	h0_autocapdoc struct h0_capdoc doc = {0};
	struct h0_err e = {0};
	int rc = h0_capdoc_parse(text, len, "doc", &doc, &e);
	has_reason(rc, &e);
	if (rc == 0)
		plan(snap, &doc.wishes);
}

static void wishes(const struct h0_snap *snap, size_t i)
{
	static const enum h0_device devices[] = {H0_DEVICE_CPU, H0_DEVICE_GPU_ROCM, H0_DEVICE_NPU};
	h0_autocapplan struct h0_capplan seed = {0};
	struct h0_err e = {0};
	struct h0_cap_wish w = {.cap = &h0_caps[i % h0_ncaps], .enabled = H0_TRI_TRUE};
	const struct h0_wishes one = {.caps = &w, .ncaps = 1};
	if (i % 4 == 0)
		w.enabled = H0_TRI_FALSE;
	if (i % 4 == 1)
		w.model = i % h0_ncaps == 1 ? "rank" : "m";
	if (i % 4 <= 2)
		w.device = h0_device_names[devices[i % H0_ARRAY_LEN(devices)]];
	plan(snap, &one);
	has_reason(h0_capplan_seed(snap, &seed, &e), &e);
}

static void kept(const char *text, size_t len)
{
	h0_autojson struct h0_json *j = NULL;
	h0_autobasis struct h0_basis basis = {0};
	h0_autochangeset struct h0_changeset cs = {0};
	struct h0_err e = {0};
	if (h0_json_parse(text, len, "plan", &j, NULL) < 0)
		return;
	int rc = h0_prepared_read(j, "plan", &basis, &cs, &e);
	has_reason(rc, &e);
	for (size_t i = 0; rc == 0 && i < cs.n; i++)
		H0_ASSERT(h0_changeset_path_ok(cs.v[i].path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h0_snap_file files[] = {
		{"capabilities.toml", "schema_version = 2\n[selections.voice.tts]\nenabled = true\n", 0},
		{"slots/chat.toml", "port = 8081\ntype = \"llm\"\n[model]\ndefault = \"m\"\n", 0},
		{"slots/embed.toml", "[slot]\nport = 8082\ndevice = \"gpu-vulkan\" # here\nprofile = \"vulkan\"\n", 0},
		{"slots/npu.toml", "port = 8088\ntype = \"llm\"\ndevice = \"npu\"\n[model]\ndefault = \"g:1b\"\n", 0},
		{"slots/tts.toml", "port = 8084\ntype = \"tts\"\ndevice = \"cpu\"\nenabled = false\n", 0},
	};
	static const char which[] = "cxsn";
	const struct h0_snap snap = {.files = files, .n = H0_ARRAY_LEN(files)};
	if (!size)
		return 0;
	h0_autofree char *text = h0_strndup((const char *)data + 1, size - 1);
	for (size_t i = 0; i < H0_ARRAY_LEN(files); i++)
		files[i].len = strlen(files[i].text);
	const char *at = data[0] && data[0] != 'x' ? strchr(which, data[0]) : NULL;
	if (at) {
		files[at - which].text = text;
		files[at - which].len = size - 1;
		wishes(&snap, size);
	} else if (data[0] == 'd') {
		document(&snap, text, size - 1);
	} else if (data[0] == 'k') {
		kept(text, size - 1);
	}
	return 0;
}

static const char *const fuzz_words[] = {
	"d", "c", "s", "n", "k", "\n", "\"", "=", "[", "]", "{", "}", ",", ".", "#", "\n[slot]\n",
	"\n[model]\n", "\n[npu]\n", "\n[selections.embed.embed]\n", "\n[selections.voice]\n",
	"\n[slots.chat]\n", "\n[slots.embed]\n", "\n[slots.tts]\n", "port = 8081\n", "port = 8084\n",
	"enabled = true\n", "enabled = false\n", "model = \"m\"\n", "default = \"m\"\n", "default = true\n",
	"device = \"cpu\"\n", "device = \"npu\"\n", "device = \"gpu-rocm\"\n", "backend = \"rocm\"\n",
	"provider = \"flm\"\n", "provider = \"moonshine\"\n", "type = \"tts\"\n", "type = \"llm\"\n",
	"profile = \"rocm\"\n", "image = \"x\"\n", "schema_version = 2\n", "run = [\"chat\"]\n",
	"stop = [\"tts\"]\n", "remove = [\"embed\"]\n", "null", "-1", NULL};

FUZZ_TARGET("cap", 15000)
