/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which memory a model on a device must fit in, by what the probe wrote down (hardware.json's
 * block `memory`). Pure.
 */
#ifndef H0_MODEL_FITPOOL_H
#define H0_MODEL_FITPOOL_H

#include "fmt/json.h"
#include "model/fit.h"

/* A GPU, or a machine without one: the document's budget and its binding limit. The CPU of a
 * machine with a GPU: RAM less what the system keeps and what the firmware took for the GPU.
 * `binding` points into the document or is a constant; free and others are left unknown and 0. */
void h0_fit_pool_of(const struct h0_json *doc, enum h0_device device, struct h0_fit_pool *ret);
/* Bytes of RAM the document was written on, -1 = it does not say. */
int64_t h0_fit_pool_ram(const struct h0_json *doc);

#endif
