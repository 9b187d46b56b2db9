/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The schema tables themselves, documents against them, values from a command line.
 */
#include "tap.h"

#include "base/buf.h"
#include "base/str.h"
#include "conf/names.h"
#include "conf/schema.h"
#include "conf/validate.h"
#include "conf/value.h"

/* "E file:line:col key: msg" per finding. */
static void findings_text(const struct h0_findings *f, struct h0_buf *out)
{
	for (size_t i = 0; i < f->n; i++)
		h0_buf_addf(out, "%s%c %d:%d %s: %s", i ? "\n" : "", f->v[i].error ? 'E' : 'W',
		            f->v[i].line, f->v[i].col, f->v[i].key, f->v[i].msg);
}

static void says(const struct h0_schema *s, const char *text, const char *want)
{
	h0_autofindings struct h0_findings found = {0};
	h0_autobuf struct h0_buf got = {0};
	h0_validate_text(s, text, strlen(text), "f.toml", &found, NULL);
	findings_text(&found, &got);
	h0_autofree char *first = strndup(text, strcspn(text, "\n"));
	is_str(h0_buf_str(&got), want, *want ? want : first);
}

static void test_names(void)
{
	struct h0_err e;
	char long_name[H0_NAME_MAX + 2], slot[H0_NAME_MAX + 1];
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[H0_NAME_MAX + 1] = '\0';
	static const struct {
		const char *name, *why;
	} bad[] = {
		{"", "is empty"},          {"-a", "must start"},    {"_a", "must start"},
		{"A", "upper-case"},       {"a/b", "slash"},        {"..", "has '.'"},
		{"a b", "has ' '"},        {"\xc3\xa4", "plain ASCII"}, {"a\nb", "plain ASCII"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++) {
		e = (struct h0_err){0};
		ok(!h0_name_ok(bad[i].name) && h0_name_check("slot name", bad[i].name, &e) < 0 &&
		       e.kind == H0_USAGE && strstr(e.msg, bad[i].why),
		   "name refused: %s", bad[i].why);
	}
	e = (struct h0_err){0};
	ok(h0_name_check("slot name", long_name, &e) < 0 && strstr(e.msg, "32"), "33 characters");
	ok(h0_name_ok(long_name + 1) && h0_name_ok("0") && h0_name_ok("a_b-9"), "good names");
	ok(h0_image_name_ok("Host.org:5000/a_b/c-d:V1@sha256:0"), "a name of an image");
	for (const char *c = " \t\n\\$%;'\"{}*+=,|&~#"; *c; c++) {
		char image[] = "a?b";
		image[1] = *c;
		ok(!h0_image_name_ok(image), "an image with byte %d", *c);
	}
	ok(!h0_image_name_ok("") && !h0_image_name_ok("-a") && !h0_image_name_ok(":1"), "no name of an image");
	ok(h0_slot_path_name("slots/a-b.toml", slot) && !strcmp(slot, "a-b"), "path of a slot");
	ok(!h0_slot_path_name("slots/.toml", slot) && !h0_slot_path_name("slots/a/b.toml", slot) &&
	       !h0_slot_path_name("slots/A.toml", slot) && !h0_slot_path_name("a.toml", slot),
	   "no path of a slot");
}

/* Every key is complete, lists are unique, defaults and examples pass their own schema. */
static void test_table(const struct h0_schema *s, const struct h0_key *keys, const char *where)
{
	for (const struct h0_key *k = keys; k->name; k++) {
		bool text = k->help && *k->help && k->help[strlen(k->help) - 1] != '.';
		bool bounds = k->type == H0_KEY_INT || k->type == H0_KEY_REAL || (!k->min && !k->max);
		bool unique = true;
		for (const struct h0_key *o = keys; o < k; o++)
			unique = unique && strcmp(o->name, k->name) != 0;
		bool fits = true;
		if (k->dflt) {
			h0_autofindings struct h0_findings found = {0};
			h0_autotoml struct h0_toml *doc = NULL;
			h0_autobuf struct h0_buf line = {0};
			h0_buf_addf(&line, "v = %s\n", k->dflt);
			fits = h0_toml_parse(line.p, line.len, "", &doc, NULL) == 0;
			if (fits)
				h0_validate_value(k, h0_toml_root(doc)->first, "", &found);
			fits = fits && !found.n;
		}
		bool sub = (k->type != H0_KEY_MAP && k->type != H0_KEY_TABLES) || k->sub;
		ok(text && bounds && unique && fits && sub, "%s: %s%s is a complete key", s->name, where,
		   k->name);
		if (k->sub)
			test_table(s, k->sub, "...");
	}
}

static void test_tables(void)
{
	for (const struct h0_schema *const *s = h0_schemas; *s; s++) {
		test_table(*s, (*s)->keys, "");
		if ((*s)->example)
			says(*s, (*s)->example, "");
		ok(h0_schema_by_name((*s)->name) == *s, "%s is found by name", (*s)->name);
	}
	const char *port[] = {"port", NULL}, *nested[] = {"slot", "port", NULL};
	const char *flags[] = {"profile", "x", "flags", NULL}, *bad[] = {"model", "x", NULL};
	ok(h0_schema_key(&h0_schema_slot, port) == h0_schema_key(&h0_schema_slot, nested) &&
	       h0_schema_key(&h0_schema_slot, port)->max == 65535,
	   "a slot's key in both shapes");
	ok(h0_schema_key(&h0_schema_profiles, flags) && !h0_schema_key(&h0_schema_slot, bad),
	   "keys below names");
	ok(h0_schema_for_path("slots/x.toml") == &h0_schema_slot &&
	       h0_schema_for_path("hal0.toml") == &h0_schema_hal0 && !h0_schema_for_path("x.toml"),
	   "schemas by path");
}

static void test_slot_files(void)
{
	const struct h0_schema *s = &h0_schema_slot;
	says(s, "port = 8081\ndevice = \"gpu-rcom\"\n",
	     "E 2:10 device: unknown device 'gpu-rcom' (did you mean gpu-rocm?)");
	says(s, "port = 8081\n[slot]\ndevice = \"npuu\"\n",
	     "E 3:10 slot.device: unknown device 'npuu' (did you mean npu?)");
	says(s, "port = 8081\ndevice = \"quantum\"\n",
	     "E 2:10 device: unknown device 'quantum' (one of gpu-rocm, gpu-vulkan, cpu, npu)");
	says(s, "name = \"a\"\n", "E 0:0 port: missing: integer required (Loopback port of the server; no two slots "
	     "share one)");
	says(s, "[slot]\nname = \"a\"\n", "E 1:1 slot.port: missing: integer required (Loopback port of the server; no two slots "
	     "share one)");
	says(s, "port = \"8081\"\n", "E 1:8 port: integer expected, found string");
	says(s, "port = 80\n", "E 1:8 port: 80 is out of range: 1024 to 65535 is allowed");
	says(s, "port = 8081\n[model]\ncontext_size = 127\n",
	     "E 3:16 model.context_size: 127 is out of range: 128 to 1073741824 is allowed");
	says(s, "port = 8081\nprot = 8082\n", "W 2:1 prot: unknown key (did you mean port?)");
	says(s, "port = 8081\ncontext_size = 4096\n",
	     "W 2:1 context_size: unknown key (did you mean model.context_size?)");
	says(s, "port = 8081\nmine = 1\n", "W 2:1 mine: unknown key, without effect");
	says(s, "port = 8081\n[npu]\nars = true\n", "E 3:1 npu.ars: unknown key (did you mean asr?)");
	says(s, "port = 8081\n[image]\nsize = 1\n", "E 3:1 image.size: unknown key");
	says(s, "port = 8081\nimage = 3\n", "E 2:9 image: string or table expected, found integer");
	says(s, "port = 8081\nimage = \" \"\n", "E 2:9 image: must not be blank, not ' '");
	says(s, "port = 8081\nimage = \"x:1\"\n", "");
	says(s, "port = 8081\nimage = \"--privileged\"\n",
	     "E 2:9 image: an image reference such as HOST/PATH:TAG is expected, not '--privileged'");
	says(s, "port = 8081\n[image]\ndefault_size = \"10x\"\n",
	     "E 3:16 image.default_size: WIDTHxHEIGHT is expected, such as 1024x1024, not '10x'");
	says(s, "port = 8081\nprofile = \"a b\"\n",
	     "E 2:11 profile: a name is 1 to 32 of a-z, 0-9, _ and -, first a letter or digit, not "
	     "'a b'");
	says(s, "port = 8081\nprofile = \"\"\ntype = \"\"\n", "");
	says(s, "port = 8081\nbackend = \"rocm\"\n", "W 2:1 backend: deprecated: use device");
	says(s, "port = 8081\nbackend = \"rocm\"\ndevice = \"gpu-rocm\"\n", "");
	says(s, "port = 8081\nthreads = \"x\"\n[_meta]\na.b = 1\n", "");
	says(s, "port = 8081\n[slot]\nport = 8082\n",
	     "W 1:1 port: without effect: it stands in [slot] too");
	says(s, "port = 8081\nslot = 1\n", "E 2:8 slot: table expected, found integer");
	says(s, "port = 8081\ndevice = \"a\\u0000b\"\n",
	     "E 2:10 device: must not hold a NUL character");
	says(s, "port = 8081\nport = 8082\n", "E 2:1 port: this is already set in line 1");
}

static void test_other_files(void)
{
	says(&h0_schema_profiles, "[profile.x]\nflags = \"-b 1\"\n",
	     "E 1:1 profile.x.image: missing: string required (Container image to run)");
	says(&h0_schema_profiles, "[profile.x]\nimage = \"i\"\nflag = \"\"\n",
	     "E 3:1 profile.x.flag: unknown key (did you mean flags?)");
	says(&h0_schema_profiles, "[profile.X]\nimage = \"i\"\n",
	     "E 1:10 profile.X: a name is 1 to 32 of a-z, 0-9, _ and -, first a letter or digit");
	says(&h0_schema_profiles, "[profile]\nx = 3\n", "E 2:5 profile.x: table expected, found integer");
	says(&h0_schema_profiles, "[profiles.x]\nimage = \"i\"\n",
	     "E 1:2 profiles: unknown key (did you mean profile?)");
	says(&h0_schema_profiles, "", "");
	says(&h0_schema_capabilities, "[selections.embed.rank]\nmodel = \"\"\n",
	     "E 1:19 selections.embed.rank: unknown key (did you mean rerank?)");
	says(&h0_schema_upstreams, "[[upstream]]\nname = \"a\"\nurl = \"ftp://x\"\n",
	     "E 3:7 upstream.0.url: a URL that starts with http:// or https:// is expected, not "
	     "'ftp://x'");
	says(&h0_schema_upstreams,
	     "[[upstream]]\nname = \"a\"\nurl = \"http://x\"\nauth_value_env = \"sk-12\"\n",
	     "E 4:18 upstream.0.auth_value_env: the name of an environment variable is expected, not "
	     "its value");
	says(&h0_schema_hal0, "[models]\nstore = \"models\"\n",
	     "E 2:9 models.store: an absolute path is expected, not 'models'");
	says(&h0_schema_hal0, "[dispatcher]\nprefetch_timeout_s = -1\n",
	     "E 2:22 dispatcher.prefetch_timeout_s: must be at least 0");
}

static void value(const char *key, const char *arg, const char *want)
{
	const char *path[] = {key, NULL, NULL};
	const char *dot = strchr(key, '.');
	h0_autofree char *table = dot ? strndup(key, (size_t)(dot - key)) : NULL;
	if (dot) {
		path[0] = table;
		path[1] = dot + 1;
	}
	h0_autobuf struct h0_buf got = {0};
	struct h0_err e = {0};
	if (h0_value_from_arg(h0_schema_key(&h0_schema_slot, path), key, arg, &got, &e) < 0)
		h0_buf_addf(&got, "%d %s", e.kind, e.msg);
	is_str(h0_buf_str(&got), want, want);
}

static void test_values(void)
{
	value("port", "8081", "8081");
	value("port", "80", "2 port: 80 is out of range: 1024 to 65535 is allowed");
	value("port", "x", "2 port: a number is expected, not 'x'");
	value("device", "cpu", "\"cpu\"");
	value("device", "\"cpu\"", "\"cpu\"");
	value("device", "gpu-rcom", "2 device: unknown device 'gpu-rcom' (did you mean gpu-rocm?)");
	value("system_prompt", "true", "\"true\"");
	value("system_prompt", "a \"b\"\n", "\"a \\\"b\\\"\\n\"");
	value("enabled", "false", "false");
	value("enabled", "yes", "2 enabled: true or false is expected, not 'yes'");
	value("server.extra_args", "--a 'b c' # d", "\"--a 'b c' # d\"");
	value("image", "x:1", "\"x:1\"");
	value("image", "{default_steps = 4}", "{default_steps = 4}");
	value("model.labels", "a,b", "[\"a\", \"b\"]");
	value("model.labels", "[\"a\"]", "[\"a\"]");
	value("nobody.knows", "12", "12");
	value("nobody.knows", "abc", "\"abc\"");
	value("nobody.knows", "1\nport = 2", "\"1\\nport = 2\"");
	value("name", "\xff", "2 name: '\xff' is not valid text");
}

int main(void)
{
	test_names();
	test_tables();
	test_slot_files();
	test_other_files();
	test_values();
	return tap_done();
}
