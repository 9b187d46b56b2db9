/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SHA-256 (FIPS 180-4): of exported profiles, of image manifests, of model files. With the
 * processor's own instructions where it has them.
 */
#ifndef H0_BASE_SHA256_H
#define H0_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h0_sha256 {
	uint32_t h[8];
	uint64_t total;         /* bytes so far */
	unsigned char block[64];
	bool fast;
};
void h0_sha256_init(struct h0_sha256 *s);
/* Without those instructions: for tests. */
void h0_sha256_init_plain(struct h0_sha256 *s);
void h0_sha256_add(struct h0_sha256 *s, const void *data, size_t n);
/* "sha256:" and 64 hex digits, and a NUL. `s` is used up. */
#define H0_SHA256_TEXT 72
void h0_sha256_text(struct h0_sha256 *s, char dst[H0_SHA256_TEXT]);
/* All at once. */
void h0_sha256_of(const void *data, size_t n, char dst[H0_SHA256_TEXT]);

#endif
