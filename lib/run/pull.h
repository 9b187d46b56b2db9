/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fetching model files over HTTP: several ranges at once, resumed where they were left, checked,
 * and in their place only when whole (run/partial.h). Two who pull the same file join: one waits.
 * What there is to fetch, run/remote.h tells.
 */
#ifndef H0_RUN_PULL_H
#define H0_RUN_PULL_H

#include <stdint.h>

#include "base/err.h"
#include "run/remote.h"

#define H0_PULL_WAYS 4

enum h0_pulled { H0_PULLED, H0_PULLED_JOINED, H0_PULLED_THERE };
/* Fetches it to `path`. H0_PULLED_JOINED: another process did meanwhile. H0_EXTERN with
 * model.checksum: it is not what the sum says, and nothing of it is kept. `head` not NULL: the first
 * bytes must be these four. */
int h0_pull_file(const struct h0_puller *p, const struct h0_remote *r, const char *path,
                 const char *head, struct h0_err *e);
/* Bytes of the file that an earlier pull left, about. */
int64_t h0_pull_have(const char *path);
/* H0_SYS (model.no_space) when the directory's file system has not so much left beside a reserve. */
int h0_pull_space(const char *dir, int64_t bytes, struct h0_err *e);

#endif
