/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How the front becomes another program. Nothing is forked: what is found replaces us.
 */
#ifndef HAL0_RUN_H
#define HAL0_RUN_H

#include <stdbool.h>

#include "base/err.h"

/* [a-z][a-z0-9-]*, at most 32 bytes; with `dots` also [.] after the first (a man page's name). */
bool hal0_is_word(const char *s, bool dots);

/* Execs hal0-VERB with argv (argv[0] is replaced): from the directory this program is in, from
 * the compiled-in one, then from PATH, whose relative entries are passed over. Returns only on
 * failure: *ret_found false and e untouched when there is no such program, else H0_SYS. */
int hal0_run_verb(const char *verb, char **argv, bool *ret_found, struct h0_err *e);
/* Execs man for hal0-TOPIC (or TOPIC "hal0"). Returns false when there is no such page. */
bool hal0_run_man(const char *topic);

#endif
