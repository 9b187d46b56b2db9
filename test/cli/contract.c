/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What holds for every verb of every program, run as built: help, bad command lines, --json, and
 * that --dry-run and verbs that only read leave every file alone and podman's containers too. The
 * commands are the examples of the tables.
 */
#include "caller.h"

#include <dirent.h>

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Every file below dir: name, mode, time of change, bytes. */
static void note_tree(const char *dir, struct h0_buf *out)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, by_name);
	for (int i = 0; i < n; i++) {
		h0_autofree struct dirent *d = list[i];
		h0_autofree char *p = h0_asprintf("%s/%s", dir, d->d_name);
		struct stat st;
		if (h0_streq(d->d_name, ".") || h0_streq(d->d_name, "..") || lstat(p, &st) < 0)
			continue;
		h0_buf_addf(out, "%s %o %lld.%09ld\n", p, st.st_mode,
		            S_ISREG(st.st_mode) ? (long long)st.st_mtim.tv_sec : 0,
		            S_ISREG(st.st_mode) ? st.st_mtim.tv_nsec : 0);
		if (S_ISDIR(st.st_mode))
			note_tree(p, out);
		else if (S_ISREG(st.st_mode))
			h0_read_file(p, 1 << 20, out, NULL);
	}
	if (n >= 0)
		free(list);
}

/* /etc/hal0, /var/lib/hal0 and the working directory; /run/hal0 holds but locks. */
static char *note_world(void)
{
	static const char *const parts[] = {"etc", "var-lib", "cwd", "root"};
	struct h0_buf b = {0};
	for (size_t i = 0; i < H0_ARRAY_LEN(parts); i++) {
		h0_autofree char *p = path(parts[i]);
		note_tree(p, &b);
	}
	return h0_buf_take(&b);
}

/* ---- what holds for a verb ---- */

static void run_words(const struct h0_prog *p, const char *verb, const char *a, const char *b)
{
	h0_autostrv struct h0_strv args = {0};
	const char *const words[] = {verb, a, b};
	for (size_t i = 0; i < H0_ARRAY_LEN(words); i++)
		if (words[i])
			h0_strv_add(&args, words[i]);
	run(p, &args);
}

static void test_help(const struct h0_prog *p, const struct h0_verb *v)
{
	run_words(p, v->name, "--help", NULL);
	say_if(!ok(got.exit_code == 0 && got.err.len == 0 &&
	           h0_starts(h0_buf_str(&got.out), "Usage: hal0 "), "%s %s --help", p->name, v->name));
	run_words(p, v->name, "--no-such-option", "--json");
	say_if(!ok(got.exit_code == 2 && got.out.len == 0 && tells_json_error(),
	           "%s %s: unknown option, as JSON", p->name, v->name));
	if (v->min_args == 0)
		return;
	run_words(p, v->name, NULL, NULL);
	say_if(!ok(got.exit_code == 2 && got.out.len == 0 && got.err.len > 0,
	           "%s %s: an operand is missing", p->name, v->name));
}

/* podman was asked nothing that changes anything. */
static bool podman_only_read(void)
{
	static const char *const reads[] = {"ps", "inspect", "images", "image exists", "image inspect",
		"container exists", "container inspect", "info", "version", "--version", "logs", "top",
		"port", "stats", NULL};
	h0_autofree char *p = path("podman.log");
	h0_autobuf struct h0_buf log = {0};
	bool good = h0_read_file(p, 1 << 20, &log, NULL) == 0;
	for (char *l = log.len ? strtok(log.p, "\n") : NULL; l; l = strtok(NULL, "\n")) {
		bool known = false;
		for (const char *const *r = reads; *r; r++)
			known = known || (h0_starts(l, *r) && strchr(" ", l[strlen(*r)]));
		if (!known)
			printf("# podman %s\n", l);
		good = good && known;
	}
	return good;
}

/* Removes what a command was told to write (`--svg bar.svg`): that is no file it should leave
 * alone. */
static void remove_outputs(const struct h0_strv *args)
{
	for (size_t i = 0; i < args->n; i++) {
		h0_autofree char *p = h0_asprintf("%s/cwd/%s", top, args->v[i]);
		if (h0_ends(args->v[i], ".svg"))
			remove(p);
	}
}

static void test_example(const struct h0_prog *p, const struct h0_verb *v,
                         const struct h0_example *x)
{
	h0_autostrv struct h0_strv args = {0};
	if (!example_args(x, &args))
		return;
	bool text = h0_strv_has(&args, "--format") || h0_strv_has(&args, "--columns");
	if (v->flags & H0_VERB_WRITES)
		h0_strv_add(&args, "--dry-run");
	if (!text && !h0_strv_has(&args, "--json") && !(v->flags & H0_VERB_PASS))
		h0_strv_add(&args, "--json");
	put("podman.log", "", 0666);
	h0_autofree char *before = note_world();
	run(p, &args);
	remove_outputs(&args);
	h0_autofree char *after = note_world();
	bool json = !text && !(v->flags & H0_VERB_PASS);
	bool told = got.exit_code < 2 ? !json || got.out.len == 0 || is_json(&got.out)
	                              : !json || tells_json_error();
	say_if(!ok(got.exit_code >= 0 && got.exit_code < 9 && !got.timed_out && told,
	           "%s: speaks JSON, ends with a code of the list", x->cmd));
	is_str(after, before, "and leaves every file alone");
	ok(podman_only_read(), "and every container");
}

int main(void)
{
	if (!getenv("HAL0_BUILD") || !mkdtemp(top))
		return tap_skip_all("HAL0_BUILD is not set");
	make_world();
	for (size_t i = 0; progs[i]; i++)
		for (size_t k = 0; k < progs[i]->nverbs; k++) {
			const struct h0_verb *v = &progs[i]->verbs[k];
			test_help(progs[i], v);
			for (const struct h0_example *x = v->examples;
			     x && x->cmd && !(v->flags & H0_VERB_SERVES); x++)
				test_example(progs[i], v, x);
		}
	h0_spawned_done(&got);
	const char *const rm[] = {"rm", "-rf", top, NULL};
	h0_spawn(&(struct h0_spawn){.argv = rm}, &got, NULL);
	h0_spawned_done(&got);
	return tap_done();
}
