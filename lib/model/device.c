/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/device.h"

#include "base/str.h"

const struct h0_device_info h0_devices[H0_DEVICE_N] = {
	[H0_DEVICE_GPU_ROCM] = {"rocm", "rocm", H0_NODE_KFD | H0_NODE_DRI, 0, "AMD GPU through ROCm"},
	[H0_DEVICE_GPU_VULKAN] = {"vulkan", "vulkan", H0_NODE_DRI, 0, "any GPU through Vulkan"},
	[H0_DEVICE_CPU] = {NULL, "cpu", 0, 0, "the processor"},
	[H0_DEVICE_NPU] = {NULL, "flm", H0_NODE_ACCEL, H0_NODE_DRI, "AMD XDNA NPU"},
};

enum h0_device h0_device_from_backend(const char *backend, bool *ret_known)
{
	int device = h0_word_index(h0_device_names, backend);
	for (int i = 0; device < 0 && i < H0_DEVICE_N; i++)
		if (h0_streq(h0_devices[i].legacy_backend, backend))
			device = i;
	if (device < 0 && (h0_streq(backend, "moonshine") || h0_streq(backend, "kokoro")))
		device = H0_DEVICE_CPU;
	*ret_known = device >= 0;
	return device >= 0 ? (enum h0_device)device : H0_DEVICE_CPU;
}
