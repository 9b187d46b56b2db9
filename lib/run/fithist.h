/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What loads really took, one file each in fit/ below /var/lib/hal0: written when a load has
 * finished, read by the next estimate of the same model file (its size and time of change), the
 * same flags and the same image. A file that makes no sense is as good as none.
 */
#ifndef H0_RUN_FITHIST_H
#define H0_RUN_FITHIST_H

#include "base/err.h"
#include "conf/paths.h"
#include "model/fit.h"
#include "model/fitlog.h"

#define H0_FITHIST_KEY 33

struct h0_fithist {
	char key[H0_FITHIST_KEY];
	char *model, *image;            /* path and reference */
	char *device, *k_type, *v_type;
	int64_t context, batch, ubatch, parallel; /* parallel 0: the server's choice */
	bool flash;
	int64_t at;                     /* seconds since the epoch */
	struct h0_fit_buffers measured, estimate;
};
void h0_fithist_done(struct h0_fithist *h);

/* The key of a load; false: the file cannot be looked at, or a flag is not accounted for. */
bool h0_fithist_key(const char *model, const char *image, const struct h0_fit_run *run,
                    char ret[H0_FITHIST_KEY]);
/* Is it known? With ret: what was measured. */
bool h0_fithist_find(const struct h0_paths *paths, const char *key, struct h0_fit_buffers *ret);
/* Keeps it; of too many the oldest go. H0_SYS. */
int h0_fithist_put(const struct h0_paths *paths, const struct h0_fithist *h, struct h0_err *e);
/* All that make sense, latest first. *ret: h0_fithist_done each, free(). */
int h0_fithist_list(const struct h0_paths *paths, struct h0_fithist **ret, size_t *ret_n,
                    struct h0_err *e);

#endif
