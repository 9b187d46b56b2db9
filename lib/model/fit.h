/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a llama-server will allocate for a model and its flags, and whether that fits. Pure.
 * Bytes everywhere; -1 = unknown. What a GGUF file says is hostile: absurd values and sums that
 * overflow are unknown, never wrapped around.
 *
 * Exact: weights (the tensor tables), KV and recurrent state (cells x layers x row size), output.
 * Estimated: compute. llama-server reserves one buffer for its worst graph; fitgraph.c walks that
 * graph's allocations with the allocator's own rules (best fit, reuse in place). Measured with
 * llama.cpp 0.7.0 over some 240 rows of two dozen architectures: on the CPU mostly exact, the worst
 * 9 % off; on Vulkan with flash attention the same, where all of a layer is placed there. Recurrent
 * layers go by what was measured.
 */
#ifndef H0_MODEL_FIT_H
#define H0_MODEL_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/names.h"
#include "fmt/gguf.h"
#include "model/fitlog.h"

/* How the server is run: its flags with their defaults filled in. */
struct h0_fit_run {
	enum h0_device device;
	int64_t ctx;                    /* 0: the model's own */
	uint32_t k_type, v_type;        /* ggml type ids */
	int64_t batch, ubatch, parallel; /* parallel 0: the server chooses (4, one cache for all) */
	bool flash, unified, swa_full, embedding, mtp, kv_on_host, weights_on_host, as_is;
	int64_t cache_ram;              /* bytes the prompt cache may grow to */
	bool unclear;                   /* a flag was there that cannot be accounted for */
};

/* The files of one model: the first shard says what it is, all of them what it weighs. */
struct h0_fit_model {
	const struct h0_gguf *gguf;     /* borrowed: the first shard */
	int64_t weights, embd, expert;  /* bytes: all tensors, token embedding, expert tensors */
	int64_t layer_weights, expert_weights; /* numbers in matrices */
	int64_t mmproj;                 /* bytes of the projector, 0 = none */
	bool tied;                      /* the embedding is the output matrix too */
	bool tied_packed;               /* ... of a type that a CPU lays out anew to multiply with */
	bool by_size;                   /* tensors of unknown type: weights are the files' sizes */
	bool seen;                      /* a load was measured: with these flags it took these buffers */
	struct h0_fit_run seen_run;
	struct h0_fit_buffers seen_buffers;
};
void h0_fit_model_first(struct h0_fit_model *m, const struct h0_gguf *first);
void h0_fit_model_more(struct h0_fit_model *m, const struct h0_gguf *shard);

/* llama-server's defaults for who says nothing, ... */
void h0_fit_run_server(struct h0_fit_run *r, enum h0_device device);
/* ... and the same with one sequence and no prompt cache. */
void h0_fit_run_default(struct h0_fit_run *r, enum h0_device device);
/* The words the server gets, on top of what is in *r. */
void h0_fit_run_words(struct h0_fit_run *r, char *const *words, size_t n);
/* One of h0_cache_type_names; false when it is no type of a KV cache. */
bool h0_fit_cache_type(const char *word, uint32_t *ret);

struct h0_fit {
	int64_t weights, mmproj, kv, compute, output; /* kv with recurrent state */
	int64_t recurrent;              /* part of kv */
	int64_t host_weights, host_compute; /* parts that stay in RAM when a GPU computes */
	int64_t total;                  /* of what is allocated at load */
	int64_t device;                 /* of it, in the device's memory */
	int64_t cache_ram;              /* may come on top, always RAM */
	int64_t ctx, cells, swa_cells;  /* swa_cells 0: no windowed layers */
	int64_t active;                 /* bytes read for one token at an empty context */
	bool measured;                  /* kv, compute and output are what such a load has taken */
	bool estimated;                 /* beyond what the compute figure always is */
	const char *refused;            /* why the server would not load it so, NULL = it would */
};
void h0_fit(const struct h0_fit_model *m, const struct h0_fit_run *r, struct h0_fit *ret);
/* fitgraph.c: the compute buffer; of a GPU the part in RAM apart. */
void h0_fit_compute(const struct h0_fit_model *m, const struct h0_fit_run *r, struct h0_fit *f);

/* Which layers look back only through a window; which keep no KV at all. */
enum h0_fit_layer { H0_FIT_FULL, H0_FIT_WINDOW, H0_FIT_RECURRENT, H0_FIT_NO_KV };
enum h0_fit_layer h0_fit_layer(const struct h0_gguf *g, int64_t layer);
int64_t h0_fit_heads_kv(const struct h0_gguf *g, int64_t layer);
int64_t h0_fit_heads(const struct h0_gguf *g);
/* Bytes one recurrent layer keeps of one sequence, always f32. */
int64_t h0_fit_state(const struct h0_gguf *g);
/* Length of one head's key and value in such a layer. */
int64_t h0_fit_key(const struct h0_gguf *g, bool window);
int64_t h0_fit_value(const struct h0_gguf *g, bool window);

/* The memory it must fit in. */
struct h0_fit_pool {
	int64_t bytes;                  /* what models may use at most, -1 = unknown */
	int64_t free;                   /* what is left beside everything else now, -1 = unknown */
	int64_t others;                 /* what other running slots need, 0 = none */
	const char *binding;            /* name of the binding limit, NULL = unknown */
	bool shared;                    /* RAM and device memory are the same */
	int64_t gb_per_s;               /* 10^9 bytes/s, -1 = unknown */
};

enum h0_fit_verdict { H0_FIT_UNKNOWN, H0_FIT_FITS, H0_FIT_TIGHT, H0_FIT_NOT };
extern const char *const h0_fit_verdicts[]; /* "unknown", "fits", "tight", "does-not-fit" */

struct h0_fit_answer {
	enum h0_fit_verdict verdict;
	int64_t need;                   /* of the pool, -1 = unknown */
	int64_t headroom;               /* left after it, negative = missing; INT64_MIN = unknown */
	int64_t largest_ctx;            /* that still fits, 0 = none, -1 = unknown */
	double ceiling;                 /* tok/s, negative = unknown */
};
/* fits: with its prompt cache, an uncertainty of a tenth of the compute buffer and 1/32 of the
 * pool to spare; tight: what is allocated at load does; does-not-fit: that does not. */
void h0_fit_judge(const struct h0_fit_model *m, const struct h0_fit_run *r, const struct h0_fit *f,
                  const struct h0_fit_pool *pool, struct h0_fit_answer *ret);

#endif
