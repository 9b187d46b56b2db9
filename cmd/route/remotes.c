/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remotes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "conf/snapshot.h"
#include "run/upstream.h"
#include "sys/clock.h"

#define FRESH_MS 30000
#define FIRST_MS 1500           /* what the start waits for */
#define LAST_MS  2000           /* what the end waits for */

struct route_remotes {
	struct h0_paths paths;
	const atomic_int *stop;
	pthread_t thread;
	pthread_mutex_t lock;           /* of what follows */
	pthread_cond_t wanted, known;
	bool want, end, busy, any;      /* any: asked at least once */
	struct h0_route_look now;       /* its remote part */
	char *set;                      /* the upstreams it tells of */
	int64_t at;
};

static struct timespec in_ms(int ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms % 1000 * 1000000L;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Names and URLs, so that a change is seen. */
static char *set_of(const struct h0_upstreams *us)
{
	h0_autobuf struct h0_buf b = {0};
	for (size_t i = 0; i < us->n; i++)
		h0_buf_addf(&b, "%s %s %d %s\n", us->v[i].name, us->v[i].url, (int)us->v[i].auth, us->v[i].key_env);
	return h0_buf_take(&b);
}

static void ask(struct route_remotes *r)
{
	h0_autosnap struct h0_snap snap = {0};
	h0_autoupstreams struct h0_upstreams us = {0};
	struct h0_route_look look = {0}, old;
	if (h0_snap_open(r->paths.etc, &snap, NULL) == 0 && h0_upstreams_load(&snap, &us, NULL) == 0)
		h0_upstream_look(&r->paths, &us, r->stop, &look);
	pthread_mutex_lock(&r->lock);
	old = r->now;
	r->now = look;
	free(r->set);
	r->set = set_of(&us);
	r->at = h0_now_ms();
	r->any = true;
	pthread_cond_broadcast(&r->known);
	pthread_mutex_unlock(&r->lock);
	h0_route_look_done(&old);
}

static void *work(void *arg)
{
	struct route_remotes *r = arg;
	for (;;) {
		pthread_mutex_lock(&r->lock);
		while (!r->want && !r->end)
			pthread_cond_wait(&r->wanted, &r->lock);
		bool end = r->end;
		r->want = false;
		r->busy = !end;
		pthread_mutex_unlock(&r->lock);
		if (end)
			return NULL;
		ask(r);
		pthread_mutex_lock(&r->lock);
		r->busy = false;
		pthread_cond_broadcast(&r->known);
		pthread_mutex_unlock(&r->lock);
	}
}

struct route_remotes *route_remotes_new(const struct h0_paths *paths, const atomic_int *stop)
{
	struct route_remotes *r = h0_calloc(1, sizeof *r);
	r->paths = *paths; /* it may outlive the caller's */
	r->stop = stop;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wanted, NULL);
	pthread_cond_init(&r->known, NULL);
	sigset_t all, before; /* signals are for the thread that waits for them */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&r->thread, NULL, work, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return r;
	free(r);
	return NULL;
}

void route_remotes_free(struct route_remotes *r)
{
	if (!r)
		return;
	struct timespec t = in_ms(LAST_MS);
	pthread_mutex_lock(&r->lock);
	r->end = true;
	pthread_cond_signal(&r->wanted);
	while (r->busy && pthread_cond_clockwait(&r->known, &r->lock, CLOCK_MONOTONIC, &t) != ETIMEDOUT)
		;
	bool busy = r->busy;
	pthread_mutex_unlock(&r->lock);
	if (busy) { /* with a name server, perhaps: the process ends without it, and its memory with it */
		pthread_detach(r->thread);
		return;
	}
	pthread_join(r->thread, NULL);
	h0_route_look_done(&r->now);
	pthread_cond_destroy(&r->wanted);
	pthread_cond_destroy(&r->known);
	pthread_mutex_destroy(&r->lock);
	free(r->set);
	free(r);
}

static const char *keep(struct h0_arena *mem, const char *s)
{
	return s ? h0_arena_strndup(mem, s, strlen(s)) : NULL;
}

static void copy(const struct h0_route_look *from, struct h0_route_look *ret)
{
	ret->remote = from->nremote ? h0_calloc(from->nremote, sizeof *ret->remote) : NULL;
	ret->nremote = from->nremote;
	for (size_t i = 0; i < from->nremote; i++) {
		const struct h0_route_remote *r = &from->remote[i];
		const char **models = NULL;
		if (r->models) {
			size_t n = 0;
			while (r->models[n])
				n++;
			models = h0_arena_alloc(&ret->mem, (n + 1) * sizeof *models);
			for (size_t k = 0; k < n; k++)
				models[k] = keep(&ret->mem, r->models[k]);
		}
		ret->remote[i] = (struct h0_route_remote){keep(&ret->mem, r->name), models, keep(&ret->mem, r->why),
			keep(&ret->mem, r->addr), keep(&ret->mem, r->header)};
	}
}

void route_remotes_get(struct route_remotes *r, const struct h0_upstreams *us, struct h0_route_look *ret)
{
	if (!r)
		return;
	h0_autofree char *set = set_of(us);
	struct timespec t = in_ms(FIRST_MS);
	pthread_mutex_lock(&r->lock);
	bool first = !r->any;
	if (first && !us->n) {
		pthread_mutex_unlock(&r->lock);
		return;
	}
	if (!h0_streq(set, r->set) || h0_now_ms() - r->at > FRESH_MS) {
		r->want = true;
		pthread_cond_signal(&r->wanted);
	}
	while (first && !r->any && pthread_cond_clockwait(&r->known, &r->lock, CLOCK_MONOTONIC, &t) != ETIMEDOUT)
		;
	if (h0_streq(set, r->set))
		copy(&r->now, ret);
	pthread_mutex_unlock(&r->lock);
}
