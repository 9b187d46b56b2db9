/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SHA-256 (FIPS 180-4), for fingerprints.
 */
#ifndef H0_BASE_SHA256_H
#define H0_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define H0_SHA256_LEN 32

void h0_sha256(const void *data, size_t n, uint8_t ret[H0_SHA256_LEN]);

#endif
