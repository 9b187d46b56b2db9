/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Boot configuration for a wanted amount of GPU memory on a machine whose GPU shares the RAM:
 * the arithmetic, the lines, and what is left for the system. Pure.
 */
#ifndef H0_MODEL_TUNE_H
#define H0_MODEL_TUNE_H

#include "base/buf.h"
#include "model/machine.h"

struct h0_tune {
	bool needed;             /* false: the limits already are as wanted */
	int64_t budget_mib;      /* what models shall be able to use */
	int64_t carveout_mib;    /* of it the firmware's part */
	int64_t gtt_mib;         /* the rest, whole GiB: the limit to set */
	int64_t pages;           /* the same in 4 KiB pages */
	int64_t ram_mib;         /* the host's RAM without the carve-out */
	int64_t left_mib;        /* what the system keeps if models use all of it */
	const char *module;      /* ttm, or amdttm of the DKMS driver */
	const char *rebuild;     /* command that rebuilds the initramfs here */
	char args[160];          /* the same for the kernel command line */
	const char *args_file;   /* where that stands here, NULL = unknown */
	const char *args_apply;  /* and the command that makes it count, NULL = none needed or unknown */
	char note[4][240];       /* what to know before doing it */
	int nnote;
};

/* budget_mib H0_UNKNOWN: a sensible default, all that leaves the usual reserve. gttsize: also set
 * the old parameter, equal. H0_NOHW: no GPU here shares the RAM, or its numbers are not known.
 * H0_NO: so much cannot be had. H0_USAGE: a budget that makes no sense. */
int h0_tune(const struct h0_machine *m, int64_t budget_mib, bool gttsize, struct h0_tune *ret,
            struct h0_err *e);
/* The text of the modprobe.d file. */
void h0_tune_file(const struct h0_tune *t, bool gttsize, struct h0_buf *ret);
/* The arithmetic, line by line. */
void h0_tune_explain(const struct h0_tune *t, struct h0_buf *ret);

#endif
