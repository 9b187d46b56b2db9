/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and reports of hal0-probe's verbs.
 */
#ifndef H0_CMD_PROBE_OPTS_H
#define H0_CMD_PROBE_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define PROBE_CHANGE_COLS(X)                                                           \
	X(PATH, "path", NULL, STR, 0, "where in the document")                         \
	X(FROM, "recorded", NULL, STR, 0, "value in the file, empty if it was not there") \
	X(TO, "now", NULL, STR, 0, "value now, empty if it is gone")

#define PROBE_SHOW_COLS(X)                                                             \
	X(HOST, "host", NULL, STR, 0, "host name")                                     \
	X(PRODUCT, "product", NULL, STR, 0, "what the firmware calls the machine")     \
	X(SYSTEM, "system", NULL, STR, 0, "distribution and kernel")                   \
	X(TIER, "tier", NULL, STR, 0, "first-class, supported or fallback")            \
	X(PLATFORM, "platform", NULL, STR, 0, "platform and deployment")               \
	X(CLASS, "class", NULL, STR, 0, "what the silicon is for inference")           \
	X(DEVICE, "device", NULL, STR, 0, "recommended device")                        \
	X(CPU, "cpu", NULL, STR, 0, "processor")                                       \
	X(GPU, "gpu", NULL, STR, 0, "GPUs, the one that is used first")                \
	X(NPU, "npu", NULL, STR, 0, "neural processor")                                \
	X(RAM, "ram", "ram_bytes", BYTES, 0, "memory the system shows")                       \
	X(POOL, "pool", "pool_bytes", BYTES, 0, "RAM and carve-out where they are one")        \
	X(BUDGET, "budget", "budget_bytes", BYTES, 0, "what models may use at most")             \
	X(LIMIT, "limit", NULL, STR, 0, "the limit that binds, and its source")        \
	X(WARNINGS, "warnings", NULL, LIST, 0, "codes of what deserves a look")

#define PROBE_COL_ENUM_CHANGE(id, ...) CHANGE_##id,
#define PROBE_COL_ENUM_SHOW(id, ...)   SHOW_##id,
enum { PROBE_CHANGE_COLS(PROBE_COL_ENUM_CHANGE) };
enum { PROBE_SHOW_COLS(PROBE_COL_ENUM_SHOW) };

extern const struct h0_prog probe_prog;
extern const struct h0_col probe_change_cols[], probe_show_cols[];

struct probe_opts {
	const char *sysroot;
};

struct probe_show_opts {
	const char *sysroot;
	bool file, no_vulkan;
};

#endif
