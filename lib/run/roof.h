/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What this machine's processors can do at most, measured: they read memory that no cache holds,
 * and multiply and add in registers, all at once. Takes about half a second and every processor
 * this process may use.
 */
#ifndef H0_RUN_ROOF_H
#define H0_RUN_ROOF_H

#include <stdatomic.h>

#include "model/roof.h"

/* The best of several short looks. What cannot be measured is unknown: bandwidth where little
 * memory is free, an arithmetic where the processors have no instruction for it. With *stop (may be
 * NULL) no longer 0 it ends early. */
void h0_roof_measure(const atomic_int *stop, struct h0_roof *ret);

#endif
