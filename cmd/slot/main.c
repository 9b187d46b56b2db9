/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/opts.h"

/* in the order of spec.c */
H0_MAIN(slot_prog, slot_list, slot_status, slot_show, slot_create, slot_set, slot_delete,
        slot_enable, slot_disable, slot_start, slot_stop, slot_restart, slot_swap, slot_reap, slot_run, slot_wait,
        slot_logs, slot_argv, slot_diff, slot_fit, slot_bench, slot_key, slot_export)
