/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cap/opts.h"

/* in the order of spec.c */
H0_MAIN(cap_prog, cap_list, cap_show, cap_set, cap_on, cap_off, cap_check, cap_seed, cap_apply,
        cap_plan, cap_undo)
