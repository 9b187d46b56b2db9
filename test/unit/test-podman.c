/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <unistd.h>

#include "run/podman.h"

/* As podman 4.3.1 prints it, shortened. */
static const char ps[] =
"[\n {\n  \"AutoRemove\": false, \"Command\": [\"-m\", \"x\"], \"Exited\": false, \"ExitCode\": 0,\n"
"  \"Id\": \"33c212dd709957fb65d810f50b4e9e3ef9ade76c92ac447e91423dfc25658c53\",\n"
"  \"Image\": \"localhost/hal0-llama:cpu\", \"Names\": [\"hal0-slot-chat\"], \"Pid\": 8967,\n"
"  \"Labels\": {\"io.hal0.slot\": \"chat\", \"io.hal0.home\": \"/srv/h\", \"io.hal0.port\": \"8081\",\n"
"   \"io.hal0.model\": \"qwen\", \"io.hal0.spec\": \"0123456789abcdef\",\n"
"   \"io.hal0.provider\": \"kokoro\"},\n"
"  \"StartedAt\": 1795247837, \"State\": \"running\", \"Status\": \"Up 1 second ago\"},\n"
" {\"Id\": \"aa\", \"Names\": [\"hal0-slot-old\"], \"Labels\": null, \"State\": \"exited\",\n"
"  \"ExitCode\": 137, \"Pid\": 0, \"StartedAt\": -62135596800},\n"
" {\"Id\": \"bb\", \"Names\": [\"hal0-slot-Bad/Name\"], \"State\": \"running\"},\n"
" {\"Id\": \"cc\", \"Names\": [\"other\"], \"State\": \"running\"}, 7, null\n]\n";

static void test_ps(void)
{
	h0_autoctrs struct h0_ctrs c = {0};
	struct h0_err e = {0};
	is_int(h0_podman_parse_ps(ps, sizeof ps - 1, &c, &e), 0, "podman's list is read");
	is_int((long long)c.n, 2, "containers of slots only");
	const struct h0_ctr *chat = h0_ctrs_get(&c, "chat"), *old = h0_ctrs_get(&c, "old");
	ok(chat && chat->ours && chat->state == H0_CTR_RUNNING && chat->pid == 8967 &&
	   chat->port == 8081 && chat->started_at == 1795247837, "a running one");
	is_str(chat->home, "/srv/h", "whose it is");
	is_str(chat->spec, "0123456789abcdef", "its spec");
	is_str(h0_ctr_expects(chat) ? "a name" : "any", "any", "only llama-server is told its name");
	ok(old && !old->ours && !old->home && old->state == H0_CTR_EXITED && old->exit_code == 137 &&
	   old->pid == 0 && old->started_at == 0, "one without labels, ended");
	ok(!h0_ctrs_get(&c, "other"), "no other names");
}

static void garbage(const char *text, const char *name)
{
	h0_autoctrs struct h0_ctrs c = {0};
	struct h0_err e = {0};
	int rc = h0_podman_parse_ps(text, strlen(text), &c, &e);
	ok(rc == -1 && e.kind == H0_EXTERN && strstr(e.msg, "podman ps answered"), "refused: %s", name);
}

static void test_garbage(void)
{
	h0_autoctrs struct h0_ctrs c = {0};
	struct h0_err e;
	garbage("", "nothing");
	garbage("Segmentation fault", "a crash");
	garbage("[{\"Id\": ", "half an answer");
	garbage("{\"Id\": \"x\"}", "another shape");
	is_int(h0_podman_parse_ps("[]", 2, &c, &e), 0, "no containers");
	is_int(h0_podman_parse_ps("null", 4, &c, &e), 0, "no containers, as some versions say it");
}

static void explained(const char *err_text, enum h0_kind kind, const char *want, const char *name)
{
	struct h0_err e = {0};
	int rc = h0_podman_explain("podman run", 125, err_text, "ghcr.io/x/y:1", &e);
	if (!ok(rc == -1 && e.kind == kind && strstr(e.msg, want), "%s", name))
		printf("# kind %d: %s\n", e.kind, e.msg);
}

