/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/life.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "model/npu.h"
#include "run/load.h"
#include "run/state.h"
#include "sys/io.h"
#include "sys/lock.h"
#include "sys/loopback.h"

#define LOCK_STEP_MS    100
#define LOCK_MS         90000   /* a stop holds it for its grace and podman's own time */
#define PORT_FREE_MS    5000    /* for a port to come free after its server ended */
#define PORT_TAKEN_MS   300     /* for one that somebody else may just be leaving */
#define POLL_MS         10

static void sleep_ms(int ms)
{
	struct timespec t = {.tv_nsec = (long)ms * 1000000};
	nanosleep(&t, NULL);
}

int h0_life_lock(const struct h0_box *b, const char *slot, int timeout_ms, struct h0_err *e)
{
	char dir[1200], path[1300];
	snprintf(dir, sizeof dir, "%s/slots", b->paths.run);
	snprintf(path, sizeof path, "%s/%s.lock", dir, slot);
	if (h0_mkdirs(dir, 0755, e) < 0)
		return -1;
	return h0_lock(path, timeout_ms, "hal0-slot", e);
}

/* The same, given up when signal_fd becomes readable: then -1 and *ret_interrupted. */
static int lock_unless(const struct h0_box *b, const char *slot, int signal_fd,
                       bool *ret_interrupted, struct h0_err *e)
{
	for (int waited = 0;; waited += LOCK_STEP_MS) {
		struct h0_err why = {0};
		struct pollfd p = {signal_fd, POLLIN, 0};
		int fd = h0_life_lock(b, slot, LOCK_STEP_MS, &why);
		*ret_interrupted = fd < 0 && signal_fd >= 0 && poll(&p, 1, 0) > 0;
		if (fd >= 0)
			return fd;
		if (why.kind == H0_BUSY && waited < LOCK_MS && !*ret_interrupted)
			continue;
		if (e)
			*e = why;
		return -1;
	}
}

static bool port_becomes_free(int port, int within_ms)
{
	int waited = 0;
	while (h0_loopback_bound(port)) {
		if (waited >= within_ms)
			return false;
		sleep_ms(POLL_MS);
		waited += POLL_MS;
	}
	return true;
}

