/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The GGUF reader on hostile bytes. With clang: -fsanitize=fuzzer -DH0_LIBFUZZER gives a libFuzzer
 * target. Without, it mutates a small model by itself for a fixed number of rounds (argument 1,
 * default 200000; argument 2: the seed) and speaks TAP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	h0_autogguf struct h0_gguf g;
	struct h0_err e = {0};
	if (h0_gguf_parse(data, size, "fuzz", &g, &e) == 0) {
		/* what is promised of an accepted file */
		H0_ASSERT(g.file_bytes == size && g.tensors <= size / 24);
		H0_ASSERT(g.need_bytes >= g.data_offset || g.tensors == 0);
		h0_gguf_check_size(&g, "fuzz", &e);
	} else {
		H0_ASSERT(e.kind == H0_CONFIG && e.msg[0]);
	}
	return 0;
}

#ifndef H0_LIBFUZZER
static unsigned char model[4096];
static size_t model_len;

static void put(const void *p, size_t n)
{
	H0_ASSERT(model_len + n <= sizeof model);
	memcpy(model + model_len, p, n);
	model_len += n;
}

static void put_int(uint64_t v, size_t n)
{
	put(&v, n); /* little-endian hosts: those llama-server runs on */
}

static void put_str(const char *s)
{
	put_int(strlen(s), 8);
	put(s, strlen(s));
}

static void seed_model(void)
{
	put("GGUF", 4), put_int(3, 4), put_int(2, 8), put_int(6, 8);
	put_str("general.architecture"), put_int(8, 4), put_str("llama");
	put_str("llama.context_length"), put_int(4, 4), put_int(4096, 4);
	put_str("llama.attention.head_count_kv"), put_int(9, 4), put_int(4, 4), put_int(2, 8);
	put_int(4, 4), put_int(2, 4);
	put_str("tokenizer.ggml.tokens"), put_int(9, 4), put_int(8, 4), put_int(2, 8);
	put_str("a"), put_str("bc");
	put_str("x"), put_int(9, 4), put_int(9, 4), put_int(1, 8), put_int(0, 4), put_int(1, 8);
	put_int(7, 1);
	put_str("general.alignment"), put_int(4, 4), put_int(32, 4);
	for (uint64_t i = 0; i < 2; i++) {
		put_str(i ? "output.weight" : "token_embd.weight"), put_int(2, 4), put_int(32, 8);
		put_int(2, 8), put_int(i ? 8 : 1, 4), put_int(i * 128, 8);
	}
}

static uint64_t rng;

static uint64_t roll(uint64_t n)
{
	rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
	return rng % n;
}

static size_t mutate(unsigned char *p)
{
	static const uint64_t evil[] = {0, 1, 13, 255, 1u << 16, UINT32_MAX, UINT64_C(1) << 60,
		INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
	size_t n = model_len;
	memcpy(p, model, n);
	for (uint64_t k = 1 + roll(4); k; k--) {
		size_t at = roll(n - 8);
		if (roll(3) == 0)
			p[at] ^= (unsigned char)(1u << roll(8));
		else if (roll(2))
			memcpy(p + at, &evil[roll(H0_ARRAY_LEN(evil))], roll(2) ? 8 : 4);
		else
			memmove(p + at, p + roll(n - 8), 8);
	}
	return roll(8) ? n : roll(n + 1);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 200000;
	rng = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : 0x9e3779b97f4a7c15u;
	seed_model();
	LLVMFuzzerTestOneInput(model, model_len);
	for (long i = 0; i < rounds; i++) {
		/* a block of exactly the size, so that the sanitizer sees a read past it */
		unsigned char whole[sizeof model];
		size_t n = mutate(whole);
		unsigned char *p = malloc(n ? n : 1);
		H0_ASSERT(p);
		memcpy(p, whole, n);
		LLVMFuzzerTestOneInput(p, n);
		free(p);
	}
	printf("ok 1 - %ld mutated files: values or a clear refusal\n1..1\n", rounds);
	return 0;
}
#endif
