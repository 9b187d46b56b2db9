/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a device means: the back end a profile must have for it, and the device nodes a container
 * gets. The words are in conf/names.h.
 */
#ifndef H0_MODEL_DEVICE_H
#define H0_MODEL_DEVICE_H

#include "base/err.h"
#include "conf/names.h"

enum h0_node_flag {
	H0_NODE_KFD = 1,        /* /dev/kfd */
	H0_NODE_DRI = 2,        /* character devices directly in /dev/dri */
	H0_NODE_ACCEL = 4,      /* /dev/accel/accelN */
};

struct h0_device_info {
	const char *backend;          /* of a profile: "rocm", "vulkan"; NULL = says nothing */
	const char *legacy_backend;   /* value of the deprecated slot key `backend` */
	unsigned nodes;               /* H0_NODE_... it cannot do without */
	unsigned also;                /* passed where the machine has them */
	const char *help;
};
extern const struct h0_device_info h0_devices[H0_DEVICE_N];

/* The device a deprecated `backend` value stands for. Unknown words are cpu, *ret_known false. */
enum h0_device h0_device_from_backend(const char *backend, bool *ret_known);

#endif
