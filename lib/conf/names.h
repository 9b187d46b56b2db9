/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The words of the configuration: devices, slot types, providers, and what a name may look like.
 * One list each; schema, planner, help, man pages and tests are made from them. What a device or
 * provider means is in model/device.h and model/provider.h. Source: formats of the original hal0.
 */
#ifndef H0_CONF_NAMES_H
#define H0_CONF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define H0_DEVICES(X)                                                                    \
	X(GPU_ROCM, "gpu-rocm")                                                          \
	X(GPU_VULKAN, "gpu-vulkan")                                                      \
	X(CPU, "cpu")                                                                    \
	X(NPU, "npu")

#define H0_SLOT_TYPES(X)                                                                 \
	X(LLM, "llm")                                                                    \
	X(EMBEDDING, "embedding")                                                        \
	X(RERANKING, "reranking")                                                        \
	X(TRANSCRIPTION, "transcription")                                                \
	X(TTS, "tts")                                                                    \
	X(IMAGE, "image")

#define H0_PROVIDERS(X)                                                                  \
	X(LLAMA_SERVER, "llama-server")                                                  \
	X(FLM, "flm")                                                                    \
	X(MOONSHINE, "moonshine")                                                        \
	X(KOKORO, "kokoro")                                                              \
	X(COMFYUI, "comfyui")

#define H0_DEVICE_CLASSES(X)                                                             \
	X(GPU, "gpu")                                                                    \
	X(CPU, "cpu")                                                                    \
	X(NPU, "npu")                                                                    \
	X(IMG, "img")

#define H0_NAME_ENUM_DEVICE(id, word)   H0_DEVICE_##id,
#define H0_NAME_ENUM_TYPE(id, word)     H0_TYPE_##id,
#define H0_NAME_ENUM_PROVIDER(id, word) H0_PROVIDER_##id,
#define H0_NAME_ENUM_CLASS(id, word)    H0_CLASS_##id,

enum h0_device { H0_DEVICES(H0_NAME_ENUM_DEVICE) H0_DEVICE_N };
enum h0_slot_type { H0_SLOT_TYPES(H0_NAME_ENUM_TYPE) H0_TYPE_N };
enum h0_provider { H0_PROVIDERS(H0_NAME_ENUM_PROVIDER) H0_PROVIDER_N };
enum h0_device_class { H0_DEVICE_CLASSES(H0_NAME_ENUM_CLASS) H0_CLASS_N };

/* Indexed by the enum, ends with NULL. */
extern const char *const h0_device_names[];
extern const char *const h0_type_names[];
extern const char *const h0_provider_names[];
extern const char *const h0_class_names[];
extern const char *const h0_role_names[];
/* Of loadouts: small, mid, large; and what they are for. */
extern const char *const h0_tier_names[];
extern const char *const h0_loadout_uses[];
#define H0_LOADOUT_CEILING "ceiling"     /* the use of what does not fit 128 GB */

/* What a KV cache may be made of: words of llama-server's --cache-type-k, ends with NULL. */
extern const char *const h0_cache_type_names[];

/* Place of `word` in such a list, -1 when it is not there (or NULL). */
int h0_word_index(const char *const *words, const char *word);

/* Slot and profile names: a-z 0-9 first, then also _ and -, at most H0_NAME_MAX characters. */
#define H0_NAME_MAX 32
bool h0_name_ok(const char *name);
/* The same for the first `len` bytes. */
bool h0_name_ok_n(const char *name, size_t len);
/* H0_USAGE with what is wrong about it; `what` is "slot name", "profile name". */
int h0_name_check(const char *what, const char *name, struct h0_err *e);
/* May name a container image: letters, digits and what stands between the parts of a reference, first a
 * letter or digit. Whether it is one is the registry's to say, or podman's; it is never one of podman's
 * options, nor anything to whoever reads a unit or a pod. */
bool h0_image_name_ok(const char *text);

/* "slots/NAME.toml" -> NAME into dst (H0_NAME_MAX + 1 bytes). false: another path, or NAME is no
 * good name. */
bool h0_slot_path_name(const char *path, char *dst);

#endif