int h0_life_record(const struct h0_box *b, const char *slot, int port, const char *model,
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

/* ---- before ---- */
static int check_port(const struct h0_slot *slot, struct h0_err *e)
{
	char who[128];
	if (port_becomes_free(slot->port, PORT_TAKEN_MS))
		return 0;
	h0_loopback_holder(slot->port, who, sizeof who);
	h0_fail(e, H0_CONFLICT, "port %d of slot %s is taken by %s", slot->port, slot->name, who);
	h0_err_code(e, "slot.config_error");
	return h0_err_detail(e, "port", "%d", slot->port);
}

/* A record of the NPU trio: whose server answers for it, and what that needs. */
static int never_by_itself(const struct h0_box *b, const struct h0_slot *s, struct h0_err *e)
{
	const struct h0_slot *anchor;
	if (h0_npu_trio(&b->slots, s, &anchor, e) < 0)
		return -1;
	h0_fail(e, H0_NO, "slot %s has no server of its own: that of slot %s, the NPU's, answers for it; "
	        "start that one: hal0 slot start %s", s->name, anchor->name, anchor->name);
	h0_err_detail(e, "anchor", "%s", anchor->name);
	return h0_err_code(e, "slot.spawn_failed");
}

static int check_files(struct h0_box *b, const struct h0_slot *slot, enum h0_argv_mode mode,
                       struct h0_spec *ret, struct h0_err *e)
{
	*ret = (struct h0_spec){0};
	if (h0_slot_is_shadow(slot))
		return never_by_itself(b, slot, e);
	if (h0_box_profiles(b, e) < 0 || h0_slots_check_one(&b->slots, slot, e) < 0 ||
	    h0_npu_check(&b->slots, slot, true, e) < 0)
		return -1;
	return h0_spec_make(&b->paths, &b->snap, &b->profiles, &b->podman, slot, mode, ret, e);
}

int h0_life_check(struct h0_box *b, const struct h0_slot *slot, enum h0_argv_mode mode,
                  struct h0_spec *ret, struct h0_err *e)
{
	bool there = false;
	if (check_files(b, slot, mode, ret, e) < 0 ||
	    h0_podman_image_exists(&b->podman, ret->plan.image, &there, e) < 0)
		return -1;
	return there ? 0 : h0_podman_no_image(ret->plan.image, e);
}

/* Directories, and no traces of a former life in them. */
static int clear_traces(const struct h0_spec *s, struct h0_err *e)
{
	static const char *const traces[] = {"pid", "conmon.pid", "oom"};
	h0_autofree char *var_dir = h0_strndup(s->log_path, (size_t)(strrchr(s->log_path, '/') - s->log_path));
	h0_autofree char *old = h0_asprintf("%s.1", s->log_path);
	if (h0_mkdirs(s->run_dir, 0755, e) < 0 || h0_mkdirs(var_dir, 0755, e) < 0)
		return -1;
	for (size_t i = 0; i < H0_ARRAY_LEN(traces); i++) {
		h0_autofree char *path = h0_asprintf("%s/%s", s->run_dir, traces[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			return h0_fail_sys(e, "%s", path);
	}
	if (rename(s->log_path, old) < 0 && errno != ENOENT)
		return h0_fail_sys(e, "%s", s->log_path);
	return 0;
}

/* With the lock held: the slot's container if it runs, else none, and nothing dead in the way. */
static int look(const struct h0_box *b, const struct h0_slot *slot, struct h0_ctrs *ctrs,
                const struct h0_ctr **ret, struct h0_err *e)
{
	*ret = NULL;
	if (h0_podman_ps(&b->podman, ctrs, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(ctrs, slot->name);
	if (!c)
		return 0;
	if (h0_live_check_owner(b, c, e) < 0)
		return -1;
	if (c->state == H0_CTR_RUNNING && h0_ctr_alive(c)) {
		*ret = c;
		return 0;
	}
	/* ended, or podman only thinks that it runs, or half stopped since its monitor died */
	return h0_podman_remove(&b->podman, c->id, 0, e);
}

int h0_life_foresee(struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s,
                    bool *ret_runs, bool *ret_outdated, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	if (h0_podman_ps(&b->podman, &ctrs, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(&ctrs, slot->name);
	if (c && h0_live_check_owner(b, c, e) < 0)
		return -1;
	*ret_runs = c && c->state == H0_CTR_RUNNING && h0_ctr_alive(c);
	*ret_outdated = *ret_runs && !h0_streq(c->spec, s->argv.spec);
	/* a dead container's server may hold the port until it is cleared away */
	return *ret_runs || (c && h0_ctr_alive(c)) ? 0 : check_port(slot, e);
}

/* ---- start ---- */
static int launch(const struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s,
                  struct h0_outcome *ret, struct h0_err *e)
{
	char name[sizeof H0_CONTAINER_PREFIX + H0_NAME_MAX];
	snprintf(name, sizeof name, H0_CONTAINER_PREFIX "%s", slot->name);
	const char *model = s->model.id ? s->model.id : slot->model;
	if (check_port(slot, e) < 0 || clear_traces(s, e) < 0)
		return -1;
	if (h0_life_record(b, slot->name, slot->port, model, NULL, H0_STATE_STARTING, NULL, e) < 0)
		return -1;
	struct h0_err why = {0};
	if (h0_podman_run(&b->podman, &s->argv, s->run_dir, ret->container, &why) < 0) {
		/* podman leaves a created container behind when its program does not start */
		h0_podman_remove(&b->podman, name, 0, NULL);
		h0_life_record(b, slot->name, slot->port, model, NULL, H0_STATE_ERROR, &why, NULL);
		if (e)
			*e = why;
		return -1;
	}
	ret->changed = true;
	ret->state = H0_STATE_WARMING;
	ret->unrecorded = h0_life_record(b, slot->name, slot->port, model, ret->container,
	                                 H0_STATE_WARMING, NULL, NULL) < 0;
	return 0;
}

static pid_t launched_pid(const struct h0_spec *s)
{
	h0_autobuf struct h0_buf text = {0};
	h0_autofree char *path = h0_asprintf("%s/pid", s->run_dir);
	if (h0_read_file(path, 64, &text, NULL) < 0)
		return 0;
	return (pid_t)strtol(h0_buf_str(&text), NULL, 10);
}

/* What to wait for: a container that runs, started by us or by somebody else. */
static void load_of(const struct h0_slot *slot, const struct h0_ctr *c, struct h0_load *load)
{
	*load = (struct h0_load){.slot = slot, .pid = c->pid, .provider = c->provider,
		.port = c->port ? c->port : slot->port};
	snprintf(load->container, sizeof load->container, "%s", c->id);
	const char *model = h0_ctr_expects(c);
	snprintf(load->model, sizeof load->model, "%s", model ? model : "");
}

/* Under the lock: finds or starts the container. *load says what to wait for. */
static int start_locked(const struct h0_box *b, const struct h0_slot *slot,
                        const struct h0_spec *s, int signal_fd, struct h0_load *load,
                        struct h0_outcome *ret, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_ctr *c;
	h0_autofd int lock = lock_unless(b, slot->name, signal_fd, &ret->interrupted, e);
	if (ret->interrupted)
		return 0;
	if (lock < 0 || look(b, slot, &ctrs, &c, e) < 0)
		return -1;
	if (c) {
		load_of(slot, c, load);
		memcpy(ret->container, c->id, sizeof ret->container);
		ret->outdated = !h0_streq(c->spec, s->argv.spec);
		ret->state = H0_STATE_WARMING;
		return 0;
	}
	if (launch(b, slot, s, ret, e) < 0)
		return -1;
	struct h0_ctr mine = {.pid = launched_pid(s), .port = slot->port, .provider = s->plan.family,
		.model = s->model.id};
	memcpy(mine.id, ret->container, sizeof mine.id);
	load_of(slot, &mine, load);
	return 0;
}

int h0_life_start(struct h0_box *b, const struct h0_slot *slot, const struct h0_wait *wait,
                  struct h0_outcome *ret, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	struct h0_load load;
	*ret = (struct h0_outcome){0};
	if (check_files(b, slot, H0_ARGV_DETACHED, &s, e) < 0 ||
	    start_locked(b, slot, &s, wait ? wait->signal_fd : -1, &load, ret, e) < 0)
		return -1;
	return wait && !ret->interrupted ? h0_load_wait(b, &load, wait, ret, e) : 0;
}

/* ---- run ---- */
int h0_life_prepare_run(struct h0_box *b, const struct h0_slot *slot, struct h0_spec *ret,
                        struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_ctr *c;
	if (h0_life_check(b, slot, H0_ARGV_FOREGROUND, ret, e) < 0)
		return -1;
	h0_autofd int lock = h0_life_lock(b, slot->name, LOCK_MS, e);
	if (lock < 0 || look(b, slot, &ctrs, &c, e) < 0)
		return -1;
	if (c && h0_ctr_monitored(c))
		return h0_fail(e, H0_CONFLICT, "slot %s runs already: hal0 slot stop %s first", slot->name,
		               slot->name);
	/* a server that outlived its monitor: nobody would restart it when it ends */
	if (c && h0_podman_remove(&b->podman, c->id, H0_GRACE_S, e) < 0)
		return -1;
	if (check_port(slot, e) < 0 || clear_traces(ret, e) < 0)
		return -1;
	return h0_life_record(b, slot->name, slot->port, ret->model.id ? ret->model.id : slot->model,
	                      NULL, H0_STATE_STARTING, NULL, e);
}

/* ---- wait ---- */
static bool being_started(const struct h0_box *b, const char *slot)
{
	struct h0_err why = {0};
	h0_autofd int lock = h0_life_lock(b, slot, 0, &why);
	return lock < 0 && why.kind == H0_BUSY;
}

int h0_life_wait(struct h0_box *b, const struct h0_slot *slot, const struct h0_wait *wait,
                 struct h0_outcome *ret, struct h0_err *e)
{
	*ret = (struct h0_outcome){0};
	for (;;) {
		h0_autoctrs struct h0_ctrs ctrs = {0};
		struct h0_load load;
		bool busy = being_started(b, slot->name);
		if (h0_podman_ps(&b->podman, &ctrs, e) < 0)
			return -1;
		const struct h0_ctr *c = h0_ctrs_get(&ctrs, slot->name);
		if (c && h0_live_check_owner(b, c, e) < 0)
			return -1;
		if (c && c->state == H0_CTR_RUNNING && h0_ctr_alive(c)) {
			load_of(slot, c, &load);
			memcpy(ret->container, c->id, sizeof ret->container);
			return h0_load_wait(b, &load, wait, ret, e);
		}
		if (!busy)
			break;
		struct pollfd p = {wait->signal_fd, POLLIN, 0};
		ret->interrupted = poll(&p, 1, POLL_MS) > 0;
		if (ret->interrupted)
			return 0;
	}
	struct h0_state_file last;
	bool failed = h0_state_read(&b->paths, slot->name, &last, NULL) == 0 &&
	              last.state == H0_STATE_ERROR;
	h0_fail(e, H0_NO, "slot %s does not run%s%s", slot->name, failed ? ": " : "",
	        failed ? last.message : "");
	return h0_err_code(e, "slot.not_ready");
}

/* ---- stop ---- */
/* Nothing runs. That the last start failed is no longer what matters: somebody wants it off. */
static int forget_error(const struct h0_box *b, const char *slot, struct h0_err *e)
{
	struct h0_state_file last;
	if (h0_state_read(&b->paths, slot, &last, NULL) < 0 || last.state != H0_STATE_ERROR)
		return 0;
	return h0_life_record(b, slot, last.port, last.model_id, NULL, H0_STATE_OFFLINE, NULL, e);
}

int h0_life_stop(struct h0_box *b, const char *slot, int port, int grace_s,
                 struct h0_outcome *ret, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	char who[128];
	*ret = (struct h0_outcome){.state = H0_STATE_OFFLINE};
	h0_autofd int lock = h0_life_lock(b, slot, LOCK_MS, e);
	if (lock < 0 || h0_podman_ps(&b->podman, &ctrs, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(&ctrs, slot);
	if (!c)
		return forget_error(b, slot, e);
	if (h0_live_check_owner(b, c, e) < 0)
		return -1;
	if (h0_live_foreign(b, c))
		return 0;
	bool runs = c->state == H0_CTR_RUNNING && h0_ctr_alive(c);
	port = c->port ? c->port : port;
	memcpy(ret->container, c->id, sizeof ret->container);
	if (h0_life_record(b, slot, port, c->model, c->id, H0_STATE_UNLOADING, NULL, e) < 0)
		return -1;
	if (h0_podman_remove(&b->podman, c->id, grace_s > 0 ? grace_s : H0_GRACE_S, e) < 0)
		return -1;
	ret->changed = true;
	if (runs && port && !port_becomes_free(port, PORT_FREE_MS)) {
		h0_loopback_holder(port, who, sizeof who);
		h0_fail(e, H0_EXTERN, "slot %s has ended, but its port %d is still taken by %s", slot, port, who);
		return -1;
	}
	ret->unrecorded = h0_life_record(b, slot, port, c->model, c->id, H0_STATE_OFFLINE, NULL, NULL) < 0;
	return 0;
}
