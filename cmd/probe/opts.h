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

#define PROBE_RECOMMEND_COLS(X)                                                        \
	X(DEVICE, "device", NULL, STR, 0, "device a new slot should get")              \
	X(ALTERNATIVE, "alternative", NULL, STR, 0, "another one that would work")     \
	X(PROFILE, "profile", NULL, STR, 0, "profile for it")                          \
	X(TIER, "tier", NULL, STR, 0, "first-class, supported or fallback")            \
	X(BUDGET, "budget", "budget_bytes", BYTES, 0, "what models may use at most")   \
	X(BINDING, "binding-limit", "binding_limit", STR, 0, "the limit behind it")    \
	X(VULKAN_CPU, "vulkan-on-cpu", "vulkan_on_cpu", BOOL, H0_COL_EXTRA,            \
	  "the CPU through Vulkan (lavapipe)")                                         \
	X(WHY, "why", NULL, JSON, H0_COL_EXTRA, "the reasons, in sentences")

#define PROBE_MEMORY_COLS(X)                                                           \
	X(BAR, "bar", NULL, STR, 0, "unified, ram or vram")                            \
	X(SEGMENT, "segment", NULL, STR, 0, "who has it")                              \
	X(SIZE, "size", "bytes", BYTES, 0, "how much")                                 \
	X(SHARE, "share", "share_percent", PERCENT, 0, "of the bar")                   \
	X(TOTAL, "total", "total_bytes", BYTES, H0_COL_EXTRA, "of the bar")            \
	X(GPU, "gpu", NULL, STR, H0_COL_EXTRA, "PCI address of a card's bar")          \
	X(SOURCE, "source", NULL, STR, H0_COL_EXTRA, "where the number came from")

#define PROBE_SHARE_COLS(X)                                                            \
	X(SLOT, "slot", NULL, STR, 0, "whose")                                         \
	X(RAM, "ram", "ram_bytes", BYTES, 0, "its own pages")                          \
	X(MAPPED, "mapped", "mapped_bytes", BYTES, 0, "pages of mapped files")         \
	X(GTT, "gtt", "gtt_bytes", BYTES, 0, "pages the GPU has mapped for it")        \
	X(VRAM, "vram", "vram_bytes", BYTES, 0, "the card's memory it holds")

#define PROBE_DOCTOR_COLS(X)                                                           \
	X(SEVERITY, "severity", NULL, STR, 0, "error, warning, note or ok")            \
	X(CHECK, "check", "code", STR, 0, "what was looked at")                        \
	X(FACT, "fact", NULL, STR, 0, "what was found")                                \
	X(WHY, "why", NULL, STR, H0_COL_EXTRA, "why it matters")                       \
	X(FIX, "fix", NULL, STR, H0_COL_EXTRA, "what to do")                           \
	X(COMMAND, "command", NULL, STR, H0_COL_EXTRA, "the same as one command")

#define PROBE_COL_ENUM_RECOMMEND(id, ...) RECOMMEND_##id,
#define PROBE_COL_ENUM_MEMORY(id, ...)    MEMORY_##id,
#define PROBE_COL_ENUM_SHARE(id, ...)     SHARE_##id,
#define PROBE_COL_ENUM_DOCTOR(id, ...)    DOCTOR_##id,
enum { PROBE_RECOMMEND_COLS(PROBE_COL_ENUM_RECOMMEND) };
enum { PROBE_MEMORY_COLS(PROBE_COL_ENUM_MEMORY) };
enum { PROBE_SHARE_COLS(PROBE_COL_ENUM_SHARE) };
enum { PROBE_DOCTOR_COLS(PROBE_COL_ENUM_DOCTOR) };
extern const struct h0_col probe_recommend_cols[], probe_memory_cols[], probe_doctor_cols[],
    probe_share_cols[];

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

struct probe_memory_opts {
	const char *sysroot, *svg;
	bool watch;
	int64_t interval_s;
};

struct probe_doctor_opts {
	const char *sysroot;
	bool fix;
};

struct probe_tune_opts {
	const char *sysroot, *model;
	int64_t budget;
	bool write, gttsize;
};

#endif
