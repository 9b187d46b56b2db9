/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doctor: every check of a machine as one finding with the fact, why it matters and what to
 * do, also when all is well. Pure; what slots say comes in as values.
 */
#ifndef H0_MODEL_DOCTOR_H
#define H0_MODEL_DOCTOR_H

#include "model/argv.h"
#include "model/machine.h"

#define H0_CHECKS_MAX 96

struct h0_check {
	const char *code;
	enum h0_severity severity;
	char fact[256];
	const char *why;               /* "" when all is well */
	char fix[256];                 /* "" = nothing to do */
	char command[96];              /* the fix as one command here, "" = there is none */
};

struct h0_checks {
	const struct h0_hw *hw;        /* whose findings */
	int n;
	struct h0_check v[H0_CHECKS_MAX];
};

/* What a slot has to do with its machine. */
struct h0_doctor_slot {
	const char *name;
	const char *device;            /* NULL with `error`; cpu, gpu-vulkan, gpu-rocm, npu */
	const char *backend;           /* of its profile: rocm, vulkan; NULL = says none */
	int64_t context_size;          /* H0_UNKNOWN = not set */
	const char *message;           /* of its last failure; NULL = none */
	const char *error;             /* its file cannot be used; NULL = it can */
	/* What its llama-server is told and would load; unknown for other programs. */
	int64_t layers, model_bytes;
	int64_t gpu_layers;            /* INT64_MAX = all */
	enum h0_fact mmap, flash, hipblaslt;
};

/* Nothing is known yet. */
void h0_doctor_slot_init(struct h0_doctor_slot *s);
/* What the words of its podman command say; a is of a llama-server. */
void h0_doctor_slot_argv(struct h0_doctor_slot *s, const struct h0_argv *a);

/* Worst first, otherwise in the order of the checks. */
void h0_doctor(const struct h0_machine *m, const struct h0_doctor_slot *slots, size_t nslots,
               struct h0_checks *ret);

/* The parts. */
void h0_doctor_boot(const struct h0_machine *m, struct h0_checks *c);
void h0_doctor_slot(const struct h0_machine *m, const struct h0_doctor_slot *s,
                    struct h0_checks *c);
/* "+NAME" as the command it is on this system; anything else is the command itself. */
const char *h0_doctor_command(const struct h0_hw *hw, const char *name);
/* code: from the table in doctor.c, which knows why it matters; with H0_SEV_OK any. */
void h0_doctor_add(struct h0_checks *c, const char *code, enum h0_severity severity,
                   const char *fix, const char *fmt, ...) H0_PRINTF(5, 6);

#endif
