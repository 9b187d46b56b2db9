/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * systemd's part in the life of slots. Where systemd runs, a slot is an instance of the template
 * unit hal0-slot@.service, so that systemd sees it end, starts it again and starts it at boot.
 * Whoever starts a slot still decides everything, checks everything and holds the slot's lock:
 * the podman command is left in the slot's directory as an order, the unit is started, `hal0-slot
 * run` inside it carries the order out and leaves podman's answer. So command, messages and exit
 * codes are those of a start without systemd.
 *
 * systemd is talked to through systemctl(1): its `show` output is a documented interface, a call
 * takes 5 ms, and nothing has to be linked.
 */
#ifndef H0_RUN_UNIT_H
#define H0_RUN_UNIT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/paths.h"
#include "model/slot.h"
#include "run/podman.h"

struct h0_units {
	const char *systemctl;  /* NULL: slots are podman's alone */
};
/* Units are used by root, for the system's own configuration (no HAL0_HOME), where systemd is the
 * init and the template is installed. $HAL0_SYSTEMCTL decides instead: it names the program to
 * use; empty means no units. */
struct h0_units h0_units_find(const struct h0_paths *paths);

/* ---- outside, with the slot's lock held ---- */
/* As h0_podman_run, inside the slot's unit. H0_EXTERN (slot.spawn_failed) when the unit does not
 * come as far as podman. */
int h0_unit_launch(const struct h0_units *u, const char *slot, const struct h0_argv *a,
                   const char *dir, char *ret_id, struct h0_err *e);
/* After the slot has answered: waits until its unit has seen that too, and no process of ours is
 * left in it. */
void h0_unit_settle(const struct h0_units *u, const char *slot);
/* Before the container is ended: systemd shall not start it again. *ret_active (may be NULL): the
 * unit was up, or about to be. Without units nothing happens. */
int h0_unit_leave(const struct h0_units *u, const char *slot, bool *ret_active, struct h0_err *e);
/* After that: waits until the unit is down, so that a start finds nothing half done. */
void h0_unit_left(const struct h0_units *u, const char *slot);

/* ---- inside the unit ---- */
/* Does somebody wait in h0_unit_launch? Ask while they hold the slot's lock. */
bool h0_unit_ordered(const char *dir);
/* Carries out what they want. Errors as h0_podman_run. */
int h0_unit_obey(const struct h0_podman *p, const char *dir, struct h0_err *e);
/* Removes the order of somebody who died over it. */
void h0_unit_forget(const char *dir);

/* ---- boot ---- */
/* Shall it start at boot: is it enabled, and does it name what it needs? */
bool h0_unit_boots(const struct h0_slot *slot);
struct h0_unit_boot {
	const char *slot;
	bool want;              /* it shall start at boot */
	bool changed;           /* set by h0_units_follow: it did not, or did */
};
/* Makes `systemctl enable` or `disable` true to what is wanted; with `only_ask` tells what would
 * change. H0_EXTERN. */
int h0_units_follow(const struct h0_units *u, struct h0_unit_boot *v, size_t n, bool only_ask,
                    struct h0_err *e);
/* The same for slots as their files say (h0_unit_boots); broken ones are left as they are. */
int h0_units_follow_slots(const struct h0_units *u, const struct h0_slots *slots, struct h0_err *e);

#endif
