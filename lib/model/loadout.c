/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/loadout.h"

#include <string.h>

#include "base/str.h"
#include "fmt/tomledit.h"

#define QWEN_4B   "Qwen3-4B-Instruct-2507-Q4_K_M"
#define QWEN_30B  "Qwen3-30B-A3B-Instruct-2507-Q4_K_M"
#define HERMES    "Hermes-4-14B-Q4_K_M"
#define HERMES_L  "Hermes-4-70B-Q4_K_M"
#define SCOUT     "Llama-4-Scout-17B-16E-Instruct-Q4_K_M"
#define NOMIC     "nomic-embed-text-v2-moe-Q4_K_M"
#define BGE       "bge-m3-Q8_0"

#define ROW(use, tier, role, model, mb) {use, H0_TIER_##tier, role, model, mb, false, true}
#define OR(use, tier, role, model, mb)  {use, H0_TIER_##tier, role, model, mb, true, true}
#define IN(use, tier, role, model, mb)  {use, H0_TIER_##tier, role, model, mb, false, false}
#define OR_IN(use, tier, role, model, mb) {use, H0_TIER_##tier, role, model, mb, true, false}

const struct h0_loadout_model h0_loadouts[] = {
	ROW("coding", SMALL, "primary", "Qwen2.5-Coder-7B-Instruct-Q4_K_M", 5000),
	ROW("coding", MID, "primary", "Qwen3-Coder-30B-A3B-Instruct-Q4_K_M", 18600),
	ROW("coding", MID, "embed.embed", NOMIC, 140),
	ROW("coding", LARGE, "primary", HERMES_L, 42500),
	OR("coding", LARGE, "primary", SCOUT, 50000),
	ROW("chat", SMALL, "primary", QWEN_4B, 2500),
	ROW("chat", MID, "primary", QWEN_30B, 18600),
	OR("chat", MID, "primary", "gemma-3-12b-it-Q4_K_M", 6600),
	ROW("chat", LARGE, "primary", SCOUT, 50000),
	ROW("voice", SMALL, "primary", QWEN_4B, 2500),
	IN("voice", SMALL, "voice.stt", "moonshine-base", 190),
	OR_IN("voice", SMALL, "voice.stt", "whisper-large-v3-turbo", 1600),
	IN("voice", SMALL, "voice.tts", "kokoro-82m-v1.0", 330),
	ROW("creative", SMALL, "primary", HERMES, 9000),
	ROW("creative", LARGE, "primary", HERMES_L, 42500),
	ROW("private", SMALL, "primary", "gemma-3-1b-it-Q4_K_M", 700),
	ROW("private", SMALL, "embed.embed", NOMIC, 140),
	ROW("rag", MID, "primary", QWEN_30B, 18600),
	ROW("rag", MID, "embed.embed", BGE, 600),
	ROW("agents", SMALL, "primary", HERMES, 9000),
	ROW("agents", LARGE, "primary", HERMES_L, 42500),
	ROW("agents", LARGE, "embed.embed", BGE, 600),
	OR("agents", LARGE, "embed.embed", NOMIC, 140),
	ROW("biggest", SMALL, "primary", SCOUT, 50000),
	ROW("biggest", MID, "primary", "Hermes-4-70B-Q8_0", 75000),
	ROW("biggest", LARGE, "primary", "Mistral-Large-Instruct-2411-Q4_K_M", 73000),
	ROW(H0_LOADOUT_CEILING, SMALL, "primary", "Qwen3-235B-A22B-Instruct-2507-Q4_K_M", 142000),
	ROW(H0_LOADOUT_CEILING, MID, "primary", "Llama-4-Maverick-Q4_K_M", 230000),
	ROW(H0_LOADOUT_CEILING, LARGE, "primary", "Mistral-Large-3-Q4", 340000),
};
const size_t h0_nloadouts = H0_ARRAY_LEN(h0_loadouts);

/* A chat model with some thousand tokens of context; an encoder or a speech model. */
int64_t h0_loadout_extra(const struct h0_loadout_model *m)
{
	return h0_streq(m->role, "primary") ? 1LL << 30 : 256LL << 20;
}

static void line(struct h0_buf *out, const char *key, const char *value)
{
	h0_buf_addf(out, "%s = ", key);
	h0_toml_lit_str(out, value);
	h0_buf_addc(out, '\n');
}

static void comment(const char *text, struct h0_buf *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		h0_buf_addf(out, "# %.*s\n", (int)n, text);
		text += n + (text[n] != '\0');
	}
}

void h0_loadout_doc(const char *use, enum h0_tier tier, enum h0_device device, const char *intro,
                    struct h0_buf *out)
{
	comment(intro, out);
	h0_buf_adds(out, "run = [\"primary\"]\n");
	for (size_t i = 0; i < h0_nloadouts; i++) {
		const struct h0_loadout_model *m = &h0_loadouts[i];
		if (!h0_streq(m->use, use) || m->tier != tier || m->other)
			continue;
		if (strchr(m->role, '.')) {
			h0_buf_addf(out, "\n[selections.%s]\n", m->role);
			line(out, "model", m->model);
			h0_buf_adds(out, "enabled = true\n");
		} else {
			h0_buf_addf(out, "\n[slots.%s]\n", m->role);
			line(out, "type", h0_type_names[H0_TYPE_LLM]);
			line(out, "device", h0_device_names[device]);
			line(out, "model.default", m->model);
		}
	}
}
