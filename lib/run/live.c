/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/live.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "model/npu.h"
#include "run/flm.h"
#include "run/slotlock.h"
#include "sys/io.h"

#define HARDWARE_MAX (4u << 20)

int h0_box_open(struct h0_box *ret, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	if (h0_paths_init(&b.paths, e) < 0 || h0_podman_init(&b.podman, e) < 0 ||
	    h0_snap_open(b.paths.etc, &b.snap, e) < 0 || h0_slots_load(&b.snap, &b.slots, e) < 0)
		return -1;
	b.units = h0_units_find(&b.paths);
	*ret = b;
	b = (struct h0_box){0};
	return 0;
}

int h0_box_profiles(struct h0_box *b, struct h0_err *e)
{
	if (b->profiles.v)
		return 0;
	if (h0_images_open(&b->paths, &b->snap, &b->images, e) < 0 ||
	    h0_profiles_load(&b->snap, &b->profiles, e) < 0)
		return -1;
	b->profiles.images = &b->images;
	return 0;
}

enum h0_device h0_usual_device(const struct h0_paths *paths)
{
	h0_autofree char *file = h0_asprintf("%s/hardware.json", paths->etc);
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *doc = NULL;
	if (h0_read_file(file, HARDWARE_MAX, &text, NULL) < 0 ||
	    h0_json_parse(h0_buf_str(&text), text.len, file, &doc, NULL) < 0)
		return H0_DEVICE_CPU;
	int device = h0_word_index(h0_device_names,
	                           h0_json_str(h0_json_get(doc, "recommended_device")));
	return device < 0 ? H0_DEVICE_CPU : (enum h0_device)device;
}

void h0_box_done(struct h0_box *b)
{
	h0_profiles_done(&b->profiles);
	h0_images_done(&b->images);
	free(b->needs);
	h0_slots_done(&b->slots);
	h0_snap_done(&b->snap);
}

bool h0_live_foreign(const struct h0_box *b, const struct h0_ctr *c)
{
	return !c->ours || !h0_streq(c->home ? c->home : "", b->paths.home);
}

int h0_live_check_owner(const struct h0_box *b, const struct h0_ctr *c, struct h0_err *e)
{
	if (!h0_live_foreign(b, c) || !h0_ctr_alive(c))
		return 0;
	if (!c->ours)
		h0_fail(e, H0_CONFLICT, "a container " H0_CONTAINER_PREFIX "%s runs that hal0 did not start: "
		        "remove it first (podman rm -f " H0_CONTAINER_PREFIX "%s)", c->slot, c->slot);
	else
		h0_fail(e, H0_CONFLICT, "slot %s runs for another hal0, with HAL0_HOME=%s: it is left alone",
		        c->slot, c->home && c->home[0] ? c->home : "(unset)");
	return h0_err_detail(e, "container", "%s", c->id);
}

/* ---- judging ---- */
static void say(struct h0_slot_live *l, enum h0_state state, const char *fmt, ...) H0_PRINTF(3, 4);
static void say(struct h0_slot_live *l, enum h0_state state, const char *fmt, ...)
{
	va_list ap;
	l->state = state;
	va_start(ap, fmt);
	vsnprintf(l->message, sizeof l->message, fmt, ap);
	va_end(ap);
}

static void judge_absent(const struct h0_state_file *last, struct h0_slot_live *l)
{
	/* nothing runs: the last transition may say why */
	if (last->state == H0_STATE_ERROR)
		say(l, H0_STATE_ERROR, "%s", last->message);
	else
		say(l, H0_STATE_OFFLINE, "%s", "");
}

static void judge_foreign(const struct h0_ctr *c, struct h0_slot_live *l)
{
	if (!l->alive)
		say(l, H0_STATE_OFFLINE, "%s", "");
	else if (c->ours)
		say(l, H0_STATE_OFFLINE, "the name is in use by another hal0, with HAL0_HOME=%s",
		    c->home && c->home[0] ? c->home : "(unset)");
	else
		say(l, H0_STATE_OFFLINE, "the name is in use by a container hal0 did not start");
}

