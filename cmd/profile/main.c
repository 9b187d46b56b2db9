/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/opts.h"

/* in the order of spec.c */
H0_MAIN(profile_prog, profile_list, profile_show, profile_clone, profile_set, profile_delete,
        profile_export, profile_import, profile_images, profile_pull, profile_lock,
        profile_upgrade, profile_rollback)
