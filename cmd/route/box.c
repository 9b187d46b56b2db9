/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "box.h"

#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "cli/rec.h"
#include "run/peek.h"
#include "sys/io.h"

int route_box_open(struct route_box *ret, struct h0_err *e)
{
	route_autobox struct route_box b = {0};
	if (h0_paths_init(&b.paths, e) < 0 || h0_snap_open(b.paths.etc, &b.snap, e) < 0 ||
	    h0_slots_load(&b.snap, &b.slots, e) < 0)
		return -1;
	*ret = b;
	b = (struct route_box){0};
	return 0;
}

void route_box_look(struct route_box *b, struct h0_route_ask *ask)
{
	if (!b->look.v)
		h0_peek(&b->paths, &b->slots, ROUTE_PATIENCE_MS, &b->look);
	ask->live = b->look.v;
	ask->nlive = b->look.n;
}

void route_box_done(struct route_box *b)
{
	h0_route_look_done(&b->look);
	h0_slots_done(&b->slots);
	h0_snap_done(&b->snap);
}

/* ---- answers ---- */

void route_sink_init(struct route_sink *s, struct h0_ctx *ctx, const struct route_say_opts *o)
{
	bool shown = o->reasoning[0] == 's' || (o->reasoning[0] == 'a' && ctx->tty_err && !ctx->quiet);
	*s = (struct route_sink){.ctx = ctx, .reasoning = shown};
}

/* What a model writes must not drive the terminal. */
static void clean(const char *p, size_t n, struct h0_buf *ret)
{
	h0_autofree char *text = h0_strndup(p, n);
	h0_text_safe(text, true, ret);
}

void route_note(struct h0_ctx *ctx, const char *p, size_t n)
{
	h0_autobuf struct h0_buf b = {0};
	h0_buf_adds(&b, ctx->color_err ? "\033[2m" : "");
	clean(p, n, &b);
	h0_buf_adds(&b, ctx->color_err ? "\033[0m" : "");
	(void)h0_write_all(STDERR_FILENO, b.p, b.len, NULL); /* a closed stderr leaves nobody to tell */
}

static void end_reasoning(struct route_sink *s)
{
	if (s->in_reasoning)
		route_note(s->ctx, "\n\n", 2);
	s->in_reasoning = false;
}

int route_sink_text(bool reasoning, const char *p, size_t n, void *arg, struct h0_err *e)
{
	struct route_sink *s = arg;
	h0_autobuf struct h0_buf safe = {0};
	if (reasoning) {
		s->in_reasoning = s->reasoning;
		if (s->reasoning)
			route_note(s->ctx, p, n);
		return 0;
	}
	end_reasoning(s);
	s->last = n ? p[n - 1] : s->last;
	if (s->keep)
		h0_buf_add(s->keep, p, n);
	if (s->ctx->tty_out) {
		clean(p, n, &safe);
		p = safe.p;
		n = safe.len;
	}
	return h0_out_bytes(s->ctx, p, n, e) < 0 ? -1 : h0_out_flush(s->ctx, e);
}

int route_sink_end(struct route_sink *s, struct h0_err *e)
{
	end_reasoning(s);
	if (!s->last || s->last == '\n')
		return 0;
	s->last = '\n';
	return h0_out_bytes(s->ctx, "\n", 1, e) < 0 ? -1 : h0_out_flush(s->ctx, e);
}

/* ---- Ctrl-C ---- */

/* The one thing a signal handler can reach. */
static volatile int caught;

static void on_signal(int sig)
{
	caught = sig;
}

volatile int *route_catch(void)
{
	struct sigaction a = {.sa_handler = on_signal}, old;
	int signals[] = {SIGINT, SIGTERM, SIGHUP};
	sigemptyset(&a.sa_mask);
	for (size_t i = 0; i < H0_ARRAY_LEN(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &a, NULL);
	return &caught;
}

void route_die_of_it(void)
{
	signal(caught, SIG_DFL);
	raise(caught);
}
