/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/act.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "run/flm.h"
#include "run/load.h"
#include "run/modelseen.h"
#include "run/slotkey.h"
#include "run/slotlock.h"
#include "run/state.h"
#include "sys/clock.h"
#include "sys/io.h"
#include "sys/lock.h"
#include "sys/loopback.h"
#include "sys/proc.h"

#define LOCK_STEP_MS    50      /* between two looks at why not to wait on */
#define PORT_FREE_MS    5000    /* for a port to come free after its server ended */
#define PORT_TAKEN_MS   300     /* for one that somebody else may just be leaving */
#define POLL_MS         10
#define HEALTH_MS       1000    /* for a server that is well to say so */
#define GRACE_SILENT_S  3

static bool port_becomes_free(int port, int within_ms)
{
	int waited = 0;
	while (h0_loopback_bound(port)) {
		if (waited >= within_ms)
			return false;
		h0_sleep_ms(POLL_MS);
		waited += POLL_MS;
	}
	return true;
}

bool h0_act_interrupted(const void *wait)
{
	const struct h0_wait *w = wait;
	struct pollfd p = {w ? w->signal_fd : -1, POLLIN, 0};
	return poll(&p, 1, 0) > 0;
}

int h0_act_lock_unless(const struct h0_box *b, const char *slot, bool (*given_up)(const void *arg),
                       const void *arg, bool *ret_given_up, struct h0_err *e)
{
	*ret_given_up = false;
	for (int waited = 0;; waited += LOCK_STEP_MS) {
		struct h0_err why = {0};
		int fd = h0_slotlock_take(b, slot, LOCK_STEP_MS, &why);
		if (fd >= 0)
			return fd;
		*ret_given_up = why.kind == H0_BUSY && given_up(arg);
		if (why.kind == H0_BUSY && waited < H0_ACT_LOCK_MS && !*ret_given_up)
			continue;
		if (e)
			*e = why;
		return -1;
	}
}

int h0_act_record(const struct h0_box *b, const char *slot, int port, const char *model,
                  const char *container, enum h0_state state, const struct h0_err *why,
                  struct h0_err *e)
{
	struct h0_state_file s = {.state = state, .port = port};
	snprintf(s.name, sizeof s.name, "%s", slot);
	snprintf(s.model_id, sizeof s.model_id, "%s", model ? model : "");
	snprintf(s.container, sizeof s.container, "%s", container ? container : "");
	if (why) {
		snprintf(s.message, sizeof s.message, "%s", why->msg);
		snprintf(s.code, sizeof s.code, "%s", h0_err_name(why));
		s.exit_code = why->kind;
	}
	return h0_state_write(&b->paths, &s, e);
}

int h0_act_check_port(const struct h0_slot *slot, struct h0_err *e)
{
	char who[128];
	if (port_becomes_free(slot->port, PORT_TAKEN_MS))
		return 0;
	h0_loopback_holder(slot->port, who, sizeof who);
	h0_fail(e, H0_CONFLICT, "port %d of slot %s is taken by %s", slot->port, slot->name, who);
	h0_err_code(e, "slot.config_error");
	return h0_err_detail(e, "port", "%d", slot->port);
}

bool h0_act_runs(const struct h0_ctr *c)
{
	return c && c->state == H0_CTR_RUNNING && h0_ctr_alive(c);
}

/* The container that the slot's monitor watches, by the monitor's command line; false: none lives. */
static bool monitored(const char *dir, char *ret_id)
{
	h0_autofree char *at = h0_asprintf("%s/conmon.pid", dir), *pidfile = h0_asprintf("%s/pid", dir);
	h0_autofree char *cmdline = h0_asprintf("/proc/%d/cmdline", (int)h0_proc_read_pid(at));
	h0_autobuf struct h0_buf b = {0};
	const char *id = NULL, *before = "";
	bool ours = false;
	if (h0_read_file(cmdline, 65536, &b, NULL) < 0)
		return false;
	const char *end = h0_buf_str(&b) + b.len;
	for (const char *w = h0_buf_str(&b); w < end; before = w, w += strlen(w) + 1) {
		ours |= h0_streq(before, "-p") && h0_streq(w, pidfile);
		if (h0_streq(before, "-c") && strlen(w) == H0_CTR_ID)
			id = w;
	}
	if (ours && id)
		memcpy(ret_id, id, H0_CTR_ID + 1);
	return ours && id;
}

