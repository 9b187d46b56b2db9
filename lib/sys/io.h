/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whole-file reads with a bound, whole writes, both through EINTR.
 */
#ifndef H0_SYS_IO_H
#define H0_SYS_IO_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends all of a file to `ret`. More than `max` bytes is H0_SYS with EFBIG (nothing read into
 * memory beyond that). Follows symlinks. What is not a regular file is refused (H0_SYS); those of
 * /proc and /sys are regular ones. errno stays as the failing call set it. */
int h0_read_file(const char *path, size_t max, struct h0_buf *ret, struct h0_err *e);
/* Reads fd to its end, same bound. */
int h0_read_fd(int fd, size_t max, struct h0_buf *ret, struct h0_err *e);
/* As opendir(3). */
DIR *h0_opendir(const char *path);
/* Writes all n bytes; H0_SYS. */
int h0_write_all(int fd, const void *data, size_t n, struct h0_err *e);
/* mkdir -p; existing directories are left as they are. H0_SYS. */
int h0_mkdirs(const char *path, unsigned mode, struct h0_err *e);

#endif
