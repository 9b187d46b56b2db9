/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Strict numbers from text: the whole string counts, no sign or space is skipped silently.
 */
#ifndef H0_BASE_NUM_H
#define H0_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal, optional leading '-'. false: not a number, or outside [min, max]. */
bool h0_num_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
/* Bytes: "1024", "64K", "512MiB", "1.5G", "2GB". K, M, G, T and KiB.. are powers of 1024,
 * KB.. powers of 1000. false: not a size, or beyond INT64_MAX. */
bool h0_num_size(const char *s, int64_t *ret_bytes);
/* Seconds: "90", "90s", "5m", "2h", "1d". */
bool h0_num_duration(const char *s, int64_t *ret_s);
/* 15 to 17 digits: as few as read back to the same double. "inf", "-inf", "nan". */
#define H0_NUM_REAL_MAX 32
const char *h0_num_real(double v, char dst[H0_NUM_REAL_MAX]);
/* "117.7 GiB", "512 MiB", "0 B": at most four digits, into dst. */
const char *h0_num_human(int64_t bytes, char *dst, size_t size);

#endif
