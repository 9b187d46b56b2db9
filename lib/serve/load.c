/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bringing slots up: one thread per slot that is being loaded, whatever the number of requests
 * that wait for it.
 */
#include <string.h>

#include "base/mem.h"
#include "serve/inner.h"
#include "sys/clock.h"

#define AFTER_FAILURE_MS 5000   /* a slot that failed is not tried again for so long */
#define RETRY_AFTER_S    15     /* where nothing is known; as the original hal0 */

struct h0_job {
	struct h0_job *next;
	struct h0_core *core;
	struct h0_peer *peer;
	pthread_t thread;
	bool over;
};

static void *load(void *arg)
{
	struct h0_job *j = arg;
	struct h0_core *core = j->core;
	struct h0_peer *p = j->peer;
	const struct h0_serve_conf *conf = core->conf;
	struct h0_err e = {0};
	int rc = conf->load(p->name, conf->arg, &e);
	int64_t now = h0_now_ms();
	pthread_mutex_lock(&core->lock);
	int64_t took = now - p->load_began;
	p->load = rc < 0 ? LOAD_FAILED : LOAD_DONE;
	p->load_err = e;
	p->load_ended = now;
	if (rc == 0) /* the last times count more than those long ago */
		p->usual_ms = p->usual_ms < 0 ? took : (p->usual_ms + took) / 2;
	pthread_mutex_unlock(&core->lock);
	if (rc < 0)
		atomic_fetch_add(&p->load_failures, 1);
	else if (conf->loaded)
		conf->loaded(p->name, took, conf->arg);
	if (rc < 0 && conf->note)
		conf->note(e.msg, conf->arg);
	h0_core_wake(core);
	pthread_mutex_lock(&core->lock);
	j->over = true;
	pthread_mutex_unlock(&core->lock);
	uint64_t one = 1;
	(void)!write(core->news, &one, sizeof one); /* how it is has changed */
	return NULL;
}

void h0_peer_load(struct h0_core *core, struct h0_peer *p)
{
	int64_t now = h0_now_ms();
	pthread_mutex_lock(&core->lock);
	bool running = p->load == LOAD_RUNNING;
	bool just_failed = p->load == LOAD_FAILED && now - p->load_ended < AFTER_FAILURE_MS;
	if (!running && !just_failed) {
		struct h0_job *j = h0_malloc(sizeof *j);
		*j = (struct h0_job){.next = core->jobs, .core = core, .peer = p};
		p->load = LOAD_RUNNING;
		p->load_began = now;
		atomic_fetch_add(&p->loads, 1);
		if (pthread_create(&j->thread, NULL, load, j) == 0) {
			core->jobs = j;
		} else {
			p->load = LOAD_FAILED;
			p->load_ended = now;
			p->load_err = (struct h0_err){0};
			h0_fail(&p->load_err, H0_SYS, "slot %s: no thread to load it with", p->name);
			free(j);
		}
	}
	pthread_mutex_unlock(&core->lock);
}

/* Takes out of the list what is over, or all. */
static struct h0_job *take_jobs(struct h0_core *core, bool all)
{
	struct h0_job *taken = NULL;
	pthread_mutex_lock(&core->lock);
	for (struct h0_job **at = &core->jobs, *j; (j = *at);) {
		if (!all && !j->over) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		j->next = taken;
		taken = j;
	}
	pthread_mutex_unlock(&core->lock);
	return taken;
}

void h0_loads_join(struct h0_core *core, bool all)
{
	for (struct h0_job *j = take_jobs(core, all), *next; j; j = next) {
		next = j->next;
		pthread_join(j->thread, NULL);
		free(j);
	}
}

int h0_peer_retry_after(struct h0_core *core, struct h0_peer *p, int64_t now, double *ret_progress)
{
	pthread_mutex_lock(&core->lock);
	/* the caller's clock is read once a turn and may be behind */
	int64_t usual = p->usual_ms, since = now > p->load_began ? now - p->load_began : 0, left = usual - since;
	pthread_mutex_unlock(&core->lock);
	*ret_progress = -1;
	if (usual < 0)
		return RETRY_AFTER_S;
	*ret_progress = left > 0 && usual > 0 ? (double)(since * 100 / usual) / 100 : 0.99;
	return left < 1000 ? 1 : (int)((left + 999) / 1000);
}
