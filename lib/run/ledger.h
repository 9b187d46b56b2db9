/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The ledger: how much memory slots that start are expected to take, so that two commands at once
 * cannot give the same memory away. /run/hal0/ledger.json, changed under the lock of
 * /run/hal0/ledger.lock, which is held for file work alone: never across podman or the network.
 *
 * A booking holds while whoever booked it lives, or the server its slot then got (the process in
 * /run/hal0/slots/NAME/pid); one that holds no more is dropped by the next reader. A ledger that
 * cannot be read counts as empty: what runs is seen by looking at podman.
 */
#ifndef H0_RUN_LEDGER_H
#define H0_RUN_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/names.h"
#include "conf/paths.h"

struct h0_booking {
	char slot[H0_NAME_MAX + 1];
	int64_t host, device;   /* bytes: of RAM, of the device's memory */
	pid_t booker;
	int64_t since;          /* when the booker started, h0_proc.started */
};

struct h0_ledger {
	struct h0_booking *v;   /* those that hold */
	size_t n, cap;
	int lock;               /* -1: only read */
	bool changed;
};

/* Reads without the lock. Never fails. */
void h0_ledger_read(const struct h0_paths *p, struct h0_ledger *ret);
/* Reads and keeps the lock. H0_BUSY, H0_SYS. */
int h0_ledger_open(const struct h0_paths *p, struct h0_ledger *ret, struct h0_err *e);
const struct h0_booking *h0_ledger_get(const struct h0_ledger *l, const char *slot);
/* In the name of this process, in the place of an earlier booking of the slot. */
void h0_ledger_book(struct h0_ledger *l, const char *slot, int64_t host, int64_t device);
/* Writes what changed and lets the lock go. H0_SYS. */
int h0_ledger_close(const struct h0_paths *p, struct h0_ledger *l, struct h0_err *e);
/* Lets go without writing. */
void h0_ledger_done(struct h0_ledger *l);
#define h0_autoledger h0_auto(h0_ledger_done)

/* Open, drop, close. */
void h0_ledger_forget(const struct h0_paths *p, const char *slot);

#endif
