/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cap/opts.h"

/* in the order of spec.c */
H0_MAIN(cap_prog, cap_list, cap_show)