int h0_act_end_forgotten(const struct h0_box *b, const char *slot, bool *ret_ended, struct h0_err *e)
{
	struct h0_state_file last;
	struct h0_ctr c = {0};
	h0_autofree char *dir = h0_asprintf("%s/slots/%s", b->paths.run, slot);
	h0_autofree char *path = h0_asprintf("%s/pid", dir);
	if (h0_state_read(&b->paths, slot, &last, NULL) < 0)
		return 0;
	if (!monitored(dir, c.id))
		memcpy(c.id, last.container, sizeof c.id);
	if (!c.id[0])
		return 0;
	snprintf(c.slot, sizeof c.slot, "%s", slot);
	c.pid = h0_proc_read_pid(path);
	if (!h0_ctr_lingers(&c))
		return 0;
	if (h0_podman_end(&b->podman, &c, 0, e) < 0)
		return -1;
	if (ret_ended)
		*ret_ended = true;
	return h0_act_record(b, slot, last.port, last.model_id, c.id, H0_STATE_OFFLINE, NULL, e);
}

int h0_act_look(const struct h0_box *b, const char *slot, struct h0_ctrs *ctrs,
                const struct h0_ctr **ret, struct h0_err *e)
{
	*ret = NULL;
	if (h0_podman_ps(&b->podman, ctrs, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(ctrs, slot);
	if (!c)
		return h0_act_end_forgotten(b, slot, NULL, e);
	if (h0_live_check_owner(b, c, e) < 0)
		return -1;
	if (!h0_act_runs(c) || h0_slotlock_ending(b, c))
		return h0_podman_end(&b->podman, c, 0, e);
	*ret = c;
	return 0;
}

int h0_act_make_ready(const struct h0_box *b, const char *slot, const struct h0_spec *s,
                      struct h0_err *e)
{
	static const char *const traces[] = {"pid", "conmon.pid", "oom"};
	h0_autofree char *var_dir = h0_strndup(s->log_path, (size_t)(strrchr(s->log_path, '/') - s->log_path));
	h0_autofree char *old = h0_asprintf("%s.1", s->log_path);
	if (h0_mkdirs(s->run_dir, 0755, e) < 0 || h0_mkdirs(var_dir, 0755, e) < 0)
		return -1;
	if (s->key_path[0] && h0_slot_key_make(&b->paths, slot, s->uid, s->gid, e) < 0)
		return h0_wrap(e, "the key of slot %s", slot);
	for (size_t i = 0; i < H0_ARRAY_LEN(traces); i++) {
		h0_autofree char *path = h0_asprintf("%s/%s", s->run_dir, traces[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			return h0_fail_sys(e, "%s", path);
	}
	if (rename(s->log_path, old) < 0 && errno != ENOENT)
		return h0_fail_sys(e, "%s", s->log_path);
	return h0_spec_prepare(s, e) < 0 || h0_modelseen_note(s, e) < 0 ? -1 : h0_flm_note(s, e);
}

/* By systemd where it watches over slots. */
static int run_container(const struct h0_box *b, const char *slot, const struct h0_spec *s,
                         char *ret_id, struct h0_err *e)
{
	if (!b->units.systemctl)
		return h0_podman_run(&b->podman, &s->argv, s->run_dir, ret_id, e);
	return h0_unit_launch(&b->units, slot, &s->argv, s->run_dir, ret_id, e);
}

int h0_act_launch(const struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s,
                  struct h0_outcome *ret, struct h0_err *e)
{
	char name[sizeof H0_CONTAINER_PREFIX + H0_NAME_MAX];
	snprintf(name, sizeof name, H0_CONTAINER_PREFIX "%s", slot->name);
	const char *model = s->model.id ? s->model.id : slot->model;
	if (h0_act_check_port(slot, e) < 0 || h0_act_make_ready(b, slot->name, s, e) < 0)
		return -1;
	if (h0_act_record(b, slot->name, slot->port, model, NULL, H0_STATE_STARTING, NULL, e) < 0)
		return -1;
	struct h0_err why = {0};
	if (run_container(b, slot->name, s, ret->container, &why) < 0) {
		/* podman leaves a created container behind when its program does not start */
		h0_podman_remove(&b->podman, name, 0, NULL);
		h0_act_end_forgotten(b, slot->name, NULL, NULL); /* by a podman that was killed */
		h0_act_record(b, slot->name, slot->port, model, NULL, H0_STATE_ERROR, &why, NULL);
		if (e)
			*e = why;
		return -1;
	}
	ret->changed = true;
	ret->state = H0_STATE_WARMING;
	ret->unrecorded = h0_act_record(b, slot->name, slot->port, model, ret->container,
	                                H0_STATE_WARMING, NULL, NULL) < 0;
	return 0;
}

/* What does not answer has nothing to finish, and while a server starts it does not hear SIGTERM: the
 * kernel keeps signals without a handler from the first process of a container. */
static int grace_for(const struct h0_box *b, const struct h0_ctr *c, int grace_s)
{
	struct h0_health_ask ask = {.port = c->port, .provider = c->provider};
	int grace = grace_s > 0 ? grace_s : H0_GRACE_S;
	if (!h0_act_runs(c) || grace <= GRACE_SILENT_S)
		return grace;
	h0_slot_key_try(&b->paths, c->slot, ask.key);
	h0_health_ask(&ask, 1, HEALTH_MS, NULL, 0);
	return ask.health == H0_HEALTH_READY ? grace : GRACE_SILENT_S;
}

int h0_act_end(const struct h0_box *b, const struct h0_ctr *c, int port, int grace_s,
               struct h0_outcome *ret, struct h0_err *e)
{
	char who[128];
	bool runs = h0_act_runs(c);
	port = c->port ? c->port : port;
	memcpy(ret->container, c->id, sizeof ret->container);
	/* where the disk is full a slot can be stopped all the same */
	(void)h0_act_record(b, c->slot, port, c->model, c->id, H0_STATE_UNLOADING, NULL, NULL);
	if (h0_unit_leave(&b->units, c->slot, NULL, e) < 0 ||
	    h0_podman_end(&b->podman, c, grace_for(b, c, grace_s), e) < 0)
		return -1;
	h0_unit_left(&b->units, c->slot);
	ret->changed = true;
	if (runs && port && !port_becomes_free(port, PORT_FREE_MS)) {
		h0_loopback_holder(port, who, sizeof who);
		return h0_fail(e, H0_EXTERN, "slot %s has ended, but its port %d is still taken by %s", c->slot,
		               port, who);
	}
	ret->unrecorded = h0_act_record(b, c->slot, port, c->model, c->id, H0_STATE_OFFLINE, NULL, NULL) < 0;
	return 0;
}

int h0_act_await(const struct h0_box *b, const struct h0_load *load, const struct h0_how *how,
                 struct h0_outcome *ret, struct h0_err *e)
{
	if (!how->wait || ret->interrupted)
		return 0;
	if (h0_load_wait(b, load, how->wait, ret, e) == 0) {
		if (!ret->interrupted)
			h0_unit_settle(&b->units, load->slot->name);
		return 0;
	}
	(void)h0_unit_leave(&b->units, load->slot->name, NULL, NULL); /* it has failed: no tries behind our back */
	return -1;
}