static void judge_ended(const struct h0_ctr *c, const struct h0_state_file *last, struct h0_slot_live *l)
{
	if (last->state == H0_STATE_ERROR && h0_streq(last->container, c->id))
		say(l, H0_STATE_ERROR, "%s", last->message);
	else if (c->exit_code == 0 || c->exit_code == 143) /* 143: ended by SIGTERM */
		say(l, H0_STATE_OFFLINE, "the server has ended");
	else if (c->exit_code == 137)
		say(l, H0_STATE_ERROR, "the server was killed (hal0 slot logs %s)", c->slot);
	else
		say(l, H0_STATE_ERROR, "the server ended with exit code %d (hal0 slot logs %s)",
		    c->exit_code, c->slot);
}

static void judge_running(const struct h0_ctr *c, const struct h0_state_file *last,
                          const struct h0_health_ask *ask, struct h0_slot_live *l)
{
	bool was_ready = h0_state_serves(last->state) && h0_streq(last->container, c->id);
	snprintf(l->model_id, sizeof l->model_id, "%s", ask->listed);
	switch (l->health) {
	case H0_HEALTH_READY:
		say(l, H0_STATE_READY, "%s", h0_ctr_monitored(c) ? "" :
		    "it serves, but podman has lost its monitor (conmon): restart it when convenient");
		return;
	case H0_HEALTH_WRONG:
		say(l, H0_STATE_ERROR, "the server lists '%s', not '%s'", ask->listed, c->model);
		return;
	case H0_HEALTH_BROKEN:
		say(l, H0_STATE_ERROR, "the server answers its health check with %d", ask->status);
		return;
	default:
		/* loading, or hung: only what was well before can be hung */
		if (was_ready && l->health != H0_HEALTH_LOADING)
			say(l, H0_STATE_ERROR, "it runs, but is %s: restart it", h0_health_word(l->health));
		else
			say(l, H0_STATE_WARMING, "%s", h0_health_word(l->health));
	}
}

static void judge(const struct h0_state_file *last, const struct h0_health_ask *ask,
                  struct h0_slot_live *l)
{
	const struct h0_ctr *c = l->ctr;
	if (!c)
		judge_absent(last, l);
	else if (l->foreign)
		judge_foreign(c, l);
	else if (l->stale)
		say(l, H0_STATE_ERROR, "its process is gone and podman has not noticed: restart mends it");
	else if (c->state == H0_CTR_RUNNING)
		judge_running(c, last, ask, l);
	else if (c->state == H0_CTR_EXITED)
		judge_ended(c, last, l);
	else if (c->state == H0_CTR_STOPPING && l->cut_short)
		say(l, H0_STATE_UNLOADING, "it still runs, and whoever was ending it was killed: hal0 slot stop %s goes on", c->slot);
	else if (c->state == H0_CTR_STOPPING)
		say(l, H0_STATE_UNLOADING, "%s", c->word);
	else if (c->state == H0_CTR_CREATED)
		say(l, H0_STATE_STARTING, "%s", c->word);
	else
		say(l, H0_STATE_ERROR, "podman calls its container '%s'", c->word);
}

void h0_live_look_ahead(const struct h0_box *b, const struct h0_slot *const *slots, size_t n,
                        int wake_fd, struct h0_live_ahead *ret)
{
	h0_autofree struct h0_health_ask *asks = h0_calloc(n ? n : 1, sizeof *asks);
	h0_autofree size_t *whose = h0_calloc(n ? n : 1, sizeof *whose);
	size_t asked = 0;
	for (size_t i = 0; i < n; i++) {
		struct h0_state_file *last = &ret[i].last;
		*last = (struct h0_state_file){.state = H0_STATE_OFFLINE};
		/* a torn or foreign state file says nothing; podman and the server do */
		(void)h0_state_read(&b->paths, slots[i]->name, last, NULL);
		ret[i].ask = (struct h0_health_ask){.port = slots[i]->port, .provider = slots[i]->provider};
		if (!h0_state_serves(last->state) && last->state != H0_STATE_WARMING)
			continue;
		h0_slot_key_try(&b->paths, slots[i]->name, ret[i].ask.key);
		whose[asked] = i;
		asks[asked++] = ret[i].ask;
	}
	/* what has not answered by the time podman has is asked again, if it runs at all */
	if (wake_fd >= 0)
		h0_health_ask(asks, asked, H0_LIVE_PATIENCE_MS, &wake_fd, 1);
	for (size_t k = 0; k < asked; k++)
		ret[whose[k]].ask = asks[k];
}

