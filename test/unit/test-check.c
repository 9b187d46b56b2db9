/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The configuration as a whole, and capabilities.
 */
#include "tap.h"

#include "base/str.h"
#include "model/cap.h"
#include "model/check.h"
#include "snap.h"

static void says(struct h0_snap snap, const char *want, const char *name)
{
	h0_autofindings struct h0_findings found = {0};
	h0_autobuf struct h0_buf got = {0};
	size_t errors = 0;
	h0_check(&snap, &found);
	for (size_t i = 0; i < found.n; i++) {
		const struct h0_finding *f = &found.v[i];
		errors += f->error;
		h0_buf_addf(&got, "%s%c %s:%d: %s: %s", i ? "\n" : "", f->error ? 'E' : 'W', f->file,
		            f->line, f->key, f->msg);
	}
	is_str(h0_buf_str(&got), want, name);
	is_int((long long)found.errors, (long long)errors, "and they are counted");
}

static void test_check(void)
{
	says(SNAP({0}), "", "an empty box");
	says(SNAP({"capabilities.toml", "schema_version = 2\n[selections.embed.embed]\ndevice = \"gpu\"\n"},
	          {"hal0.toml", "[slots]\nport_range_start = 8100\nport_range_end = 8090\n"},
	          {"slots/a.toml", "port = 8081\nprofile = \"rokm\"\n"},
	          {"slots/b.toml", "odd = 1\nport = 8081\n"},
	          {"slots/c.toml", "port = 8083\ndevice = \"cpu\"\nprofile = \"rocm\"\n"},
	          {"slots/d.toml", "port = 8084"},
	          {"slots/e.toml", "port = "},
	          {"upstreams.toml", "[[upstream]]\nname = \"x\"\nurl = \"http://a\"\n"
	           "[[upstream]]\nname = \"x\"\nurl = \"http://b\"\nkind = \"slot\"\n"}),
	     "E capabilities.toml:3: selections.embed.embed.device: unknown device 'gpu' (did you mean "
	     "gpu-rocm?)\n"
	     "E hal0.toml:3: slots.port_range_end: lies below port_range_start, 8100\n"
	     "E slots/a.toml:2: profile: no profile 'rokm' (did you mean rocm?)\n"
	     "W slots/b.toml:1: odd: unknown key, without effect\n"
	     "E slots/b.toml:2: port: 8081 is the port of slot 'a' too (slots/a.toml)\n"
	     "W slots/c.toml:3: profile: profile rocm is not for device cpu: mend it with hal0 slot set "
	     "c device=cpu\n"
	     "E slots/e.toml:1: : expected a value\n"
	     "E upstreams.toml:4: upstream.1: kind is slot, so slot_name is required\n"
	     "E upstreams.toml:5: upstream.1.name: 'x' is the name of the upstream of line 1 too",
	     "everything at once, by file and line");
	says(SNAP({"profiles.toml", "[profile.x]\n"}, {"slots/a.toml", "port = 8081\n"}),
	     "E profiles.toml:1: profile.x.image: missing: string required (Container image to run)",
	     "a broken catalog is one error, not one per slot");
}

static void test_caps(void)
{
	const struct h0_cap *cap = NULL;
	struct h0_err e = {0};
	ok(h0_cap_find("embed.rerank", &cap, &e) == 0 && cap->type == H0_TYPE_RERANKING, "by both names");
	ok(h0_cap_find("stt", &cap, &e) == 0 && h0_streq(cap->group, "voice"), "by its own");
	ok(h0_cap_find("embed.stt", &cap, &e) < 0 &&
	       h0_streq(h0_err_name(&e), "capability.unknown_child"), "of another group");
	ok(h0_cap_find("sound.stt", &cap, &e) < 0 &&
	       h0_streq(h0_err_name(&e), "capability.unknown_slot"), "of no group");
	ok(h0_cap_of_slot("embed-rerank") == h0_cap_of_slot("rerank") && !h0_cap_of_slot("chat"),
	   "slots of capabilities");
}

static void test_selections(void)
{
	h0_autoselections struct h0_selections none = {0}, v1 = {0}, v2 = {0};
	const struct h0_slots no_slots = {0};
	struct h0_err e = {0};
	struct h0_snap snap = SNAP({0});
	ok(h0_selections_load(&snap, &no_slots, &none, &e) == 0 && !none.from_file && none.version == 0 &&
	       !none.v[0].present && !*none.v[0].model,
	   "no file");
	snap = SNAP({"capabilities.toml", "[selections.voice.tts]\nbackend = \"kokoro\"\nenabled = true\n"});
	ok(h0_selections_load(&snap, &no_slots, &v1, &e) == 0 && v1.version == 1 && v1.v[3].present &&
	       h0_streq(v1.v[3].device, "cpu") && v1.v[3].enabled,
	   "version 1: the back end is translated");
	snap = SNAP({"capabilities.toml", "schema_version = 2\n[selections.img.img]\ndevice = \"npu\"\n"
	             "provider = \"comfyui\"\nmodel = \"m\"\nenabled = false\n"});
	ok(h0_selections_load(&snap, &no_slots, &v2, &e) == 0 && v2.version == 2 &&
	       h0_streq(v2.v[4].device, "npu") && h0_streq(v2.v[4].provider, "comfyui") &&
	       h0_streq(v2.v[4].model, "m") && !v2.v[4].enabled,
	   "version 2");
}

int main(void)
{
	test_check();
	test_caps();
	test_selections();
	return tap_done();
}
