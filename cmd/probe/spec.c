/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
const struct h0_col probe_change_cols[] = {PROBE_CHANGE_COLS(COL){0}};
const struct h0_col probe_show_cols[] = {PROBE_SHOW_COLS(COL){0}};

const struct h0_col probe_recommend_cols[] = {PROBE_RECOMMEND_COLS(COL){0}};
const struct h0_col probe_memory_cols[] = {PROBE_MEMORY_COLS(COL){0}};
const struct h0_col probe_doctor_cols[] = {PROBE_DOCTOR_COLS(COL){0}};
const struct h0_col probe_share_cols[] = {PROBE_SHARE_COLS(COL){0}};

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
	 "show hardware.json as it was recorded, look at nothing"},
	{0, "no-vulkan", H0_OPT_FLAG, offsetof(struct probe_show_opts, no_vulkan), NULL,
	 "leave Vulkan out: some milliseconds, but less is known"},
	{0},
};

static const struct h0_opt memory_opts[] = {
	SYSROOT(probe_memory_opts),
	{'w', "watch", H0_OPT_FLAG, offsetof(struct probe_memory_opts, watch), NULL,
	 "draw again every interval, and when a device comes or goes"},
	{0, "interval", H0_OPT_DURATION, offsetof(struct probe_memory_opts, interval_s), "TIME",
	 "time between two drawings (default: 2s)"},
	{0, "svg", H0_OPT_STR, offsetof(struct probe_memory_opts, svg), "FILE",
	 "write the bars as a picture instead", H0_COMP_FILE},
	{0},
};

static const struct h0_opt doctor_opts[] = {
	SYSROOT(probe_doctor_opts),
	{0, "fix", H0_OPT_FLAG, offsetof(struct probe_doctor_opts, fix), NULL,
	 "print the commands that mend what was found; run none"},
	{0},
};

static const struct h0_opt tune_opts[] = {
	SYSROOT(probe_tune_opts),
	{'b', "budget", H0_OPT_SIZE, offsetof(struct probe_tune_opts, budget), "SIZE",
	 "memory that models shall be able to use: 110G"},
	{'m', "model", H0_OPT_STR, offsetof(struct probe_tune_opts, model), "FILE",
	 "as much as this GGUF file (all its parts) needs", H0_COMP_FILE},
	{0, "gttsize", H0_OPT_FLAG, offsetof(struct probe_tune_opts, gttsize), NULL,
	 "also set the old amdgpu gttsize, to the same size"},
	{0, "write", H0_OPT_FLAG, offsetof(struct probe_tune_opts, write), NULL,
	 "write /etc/modprobe.d/hal0-ttm.conf"},
	{0},
};

static const struct h0_example recommend_examples[] = {
	{"hal0 probe recommend", "Which device a new slot should get, and why"},
	{"hal0 probe recommend --format '{device}'", "Just the device"},
	{0},
};

static const struct h0_example memory_examples[] = {
	{"hal0 probe memory", "Who has which part of the memory"},
	{"hal0 probe memory --watch", "The same, drawn again and again"},
	{"hal0 probe memory --svg bar.svg", "A picture for a wiki"},
	{0},
};

static const struct h0_example doctor_examples[] = {
	{"hal0 probe doctor", "Every check, the worst first"},
	{"hal0 probe doctor --fix", "The commands that mend what was found"},
	{0},
};

static const struct h0_example tune_examples[] = {
	{"hal0 probe tune", "What to set for as much GPU memory as is sensible here"},
	{"hal0 probe tune --budget 110G --write --dry-run", "The file for 110 GiB, as a diff"},
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
		        "nothing is, which suits cron; slots whose model fitted before and does not now, or "
		        "the other way round, are named. *systemctl enable --now hal0-probe.timer* does the "
		        "same by systemd, and so does a line in _/etc/cron.d/hal0_:\n\n"
		        "```\n@daily root /usr/local/bin/hal0-probe\n```\n\nKeys that hal0 does not know and the *slots* "
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
		        "*--file* it is the recorded document's, and nothing is read.",
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
	{
		.name = "recommend",
		.args = "",
		.help = "say which device and profile to use, and why",
		.opts = probe_opts,
		.opts_size = sizeof(struct probe_opts),
		.cols = probe_recommend_cols,
		.examples = recommend_examples,
	},
	{
		.name = "memory",
		.args = "",
		.help = "show who has which part of the memory",
		.text = "One bar where RAM and GPU memory are the same memory: inference (GTT in use), "
		        "system, the Proxmox host if it can be asked, free. A card's VRAM is a bar of its "
		        "own. RAM in use already contains the pages that GTT has pinned; they are counted "
		        "once. The bars are drawn on a terminal only, the figures everywhere. Running slots "
		        "follow with what each holds.\n\n"
		        "With /etc/hal0/proxmox.json (mode 0600) the Proxmox host is asked, 3 seconds at "
		        "most: *{\"proxmox\": {\"host\", \"port\", \"ca_file\", \"fingerprint\"}, "
		        "\"auth\": {\"user\", \"token_name\", \"token_value\"}}*. Its certificate is verified: "
		        "by the system's authorities, by *ca_file*, or by the SHA-256 *fingerprint* that "
		        "Proxmox shows; only *\"verify_ssl\": false* switches that off. The token needs the "
		        "role PVEAuditor.",
		.opts = memory_opts,
		.opts_size = sizeof(struct probe_memory_opts),
		.cols = probe_memory_cols,
		.exclusive = "watch,svg",
		.examples = memory_examples,
	},
	{
		.name = "doctor",
		.args = "",
		.help = "look for what is wrong or could be better",
		.text = "Every check gives one finding: the fact, why it matters, what to do. The exit "
		        "code follows the worst: 0 for notes and less, 1 for a warning, 8 for an error. "
		        "*--fix* prints commands, one a line, and runs none.",
		.opts = doctor_opts,
		.opts_size = sizeof(struct probe_doctor_opts),
		.cols = probe_doctor_cols,
		.examples = doctor_examples,
	},
	{
		.name = "tune",
		.args = "",
		.help = "work out the kernel's limits for a wanted GPU memory",
		.text = "For a GPU that shares the RAM: the module options and the same as kernel "
		        "arguments, with the arithmetic and what is left for the system. Without "
		        "*--budget* or *--model* it takes all but a sixteenth of the memory, at least "
		        "4 GiB. Nothing is written unless *--write* is given; *hal0 conf undo* takes that "
		        "back, and the command that rebuilds the initramfs is named, not run. Exit code 1: so much cannot "
		        "be had; 8: no GPU here shares the RAM.",
		.opts = tune_opts,
		.opts_size = sizeof(struct probe_tune_opts),
		.exclusive = "budget,model",
		.examples = tune_examples,
		.flags = H0_VERB_WRITES,
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
	.files = "_/etc/hal0/hardware.json_\n\tWhat the last probe found; hal0-hardware.json(5).\n\n"
	         "_/etc/hal0/proxmox.json_\n\tHow to ask the Proxmox host; mode 0600.\n\n"
	         "_/etc/modprobe.d/hal0-ttm.conf_\n\tWritten by *tune --write*.",
	.see_also = "hal0(1), hal0-status(1), hal0-hardware.json(5), hal0-deploy(7), hal0-strix-halo(7), hal0-exit(7)",
};
