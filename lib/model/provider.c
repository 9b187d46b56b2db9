/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/provider.h"

#include <stddef.h>

#define LLM   H0_TYPE_BIT(H0_TYPE_LLM)
#define EMBED H0_TYPE_BIT(H0_TYPE_EMBEDDING)
#define RANK  H0_TYPE_BIT(H0_TYPE_RERANKING)
#define STT   H0_TYPE_BIT(H0_TYPE_TRANSCRIPTION)
#define TTS   H0_TYPE_BIT(H0_TYPE_TTS)
#define IMAGE H0_TYPE_BIT(H0_TYPE_IMAGE)

#define ROCM   H0_DEVICE_BIT(H0_DEVICE_GPU_ROCM)
#define VULKAN H0_DEVICE_BIT(H0_DEVICE_GPU_VULKAN)
#define CPU    H0_DEVICE_BIT(H0_DEVICE_CPU)
#define NPU    H0_DEVICE_BIT(H0_DEVICE_NPU)

const struct h0_provider_info h0_providers[H0_PROVIDER_N] = {
	[H0_PROVIDER_LLAMA_SERVER] = {
		.types = LLM | EMBED | RANK,
		.devices = ROCM | VULKAN | CPU,
		.health_path = "/health",
		.models_path = "/v1/models",
		.default_port = 8081,
		.needs_model = true,
		.help = "llama.cpp's server",
	},
	[H0_PROVIDER_FLM] = {
		.types = LLM | EMBED | STT,
		.devices = NPU,
		.health_path = "/v1/models", /* it has no health path of its own */
		.models_path = "/v1/models",
		.default_port = 8088,
		.needs_model = true,
		.image_short = "flm",
		.help = "FastFlowLM on the NPU",
	},
	[H0_PROVIDER_MOONSHINE] = {
		.types = STT,
		.devices = CPU,
		.health_path = "/health",
		.default_port = 8089,
		.image_short = "moonshine",
		.image = "ghcr.io/hal0ai/hal0-toolbox-moonshine:v1",
		.help = "Moonshine speech recognition",
	},
	[H0_PROVIDER_KOKORO] = {
		.types = TTS,
		.devices = VULKAN | CPU,
		.health_path = "/health",
		.models_path = "/v1/models",
		.default_port = 8084,
		.image_short = "kokoro",
		.help = "Kokoro speech synthesis",
	},
	[H0_PROVIDER_COMFYUI] = {
		.types = IMAGE,
		.devices = ROCM | VULKAN,
		.health_path = "/system_stats",
		.default_port = 8188,
		.image_short = "comfyui",
		.help = "ComfyUI image generation",
	},
};

const struct h0_type_info h0_types[H0_TYPE_N] = {
	[H0_TYPE_LLM] = {H0_PROVIDER_LLAMA_SERVER, "chat and completion"},
	[H0_TYPE_EMBEDDING] = {H0_PROVIDER_LLAMA_SERVER, "text to vectors"},
	[H0_TYPE_RERANKING] = {H0_PROVIDER_LLAMA_SERVER, "ranking documents for a query"},
	[H0_TYPE_TRANSCRIPTION] = {H0_PROVIDER_MOONSHINE, "speech to text"},
	[H0_TYPE_TTS] = {H0_PROVIDER_KOKORO, "text to speech"},
	[H0_TYPE_IMAGE] = {H0_PROVIDER_COMFYUI, "text to pictures"},
};
