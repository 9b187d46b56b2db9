/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The programs as built, called over all their verbs in a directory of their own: for the tests
 * that go over the tables.
 */
#ifndef CALLER_H
#define CALLER_H

#include "tap.h"

#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/spec.h"
#include "fmt/json.h"
#include "specs.h"
#include "sys/io.h"
#include "sys/spawn.h"
#include "words.h"

#define TOOL_EXTERN(name) extern const struct h0_prog name##_prog;
HAL0_TOOLS(TOOL_EXTERN)
#define TOOL_ROW(name) &name##_prog,
static const struct h0_prog *const progs[] = {HAL0_TOOLS(TOOL_ROW) NULL};

static char top[] = "/tmp/hal0-verbs.XXXXXX";

/* ---- the world the commands run in ---- */

static char *path(const char *name)
{
	return h0_asprintf("%s/%s", top, name);
}

static void put(const char *name, const char *text, mode_t mode)
{
	h0_autofree char *p = path(name), *dir = h0_strdup(p);
	*strrchr(dir, '/') = '\0';
	h0_mkdirs(dir, 0755, NULL);
	h0_autofile FILE *f = fopen(p, "w");
	if (!f || fputs(text, f) < 0 || fchmod(fileno(f), mode) < 0)
		abort();
}

static void make_world(void)
{
	put("etc/hal0/slots/primary.toml",
	    "# mine\nname = \"primary\"\nport = 8081\ntype = \"llm\"\ndevice = \"cpu\"\n"
	    "idle_timeout_s = 5\n\n[model]\ndefault = \"/nowhere/m.gguf\"\n", 0644);
	put("etc/hal0/slots/chat.toml", "[slot]\nname = \"chat\"\nport = 8082\ndevice = \"cpu\"\n", 0644);
	put("etc/hal0/hal0.toml", "[slots]\nidle_timeout_s = 600\n", 0644);
	put("root/proc/meminfo", "MemTotal: 1000000 kB\n", 0644);
	/* notes each call; knows no container */
	put("bin/podman", "#!/bin/sh\necho \"$*\" >>\"$PODMAN_LOG\"\n"
	    "case $1 in ps | images | inspect) echo '[]' ;; esac\n", 0755);
	put("podman.log", "", 0666);
	put("cwd/x", "", 0644);
}

/* ---- running ---- */

static struct h0_spawned got;

/* How the programs are called; NULL: as usual. */
static struct caller {
	const char *const *before; /* words before the program's own: who runs it */
	const char *home;          /* HAL0_HOME */
	const char *path;          /* PATH */
} caller;

static void run(const struct h0_prog *p, const struct h0_strv *args)
{
	h0_autostrv struct h0_strv argv = {0}, env = {0};
	h0_autofree char *cwd = path("cwd");
	struct h0_err e;
	for (const char *const *w = caller.before; w && *w; w++)
		h0_strv_add(&argv, *w);
	h0_strv_addf(&argv, "%s/cmd/%s", getenv("HAL0_BUILD"), p->name);
	for (size_t i = 0; i < args->n; i++)
		h0_strv_add(&argv, args->v[i]);
	h0_strv_addf(&env, "HAL0_HOME=%s", caller.home ? caller.home : top);
	h0_strv_addf(&env, "HAL0_SYSROOT=%s/root", top);
	h0_strv_addf(&env, "HAL0_MODEL_STORE=%s/models", top);
	h0_strv_addf(&env, "PODMAN_LOG=%s/podman.log", top);
	if (caller.path)
		h0_strv_addf(&env, "PATH=%s", caller.path);
	else
		h0_strv_addf(&env, "PATH=%s/bin:/usr/bin:/bin", top);
	h0_spawned_done(&got);
	got = (struct h0_spawned){0};
	struct h0_spawn s = {.argv = (const char *const *)argv.v, .env = (const char *const *)env.v,
	                     .cwd = cwd, .timeout_ms = 10000};
	if (h0_spawn(&s, &got, &e) < 0)
		got.exit_code = -1;
}

static bool is_json(const struct h0_buf *b)
{
	struct h0_json *j = NULL;
	bool good = h0_json_parse(h0_buf_str(b), b->len, "output", &j, NULL) == 0;
	h0_json_free(j);
	return good;
}

/* The last line of stderr is {"error":{"code":...}}. */
static bool tells_json_error(void)
{
	struct h0_json *j = NULL;
	const char *text = h0_buf_str(&got.err), *last = text;
	for (const char *p = text; *p; p++)
		if (*p == '\n' && p[1])
			last = p + 1;
	bool good = h0_json_parse(last, strlen(last), "error", &j, NULL) == 0 &&
	            h0_json_str(h0_json_get(h0_json_get(j, "error"), "code")) &&
	            h0_json_str(h0_json_get(h0_json_get(j, "error"), "message"));
	h0_json_free(j);
	return good;
}

static void say_if(bool bad)
{
	if (!bad)
		return;
	printf("# exit code %d\n", got.exit_code);
	const struct h0_buf *const both[] = {&got.out, &got.err};
	for (int i = 0; i < 2; i++) {
		h0_autofree char *copy = h0_strdup(h0_buf_str(both[i]));
		for (char *l = strtok(copy, "\n"); l; l = strtok(NULL, "\n"))
			printf("# %s %s\n", i ? "stderr:" : "stdout:", l);
	}
}

/* The operands and options of an example; TOML files it names relative to the working directory
 * are made. false: it is no call of this program, or one that does not end by itself. */
static bool example_args(const struct h0_example *x, struct h0_strv *args)
{
	h0_autostrv struct h0_strv w = {0};
	if (!words_split(x->cmd, &w))
		return false;
	size_t at = w.n && h0_streq(w.v[0], "hal0") ? 2 : 1;
	for (size_t i = 0; i < w.n; i++)
		if (h0_ends(w.v[i], ".toml") && w.v[i][0] != '/') {
			h0_autofree char *name = h0_asprintf("cwd/%s", w.v[i]);
			put(name, "a = 1\n", 0644);
		}
	for (size_t i = at; i < w.n; i++)
		h0_strv_addf(args, "%s%s", h0_starts(w.v[i], "/etc/hal0") ? top : "", w.v[i]);
	return w.n > 0 && !h0_strv_has(&w, "--watch") && !h0_strv_has(&w, "--follow") &&
	       !h0_strv_has(&w, "-f");
}

#endif
