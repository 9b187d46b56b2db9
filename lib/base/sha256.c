/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void schedule(const unsigned char *p, uint32_t w[64])
{
	for (int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

static void mix(uint32_t h[8], const unsigned char *block)
{
	uint32_t w[64], v[8];
	schedule(block, w);
	memcpy(v, h, sizeof v);
#pragma GCC unroll 8
	for (int i = 0; i < 64; i++) {
		/* the eight words turn by one place each round */
		uint32_t a = v[-i & 7], b = v[(1 - i) & 7], c = v[(2 - i) & 7], e = v[(4 - i) & 7];
		uint32_t t = v[(7 - i) & 7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
		             ((e & v[(5 - i) & 7]) ^ (~e & v[(6 - i) & 7])) + k[i] + w[i];
		v[(3 - i) & 7] += t;
		v[(7 - i) & 7] = t + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		                 ((a & b) ^ (a & c) ^ (b & c));
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

static void mix_all(uint32_t h[8], const unsigned char *p, size_t blocks)
{
	for (; blocks; blocks--, p += 64)
		mix(h, p);
}

#ifdef __x86_64__
/* The processor's own rounds (SHA, SSSE3, SSE4.1): some five times as fast. */
static bool has_rounds(void)
{
	unsigned a, b = 0, c = 0, d;
	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSSE3 && c & bit_SSE4_1 &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29;
}

/* `p` and `q` hold the words A B E F and C D G H, highest first, as the instructions want them. */
__attribute__((target("sha,ssse3,sse4.1")))
static void mix_fast(uint32_t h[8], const unsigned char *data, size_t blocks)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i p = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
	__m128i q = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
	for (; blocks; blocks--, data += 64) {
		__m128i w[4], p0 = p, q0 = q;
		for (int i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), big_endian);
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			__m128i *now = &w[i % 4], last = w[(i + 3) % 4];
			if (i >= 4) {
				__m128i s = _mm_sha256msg1_epu32(*now, w[(i + 1) % 4]);
				s = _mm_add_epi32(s, _mm_alignr_epi8(last, w[(i + 2) % 4], 4));
				*now = _mm_sha256msg2_epu32(s, last);
			}
			__m128i t = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)&k[4 * i]));
			q = _mm_sha256rnds2_epu32(q, p, t);
			p = _mm_sha256rnds2_epu32(p, q, _mm_shuffle_epi32(t, 0x0e));
		}
		p = _mm_add_epi32(p, p0);
		q = _mm_add_epi32(q, q0);
	}
	uint32_t abef[4], cdgh[4];
	_mm_storeu_si128((__m128i *)abef, p);
	_mm_storeu_si128((__m128i *)cdgh, q);
	const uint32_t now[8] = {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]};
	memcpy(h, now, sizeof now);
}
#else
static bool has_rounds(void)
{
	return false;
}

static void mix_fast(uint32_t h[8], const unsigned char *data, size_t blocks)
{
	mix_all(h, data, blocks);
}
#endif

static void mix_blocks(struct h0_sha256 *s, const unsigned char *p, size_t blocks)
{
	if (s->fast)
		mix_fast(s->h, p, blocks);
	else
		mix_all(s->h, p, blocks);
}

void h0_sha256_init_plain(struct h0_sha256 *s)
{
	h0_sha256_init(s);
	s->fast = false;
}

void h0_sha256_init(struct h0_sha256 *s)
{
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};
	*s = (struct h0_sha256){0};
	memcpy(s->h, start, sizeof start);
	s->fast = has_rounds();
}

void h0_sha256_add(struct h0_sha256 *s, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t used = s->total % sizeof s->block;
	s->total += n;
	if (used) {
		size_t room = sizeof s->block - used, take = n < room ? n : room;
		memcpy(s->block + used, p, take);
		p += take;
		n -= take;
		if (take < room)
			return;
		mix_blocks(s, s->block, 1);
	}
	mix_blocks(s, p, n / sizeof s->block);
	memcpy(s->block, p + n / sizeof s->block * sizeof s->block, n % sizeof s->block);
}

void h0_sha256_text(struct h0_sha256 *s, char dst[H0_SHA256_TEXT])
{
	static const unsigned char one = 0x80, zero = 0;
	uint64_t bits = s->total * 8;
	unsigned char length[8];
	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)(bits >> (56 - 8 * i));
	h0_sha256_add(s, &one, 1);
	while (s->total % sizeof s->block != sizeof s->block - sizeof length)
		h0_sha256_add(s, &zero, 1);
	h0_sha256_add(s, length, sizeof length);
	int n = snprintf(dst, H0_SHA256_TEXT, "sha256:");
	for (int i = 0; i < 8; i++)
		n += snprintf(dst + n, (size_t)(H0_SHA256_TEXT - n), "%08x", s->h[i]);
}

void h0_sha256_of(const void *data, size_t n, char dst[H0_SHA256_TEXT])
{
	struct h0_sha256 s;
	h0_sha256_init(&s);
	h0_sha256_add(&s, data, n);
	h0_sha256_text(&s, dst);
}
