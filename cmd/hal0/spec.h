/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HAL0_SPEC_H
#define HAL0_SPEC_H

#include "cli/spec.h"

extern const struct h0_prog front_prog;

#endif
