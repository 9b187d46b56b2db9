/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the program inside a slot's container is told: the words after the image, each flag with
 * where it came from. model/argv.h makes the whole command of them. Pure.
 */
#ifndef H0_MODEL_SERVERARGS_H
#define H0_MODEL_SERVERARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/argv.h"
#include "model/plan.h"

struct h0_server_arg {
	char *flag, *value;             /* value NULL: none */
	enum h0_argv_source source;
	bool dropped;                   /* a later one replaced it, or it goes another way */
};

struct h0_server_args {
	const struct h0_plan *plan;     /* borrowed, as is f */
	const struct h0_argv_facts *f;
	struct h0_server_arg *v;        /* in order, with those that are dropped */
	size_t n, cap;
	size_t removed;                 /* flags that a later one replaced */
	int64_t context;                /* in tokens; 0 = the program has none */
	bool mtp;                       /* multi-token prediction is on */
	const char *mtp_why;            /* why it is on or off: one clause */
};

/* H0_CONFIG as h0_argv_build. */
int h0_server_args(const struct h0_plan *plan, const struct h0_argv_facts *f,
                   struct h0_server_args *ret, struct h0_err *e);
void h0_server_args_done(struct h0_server_args *a);
#define h0_autoserverargs h0_auto(h0_server_args_done)
/* The last that counts of that long name; NULL: none. */
struct h0_server_arg *h0_server_arg(const struct h0_server_args *a, const char *name);

/* The long name of a llama-server flag, without dashes ("-c" is "ctx-size"); NULL: no flag. */
const char *h0_server_flag(const char *word);
/* May the flag of that long name be given several times, each counting? */
bool h0_server_flag_repeats(const char *name);
/* The context of a slot whose file says none, from the model's own (<= 0 = unknown), in tokens. */
int64_t h0_server_context(enum h0_slot_type type, int64_t native);
/* The prompt cache hal0 gives a server on a machine with so much RAM (-1 = unknown). */
int64_t h0_server_cache_ram_mib(int64_t ram_bytes);

#endif
