/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Everything that can be said about the configuration as a whole: each file against its schema,
 * and what must hold between files. Pure.
 */
#ifndef H0_MODEL_CHECK_H
#define H0_MODEL_CHECK_H

#include "conf/snapshot.h"
#include "conf/validate.h"

/* Adds all findings, by file and line. Errors are what makes a program refuse the file. */
void h0_check(const struct h0_snap *snap, struct h0_findings *ret);

#endif
