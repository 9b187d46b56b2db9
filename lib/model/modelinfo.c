/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/modelinfo.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "model/provider.h"

#define POOLING_RANK 4

static const char *const file_types[] = {
	[0] = "F32", [1] = "F16", [2] = "Q4_0", [3] = "Q4_1", [7] = "Q8_0", [8] = "Q5_0", [9] = "Q5_1",
	[10] = "Q2_K", [11] = "Q3_K_S", [12] = "Q3_K_M", [13] = "Q3_K_L", [14] = "Q4_K_S",
	[15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M", [18] = "Q6_K", [19] = "IQ2_XXS",
	[20] = "IQ2_XS", [21] = "Q2_K_S", [22] = "IQ3_XS", [23] = "IQ3_XXS", [24] = "IQ1_S",
	[25] = "IQ4_NL", [26] = "IQ3_S", [27] = "IQ3_M", [28] = "IQ2_S", [29] = "IQ2_M",
	[30] = "IQ4_XS", [31] = "IQ1_M", [32] = "BF16", [36] = "TQ1_0", [37] = "TQ2_0",
	[38] = "MXFP4",
};

const char *h0_model_quant_word(const char *word, size_t n)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(file_types); i++)
		if (file_types[i] && strlen(file_types[i]) == n && strncasecmp(word, file_types[i], n) == 0)
			return file_types[i];
	return NULL;
}

const char *h0_model_quant(const struct h0_gguf *g)
{
	uint32_t most = 0;
	if (g->file_type >= 0 && (size_t)g->file_type < H0_ARRAY_LEN(file_types) &&
	    file_types[g->file_type])
		return file_types[g->file_type];
	for (uint32_t i = 1; i < H0_GGUF_TYPES; i++)
		if (g->type_bytes[i] > g->type_bytes[most])
			most = i;
	const char *type = g->type_bytes[most] ? h0_gguf_type_name(most) : NULL;
	const char *word = type ? h0_model_quant_word(type, strlen(type)) : NULL;
	return word ? word : type;
}

unsigned h0_model_serves(const struct h0_gguf *g)
{
	const char *arch = g->architecture ? g->architecture : "";
	if (g->pooling_type == POOLING_RANK)
		return H0_TYPE_BIT(H0_TYPE_RERANKING);
	if (strstr(arch, "bert") || h0_streq(arch, "t5encoder") || h0_ends(arch, "-embedding") ||
	    g->causal == 0)
		return H0_TYPE_BIT(H0_TYPE_EMBEDDING);
	return H0_TYPE_BIT(H0_TYPE_LLM);
}
