/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opts.h"

H0_MAIN(route_prog, route_table, route_explain, route_call, route_chat, route_serve, route_export)
