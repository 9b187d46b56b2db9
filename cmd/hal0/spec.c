/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The front's verbs are the other programs. Each line repeats that program's summary: the front
 * is too light to ask them; test/unit/test-spec.c holds the two together.
 */
#include "hal0/spec.h"


static const struct h0_verb verbs[] = {
	{.name = "probe", .help = "look at this machine and write down what it can run"},
	{.name = "slot", .help = "create, start, stop and inspect slots: one model each"},
	{.name = "profile", .help = "image and server flags that slots share"},
	{.name = "cap", .help = "which slot serves which capability"},
	{.name = "route", .help = "send requests to slots and explain where they go"},
	{.name = "conf", .help = "check, recover and undo changes of /etc/hal0"},
};

const struct h0_prog front_prog = {
	.name = "hal0",
	.summary = "local inference endpoints in containers",
	.verbs = verbs,
	.nverbs = sizeof verbs / sizeof verbs[0],
};
