/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a model's own file says about it, in the words people use. Pure.
 * Source of the file types' numbers: facts of llama.cpp.
 */
#ifndef H0_MODEL_MODELINFO_H
#define H0_MODEL_MODELINFO_H

#include <stdbool.h>

#include "conf/names.h"
#include "fmt/gguf.h"

/* "Q4_K_M": by general.file_type, else the type most weights have. NULL: nobody knows. */
const char *h0_model_quant(const struct h0_gguf *g);
/* Whether `word` is such a name in any case ("q4_k_m"): returns it, or NULL. */
const char *h0_model_quant_word(const char *word, size_t n);
/* Types of slots it was made for, H0_TYPE_BIT set: an encoder embeds, one with a rank head
 * reranks, the others chat. */
unsigned h0_model_serves(const struct h0_gguf *g);

#endif
