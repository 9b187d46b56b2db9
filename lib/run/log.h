/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server's log, as podman's k8s-file driver writes it ("TIME stdout|stderr F|P text"), and what
 * it says about why a server ended.
 */
#ifndef H0_RUN_LOG_H
#define H0_RUN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the text of k8s-file lines without their prefixes; what does not look like one is kept
 * as it is. Control characters other than newline and tab become '?'. Pure. */
void h0_log_plain(const char *raw, size_t len, struct h0_buf *ret);
/* Appends the last `lines` lines of a log file, plain. Reads at most its last MiB. H0_SYS. */
int h0_log_tail(const char *path, int lines, struct h0_buf *ret, struct h0_err *e);

/* When llama-server last had something to say that no question about its health or its slots can have
 * caused, in seconds since the epoch; 0 = never. Of raw k8s-file lines, pure; and of a file's end. */
int64_t h0_log_used_raw(const char *raw, size_t len);
int64_t h0_log_used(const char *path);

/* Tokens per second of the last answer a llama-server's plain log tells of; 0 = of none. Pure. */
double h0_log_rate(const char *plain);

struct h0_log_cause {
	enum h0_kind kind;      /* H0_CONFIG: model or settings; H0_CONFLICT: the port; H0_EXTERN */
	const char *code;       /* stable error code, NULL = by kind */
	char text[400];         /* "" = the log does not say */
	char flag[80];          /* the server flag that is to blame, "" = none */
};
/* The likely cause from a plain log: its first error line, in words where it is known. Pure. */
void h0_log_cause(const char *plain, struct h0_log_cause *ret);

#endif
