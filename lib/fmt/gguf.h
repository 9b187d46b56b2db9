/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a GGUF file says about its model: header, metadata and tensor table, never the weights.
 * Total: any bytes give values or H0_CONFIG (code model.unsupported_format) that names what is
 * wrong and the byte offset. No count or length of the file is believed before the bytes behind
 * it are there, and nothing is allocated by one. Versions 2 and 3, little endian.
 * Sources: the GGUF specification; block sizes from facts of ggml (id, weights, bytes below).
 * Thread-safe.
 */
#ifndef H0_FMT_GGUF_H
#define H0_FMT_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define H0_GGUF_MAX_LAYERS 4096          /* entries kept of a per-layer array */
#define H0_GGUF_MAX_META   (512u << 20)  /* bytes before the weights */

/* One whole number per model: member, key below "ARCH.". -1 = the file does not say. */
#define H0_GGUF_INTS(X)                                                                  \
	X(context_length, "context_length")                                              \
	X(block_count, "block_count")                                                    \
	X(embedding_length, "embedding_length")                                          \
	X(feed_forward_length, "feed_forward_length")                                    \
	X(vocab_size, "vocab_size")                                                      \
	X(key_length, "attention.key_length")                                            \
	X(value_length, "attention.value_length")                                        \
	X(key_length_mla, "attention.key_length_mla")                                    \
	X(value_length_mla, "attention.value_length_mla")                                \
	X(key_length_swa, "attention.key_length_swa")                                    \
	X(value_length_swa, "attention.value_length_swa")                                \
	X(sliding_window, "attention.sliding_window")                                    \
	X(shared_kv_layers, "attention.shared_kv_layers")                                \
	X(kv_lora_rank, "attention.kv_lora_rank")                                        \
	X(pooling_type, "pooling_type")                                                  \
	X(rope_dimension_count, "rope.dimension_count")                                  \
	X(expert_count, "expert_count")                                                  \
	X(expert_used_count, "expert_used_count")                                        \
	X(expert_shared_count, "expert_shared_count")                                    \
	X(expert_feed_forward_length, "expert_feed_forward_length")                      \
	X(expert_shared_feed_forward_length, "expert_shared_feed_forward_length")        \
	X(causal, "attention.causal")                                                    \
	X(chunk_size, "attention.chunk_size")                                            \
	X(leading_dense_block_count, "leading_dense_block_count")                        \
	X(nextn_predict_layers, "nextn_predict_layers")                                  \
	X(full_attention_interval, "full_attention_interval")                            \
	X(ssm_conv_kernel, "ssm.conv_kernel")                                            \
	X(ssm_inner_size, "ssm.inner_size")                                              \
	X(ssm_state_size, "ssm.state_size")                                              \
	X(ssm_time_step_rank, "ssm.time_step_rank")                                      \
	X(ssm_group_count, "ssm.group_count")                                            \
	X(wkv_head_size, "wkv.head_size")                                                \
	X(shortconv_l_cache, "shortconv.l_cache")

/* A value that is one number for all layers, or one per layer. */
struct h0_gguf_layers {
	int64_t all;            /* -1 when absent or per layer */
	int32_t *layer;         /* NULL when not per layer; false and true are 0 and 1 */
	size_t n;
};

#define H0_GGUF_TYPES 64

struct h0_gguf {
	uint32_t version;
	uint64_t file_bytes;
	uint64_t data_offset;   /* where the weights start */
	uint64_t need_bytes;    /* the file is truncated when it is shorter than this */

	char *architecture, *name, *basename, *size_label; /* NULL = not said */
	char *tokenizer;        /* "llama", "gpt2", "bert" */
	int64_t file_type;      /* general.file_type, -1 = not said */
	int64_t split_count, split_no; /* shards of the whole model; -1 = not split */
	int64_t tokens;         /* entries of the vocabulary, -1 = none in the file */
	bool chat_template;     /* the file holds one */
#define H0_GGUF_MEMBER(member, key) int64_t member;
	H0_GGUF_INTS(H0_GGUF_MEMBER)
#undef H0_GGUF_MEMBER
	struct h0_gguf_layers head_count, head_count_kv, sliding_window_pattern;

	uint64_t tensors;
	uint64_t tensor_bytes;  /* of tensors whose type has a known size */
	uint64_t tensors_unknown; /* tensors of a type this table does not know */
	uint64_t type_tensors[H0_GGUF_TYPES], type_bytes[H0_GGUF_TYPES]; /* by ggml type id */
	uint64_t expert_bytes;  /* of ffn_*_exps tensors */
	uint64_t embd_bytes, embd_rows; /* of token_embd.weight */
	uint32_t embd_type;     /* ... when it is there */
	uint64_t layer_weights; /* how many numbers the layers' matrices hold, without experts' */
	uint64_t expert_weights; /* ... and those of ffn_*_exps tensors */
	bool ffn_gate;          /* its feed-forward has a gate beside the way up */
	bool attn_qkv;          /* queries, keys and values come out of one matrix */
	bool position_embd;     /* positions have rows of their own */
	uint64_t ffn_up_rows;   /* of the first way up: twice the length when the gate is in it */
	bool output;            /* has its own output.weight (not tied to the embedding) */
};

/* `file` is for messages. The descriptor's offset is not used. Free with h0_gguf_done, also
 * after a failure. H0_SYS when reading fails. */
int h0_gguf_read(int fd, const char *file, struct h0_gguf *ret, struct h0_err *e);
int h0_gguf_open(const char *path, struct h0_gguf *ret, struct h0_err *e);
/* The same over a whole file in memory. */
int h0_gguf_parse(const void *p, size_t size, const char *file, struct h0_gguf *ret,
                  struct h0_err *e);
void h0_gguf_done(struct h0_gguf *g);
#define h0_autogguf h0_auto(h0_gguf_done)

/* H0_CONFIG when the file ends before its last tensor does. */
int h0_gguf_check_size(const struct h0_gguf *g, const char *file, struct h0_err *e);

/* "q4_K" and the bytes `weights` of them take; NULL / false for unknown types. */
const char *h0_gguf_type_name(uint32_t type);
bool h0_gguf_type_bytes(uint32_t type, uint64_t weights, uint64_t *ret_bytes);

#endif