/* What podman 4.3.1 said when each was provoked. */
static void test_explain(void)
{
	explained("Error: ghcr.io/x/y:1: image not known\n", H0_NOHW,
	          "hal0 profile pull brings it", "image missing");
	explained("Error: cannot listen on the TCP port: listen tcp4 127.0.0.1:8096: bind: address "
	          "already in use\n", H0_CONFLICT, "port is taken", "published port taken");
	explained("Error: creating container storage: the container name \"n\" is already in use by c6. "
	          "You have to remove that container\n", H0_CONFLICT, "name is taken", "name taken");
	explained("Error: statfs /nonexistent/dir: no such file or directory\n", H0_CONFIG,
	          "does not exist", "mount source missing");
	explained("Error: stat /dev/kfd: no such file or directory\n", H0_NOHW, "device node",
	          "device missing");
	explained("Error: unknown flag: --no-such-flag\nSee 'podman run --help'\n", H0_EXTERN,
	          "too old or too new", "unknown flag");
	explained("Error: runc: runc create failed: unable to start container process: exec: \"/nope\": "
	          "stat /nope: no such file or directory: OCI runtime attempted to invoke a command that "
	          "was not found\n", H0_EXTERN, "does not hold the program", "entry point missing");
	explained("Error: runc: error setting rlimit type 7: operation not permitted\n", H0_EXTERN,
	          "limits", "rlimits");
	explained("time=\"x\" level=warning msg=\"y\"\nError: something new\n", H0_EXTERN,
	          "podman run: something new", "anything else, in podman's words");
	explained("", H0_EXTERN, "exit code 125 and no word", "silence");
	struct h0_err e = {0};
	h0_podman_no_image("localhost/a:b", &e);
	ok(e.kind == H0_NOHW && strstr(e.msg, "build it") && h0_streq(e.code, "backend.missing"),
	   "a local image is built, not pulled");
}

static void test_alive(void)
{
	struct h0_ctr me = {.pid = getpid(), .id = "nobody has this id"}, none = {0};
	ok(!h0_ctr_alive(&none) && !h0_ctr_monitored(&none), "no process");
	me.pid = 0x3ffffff;
	ok(!h0_ctr_alive(&me), "a process that is gone");
	me.pid = getpid();
	ok(!h0_ctr_monitored(&me), "a process that no conmon watches");
}

#define ID "33c212dd709957fb65d810f50b4e9e3ef9ade76c92ac447e91423dfc25658c53"

static void test_ran(void)
{
	const struct { const char *out, *id, *name; } t[] = {
		{ID "\n", ID, "the id of what runs"},
		{ID, ID, "without the line's end"},
		{"hal0-slot-chat\n" ID "\n", ID, "after the name of what it replaces"},
		{ID "\nhal0-slot-chat\n", NULL, "a name alone is none"},
		{ID "0\n", NULL, "one that is too long"},
		{"", NULL, "nothing"},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct h0_spawned r = {0};
		struct h0_err e = {0};
		char id[H0_CTR_ID + 1] = "";
		h0_buf_adds(&r.out, t[i].out);
		ok(h0_podman_ran(&r, "x", id, &e) == (t[i].id ? 0 : -1) && h0_streq(id, t[i].id ? t[i].id : ""),
		   "podman run: %s", t[i].name);
		h0_buf_done(&r.out);
	}
}

static void test_init(void)
{
	struct h0_podman p;
	struct h0_err e = {0};
	setenv("HAL0_PODMAN", "/opt/podman", 1);
	setenv("HAL0_PODMAN_TIMEOUT", "3", 1);
	ok(h0_podman_init(&p, &e) == 0 && p.timeout_ms == 3000, "timeout from the environment");
	is_str(p.program, "/opt/podman", "program from the environment");
	setenv("HAL0_PODMAN_TIMEOUT", "soon", 1);
	ok(h0_podman_init(&p, &e) < 0 && e.kind == H0_USAGE, "a timeout that is no number");
	unsetenv("HAL0_PODMAN_TIMEOUT");
	struct h0_ctrs c;
	ok(h0_podman_ps(&(struct h0_podman){.program = "/nonexistent/podman", .timeout_ms = 1000}, &c,
	                &e) < 0 && e.kind == H0_NOHW && strstr(e.msg, "HAL0_PODMAN says"),
	   "a podman that is not there");
}

int main(void)
{
	test_ps();
	test_garbage();
	test_explain();
	test_alive();
	test_ran();
	test_init();
	return tap_done();
}
