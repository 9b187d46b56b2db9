/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * state.json of a slot: its last transition, for other programs and for people. Never believed
 * over a look at podman and the server (run/live.h). Written with the slot's lock held.
 */
#ifndef H0_RUN_STATE_H
#define H0_RUN_STATE_H

#include "base/err.h"
#include "conf/names.h"
#include "conf/paths.h"
#include "model/state.h"

struct h0_state_file {
	enum h0_state state;
	char name[H0_NAME_MAX + 1];
	int port;
	char model_id[256];     /* "" = null */
	char message[1024];
	double updated_at;      /* seconds since the epoch; set by h0_state_write */
	/* in "extra" */
	char container[65];     /* id of the container the transition is about, "" = none */
	int exit_code;          /* of an error: the kind it was reported with, else 0 */
	char code[64];          /* of an error: its stable code, "" = none */
};

/* A missing file is H0_STATE_OFFLINE. H0_CONFIG (slot.config_error) when it is malformed. */
int h0_state_read(const struct h0_paths *p, const char *slot, struct h0_state_file *ret,
                  struct h0_err *e);
/* Makes the directory when needed. A transition that is not legal is written all the same, with
 * "forced": true beside it: what happened, happened. H0_SYS. */
int h0_state_write(const struct h0_paths *p, const struct h0_state_file *s, struct h0_err *e);
/* With the slot: another of its name has no past. */
void h0_state_forget(const struct h0_paths *p, const char *slot);

#endif
