/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/life.h"

#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "model/npu.h"
#include "run/act.h"
#include "run/flm.h"
#include "run/ledger.h"
#include "run/load.h"
#include "run/room.h"
#include "run/slotlock.h"
#include "run/state.h"
#include "run/use.h"
#include "sys/io.h"

#define POLL_MS        10
#define UNLOAD_LOCK_MS 2000  /* who is being started or stopped is not idle */

/* ---- before ---- */
static int check_files(struct h0_box *b, const struct h0_slot *slot, enum h0_argv_mode mode,
                       struct h0_spec *ret, struct h0_err *e)
{
	*ret = (struct h0_spec){0};
	if (h0_flm_may_start(b, slot, e) < 0 || h0_box_profiles(b, e) < 0 ||
	    h0_slots_check_one(&b->slots, slot, e) < 0)
		return -1;
	if (h0_spec_make(&b->paths, &b->snap, &b->profiles, &b->podman, slot, mode, ret, e) < 0)
		return -1;
	return h0_spec_check(ret, e);
}

enum h0_argv_mode h0_life_mode(const struct h0_box *b)
{
	return b->units.systemctl ? H0_ARGV_UNIT : H0_ARGV_DETACHED;
}

int h0_life_check(struct h0_box *b, const struct h0_slot *slot, enum h0_argv_mode mode,
                  struct h0_spec *ret, struct h0_err *e)
{
	bool there = false;
	if (check_files(b, slot, mode, ret, e) < 0 ||
	    h0_podman_image_exists(&b->podman, ret->plan.image, &there, e) < 0)
		return -1;
	return there ? h0_flm_check_models(&b->podman, ret, e) : h0_podman_no_image(ret->plan.image, e);
}

