/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a file system on which a process has just died: every state that a kill or power loss may
 * have left, recovery on each, recovery itself crashed at every operation, and so on. Counts the
 * states in which one of these does not hold:
 *   I1 after recovery all files are old or all are new
 *   I2 once the commit's fsync has returned, new
 *   I3 nothing is left over
 *   I5 after a finished change or recovery, no crash undoes what a person then wrote
 *   I6 recovering twice is recovering once
 *   I7 a snapshot is old or new, before recovery as well
 * (I4, a person's edit during a change, has a test of its own.)
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include "fault/world.h"

struct explore {
	const struct world *w;
	int depth;             /* how often recovery itself may crash */
	uint64_t max_losses;   /* power-loss states tried per crash; more are sampled; 0 = all */
	long lie_at;           /* the fsync of every recovery that does nothing; -1 none */
	bool stop_at_first;    /* a violation is enough */

	struct seen seen;
	uint64_t states, violations;
	char first[1600];       /* what the first violation was */
};

/* `must`: OLD or NEW when the outcome is decided already, MIXED when it is not. */
void explore_crash(struct explore *x, const struct crashfs *fs, enum view must);
/* The change has been reported done: a person now puts the old files back. No crash may undo it. */
void explore_revert(struct explore *x, const struct crashfs *fs);
/* Runs the change, dying at every operation, with the lie_at-th fsync (-1: none) of the writer
 * doing nothing. */
void explore_writer(struct explore *x, long lie_at);
void explore_done(struct explore *x);

#endif