/* Does an answer from before tell what would be asked now? */
static bool tells(const struct h0_health_ask *ahead, const struct h0_health_ask *ask)
{
	if (ahead->port != ask->port || ahead->provider != ask->provider)
		return false;
	if (ahead->health == H0_HEALTH_READY)
		return !ask->model || h0_streq(ahead->listed, ask->model);
	return ahead->health == H0_HEALTH_LOADING || ahead->health == H0_HEALTH_BROKEN;
}

/* Not below zero where the clock was put back. */
static int64_t uptime_of(const struct h0_ctr *c)
{
	int64_t s = c->started_at ? (int64_t)time(NULL) - c->started_at : 0;
	return s > 0 ? s : 0;
}

static void look_at_container(const struct h0_box *b, struct h0_slot_live *l)
{
	const struct h0_ctr *c = l->ctr;
	l->foreign = h0_live_foreign(b, c);
	l->alive = h0_ctr_alive(c);
	bool thinks = c->state == H0_CTR_RUNNING || c->state == H0_CTR_STOPPING;
	l->stale = thinks && !l->alive;
	l->cut_short = !l->foreign && l->alive && c->state == H0_CTR_STOPPING && h0_slotlock_orphaned(b, c);
	if (!l->foreign && l->alive && c->state == H0_CTR_RUNNING)
		l->uptime_s = uptime_of(c);
}

/* ---- records of the NPU's trio: as the slot whose server answers for them ---- */
static bool is_record(const struct h0_slot *s)
{
	return !s->broken && h0_slot_is_shadow(s);
}

static void judge_record(const struct h0_box *b, struct h0_slot_live *l)
{
	const struct h0_slot *anchor = NULL;
	struct h0_err why = {0};
	if (h0_npu_trio(&b->slots, l->slot, &anchor, &why) < 0)
		say(l, H0_STATE_OFFLINE, "%s", why.msg);
	else if (l->state == H0_STATE_READY &&
	         (h0_flm_noted_without(&b->paths, anchor->name) & H0_TYPE_BIT(l->slot->type)))
		say(l, H0_STATE_OFFLINE, "slot %s was started without it: hal0 slot restart %s", anchor->name,
		    anchor->name);
	else if (l->state == H0_STATE_READY || !l->message[0])
		say(l, l->state, "slot %s answers for it", anchor->name);
}

void h0_live_look(const struct h0_box *b, const struct h0_slot *const *slots, size_t n,
                  const struct h0_ctrs *ctrs, const struct h0_live_ahead *ahead,
                  struct h0_slot_live *ret)
{
	h0_autofree struct h0_health_ask *asks = h0_calloc(n ? n : 1, sizeof *asks);
	h0_autofree struct h0_health_ask *now = h0_calloc(n ? n : 1, sizeof *now);
	h0_autofree size_t *whose = h0_calloc(n ? n : 1, sizeof *whose);
	size_t asked = 0;
	for (size_t i = 0; i < n; i++) {
		const struct h0_slot *server = h0_npu_server(&b->slots, slots[i]);
		const struct h0_ctr *c = server ? h0_ctrs_get(ctrs, server->name) : NULL;
		ret[i] = (struct h0_slot_live){.slot = slots[i], .ctr = c, .uptime_s = -1};
		if (c)
			look_at_container(b, &ret[i]);
		if (ret[i].uptime_s < 0)
			continue;
		/* what runs, not what the file says by now */
		asks[i] = (struct h0_health_ask){.port = c->port ? c->port : slots[i]->port,
			.provider = c->provider, .model = h0_ctr_expects(c)};
		h0_slot_key_try(&b->paths, server->name, asks[i].key);
		if (tells(&ahead[i].ask, &asks[i])) {
			asks[i] = ahead[i].ask;
			continue;
		}
		whose[asked] = i;
		now[asked++] = asks[i];
	}
	h0_health_ask(now, asked, H0_LIVE_PATIENCE_MS, NULL, 0);
	for (size_t k = 0; k < asked; k++)
		asks[whose[k]] = now[k];
	for (size_t i = 0; i < n; i++) {
		ret[i].health = asks[i].health; /* of those not asked: H0_HEALTH_UNASKED */
		judge(&ahead[i].last, &asks[i], &ret[i]);
		if (is_record(slots[i]))
			judge_record(b, &ret[i]);
	}
}
