/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/instance.h"

#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "run/act.h"
#include "run/flm.h"
#include "run/ledger.h"
#include "run/log.h"
#include "run/room.h"
#include "run/unit.h"
#include "sys/io.h"
#include "sys/notify.h"
#include "sys/proc.h"

#define END_USEC     "240000000" /* the lock, the grace, podman's own time */
#define LOG_LINES    100000     /* the whole kept log: its first error counts */

/* ---- start ---- */
static int run_alone(struct h0_box *b, const struct h0_slot *slot, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	h0_autoctrs struct h0_ctrs ctrs = {0};
	const struct h0_ctr *c;
	struct h0_outcome o = {0};
	if (h0_life_check(b, slot, H0_ARGV_UNIT, &s, e) < 0 ||
	    h0_act_look(b, slot->name, &ctrs, &c, e) < 0)
		return -1;
	if (c && h0_ctr_monitored(c))
		return h0_fail(e, H0_CONFLICT, "slot %s runs already, outside its unit: hal0 slot restart %s",
		               slot->name, slot->name);
	/* a server that outlived its monitor: nobody would restart it when it ends */
	if (c && h0_podman_end(&b->podman, c, H0_GRACE_S, e) < 0)
		return -1;
	return h0_room_take(b, slot, &ctrs, e) < 0 ? -1 : h0_act_launch(b, slot, &s, &o, e);
}

/* From now on the unit's main process is podman's monitor. systemd hears this from us, whom it
 * knows, before it sees us end: a message of podman, which it does not know, is lost when it has
 * ended by the time systemd looks. */
static int hand_over(const char *dir, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	h0_autofree char *path = h0_asprintf("%s/conmon.pid", dir), *lines = NULL;
	if (h0_read_file(path, 64, &text, e) < 0)
		return -1;
	long pid = strtol(h0_buf_str(&text), NULL, 10);
	if (pid <= 1)
		return h0_fail(e, H0_EXTERN, "%s: podman has left no process id there", path);
	lines = h0_asprintf("MAINPID=%ld\nREADY=1", pid);
	h0_notify(lines);
	return 0;
}

static bool ordered(const void *dir)
{
	return h0_unit_ordered(dir);
}

int h0_instance_run(struct h0_box *b, const char *name, struct h0_err *e)
{
	char dir[1200], log_path[1200];
	bool obey;
	struct h0_err why = {0};
	const struct h0_slot *slot = NULL;
	b->units = (struct h0_units){0};
	h0_slot_dirs(&b->paths, name, dir, log_path);
	h0_autofd int lock = h0_act_lock_unless(b, name, ordered, dir, &obey, &why);
	if (obey && h0_unit_obey(&b->podman, dir, e) < 0)
		return -1;
	if (obey)
		return hand_over(dir, e);
	if (lock >= 0) {
		h0_unit_forget(dir);
		if (h0_slots_find(&b->slots, name, &slot, &why) == 0 && run_alone(b, slot, &why) == 0)
			return hand_over(dir, e);
	}
	/* nobody else is there to be told */
	if (lock >= 0 && why.kind != H0_CONFLICT)
		h0_act_record(b, name, slot ? slot->port : 0, slot ? slot->model : NULL, NULL, H0_STATE_ERROR,
		              &why, NULL);
	if (e)
		*e = why;
	return -1;
}

/* ---- end ---- */
static bool server_gone(const void *dir)
{
	h0_autofree char *path = h0_asprintf("%s/pid", (const char *)dir);
	return !h0_proc_lives(h0_proc_read_pid(path), NULL);
}

static void cause(const struct h0_ctr *c, const char *dir, const char *log_path, struct h0_err *e)
{
	h0_autobuf struct h0_buf log = {0};
	h0_autofree char *oom = h0_asprintf("%s/oom", dir);
	struct h0_log_cause found;
	(void)h0_log_tail(log_path, LOG_LINES, &log, NULL); /* without a log: no cause from it */
	h0_log_cause(h0_buf_str(&log), &found);
	if (access(oom, F_OK) == 0)
		h0_fail(e, H0_EXTERN, "slot %s: the kernel killed its server for want of memory", c->slot);
	else if (c->exit_code == 137)
		h0_fail(e, H0_EXTERN, "slot %s: its server was killed (by somebody, or by the kernel for want "
		        "of memory: see dmesg)", c->slot);
	else
		h0_fail(e, H0_EXTERN, "slot %s: its server ended with exit code %d%s%s", c->slot, c->exit_code,
		        found.text[0] ? ": " : "", found.text);
	h0_err_code(e, "slot.health_failed");
}

static bool ended_well(const struct h0_ctr *c)
{
	return c->exit_code == 0 || c->exit_code == 128 + SIGTERM;
}

int h0_instance_end(struct h0_box *b, const char *name, bool failed, struct h0_err *e)
{
	char dir[1200], log_path[1200];
	bool gone;
	h0_autoctrs struct h0_ctrs ctrs = {0};
	struct h0_outcome o = {0};
	struct h0_err why = {0};
	b->units = (struct h0_units){0};
	h0_slot_dirs(&b->paths, name, dir, log_path);
	/* its unit gives a kill signal little time, and this more: it is bounded by itself */
	h0_notify("EXTEND_TIMEOUT_USEC=" END_USEC);
	h0_autofd int lock = h0_act_lock_unless(b, name, server_gone, dir, &gone, e);
	if (gone)
		return 0;
	if (lock < 0 || h0_podman_ps(&b->podman, &ctrs, e) < 0)
		return -1;
	const struct h0_ctr *c = h0_ctrs_get(&ctrs, name);
	if (!c || h0_live_foreign(b, c))
		return 0; /* what state.json says of it stays */
	if (!failed || h0_act_runs(c) || ended_well(c))
		return h0_act_end(b, c, c->port, H0_GRACE_S, &o, e);
	cause(c, dir, log_path, &why);
	if (h0_podman_end(&b->podman, c, 0, e) < 0)
		return -1;
	return h0_act_record(b, name, c->port, c->model, c->id, H0_STATE_ERROR, &why, e);
}
