/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The front's verbs are the other programs. Each line repeats that program's summary: the front
 * is too light to ask them; test/unit/test-spec.c holds the two together.
 */
#include "hal0/spec.h"


static const struct h0_verb verbs[] = {
	{.name = "status", .help = "the box at a glance: machine, memory, slots"},
	{.name = "probe", .help = "find out what this machine is and what it can run"},
	{.name = "slot", .help = "named local inference endpoints, one model and one port each"},
	{.name = "profile", .help = "image and server flags that slots share"},
	{.name = "cap", .help = "what the box does besides chat, and the slots that do it"},
	{.name = "route", .help = "send requests to the right slot, and say why"},
	{.name = "model", .help = "the model files: what there is, and how more come"},
	{.name = "conf", .help = "check, recover and undo changes of /etc/hal0"},
};

const struct h0_prog front_prog = {
	.name = "hal0",
	.summary = "local inference endpoints in containers",
	.text =
	"hal0 turns a machine into a set of named, local inference endpoints. A *slot* is one model "
	"served by one podman container on one loopback port. There is no daemon: small programs "
	"work on plain files in */etc/hal0* and on podman, and *hal0* _VERB_ runs one of them: "
	"*hal0-*_VERB_ from the directory that holds *hal0* itself, else from *PATH*, so that others "
	"can add verbs. A verb is a lower case letter followed by letters, digits and dashes.\n\n"
	"Without a verb, *hal0* lists them. A verb that does not exist exits 2 and the nearest one "
	"is named.\n\n"
	"## OUTPUT\n\n"
	"Standard output is data, standard error is messages. Reports are aligned tables; "
	"*--columns* chooses and orders their columns and *--no-header* leaves the heading out. On a "
	"terminal a table is cut to its width, elsewhere never. *--format* prints each row through a "
	"template: *{name}* is a column by its name or its JSON key, with exact numbers and nothing "
	"for what is not known; *\\\\t*, *\\\\n*, *\\\\0*, *\\\\{* and *\\\\}* are what they are in "
	"most languages.\n\n"
	"With *--json* a report is an object with *schema* (1), *items* and, where something may "
	"have been written, *changed*; a report on one thing is that object itself. Numbers are "
	"exact, in the unit the key ends with (*\\_bytes*, *\\_mib*, *\\_s*); what is not known is null. "
	"New keys may appear under the same schema number, nothing else changes.\n\n"
	"Verbs that write take *--dry-run*, which shows what would change and exits as the real run "
	"would. A second identical run changes nothing and exits 0. Verbs that destroy something ask "
	"first on a terminal; elsewhere they want *--yes*.\n\n"
	"## ENVIRONMENT\n\n"
	"*HAL0_HOME*\n\tA directory that stands in for */etc/hal0*, */var/lib/hal0* and */run/hal0*: "
	"these are _DIR_/etc/hal0, _DIR_/var-lib/hal0 and _DIR_/run/hal0.\n\n"
	"*HAL0_SYSROOT*\n\tA directory below which */proc*, */sys*, */dev* and */etc/os-release* are looked for.\n\n"
	"*HAL0_MODEL_STORE*\n\tDirectory of the model store, see *hal0-model*(1).\n\n"
	"*HAL0_PODMAN*, *HAL0_PODMAN_TIMEOUT*, *HAL0_SYSTEMCTL*, *HAL0_COMFYUI_DATA_ROOT*, "
	"*HAL0_FLM_MODELS_DIR*\n\tSee *hal0-slot*(1).\n\n"
	"*HAL0_TOOLBOX_IMAGE_*NAME\n\tAn image instead of a built-in one, see *hal0-profile*(1).\n\n"
	"*NO_COLOR*\n\tWhen set and not empty, no colours; there are none where *TERM* is *dumb* either.\n\n"
	"*TMPDIR*\n\tWhere the router keeps the bodies of long requests; without it */var/tmp*.\n",
	.verbs = verbs,
	.nverbs = sizeof verbs / sizeof verbs[0],
	.files = "*/etc/hal0*\n\tConfiguration, meant to be edited by hand.\n\n"
	         "*/var/lib/hal0*\n\tModels, logs, keys, state: what stays.\n\n"
	         "*/run/hal0*\n\tLocks and what else goes with a reboot.",
	.see_also = "hal0-tutorial(7), hal0-status(1), hal0-probe(1), hal0-slot(1), hal0-profile(1), hal0-cap(1), hal0-route(1), "
	            "hal0-model(1), hal0-conf(1), hal0.toml(5), hal0-slot.toml(5), hal0-profiles.toml(5), "
	            "hal0-capabilities.toml(5), hal0-upstreams.toml(5), hal0-hardware.json(5), hal0-apply(5), hal0-exit(7), "
	            "hal0-deploy(7), hal0-security(7), hal0-strix-halo(7), hal0-txn(7)",
};
