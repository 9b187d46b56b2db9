/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "box.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/rec.h"
#include "run/peek.h"
#include "run/upstream.h"
#include "sys/io.h"

int route_box_open(struct route_box *ret, struct h0_err *e)
{
	route_autobox struct route_box b = {0};
	if (h0_paths_init(&b.paths, e) < 0 || h0_snap_open(b.paths.etc, &b.snap, e) < 0 ||
	    h0_slots_load(&b.snap, &b.slots, e) < 0 ||
	    h0_upstreams_load(&b.snap, &b.upstreams, e) < 0)
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

/* Rules before that of the upstreams: a slot has what is asked for. */
static bool is_of_slot(const char *rule)
{
	static const char *const rules[] = {"endpoint", "virtual", "loaded", "slot name", "model"};
	for (size_t i = 0; rule && i < H0_ARRAY_LEN(rules); i++)
		if (strcmp(rules[i], rule) == 0)
			return true;
	return false;
}

int route_box_find(struct route_box *b, struct h0_route_ask *ask, struct h0_route *ret, struct h0_err *e)
{
	route_box_look(b, ask);
	int rc = h0_route_find(ask, ret, e);
	if (!b->upstreams.n || !ask->model || !*ask->model || (rc == 0 && is_of_slot(ret->rule)) ||
	    (rc < 0 && e->kind == H0_USAGE))
		return rc;
	h0_upstream_look(&b->paths, &b->upstreams, NULL, &b->look);
	ask->upstreams = &b->upstreams;
	ask->remote = b->look.remote;
	ask->nremote = b->look.nremote;
	h0_route_done(ret);
	return h0_route_find(ask, ret, e);
}

const char *route_who(const struct h0_route *r, char *dst, size_t size)
{
	snprintf(dst, size, "%s %s", r->upstream ? "upstream" : "slot", r->upstream ? r->upstream->name : r->slot->name);
	return dst;
}

int route_way(const struct route_box *b, const struct h0_route *r, struct h0_talk *talk, struct route_way *ret,
              struct h0_err *e)
{
	char key[H0_UPSTREAM_KEY];
	*ret = (struct route_way){0};
	if (!r->upstream) {
		talk->key = h0_slot_key_try(&b->paths, r->anchor->name, ret->key);
		return 0;
	}
	if (h0_upstream_key(&b->paths, r->upstream, key, e) < 0)
		return -1;
	h0_autofree char *who = h0_upstream_authority(r->upstream);
	ret->url = h0_asprintf("%s://%s%s", r->upstream->tls ? "https" : "http", who, r->path);
	ret->header = h0_upstream_header(r->upstream, key);
	explicit_bzero(key, sizeof key);
	talk->url = ret->url;
	talk->header = ret->header;
	if (!talk->idle_timeout_ms)
		talk->idle_timeout_ms = (int)(r->upstream->timeout_s < 2000000 ? r->upstream->timeout_s * 1000 : 0);
	return 0;
}

void route_way_done(struct route_way *w)
{
	free(w->url);
	free(w->header);
	explicit_bzero(w->key, sizeof w->key);
}

void route_box_done(struct route_box *b)
{
	h0_route_look_done(&b->look);
	h0_upstreams_done(&b->upstreams);
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
static atomic_int caught;

static void on_signal(int sig)
{
	caught = sig;
}

atomic_int *route_catch(void)
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
