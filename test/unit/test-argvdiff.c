/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "base/buf.h"
#include "base/words.h"
#include "model/argvdiff.h"

#define HEAD "podman run --detach --name hal0-slot-s --label io.hal0.spec=1 --pidfile /run/1 "
#define TAIL " localhost/x:1 --port 8081 -c 4096"

static void words(const char *text, struct h0_strv *ret)
{
	struct h0_err e = {0};
	if (h0_words_split(text, ret, &e) < 0)
		printf("# %s\n", e.msg);
}

/* The differences as sentences, one line each. */
static void say(const char *want, const char *want_id, const char *live, const char *live_id,
                struct h0_buf *out)
{
	h0_autodiffs struct h0_argv_diffs d = {0};
	h0_autostrv struct h0_strv l = {0};
	struct h0_argv a = {0};
	words(want, &a.words);
	words(live, &l);
	h0_argv_compare(&a, want_id, l.v, l.n, live_id, &d);
	for (size_t i = 0; i < d.n; i++) {
		h0_buf_addf(out, "%s: ", h0_diff_kind_names[d.v[i].kind]);
		h0_argv_diff_say(&d.v[i], out);
		h0_buf_addc(out, '\n');
	}
	h0_argv_done(&a);
}

static void differ(const char *want, const char *live, const char *lines, const char *name)
{
	h0_autobuf struct h0_buf got = {0};
	say(want, NULL, live, NULL, &got);
	is_str(h0_buf_str(&got), lines, name);
}

static void stamp(const char *text, char ret[17])
{
	h0_autostrv struct h0_strv w = {0};
	words(text, &w);
	h0_argv_stamp(w.v, w.n, ret);
}

static void same(const char *a, const char *b, const char *name)
{
	h0_autobuf struct h0_buf got = {0};
	char x[17], y[17];
	say(a, NULL, b, NULL, &got);
	stamp(a, x);
	stamp(b, y);
	is_str(h0_buf_str(&got), "", name);
	is_str(x, y, "the stamp says so too");
}

static void test_same(void)
{
	same(HEAD TAIL, HEAD TAIL, "the same words");
	same(HEAD TAIL, "podman --root /r --storage-opt additionalimagestore=/i --log-level=debug run --detach "
	     "--name hal0-slot-s --label io.hal0.spec=1 --pidfile /run/1" TAIL, "podman's own options");
	same(HEAD TAIL, "podman --runtime runc run --rm --sdnotify=conmon --name hal0-slot-s "
	     "--label io.hal0.spec=2 --conmon-pidfile /run/2 --log-opt path=/x --ulimit nofile=1:1" TAIL,
	     "another starter");
	same(HEAD "--env A=1 --env B=2 --device /dev/a --device /dev/b" TAIL,
	     HEAD "--device /dev/b --env B=2 --device /dev/a --env A=1" TAIL, "another order");
	same(HEAD " localhost/x:1 -c 4096 -ub 512 -ngl 9", HEAD " localhost/x:1 --gpu-layers 9 "
	     "--ubatch-size 512 --ctx-size 4096", "other names of the flags");
	same(HEAD "--cap-drop all" TAIL, HEAD "--cap-drop=all" TAIL, "= between option and value");
}

static void test_differ(void)
{
	differ(HEAD " localhost/x:1 -c 8192 --jinja", HEAD " localhost/x:1 --ctx-size 4096 --metrics",
	       "server: -c is 4096, would be 8192\nserver: --jinja would be added\n"
	       "server: --metrics would go\n", "options of the server");
	differ(HEAD " localhost/x:2", HEAD " localhost/x:1", "image: image is localhost/x:1, would be "
	       "localhost/x:2\n", "another image");
	differ(HEAD "--device /dev/dri/renderD129 --group-add 105" TAIL, HEAD "--device /dev/dri/renderD128" TAIL,
	       "device: --device /dev/dri/renderD129 would be added\n"
	       "device: --group-add 105 would be added\n"
	       "device: --device /dev/dri/renderD128 would go\n", "device nodes and groups");
	differ(HEAD "--env A=2" TAIL, HEAD "--env A=1" TAIL, "environment: --env A is 1, would be 2\n",
	       "a variable");
	differ(HEAD "--volume /a:/a:ro" TAIL, HEAD "--volume /a:/a:rw" TAIL,
	       "mount: --volume /a:/a:ro would be added\nmount: --volume /a:/a:rw would go\n", "a mount");
	differ(HEAD "--read-only" TAIL, HEAD TAIL, "container: --read-only would be added\n",
	       "an option of podman");
	differ(HEAD " localhost/x:1 --lora /a --lora /b", HEAD " localhost/x:1 --lora /b --lora /c",
	       "server: --lora /a would be added\nserver: --lora /c would go\n", "a flag that may be repeated");
	differ(HEAD " localhost/x:1 serve gemma:2b --port 1", HEAD " localhost/x:1 serve gemma:1b --port 1",
	       "server: word 2 is gemma:1b, would be gemma:2b\n", "a word that is no flag");
	differ(HEAD " localhost/x:1 --temp -1", HEAD " localhost/x:1 --temp 1",
	       "server: --temp is 1, would be -1\n", "a negative number is a value");
}

static void test_image(void)
{
	h0_autobuf struct h0_buf got = {0};
	say(HEAD " localhost/x:2", "abc", HEAD " localhost/x:1", "abc", &got);
	is_str(h0_buf_str(&got), "", "two names of one image");
	say(HEAD " localhost/x:1", "abd", HEAD " localhost/x:1", "abc", &got);
	is_str(h0_buf_str(&got), "image: image localhost/x:1 is another one by now\n",
	       "one name of two images");
}

static void test_hostile(void)
{
	static const char *const odd[] = {"", "podman", "podman run", "podman run --name", "podman --env",
		"podman run -- x", "podman run --env A --env =1 x", "x -", "podman run i -c", "podman run i --"};
	bool ended = true;
	for (size_t i = 0; i < H0_ARRAY_LEN(odd); i++)
		for (size_t k = 0; k < H0_ARRAY_LEN(odd); k++) {
			h0_autobuf struct h0_buf got = {0};
			say(odd[i], NULL, odd[k], NULL, &got);
			ended &= i != k || !got.len;
		}
	ok(ended, "odd commands: equal to themselves");
}

int main(void)
{
	test_same();
	test_differ();
	test_image();
	test_hostile();
	return tap_done();
}
