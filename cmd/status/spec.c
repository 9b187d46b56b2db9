/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
const struct h0_col status_cols[] = {STATUS_COLS(COL){0}};

static const struct h0_opt show_opts[] = {
	{0, "sysroot", H0_OPT_STR, offsetof(struct status_opts, sysroot), "DIR",
	 "read proc, sys and dev below DIR, not this machine's", H0_COMP_DIR},
	{'w', "watch", H0_OPT_FLAG, offsetof(struct status_opts, watch), NULL,
	 "draw again every interval, until it is ended"},
	{0, "interval", H0_OPT_DURATION, offsetof(struct status_opts, interval_s), "TIME",
	 "time between two drawings (default: 2s)"},
	{0},
};

static const struct h0_example show_examples[] = {
	{"hal0 status", "Machine, memory and slots on one page"},
	{"hal0 status --watch", "The same, kept up to date"},
	{"hal0 status --format '{slot}\\t{state}\\t{tok-s}'", "The slots alone, for a script"},
	{0},
};

static const struct h0_verb verbs[] = {
	{
		.name = "show",
		.args = "",
		.help = "print the machine, its memory and its slots, read now",
		.text = "The first lines say what the machine is and who has which part of its memory; "
		        "on a terminal as the bars of *hal0 probe memory*. Then each slot: its state as "
		        "podman and its own port tell it, its model and port, the memory its server holds "
		        "(its pages, mapped files and the GPU's memory) and the speed of the last answer "
		        "its log tells of. What is not known is empty, in JSON null.\n\n"
		        "Podman is asked once, of network addresses the slots' own and, where *proxmox.json* is "
		        "there, that of the Proxmox host (it gets a part of the bar; *--watch* asks it every "
		        "half minute). Nothing is written. Exit code 0 also when slots do not run: "
		        "*hal0 slot status* _SLOT_ asks that. "
		        "Where podman cannot be asked or *proxmox.json* cannot be used, the rest is printed all the "
		        "same, and the exit code tells of it.",
		.opts = show_opts,
		.opts_size = sizeof(struct status_opts),
		.cols = status_cols,
		.examples = show_examples,
		.flags = H0_VERB_DEFAULT,
	},
};

const struct h0_prog status_prog = {
	.name = "hal0-status",
	.summary = "the box at a glance: machine, memory, slots",
	.text = "One page about this machine and everything hal0 runs on it.",
	.verbs = verbs,
	.nverbs = sizeof verbs / sizeof verbs[0],
	.files = "*/etc/hal0/proxmox.json*\n\tHow to ask the Proxmox host, see *hal0-probe*(1).\n\n"
	         "*/etc/hal0/slots/*_NAME_*.toml*\n\tThe slots.\n\n"
	         "*/var/lib/hal0/slots/*_NAME_*/server.log*\n\tWhere the speed of the last answer is read.",
	.see_also = "hal0(1), hal0-probe(1), hal0-slot(1), hal0-exit(7)",
};
