/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
const struct h0_col probe_change_cols[] = {PROBE_CHANGE_COLS(COL){0}};
const struct h0_col probe_show_cols[] = {PROBE_SHOW_COLS(COL){0}};

#define SYSROOT(type)                                                                  \
	{0, "sysroot", H0_OPT_STR, offsetof(struct type, sysroot), "DIR",                  \
	 "read proc, sys, dev and etc below DIR, not this machine's", H0_COMP_DIR}

static const struct h0_opt probe_opts[] = {
	SYSROOT(probe_opts),
	{0},
};

static const struct h0_opt show_opts[] = {
	SYSROOT(probe_show_opts),
	{0, "file", H0_OPT_FLAG, offsetof(struct probe_show_opts, file), NULL,
	 "print hardware.json as it was recorded, look at nothing"},
	{0, "no-vulkan", H0_OPT_FLAG, offsetof(struct probe_show_opts, no_vulkan), NULL,
	 "leave Vulkan out: some milliseconds, but less is known"},
	{0},
};

static const struct h0_example update_examples[] = {
	{"hal0 probe", "Look at the machine and record what changed; says nothing if nothing did"},
	{"hal0 probe --dry-run --json", "Print the document that would be written"},
	{0},
};

static const struct h0_example show_examples[] = {
	{"hal0 probe show", "A page about this machine, read now"},
	{"hal0 probe show --json", "The same as the document that hardware.json holds"},
	{0},
};

static const struct h0_example diff_examples[] = {
	{"hal0 probe diff || hal0 probe", "Record the machine again only if it changed"},
	{0},
};

static const struct h0_verb verbs[] = {
	{
		.name = "update",
		.args = "",
		.help = "look at the machine and bring hardware.json up to date",
		.text = "Reads the machine and writes /etc/hal0/hardware.json when something other than "
		        "a reading that changes by itself (free memory, uptime, time of the probe) "
		        "differs from what the file says. Then the differences are printed; otherwise "
		        "nothing is, which suits cron. Keys that hal0 does not know and the *slots* "
		        "block stay in the file. A file that is no JSON is left alone, exit code 3.\n\n"
		        "With *--dry-run* nothing is written, and with *--dry-run --json* the whole "
		        "document is printed.",
		.opts = probe_opts,
		.opts_size = sizeof(struct probe_opts),
		.cols = probe_change_cols,
		.examples = update_examples,
		.flags = H0_VERB_WRITES | H0_VERB_DEFAULT,
	},
	{
		.name = "show",
		.args = "",
		.help = "print what the machine is, read now",
		.text = "Reads the machine and prints a summary; *--json* prints the document. With "
		        "*--file* the recorded document is printed instead and nothing is read.",
		.opts = show_opts,
		.opts_size = sizeof(struct probe_show_opts),
		.cols = probe_show_cols,
		.examples = show_examples,
	},
	{
		.name = "diff",
		.args = "",
		.help = "compare the machine with hardware.json",
		.text = "Prints what *update* would change. Exit code 0: the file is up to date; 1: the "
		        "machine differs, or there is no file yet.",
		.opts = probe_opts,
		.opts_size = sizeof(struct probe_opts),
		.cols = probe_change_cols,
		.examples = diff_examples,
	},
};

const struct h0_prog probe_prog = {
	.name = "hal0-probe",
	.summary = "find out what this machine is and what it can run",
	.text = "Reads /proc, /sys, the PCI bus, the GPU drivers' counters and what Vulkan "
	        "enumerates, draws the conclusions the other programs need (which device to use, how "
	        "much memory models may take, which limit binds) and records them in "
	        "/etc/hal0/hardware.json. Sysfs showing a device is not access to it: device nodes "
	        "are opened, and *absent*, *no permission*, *driver not bound* and *driver failed* "
	        "are different answers. What nobody tells is null, never 0.\n\n"
	        "*HAL0_SYSROOT* in the environment does what *--sysroot* does.",
	.verbs = verbs,
	.nverbs = sizeof verbs / sizeof verbs[0],
	.files = "_/etc/hal0/hardware.json_\n\tWhat the last probe found; hal0-hardware.json(5).",
	.see_also = "hal0(1), hal0-hardware.json(5), hal0-exit(7)",
};
