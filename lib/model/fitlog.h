/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a llama-server's log says it allocated: its "NAME buffer size = X MiB" lines, which it
 * prints at verbosity 4. Pure; bytes, to a hundredth of a MiB.
 */
#ifndef H0_MODEL_FITLOG_H
#define H0_MODEL_FITLOG_H

#include <stdbool.h>
#include <stdint.h>

struct h0_fit_buffers {
	int64_t weights, kv, compute, output;   /* kv with recurrent state */
	int64_t host;                           /* of all, in RAM */
};
/* false: the log does not say (all of) it. Only the first load it tells of counts. */
bool h0_fitlog_read(const char *plain, struct h0_fit_buffers *ret);

#endif
