/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/opts.h"

/* in the order of spec.c */
H0_MAIN(model_prog, model_list, model_show, model_add, model_pull, model_verify, model_rm,
        model_loadouts)
