/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/main.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "cli/rec.h"

/* Errors of the parser itself are JSON as well when --json stands anywhere in argv. */
static bool asks_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

static bool wants_color(const char *when, bool tty)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	if (when && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	return tty && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static void fill(struct h0_ctx *ctx, const struct h0_parsed *p)
{
	const struct h0_common *c = &p->common;
	ctx->verb = p->verb;
	ctx->json = c->json;
	ctx->quiet = c->quiet;
	ctx->dry_run = c->dry_run;
	ctx->yes = c->yes;
	ctx->no_header = c->no_header;
	ctx->columns = c->columns;
	ctx->format = c->format;
	ctx->argc = p->argc;
	ctx->argv = p->argv;
	ctx->color_out = wants_color(c->color, ctx->tty_out);
	ctx->color_err = wants_color(c->color, ctx->tty_err);
}

static int help(struct h0_ctx *ctx, const struct h0_parsed *p, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	int width = h0_tty_width(STDOUT_FILENO);
	if (width < 40 || width > 100)
		width = width < 40 ? 80 : 100;
	if (p->verb && p->named)
		h0_help_verb(ctx->prog, p->verb, width, &text);
	else
		h0_help_prog(ctx->prog, width, &text);
	return h0_out_text(ctx, h0_buf_str(&text), e);
}

static int version(struct h0_ctx *ctx, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	h0_buf_addf(&text, "%s %s\n", ctx->prog->name, HAL0_VERSION);
	return h0_out_text(ctx, h0_buf_str(&text), e);
}

/* A column that is not there is said before anything is done, not when it is to be printed. */
static int check_columns(const struct h0_ctx *ctx, struct h0_err *e)
{
	const struct h0_verb *v = ctx->verb;
	if (!v->cols || (v->or_cols && h0_rec_asked(v->or_cols, ctx->columns, ctx->format, NULL) == 0))
		return 0;
	return h0_rec_asked(v->cols, ctx->columns, ctx->format, e);
}

static int run(struct h0_ctx *ctx, const h0_verb_fn *fns, int argc, char **argv, struct h0_err *e)
{
	h0_auto(h0_parsed_done) struct h0_parsed p = {0};
	int rc = h0_parse(ctx->prog, argc, argv, &p, e);
	if (rc < 0)
		return -1;
	fill(ctx, &p);
	if (p.common.version)
		rc = version(ctx, e);
	else if (p.common.help)
		rc = help(ctx, &p, e);
	else if (check_columns(ctx, e) == 0)
		rc = fns[p.index](ctx, p.opts, e);
	else
		rc = -1;
	struct h0_err late = {0};
	/* what was printed before a failure is printed all the same; that nobody reads an answer to its
	 * end does not change it */
	if (h0_out_close(ctx, &late) < 0 && rc >= 0 && !h0_out_is_gone(&late)) {
		*e = late;
		rc = -1;
	}
	return rc;
}

/* What a new user meets first: the files are root's. */
static void add_hint(struct h0_err *e)
{
	size_t n = strlen(e->msg);
	if (e->kind == H0_SYS && (e->sys_errno == EACCES || e->sys_errno == EPERM) && geteuid() != 0)
		snprintf(e->msg + n, sizeof e->msg - n, " (try sudo)");
}

int h0_main(const struct h0_prog *prog, const h0_verb_fn *fns, int argc, char **argv)
{
	struct h0_out out = {0};
	struct h0_err e = {0};
	h0_std_fds();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like others */
	struct h0_ctx ctx = {
		.prog = prog,
		.json = asks_json(argc, argv),
		.tty_out = isatty(STDOUT_FILENO),
		.tty_err = isatty(STDERR_FILENO),
		.command_line = (const char *const *)argv,
		.out = &out,
	};
	ctx.color_err = wants_color(NULL, ctx.tty_err);
	int rc = run(&ctx, fns, argc, argv, &e);
	if (rc < 0 && h0_out_is_gone(&e)) {
		rc = H0_OK;
	} else if (rc < 0) {
		H0_ASSERT(e.kind != H0_OK && e.msg[0]);
		add_hint(&e);
		h0_msg_error(&ctx, &e);
		rc = (int)e.kind;
	}
	h0_progress_end(&ctx);
	h0_buf_done(&out.buf);
	return rc;
}
