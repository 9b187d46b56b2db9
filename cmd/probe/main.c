/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hal0-probe: what this machine is and what it can run.
 */
#include "machine.h"
#include "opts.h"

int main(int argc, char **argv)
{
	static const h0_verb_fn fns[] = {probe_update, probe_show,   probe_diff, probe_recommend,
	                                 probe_memory, probe_doctor, probe_tune};
	return h0_main(&probe_prog, fns, argc, argv);
}
