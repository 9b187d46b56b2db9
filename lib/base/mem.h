/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Allocation that cannot fail: out of memory ends the process (exit 6). That is safe here,
 * because what must survive is on disk and a change set is correct under abort at any point.
 * Sizes that come from outside are bounded by the reader before they reach this.
 */
#ifndef H0_BASE_MEM_H
#define H0_BASE_MEM_H

#include <stddef.h>
#include "base/attr.h"

void *h0_malloc(size_t n);
void *h0_calloc(size_t n, size_t size);
void *h0_realloc(void *p, size_t n);
char *h0_strdup(const char *s);                /* NULL -> NULL */
char *h0_strndup(const char *s, size_t n);
char *h0_asprintf(const char *fmt, ...) H0_PRINTF(1, 2);

/* Grows `p` (element size `size`) so that index n is usable; *cap is kept by the caller. */
void *h0_grow(void *p, size_t n, size_t *cap, size_t size);

#endif
