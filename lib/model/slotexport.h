/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A slot's podman command in the words of others: a quadlet unit (NAME.container of systemd and
 * podman 4.4 or later) and a pod for `podman kube play`. Made of the very words of model/argv.h,
 * so what they start is what `slot start` starts. Pure.
 */
#ifndef H0_MODEL_SLOTEXPORT_H
#define H0_MODEL_SLOTEXPORT_H

#include "base/buf.h"
#include "base/str.h"
#include "model/argv.h"

/* Keys that podman 4.4 knows; every other flag goes into PodmanArgs=. Nothing is lost. `enabled`:
 * starts at boot. */
void h0_slotexport_quadlet(const struct h0_argv *a, const char *slot, bool enabled, struct h0_buf *out);
/* Flags that a pod has no word for are added to `lost` ("--pids-limit 512") and stand in the file
 * as a remark. */
void h0_slotexport_kube(const struct h0_argv *a, const char *slot, struct h0_buf *out, struct h0_strv *lost);

#endif
