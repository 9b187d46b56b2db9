/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The disk side of a change set: staging, publishing, sweeping below one configuration
 * directory. For conf/txn.c, which holds the lock, and conf/survey.c, which only looks.
 */
#ifndef H0_CONF_PUBLISH_H
#define H0_CONF_PUBLISH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/changeset.h"
#include "sys/ops.h"

struct h0_confdir {
	const struct h0_ops *o;
	const char *etc;           /* its path, for messages */
	struct h0_opfd dir[H0_CONF_DIRS], txn, lock;
	bool made[H0_CONF_DIRS];   /* it was not there before */
	char tag[9];               /* this change's, in the names of its staged files */
};

#define H0_CONFDIR_CLOSED(o)                                                           \
	{.dir = {{(o), -1}, {(o), -1}, {(o), -1}}, .txn = {(o), -1}, .lock = {(o), -1}}

/* Opens etc and etc/.txn, making what is missing durably, and takes the lock. */
int h0_confdir_lock(const struct h0_ops *o, const char *etc, int timeout_ms,
                    const char *const *command_line, struct h0_confdir *ret, struct h0_err *e);
/* Opens what is there, for looking only: no lock, nothing is made; descriptors are -1 for what is
 * missing. */
int h0_confdir_look(const struct h0_ops *o, const char *etc, struct h0_confdir *ret,
                    struct h0_err *e);
void h0_confdir_done(struct h0_confdir *d);
#define h0_autoconfdir h0_auto(h0_confdir_done)

/* Opens the directory of such a file when it is there; with `create` makes it. */
int h0_confdir_open(struct h0_confdir *d, enum h0_conf_dir dir, bool create, struct h0_err *e);

enum h0_live {
	H0_LIVE_BEFORE, /* the file is as it was before the change */
	H0_LIVE_AFTER,  /* as it shall be */
	H0_LIVE_OTHER,  /* a person's doing */
};
int h0_live_state(struct h0_confdir *d, const struct h0_change *c, enum h0_live *ret,
                  struct h0_err *e);

/* Refuses what a rename could not replace: links, mount points, immutable files. Sets c->mode. */
int h0_stage_check(struct h0_confdir *d, struct h0_change *c, struct h0_err *e);
/* Writes c's after-image beside its target, not yet durable. The fd goes to *ret (-1: nothing to
 * write, the change removes the file). */
int h0_stage_write(struct h0_confdir *d, const struct h0_change *c, int *ret, struct h0_err *e);
/* Best effort, for a change that will not happen. */
void h0_stage_drop(struct h0_confdir *d, const struct h0_changeset *cs);

/* Exchanges every staged file with its target (or removes the target), makes sure that what came
 * out is what was expected, and makes that durable. Files a person has edited stay; their names are
 * added to `conflicts`, what was replaced to `published` (may be NULL). */
int h0_publish(struct h0_confdir *d, const struct h0_changeset *cs, struct h0_strv *published,
               struct h0_strv *conflicts, struct h0_err *e);
/* Before recovery sweeps: a publisher may have died with a person's edit, just taken out of its
 * place, in its hands. Puts it back. */
int h0_publish_rescue(struct h0_confdir *d, const struct h0_changeset *cs, struct h0_err *e);
/* Ends the change set: journal -> applied, durable. */
int h0_retire(struct h0_confdir *d, struct h0_err *e);
/* H0_CONFLICT, naming the files and where the change is. */
int h0_conflict(const struct h0_confdir *d, const struct h0_strv *paths, struct h0_err *e);

/* A staged file's name, of whatever change. */
bool h0_stage_name_is(const char *name);
/* Removes journal.new and staged files nobody waits for; names to `swept` (may be NULL). */
int h0_sweep(struct h0_confdir *d, struct h0_strv *swept, struct h0_err *e);

#endif
