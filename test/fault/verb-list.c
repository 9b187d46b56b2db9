/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The verbs of all programs, one a line: "hal0-slot start writes". From the tables, so that a test
 * which goes through them cannot miss a new one.
 */
#include <stdio.h>

#include "cli/spec.h"
#include "specs.h"

#define TOOL_EXTERN(name) extern const struct h0_prog name##_prog;
HAL0_TOOLS(TOOL_EXTERN)
#define TOOL_ROW(name) &name##_prog,
static const struct h0_prog *const progs[] = {HAL0_TOOLS(TOOL_ROW) NULL};

int main(void)
{
	for (size_t i = 0; progs[i]; i++)
		for (size_t k = 0; k < progs[i]->nverbs; k++) {
			const struct h0_verb *v = &progs[i]->verbs[k];
			printf("%s %s%s%s\n", progs[i]->name, v->name, v->flags & H0_VERB_WRITES ? " writes" : "",
			       v->flags & H0_VERB_SERVES ? " serves" : "");
		}
	return 0;
}
