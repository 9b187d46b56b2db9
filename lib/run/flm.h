/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What stands before a start on the NPU.
 */
#ifndef H0_RUN_FLM_H
#define H0_RUN_FLM_H

#include "base/err.h"
#include "model/flm.h"
#include "run/facts.h"
#include "run/live.h"

/* May this slot be started at all, as far as the NPU is concerned? Slots elsewhere always may.
 * H0_NO: a record of the trio, with what its anchor lacks (npu.trio_unavailable), or that the
 * anchor is the one to start. H0_CONFLICT: another slot wants the NPU. */
int h0_flm_may_start(const struct h0_box *b, const struct h0_slot *slot, struct h0_err *e);

/* May its container run now, beside those that run? H0_CONFLICT when another one has the NPU
 * (slot.npu_exclusivity_violation); then as h0_flm_check_models. Makes the slot's directories. */
int h0_flm_admit(const struct h0_box *b, const struct h0_spec *s, const struct h0_ctrs *ctrs,
                 struct h0_err *e);

/* Are the models FLM would serve on this machine? It would download them otherwise, gigabytes
 * nobody asked for, or serve another one in place of a name it does not know. By `flm list -j` in a
 * container like the slot's, without network and device. Slots of other programs pass. H0_CONFIG:
 * model.not_found, model.path_missing, with the command that gets it. An image that cannot list
 * (or is not there) says nothing: 0. */
int h0_flm_check_models(const struct h0_podman *p, const struct h0_spec *s, struct h0_err *e);
/* The same for a slot as it is configured, wherever it could run. Says nothing without podman. */
int h0_flm_check_slot(struct h0_box *b, const char *slot, struct h0_err *e);
/* What the NPU slot's FLM says of a model by that name, in a sentence. -1: nobody can be asked. */
int h0_flm_tell(struct h0_box *b, const char *model, char *dst, size_t size);

/* Writes down what the server is started with, beside its pid file; slots of other programs:
 * nothing. */
int h0_flm_note(const struct h0_spec *s, struct h0_err *e);
/* Types (H0_TYPE_BIT set) the server that runs was started without; 0 when nobody wrote it down. */
unsigned h0_flm_noted_without(const struct h0_paths *paths, const char *slot);

/* FLM goes on without a model it could not load; its log tells. H0_EXTERN slot.health_failed. */
int h0_flm_check_loaded(const char *log_path, const char *slot, struct h0_err *e);

#endif
