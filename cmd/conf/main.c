/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opts.h"

/* in the order of spec.c */
H0_MAIN(conf_prog, conf_check, conf_recover, conf_log, conf_undo, conf_get, conf_set,
        conf_unset, conf_dump, conf_schema)
