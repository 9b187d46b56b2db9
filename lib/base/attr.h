/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Attributes and the one cleanup idiom of this tree: a local that owns something says so
 * where it is declared, and every early return is safe. Ownership leaves by h0_take_*().
 */
#ifndef H0_BASE_ATTR_H
#define H0_BASE_ATTR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define H0_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define H0_UNUSED            __attribute__((unused))
#define H0_NORETURN          __attribute__((noreturn))
#define H0_ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

static inline void h0_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void h0_cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void h0_cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Initialise always: `h0_autofree char *p = NULL`, `h0_autofd int fd = -1`. */
#define h0_autofree  __attribute__((cleanup(h0_cleanup_free)))
#define h0_autofd    __attribute__((cleanup(h0_cleanup_fd)))
#define h0_autofile  __attribute__((cleanup(h0_cleanup_file)))
/* For a type with a done function: `h0_auto(h0_buf_done) struct h0_buf b = {0};` */
#define h0_auto(fn)  __attribute__((cleanup(fn)))

/* Gives the pointer away: the variable becomes NULL, so its cleanup does nothing. */
#define h0_take(p)                       \
	({                               \
		__typeof__(p) t_ = (p);  \
		(p) = NULL;              \
		t_;                      \
	})

static inline int h0_take_fd(int *fd)
{
	int t = *fd;
	*fd = -1;
	return t;
}

#endif
