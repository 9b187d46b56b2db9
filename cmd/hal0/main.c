/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hal0 VERB ...: becomes hal0-VERB. Owns nothing but the overview and "did you mean".
 * Exit codes of its own: 0, 2 (no such verb, bad word), 6 (found, but could not be run; stdout
 * could not be written).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "hal0/run.h"
#include "hal0/spec.h"

static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* The message is plain text of ours around a word from argv: bytes that neither a terminal nor
 * JSON should see become '?'. */
static int print_error(const struct h0_err *e, bool json)
{
	h0_autobuf struct h0_buf b = {0};
	h0_buf_addf(&b, json ? "{\"error\":{\"code\":\"%s\",\"message\":\"" : "hal0: ",
	            h0_err_name(e));
	for (const char *p = e->msg; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (json && (c == '"' || c == '\\'))
			h0_buf_addc(&b, '\\');
		h0_buf_addc(&b, c < 0x20 || c >= 0x7f ? '?' : *p);
	}
	h0_buf_adds(&b, json ? "\",\"details\":{}}}\n" : "\n");
	if (write(STDERR_FILENO, b.p, b.len) < 0)
		return H0_SYS;
	return (int)e->kind;
}

/* Writes to stdout and closes it. */
static int print(const struct h0_buf *b, struct h0_err *e)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(STDOUT_FILENO, b->p + at, b->len - at);
		if (n < 0 && errno == EPIPE)
			return 0;
		if (n < 0 && errno != EINTR)
			return h0_fail_sys(e, "standard output");
		at += n > 0 ? (size_t)n : 0;
	}
	return close(STDOUT_FILENO) < 0 ? h0_fail_sys(e, "standard output") : 0;
}

static int overview(struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_buf_addf(&b, "Usage: hal0 VERB [ARGUMENT...]\n\n%c%s.\n\nVerbs:\n",
	            front_prog.summary[0] - 'a' + 'A', front_prog.summary + 1);
	for (size_t i = 0; i < front_prog.nverbs; i++)
		h0_buf_addf(&b, "  %-8s %s\n", front_prog.verbs[i].name, front_prog.verbs[i].help);
	h0_buf_adds(&b, "  help     open the manual page of a verb\n\n"
	                "hal0 VERB --help lists what a verb can do; hal0 --version says which hal0 "
	                "this is.\n");
	return print(&b, e);
}

static int version(struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_buf_addf(&b, "hal0 %s\n", HAL0_VERSION);
	return print(&b, e);
}

static int fail_verb(const char *word, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	for (size_t i = 0; i < front_prog.nverbs; i++)
		h0_strv_add(&names, front_prog.verbs[i].name);
	h0_strv_add(&names, "help");
	const char *near = h0_str_nearest(word, (const char *const *)names.v);
	if (near)
		return h0_fail(e, H0_USAGE, "unknown verb '%s' (did you mean %s?)", word, near);
	return h0_fail(e, H0_USAGE, "unknown verb '%s'; 'hal0' alone lists them", word);
}

static int run_verb(char **argv, struct h0_err *e)
{
	bool found;
	const char *verb = argv[0];
	if (verb[0] == '-')
		return h0_fail(e, H0_USAGE, "unknown option '%s'; options follow the verb", verb);
	if (!hal0_is_word(verb, false))
		return h0_fail(e, H0_USAGE, "'%s' cannot be a verb", verb);
	hal0_run_verb(verb, argv, &found, e);
	return found ? -1 : fail_verb(verb, e);
}

/* The manual page, or without one what the program says of itself. */
static int help(const char *topic, struct h0_err *e)
{
	char option[] = "--help", word[64];
	char *argv[] = {word, option, NULL};
	if (!topic || h0_streq(topic, "--json"))
		return overview(e);
	if (!hal0_is_word(topic, true))
		return h0_fail(e, H0_USAGE, "'%s' cannot be a topic", topic);
	if (hal0_run_man(topic) || h0_streq(topic, "hal0"))
		return overview(e);
	snprintf(word, sizeof word, "%s", topic);
	return run_verb(argv, e);
}

int main(int argc, char **argv)
{
	struct h0_err e = {0};
	const char *word = argc > 1 ? argv[1] : NULL;
	int rc;
	if (!word || h0_streq(word, "-h") || h0_streq(word, "--help"))
		rc = overview(&e);
	else if (h0_streq(word, "--version"))
		rc = version(&e);
	else if (h0_streq(word, "help"))
		rc = help(argv[2], &e);
	else
		rc = run_verb(argv + 1, &e);
	return rc < 0 ? print_error(&e, wants_json(argc, argv)) : 0;
}
