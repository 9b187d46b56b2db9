/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "status/opts.h"

/* in the order of spec.c */
H0_MAIN(status_prog, status_show)