int h0_life_foresee(struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s,
                    bool anew, const struct h0_how *how, struct h0_foresight *ret, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	*ret = (struct h0_foresight){0};
	if (h0_podman_ps(&b->podman, &ctrs, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(&ctrs, slot->name);
	if (c && h0_live_check_owner(b, c, e) < 0)
		return -1;
	ret->runs = h0_act_runs(c);
	ret->outdated = ret->runs && !h0_streq(c->spec, s->argv.spec);
	/* a dead container's server may hold the port until it is cleared away */
	if (!ret->runs && !(c && h0_ctr_alive(c)) && h0_act_check_port(slot, e) < 0)
		return -1;
	return ret->runs && !anew ? 0 : h0_room_admit(b, slot, &ctrs, how, false, &ret->evicted, e);
}

/* ---- start and restart ---- */
/* Under the lock: finds or starts the container, or with `anew` ends the one that runs and starts
 * another. *load says what to wait for. */
static int begin(struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s,
                 bool anew, const struct h0_how *how, struct h0_load *load, struct h0_outcome *ret,
                 struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_ctr *c;
	struct h0_outcome ended = {0};
	if (h0_act_look(b, slot->name, &ctrs, &c, e) < 0)
		return -1;
	if (c && !anew) {
		h0_load_of(slot, c, load);
		load->model_bytes = h0_spec_model_bytes(s);
		memcpy(ret->container, c->id, sizeof ret->container);
		ret->outdated = !h0_streq(c->spec, s->argv.spec);
		ret->state = H0_STATE_WARMING;
		return 0;
	}
	if (h0_flm_admit(b, s, &ctrs, e) < 0 || h0_room_admit(b, slot, &ctrs, how, true, &ret->evicted, e) < 0 ||
	    h0_room_evict(b, slot, &ctrs, &ret->evicted, e) < 0)
		return -1;
	if ((c && h0_act_end(b, c, slot->port, H0_GRACE_S, &ended, e) < 0) ||
	    h0_act_launch(b, slot, s, ret, e) < 0) {
		h0_ledger_forget(&b->paths, slot->name);
		return -1;
	}
	h0_load_of_launched(slot, s, ret, load);
	return 0;
}

/* The files as they are once the lock is held, when they have changed since *b was read. */
struct fresh {
	struct h0_box box;
	struct h0_spec spec;
	const struct h0_slot *slot;
};

static void fresh_done(struct fresh *f)
{
	h0_spec_done(&f->spec);
	h0_box_done(&f->box);
}

static int read_again(const struct h0_box *b, const char *name, struct fresh *ret, struct h0_err *e)
{
	h0_autosnap struct h0_snap now = {0};
	if (h0_snap_open(b->paths.etc, &now, e) < 0)
		return -1;
	if (h0_snap_same(&now, &b->snap))
		return 0;
	if (h0_box_open(&ret->box, e) < 0 || h0_slots_find(&ret->box.slots, name, &ret->slot, e) < 0)
		return -1;
	return h0_life_check(&ret->box, ret->slot, h0_life_mode(b), &ret->spec, e);
}

static int run_it(struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s, bool anew,
                  const struct h0_how *how, struct h0_outcome *ret, struct h0_err *e)
{
	struct h0_load load;
	h0_auto(fresh_done) struct fresh fresh = {0};
	h0_autofd int lock = h0_act_lock_unless(b, slot->name, h0_act_interrupted, how->wait,
	                                        &ret->interrupted, e);
	if (ret->interrupted)
		return 0;
	/* a slot that stands in no file is tried out as it was given */
	if (lock < 0 || (h0_slots_get(&b->slots, slot->name) == slot && read_again(b, slot->name, &fresh, e) < 0))
		return -1;
	int rc = fresh.slot ? begin(&fresh.box, fresh.slot, &fresh.spec, anew, how, &load, ret, e)
	                    : begin(b, slot, s, anew, how, &load, ret, e);
	close(h0_take_fd(&lock));
	return rc < 0 ? -1 : h0_act_await(fresh.slot ? &fresh.box : b, &load, how, ret, e);
}

int h0_life_start(struct h0_box *b, const struct h0_slot *slot, const struct h0_how *how,
                  struct h0_outcome *ret, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	*ret = (struct h0_outcome){0};
	if (check_files(b, slot, h0_life_mode(b), &s, e) < 0)
		return -1;
	return run_it(b, slot, &s, false, how, ret, e);
}

int h0_life_restart(struct h0_box *b, const struct h0_slot *slot, const struct h0_how *how,
                    struct h0_outcome *ret, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	*ret = (struct h0_outcome){0};
	if (h0_life_check(b, slot, h0_life_mode(b), &s, e) < 0)
		return -1;
	return run_it(b, slot, &s, true, how, ret, e);
}

/* ---- run ---- */
int h0_life_prepare_run(struct h0_box *b, const struct h0_slot *slot, struct h0_spec *ret,
                        struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_ctr *c;
	if (h0_life_check(b, slot, H0_ARGV_FOREGROUND, ret, e) < 0)
		return -1;
	h0_autofd int lock = h0_slotlock_take(b, slot->name, H0_ACT_LOCK_MS, e);
	if (lock < 0 || h0_act_look(b, slot->name, &ctrs, &c, e) < 0)
		return -1;
	if (c && h0_ctr_monitored(c))
		return h0_fail(e, H0_CONFLICT, "slot %s runs already: hal0 slot stop %s first", slot->name,
		               slot->name);
	/* a server that outlived its monitor: nobody would restart it when it ends */
	if (c && h0_podman_end(&b->podman, c, H0_GRACE_S, e) < 0)
		return -1;
	if (h0_flm_admit(b, ret, &ctrs, e) < 0 || h0_act_check_port(slot, e) < 0 || h0_room_take(b, slot, &ctrs, e) < 0 ||
	    h0_act_make_ready(b, slot->name, ret, e) < 0)
		return -1;
	return h0_act_record(b, slot->name, slot->port, ret->model.id ? ret->model.id : slot->model,
	                     NULL, H0_STATE_STARTING, NULL, e);
}

/* ---- wait ---- */
static bool being_started(const struct h0_box *b, const char *slot)
{
	struct h0_err why = {0};
	h0_autofd int lock = h0_slotlock_take(b, slot, 0, &why);
	return lock < 0 && why.kind == H0_BUSY;
}

int h0_life_wait(struct h0_box *b, const struct h0_slot *slot, const struct h0_wait *wait,
                 struct h0_outcome *ret, struct h0_err *e)
{
	*ret = (struct h0_outcome){0};
	if (h0_slot_is_shadow(slot) && h0_npu_trio(&b->slots, slot, &slot, e) < 0)
		return -1; /* else: wait for the server that answers for it */
	for (;;) {
		h0_autoctrs struct h0_ctrs ctrs = {0};
		struct h0_load load;
		bool busy = being_started(b, slot->name);
		if (h0_podman_ps(&b->podman, &ctrs, e) < 0)
			return -1;
		const struct h0_ctr *c = h0_ctrs_get(&ctrs, slot->name);
		if (c && h0_live_check_owner(b, c, e) < 0)
			return -1;
		if (h0_act_runs(c)) {
			h0_load_of(slot, c, &load);
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
	return h0_act_record(b, slot, last.port, last.model_id, NULL, H0_STATE_OFFLINE, NULL, e);
}

int h0_life_stop(struct h0_box *b, const char *slot, int port, int grace_s,
                 struct h0_outcome *ret, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	*ret = (struct h0_outcome){.state = H0_STATE_OFFLINE};
	h0_autofd int lock = h0_slotlock_take(b, slot, H0_ACT_LOCK_MS, e);
	if (lock < 0 || h0_podman_ps(&b->podman, &ctrs, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(&ctrs, slot);
	if (!c) {
		/* between two tries of its unit */
		if (h0_unit_leave(&b->units, slot, &ret->changed, e) < 0 ||
		    h0_act_end_forgotten(b, slot, &ret->changed, e) < 0)
			return -1;
		h0_unit_left(&b->units, slot);
		return forget_error(b, slot, e);
	}
	if (h0_live_check_owner(b, c, e) < 0)
		return -1;
	if (h0_live_foreign(b, c))
		return 0;
	int rc = h0_act_end(b, c, port, grace_s, ret, e);
	h0_ledger_forget(&b->paths, slot);
	return rc;
}

int h0_life_unload(struct h0_box *b, const struct h0_ctr *c, int64_t unused_since,
                   struct h0_outcome *ret, struct h0_err *e)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	struct h0_use use;
	*ret = (struct h0_outcome){.state = H0_STATE_OFFLINE};
	h0_autofd int lock = h0_slotlock_take(b, c->slot, UNLOAD_LOCK_MS, e);
	if (lock < 0 || h0_podman_ps(&b->podman, &ctrs, e) < 0)
		return -1;
	const struct h0_ctr *now = h0_ctrs_get(&ctrs, c->slot);
	if (!now || !h0_streq(now->id, c->id))
		return 0;
	h0_use_look(b, now, &use);
	if (use.serving || use.last > unused_since)
		return h0_fail(e, H0_BUSY, "slot %s is in use%s%s", c->slot, use.serving ? ": " : "", use.why);
	int rc = h0_act_end(b, now, c->port, H0_GRACE_S, ret, e);
	h0_ledger_forget(&b->paths, c->slot);
	return rc;
}

/* ---- what state.json says ---- */
static bool tells_another(const struct h0_slot_live *l, const struct h0_state_file *seen)
{
	bool ours = l->ctr && !l->foreign;
	if (l->state == H0_STATE_READY)
		return ours && !(h0_state_serves(seen->state) && h0_streq(seen->container, l->ctr->id));
	if (l->state != H0_STATE_OFFLINE && l->state != H0_STATE_ERROR)
		return false;
	return seen->state != l->state;
}

void h0_life_reconcile(const struct h0_box *b, const struct h0_slot_live *l,
                       const struct h0_state_file *seen)
{
	struct h0_state_file now;
	struct h0_err why = {0};
	bool failed = l->state == H0_STATE_ERROR;
	const char *slot = l->slot->name, *model = l->model_id[0] ? l->model_id : seen->model_id;
	if (!tells_another(l, seen))
		return;
	h0_autofd int lock = h0_slotlock_take(b, slot, 0, NULL);
	if (lock < 0 || h0_state_read(&b->paths, slot, &now, NULL) < 0 || now.updated_at != seen->updated_at)
		return;
	if (failed) {
		h0_fail(&why, H0_EXTERN, "%s", l->message);
		h0_err_code(&why, "slot.health_failed");
	}
	(void)h0_act_record(b, slot, l->slot->port ? l->slot->port : seen->port, model,
	                    l->ctr && !l->foreign ? l->ctr->id : seen->container, l->state,
	                    failed ? &why : NULL, NULL);
}
